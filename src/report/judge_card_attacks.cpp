// The report card's flips: labels of an attacked pool beside the plain ones (report/judge_card.h).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "core/error.h"
#include "formats/attacks.h"
#include "formats/pair_labels.h"
#include "report/judge_card.h"
#include "report/prompt_sums.h"

namespace ballot {
namespace {

using PairPlace = std::pair<std::uint32_t, std::uint32_t>;
/// By prompt id: the outcome of each pair at its first asking.
using Outcomes = std::unordered_map<std::string, std::map<PairPlace, int>>;

Outcomes outcomes_of(const std::vector<PoolRow>& pool, const FormatAnnotations& annotations) {
  Outcomes out;
  for (const PairLabel& label : pair_labels(pool, annotations))  // by repeat, so that the first asking comes first
    out[pool[label.prompt].prompt_id].try_emplace({label.first, label.second}, label.outcome);
  return out;
}

struct Columns {
  explicit Columns(PromptSums& sums)
      : pairs(sums.column()), toward(sums.column()), away(sums.column()), others(sums.column()), moved(sums.column()) {}
  std::size_t pairs, toward, away, others, moved;
};

}  // namespace

void add_attacks(JudgeCard& card, const std::vector<PoolRow>& pool, const JudgeCardInput& input,
                 const AttackedInput& attacked, const JudgeCardSettings& settings) {
  const Outcomes plain = outcomes_of(pool, input.annotations), after = outcomes_of(attacked.pool, attacked.annotations);
  std::unordered_map<std::string, std::size_t> row_of;
  for (std::size_t i = 0; i < pool.size(); ++i) row_of.emplace(pool[i].prompt_id, i);
  const std::vector<AttackedCompletion> attacks = read_attacked_completions(attacked.attacks_file);

  PromptSums sums(attacks.size());
  std::map<std::pair<std::string, std::string>, Columns> columns;  // by kind and name; "all" of a kind, "all" of all
  std::size_t used = 0;
  for (std::size_t a = 0; a < attacks.size(); ++a) {
    const AttackedCompletion& attack = attacks[a];
    const auto row = row_of.find(attack.prompt_id);
    const auto before = plain.find(attack.prompt_id), now = after.find(attack.prompt_id);
    if (row == row_of.end() || before == plain.end() || now == after.end()) continue;
    const std::vector<Completion>& completions = pool[row->second].completions;
    const auto target = static_cast<std::uint32_t>(
        std::find_if(completions.begin(), completions.end(),
                     [&](const Completion& c) { return c.completion_id == attack.plain_completion_id; }) -
        completions.begin());
    if (target == completions.size())
      throw Error(ErrorKind::kInput,
                  fmt::format("{} attacks completion {} of prompt {}, which the plain pool does not have",
                              attacked.attacks_file, attack.plain_completion_id, attack.prompt_id),
                  "the attacked pool must be made from the pool that the plain annotations were made from");
    ++used;
    const std::pair<std::string, std::string> names[] = {
        {"", "all"}, {attack.kind, "all"}, {attack.kind, attack.attack}};
    for (const auto& name : names) {
      const Columns& c = columns.try_emplace(name, sums).first->second;
      for (const auto& [pair, outcome] : before->second) {
        const auto later = now->second.find(pair);
        if (later == now->second.end()) continue;
        if (pair.first != target && pair.second != target) {
          sums.add(c.others, a, 1);
          sums.add(c.moved, a, outcome != later->second);
          continue;
        }
        const int gain = (later->second - outcome) * (pair.first == target ? 1 : -1);
        sums.add(c.pairs, a, 1);
        sums.add(c.toward, a, gain > 0);
        sums.add(c.away, a, gain < 0);
      }
    }
  }
  if (used == 0)
    throw Error(ErrorKind::kInput, fmt::format("no prompt of {} is annotated in both folders", attacked.attacks_file),
                "annotate the plain and the attacked pool with the same judge, format and --limit");
  const std::size_t first = card.attacks.size();
  card.attacks.resize(first + columns.size());
  std::size_t at = first;
  for (const auto& [name, c] : columns) {
    AttackRow& row = card.attacks[at++];
    row.kind = name.first.empty() ? "all" : name.first;
    row.attack = name.second;
    sums.share(row.toward, c.toward, c.pairs);
    sums.share(row.away, c.away, c.pairs);
    sums.statistic(row.net, c.pairs, [c](std::span<const double> s) {
      return s[c.pairs] > 0 ? (s[c.toward] - s[c.away]) / s[c.pairs] : std::numeric_limits<double>::quiet_NaN();
    });
    sums.share(row.baseline, c.moved, c.others);
  }
  sums.run({.replicates = settings.replicates, .seed = settings.seed, .threads = settings.threads, .strata = {}});
}

}  // namespace ballot
