// ballot claims: the sentences of a text, held against measured differences.
#include "report/claims.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/manifest.h"
#include "study/results.h"
#include "study/study_folder.h"

namespace ballot {
namespace {

struct ClaimsOptions {
  std::string text;  ///< a file; "-": standard input
  std::optional<std::string> contrasts, study;
  bool published = false;
};
void visit_options(OptionVisitor& visit, ClaimsOptions& o) {
  visit({"contrasts", "what `ballot compare --out` wrote", {}}, o.contrasts);
  visit({"study", "the folder of a study: its contrasts", {}}, o.study);
  visit({"published", "the published study's tables (they have no intervals)", {}}, o.published);
}

Evidence evidence_for(const ClaimsOptions& options, Context& context) {
  if (static_cast<int>(options.contrasts.has_value()) + options.study.has_value() + options.published != 1)
    throw Error(ErrorKind::kUsage, "claims are held against one thing",
                "say which: --contrasts FILE, --study DIR or --published");
  if (options.contrasts) return read_evidence(*options.contrasts);
  if (options.published) return published_evidence();
  const StudyFile study = recalled_study(*options.study);
  return evidence_of(collect_results(study, *options.study, static_cast<int>(context.threads), *context.progress));
}

std::string read_text(const std::string& path) {
  if (path != "-") return read_file(path);
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

}  // namespace

Command claims_command() {
  return {"claims", "Refuse the sentences of a text that no measured difference carries",
          "  ballot claims draft.md --contrasts contrasts.json\n"
          "  ballot claims abstract.txt --study runs/demo\n"
          "  echo 'RANKING is consistently best.' | ballot claims - --published\n",
          [](CLI::App& app) -> CommandRun {
            auto options = std::make_shared<ClaimsOptions>();
            app.add_option("TEXT", options->text, "a text file, or - for standard input")->required();
            add_options(app, *options);
            return [options](Context& context) -> CommandResult {
              if (!context.out.empty()) begin_file(context.out, context.force);
              const Evidence evidence = evidence_for(*options, context);
              const std::vector<ClaimVerdict> verdicts = lint_claims(read_text(options->text), evidence);
              const Json json = claims_json(verdicts, evidence);
              if (!context.out.empty()) write_file(context.out, json.dump(2) + "\n");
              if (const auto refused = json["refused"].get<std::int64_t>(); refused > 0)
                throw Error(ErrorKind::kFailed,
                            fmt::format("{} of {} sentences {} not carried by {}:\n{}", refused, verdicts.size(),
                                        refused == 1 ? "is" : "are", evidence.source, claims_text(verdicts)),
                            "say what was measured, or leave it out");
              return {json.dump(), claims_text(verdicts)};
            };
          }};
}

}  // namespace ballot
