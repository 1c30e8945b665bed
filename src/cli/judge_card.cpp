// `ballot judge-card`: how far an annotator's labels can be trusted, and what they cost.
#include "report/judge_card.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/atomic_file.h"
#include "core/manifest.h"

namespace ballot {

Command judge_card_command() {
  return {"judge-card", "Report card of annotators: consistency, position, length, circles, information, cost",
          "  ballot judge-card labels/binary labels/ranking\n"
          "  ballot judge-card first=labels/binary again=labels/placebo --out card.md\n"
          "  ballot judge-card labels/binary --attacked attacked/binary --json\n",
          [](CLI::App& app) -> CommandRun {
            auto options = std::make_shared<JudgeCardOptions>();
            app.add_option("DIR", options->folders, "folders of `ballot annotate` (NAME=DIR names one)")->required();
            add_options(app, *options);
            return [options](Context& context) -> CommandResult {
              if (!context.out.empty()) begin_file(context.out, context.force);
              const JudgeCards cards = judge_cards_of_folders(*options, static_cast<std::uint64_t>(context.seed),
                                                              static_cast<int>(context.threads));
              if (!context.out.empty()) write_file(context.out, judge_cards_markdown(cards));
              return {judge_cards_json(cards).dump(2) + "\n", judge_cards_text(cards)};
            };
          }};
}

}  // namespace ballot
