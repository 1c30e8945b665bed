#include "cli/command.h"
#include "cli/study_commands.h"

namespace ballot {

// One line a command, in the order of the pipeline; each is defined in its own file.
Command pool_command();
Command filter_command();
Command inspect_command();
Command formats_command();
Command annotate_command();
Command binarize_command();
Command agree_command();
Command judge_card_command();
Command attack_command();
Command combine_command();
Command generate_command();
Command tokenize_command();
Command sft_command();
Command dpo_command();
Command reward_command();
Command score_command();
Command rewardbench_command();
Command eval_command();
Command compare_command();
Command claims_command();
Command power_command();
Command plan_command();

std::vector<Command> commands() {
  return {
      pool_command(),     filter_command(),   inspect_command(),    formats_command(), annotate_command(),
      binarize_command(), agree_command(),    judge_card_command(), attack_command(),  combine_command(),
      sft_command(),      dpo_command(),      reward_command(),     score_command(),   rewardbench_command(),
      eval_command(),     generate_command(), tokenize_command(),   compare_command(), claims_command(),
      power_command(),    plan_command(),     run_command(),        status_command(),  report_command(),
      verify_command(),
  };
}

}  // namespace ballot
