#include "cli/command.h"

namespace ballot {

// One line a command, in the order of the pipeline; each is defined in its own file.

std::vector<Command> commands() {
  return {};
}

}  // namespace ballot
