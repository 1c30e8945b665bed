#include "compute/forest.h"

#include <algorithm>
#include <unordered_map>

#include "core/error.h"

namespace ballot {

std::int32_t Forest::add_run(std::int32_t parent_run, std::span<const std::int32_t> ids) {
  if (parent_run < -1 || parent_run >= runs())
    throw failed("cannot add a run to a forest below run {}: it has runs 0 to {}", parent_run, runs() - 1);
  std::int64_t position = parent_run < 0 ? 0 : depth(parent_run) + run_length(parent_run);
  for (const std::int32_t id : ids) {
    tokens.push_back(id);
    positions.push_back(position++);
  }
  parent.push_back(parent_run);
  run_begin.push_back(size());
  return runs() - 1;
}

std::int64_t Forest::depth(std::int32_t run) const {
  if (run_length(run) > 0) return positions[run_begin[run]];
  for (std::int32_t r = parent[run]; r >= 0; r = parent[r])
    if (run_length(r) > 0) return positions[run_begin[r + 1] - 1] + 1;
  return 0;
}

std::int64_t Forest::token_before(std::int32_t run) const {
  for (std::int32_t r = parent[run]; r >= 0; r = parent[r])
    if (run_length(r) > 0) return run_begin[r + 1] - 1;
  return -1;
}

namespace {

/// Sequences that share their first `depth` tokens, and where they hang.
struct Group {
  std::vector<std::size_t> members;
  std::size_t depth;
  std::int32_t parent;
};

/// Splits by the token at `depth`, in the order of first occurrence.
std::vector<std::vector<std::size_t>> split(std::span<const std::vector<std::int32_t>> sequences,
                                            std::span<const std::size_t> members, std::size_t depth) {
  std::vector<std::vector<std::size_t>> parts;
  std::unordered_map<std::int32_t, std::size_t> part_of;
  for (const std::size_t s : members) {
    const auto [place, fresh] = part_of.try_emplace(sequences[s][depth], parts.size());
    if (fresh) parts.emplace_back();
    parts[place->second].push_back(s);
  }
  return parts;
}

}  // namespace

SharedForest share_prefixes(std::span<const std::vector<std::int32_t>> sequences) {
  SharedForest shared;
  shared.run.assign(sequences.size(), -1);
  shared.tokens.resize(sequences.size());
  std::vector<Group> waiting;  // a stack: the next run in depth-first order is at its end
  const auto descend = [&](std::span<const std::size_t> members, std::size_t depth, std::int32_t parent) {
    std::vector<std::size_t> longer;
    for (const std::size_t s : members) {
      if (sequences[s].size() > depth)
        longer.push_back(s);
      else
        shared.run[s] = parent;
    }
    auto parts = split(sequences, longer, depth);
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) waiting.push_back({std::move(*part), depth, parent});
  };
  std::vector<std::size_t> all(sequences.size());
  for (std::size_t s = 0; s < all.size(); ++s) all[s] = s;
  descend(all, 0, -1);
  while (!waiting.empty()) {
    const Group group = std::move(waiting.back());
    waiting.pop_back();
    const std::vector<std::int32_t>& first = sequences[group.members.front()];
    std::size_t end = first.size();
    for (const std::size_t s : group.members) {
      const auto& other = sequences[s];
      end = std::min(end, other.size());
      end = std::mismatch(first.begin() + group.depth, first.begin() + end, other.begin() + group.depth).first -
            first.begin();
    }
    const std::int64_t begin = shared.forest.size();
    const std::int32_t run =
        shared.forest.add_run(group.parent, std::span(first).subspan(group.depth, end - group.depth));
    for (const std::size_t s : group.members)
      for (std::int64_t t = begin; t < shared.forest.size(); ++t) shared.tokens[s].push_back(t);
    descend(group.members, end, run);
  }
  return shared;
}

Forest depth_first(const Forest& forest, std::vector<std::int32_t>* run_of, std::vector<std::int64_t>* token_of) {
  std::vector<std::vector<std::int32_t>> children(forest.runs());
  std::vector<std::int32_t> stack;
  for (std::int32_t r = forest.runs() - 1; r >= 0; --r)
    (forest.parent[r] < 0 ? stack : children[forest.parent[r]]).push_back(r);
  Forest ordered;
  std::vector<std::int32_t> new_run(forest.runs());
  std::vector<std::int64_t> new_token(forest.size());
  while (!stack.empty()) {
    const std::int32_t r = stack.back();
    stack.pop_back();
    new_run[r] = ordered.runs();
    for (std::int64_t t = forest.run_begin[r]; t < forest.run_begin[r + 1]; ++t) {
      new_token[t] = ordered.size();
      ordered.tokens.push_back(forest.tokens[t]);
      ordered.positions.push_back(forest.positions[t]);
    }
    ordered.parent.push_back(forest.parent[r] < 0 ? -1 : new_run[forest.parent[r]]);
    ordered.run_begin.push_back(ordered.size());
    // Children were collected last first.
    stack.insert(stack.end(), children[r].begin(), children[r].end());
  }
  if (run_of) *run_of = std::move(new_run);
  if (token_of) *token_of = std::move(new_token);
  return ordered;
}

std::int64_t attention_entries(const Forest& forest, std::int64_t window) {
  std::int64_t entries = 0;
  for (const std::int64_t position : forest.positions)
    entries += window > 0 ? std::min(position + 1, window) : position + 1;
  return entries;
}

}  // namespace ballot
