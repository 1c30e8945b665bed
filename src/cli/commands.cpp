#include "cli/command.h"

namespace ballot {

// One line a command, in the order of the pipeline; each is defined in its own file.
Command formats_command();
Command binarize_command();
Command agree_command();
Command sft_command();
Command dpo_command();
Command reward_command();

std::vector<Command> commands() {
  return {
      formats_command(),
      binarize_command(),
      agree_command(),
      sft_command(),
      dpo_command(),
      reward_command(),
  };
}

}  // namespace ballot
