// What annotate's options are called and what its summary says.
#include <nlohmann/json.hpp>
#include <string>

#include "core/options.h"
#include "judges/annotate.h"

namespace ballot {

void visit_options(OptionVisitor& visit, Sampling& s) {
  visit({"temperature", "0: the most probable answer"}, s.temperature);
  visit({"top-k", "draw from so many tokens (0: all)"}, s.top_k);
  visit({"top-p", "draw from the smallest set with this mass"}, s.top_p);
  visit({"min-p", "leave out tokens below this share of the most probable"}, s.min_p);
  visit({"repetition-penalty", "1: none"}, s.repetition_penalty);
  visit({"max-tokens", "of one answer, thinking included"}, s.max_tokens);
}

void visit_options(OptionVisitor& visit, AnnotateOptions& o) {
  visit({"format", "binary, binary_magnitude, single, ranking, or a format file (YAML)", {}, false}, o.format);
  visit({"presentation",
         "order in which a ballot shows its completions: one seeded order an item, that and its reverse, or the pool's",
         {"random", "both", "given"}},
        o.presentation);
  visit({"repeats", "how often each ballot is asked"}, o.repeats);
  visit({"limit", "only the first so many prompts (0: all)"}, o.limit);
  visit({"concurrency", "ballots in flight at most", {}, false}, o.concurrency);
  visit({"max-cost", "stop when so much is spent (0: no limit); the same command goes on", {}, false}, o.max_cost);
  visit({"max-total-tokens", "stop after so many tokens (0: no limit); the same command goes on", {}, false},
        o.max_total_tokens);
  visit({"pilot", "ask so many prompts first and tell what the whole will cost", {}, false}, o.pilot);
  visit({"dry-run", "tell what would be asked, and ask nothing", {}, false}, o.dry_run);
}

std::string AnnotateSummary::json() const {
  Json json = {
      {"prompts", prompts},
      {"items", items},
      {"answered_before", answered_before},
      {"asked", asked},
      {"usable", usable},
      {"statuses", statuses},
      {"prompt_tokens", prompt_tokens},
      {"completion_tokens", completion_tokens},
      {"cached_tokens", cached_tokens},
      {"cache_hit_rate",
       prompt_tokens > 0 ? Json(static_cast<double>(cached_tokens) / static_cast<double>(prompt_tokens)) : Json()},
      {"structured", structured},
      {"cost", cost},
      {"seconds", seconds}};
  json["lost"] = Json::object();
  for (const auto& [what, tokens] : lost)
    json["lost"][what] = {{"count", tokens.count},
                          {"prompt_tokens", tokens.prompt_tokens},
                          {"completion_tokens", tokens.completion_tokens},
                          {"estimated", tokens.estimated},
                          {"cost", tokens.cost}};
  for (const auto& [attempt, count] : attempts) json["attempts"][std::to_string(attempt)] = count;
  if (!estimate.empty()) json["estimate"] = Json::parse(estimate);
  if (!judge.empty()) json["judge"] = Json::parse(judge);
  if (pending > 0) json["pending"] = pending;
  return json.dump();
}

}  // namespace ballot
