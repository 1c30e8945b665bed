#include "cli/rejects_summary.h"

#include <fmt/format.h>

#include "core/terminal.h"

namespace ballot {

std::string rejects_text(const RejectLog& rejects, const BadRowOptions& options, const std::string& out) {
  std::string text = rejects.summary();
  if (!rejects.entries().empty()) text += fmt::format(": see {}", options.rejects.value_or(out + ".rejects.jsonl"));
  for (const Reject& warning : rejects.first_warnings())
    text += fmt::format("\nwarning: {}: {}{}", warning.reason, printable(warning.message),
                        place_of(warning).empty() ? "" : fmt::format(" (first at {})", place_of(warning)));
  return text;
}

}  // namespace ballot
