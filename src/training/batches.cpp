#include "training/batches.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/random.h"
#include "core/suggest.h"

namespace ballot {
namespace {

using Indices = std::vector<std::int32_t>;

/// Cuts the run of all examples where `ends` (ascending, the last is the number of examples) says.
std::vector<Indices> split_at(const Indices& order, const std::vector<std::int64_t>& ends) {
  std::vector<Indices> steps;
  std::int64_t begin = 0;
  for (const std::int64_t end : ends) {
    steps.emplace_back(order.begin() + begin, order.begin() + end);
    begin = end;
  }
  return steps;
}

/// The step's examples by prompt, in the order in which the prompts first come.
std::vector<Indices> by_prompt(const TrainingSet& set, std::span<const std::int32_t> step) {
  std::vector<Indices> groups;
  std::unordered_map<std::int32_t, std::size_t> known;
  for (const std::int32_t index : step) {
    const auto [found, fresh] = known.try_emplace(set.examples[index].prompt, groups.size());
    if (fresh) groups.emplace_back();
    groups[found->second].push_back(index);
  }
  return groups;
}

/// Counts the tokens of a growing micro-batch.
class TokenCount {
 public:
  TokenCount(const TrainingSet& set, bool shared) : set_(set), shared_(shared) {}
  /// What `example` would add.
  std::int64_t cost(const Example& example) const {
    if (!shared_) return set_.sequence_tokens(example);
    const TokenPrompt& prompt = set_.prompts[example.prompt];
    std::int64_t tokens = prompts_.contains(example.prompt) ? 0 : static_cast<std::int64_t>(prompt.ids.size());
    std::set<std::int32_t> own;
    for (const std::int32_t c : example.completions)
      if (!completions_.contains({example.prompt, c}) && own.insert(c).second)
        tokens += static_cast<std::int64_t>(prompt.completions[c].ids.size());
    return tokens;
  }
  void add(const Example& example) {
    tokens_ += cost(example);
    prompts_.insert(example.prompt);
    for (const std::int32_t c : example.completions) completions_.insert({example.prompt, c});
  }
  std::int64_t tokens() const { return tokens_; }
  void clear() { *this = TokenCount(set_, shared_); }
  TokenCount& operator=(const TokenCount& other) {
    tokens_ = other.tokens_;
    prompts_ = other.prompts_;
    completions_ = other.completions_;
    return *this;
  }

 private:
  const TrainingSet& set_;
  bool shared_;
  std::int64_t tokens_ = 0;
  std::set<std::int32_t> prompts_;
  std::set<std::pair<std::int32_t, std::int32_t>> completions_;
};

}  // namespace

std::vector<Indices> plan_epoch(const TrainingSet& set, const std::string& order, std::int64_t batch_size,
                                std::uint64_t seed, std::int64_t epoch) {
  if (batch_size < 1) throw wrong_usage("--batch-size is {}; it must be at least 1", batch_size);
  const std::int64_t n = static_cast<std::int64_t>(set.examples.size());
  const std::int64_t steps = (n + batch_size - 1) / batch_size;
  Indices indices(n);
  std::iota(indices.begin(), indices.end(), 0);
  std::vector<std::int64_t> ends;
  if (order == "file" || order == "pairs") {
    if (order == "pairs") {
      const auto shuffled =
          Random(seed, "order of pairs", static_cast<std::uint64_t>(epoch)).permutation(static_cast<std::size_t>(n));
      std::copy(shuffled.begin(), shuffled.end(), indices.begin());
    }
    for (std::int64_t s = 1; s <= steps; ++s) ends.push_back(std::min(n, s * batch_size));
    return split_at(indices, ends);
  }
  if (order != "prompts")
    throw wrong_usage("unknown order '{}'{}", order,
                      did_you_mean(order, std::vector<std::string>{"file", "prompts", "pairs"}));

  std::vector<Indices> groups(set.groups);
  for (const std::int32_t index : indices) groups[set.examples[index].group].push_back(index);
  indices.clear();
  std::vector<std::int64_t> borders;  // where a prompt ends
  for (const std::size_t g :
       Random(seed, "order of prompts", static_cast<std::uint64_t>(epoch)).permutation(groups.size())) {
    indices.insert(indices.end(), groups[g].begin(), groups[g].end());
    borders.push_back(static_cast<std::int64_t>(indices.size()));
  }
  // Every step ends at the prompt's border nearest to where a step of equal size would end. Only where no border lies
  // within half a step of it (a prompt with more pairs than a step) is the prompt cut.
  std::int64_t before = 0;
  for (std::int64_t s = 1; s < steps; ++s) {
    const double wanted = static_cast<double>(s) * static_cast<double>(n) / static_cast<double>(steps);
    const std::int64_t last = n - (steps - s);  // leave one example for every later step
    std::int64_t best = -1;
    for (auto border = std::lower_bound(borders.begin(), borders.end(), before + 1);
         border != borders.end() && *border <= last; ++border)
      if (best < 0 || std::abs(static_cast<double>(*border) - wanted) < std::abs(static_cast<double>(best) - wanted))
        best = *border;
      else
        break;
    const double step_size = static_cast<double>(n) / static_cast<double>(steps);
    if (best < 0 || std::abs(static_cast<double>(best) - wanted) >= step_size)
      best = std::clamp(static_cast<std::int64_t>(std::llround(wanted)), before + 1, last);
    ends.push_back(best);
    before = best;
  }
  ends.push_back(n);
  return split_at(indices, ends);
}

std::vector<Indices> cut_step(const TrainingSet& set, std::span<const std::int32_t> step,
                              const MicrobatchBudget& budget, bool shared) {
  std::vector<Indices> batches;
  Indices current;
  TokenCount count(set, shared);
  const auto flush = [&] {
    if (!current.empty()) batches.push_back(std::move(current));
    current.clear();
    count.clear();
  };
  for (const Indices& group : by_prompt(set, step)) {
    TokenCount alone(set, shared);
    for (const std::int32_t index : group) alone.add(set.examples[index]);
    if (alone.tokens() <= budget.limit) {  // the prompt stays whole
      if (count.tokens() + alone.tokens() > budget.target) flush();
      for (const std::int32_t index : group) count.add(set.examples[index]);
      current.insert(current.end(), group.begin(), group.end());
      continue;
    }
    for (const std::int32_t index : group) {
      if (count.tokens() + count.cost(set.examples[index]) > budget.target) flush();
      count.add(set.examples[index]);
      current.push_back(index);
    }
  }
  flush();
  return batches;
}

Indices deal_step(const TrainingSet& set, std::span<const std::int32_t> step, int rank, int size) {
  if (size == 1) return {step.begin(), step.end()};
  std::vector<Indices> groups = by_prompt(set, step);
  std::vector<std::pair<std::int64_t, std::size_t>> by_tokens;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    TokenCount count(set, true);
    for (const std::int32_t index : groups[g]) count.add(set.examples[index]);
    by_tokens.emplace_back(-count.tokens(), g);
  }
  std::sort(by_tokens.begin(), by_tokens.end());  // the longest first, each to the process with the fewest tokens
  std::vector<std::int64_t> load(size, 0);
  std::vector<int> owner(groups.size());
  for (const auto& [minus_tokens, g] : by_tokens) {
    owner[g] = static_cast<int>(std::min_element(load.begin(), load.end()) - load.begin());
    load[owner[g]] -= minus_tokens;
  }
  Indices mine;
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (owner[g] == rank) mine.insert(mine.end(), groups[g].begin(), groups[g].end());
  return mine;
}

TrainingBatch make_batch(const TrainingSet& set, std::span<const std::int32_t> examples, bool shared) {
  TrainingBatch batch;
  const auto add_completion = [&](std::int32_t prompt_run, const TokenCompletion& completion) {
    const std::int32_t run = batch.forest.add_run(prompt_run, completion.ids);
    const std::int64_t first = batch.forest.run_begin[run], before = batch.forest.token_before(run);
    const std::int64_t slot = static_cast<std::int64_t>(batch.completions.size());
    std::int64_t tokens = 0;
    for (const auto& [begin, end] : completion.scored)
      for (std::int32_t i = begin; i < end; ++i) {
        const std::int64_t predicts = i == 0 ? before : first + i - 1;
        if (predicts < 0) continue;  // the very first token of a sequence
        batch.scored_N.push_back(predicts);
        batch.targets_N.push_back(completion.ids[i]);
        batch.completion_N.push_back(slot);
        ++tokens;
      }
    batch.completions.push_back(&completion);
    batch.tokens_C.push_back(tokens);
    batch.last_C.push_back(first + static_cast<std::int64_t>(completion.ids.size()) - 1);
    return slot;
  };
  // A prompt's completions follow it directly, so that a tree is one piece of T: first the prompts, in order, with all
  // the completions that any example of theirs wants.
  std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> slots;
  if (shared)
    for (const Indices& group : by_prompt(set, examples)) {
      const std::int32_t p = set.examples[group[0]].prompt;
      const TokenPrompt& prompt = set.prompts[p];
      const std::int32_t run = batch.forest.add_run(-1, prompt.ids);
      for (const std::int32_t index : group)
        for (const std::int32_t c : set.examples[index].completions)
          if (!slots.contains({p, c})) slots[{p, c}] = add_completion(run, prompt.completions[c]);
    }
  for (const std::int32_t index : examples) {
    const Example& example = set.examples[index];
    const TokenPrompt& prompt = set.prompts[example.prompt];
    std::vector<std::int64_t> own;
    for (const std::int32_t c : example.completions)
      own.push_back(shared ? slots.at({example.prompt, c})
                           : add_completion(batch.forest.add_run(-1, prompt.ids), prompt.completions[c]));
    batch.examples.push_back(&example);
    batch.example_completions.push_back(std::move(own));
  }
  return batch;
}

}  // namespace ballot
