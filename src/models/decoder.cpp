// The tree of prompts behind a Decoder, and the steps that compute what of it is asked for.
#include <algorithm>
#include <map>

#include "compute/layers.h"
#include "core/error.h"
#include "models/cache.h"
#include "models/generate.h"
#include "models/model.h"

namespace ballot {
namespace {

/// Tokens pushed through the model at a time: more brings no speed and takes memory.
constexpr std::int64_t kTokensAtATime = 2048;
/// What the cache may hold before shared beginnings that no sequence uses any more are forgotten.
constexpr std::int64_t kCacheBytes = std::int64_t{1} << 30;

}  // namespace

/// Beginnings stand in a tree of nodes, each a run of the cache; all tokens of a prompt but the last are there, so that
/// every sequence has at least one token of its own, whose hidden state gives its first logits.
struct Decoder::State {
  struct Node {
    std::int32_t run = -1, parent = -1;
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> children;
    std::int64_t used = 0;       ///< clock of the last use
    std::int32_t sequences = 0;  ///< that stand on it
    bool gone = false;
  };
  struct Sequence {
    std::int32_t run = -1, node = -1;
    std::vector<std::int32_t> tokens;  ///< all, prompt included
    std::int64_t own_from = 0;         ///< tokens before are the nodes'
    std::int64_t cached = 0;           ///< of them, there for another sequence already
    at::Tensor hidden;                 ///< of the last computed token, [h]
    bool dropped = false;
  };

  explicit State(const Model& m) : model(m), cache(m) {}

  const Model& model;
  KeyValueCache cache;
  std::vector<Node> nodes;
  std::vector<std::int32_t> roots;
  std::vector<Sequence> sequences;
  std::int64_t clock = 0, computed = 0;

  std::vector<std::int32_t>& children_of(std::int32_t node) { return node < 0 ? roots : nodes[node].children; }

  /// The node whose path spells the tokens, made where it is not there; `found`: how many tokens were.
  std::int32_t find_or_make(std::span<const std::int32_t> tokens, std::int64_t& found) {
    std::int32_t node = -1;
    found = 0;
    while (!tokens.empty()) {
      std::int32_t next = -1;
      for (const std::int32_t child : children_of(node))
        if (nodes[child].tokens.front() == tokens.front()) next = child;
      if (next < 0) {
        next = static_cast<std::int32_t>(nodes.size());
        Node fresh;
        fresh.run = cache.add_run(node < 0 ? -1 : nodes[node].run);
        fresh.parent = node;
        fresh.tokens.assign(tokens.begin(), tokens.end());
        nodes.push_back(std::move(fresh));
        children_of(node).push_back(next);
        return next;
      }
      const auto& own = nodes[next].tokens;
      const auto common = static_cast<std::size_t>(
          std::mismatch(own.begin(), own.end(), tokens.begin(), tokens.end()).first - own.begin());
      if (common < own.size()) split(next, common);
      node = next;
      found += static_cast<std::int64_t>(common);
      tokens = tokens.subspan(common);
    }
    return node;
  }

  /// Cuts a node behind its first n tokens; the front keeps the number.
  void split(std::int32_t number, std::size_t n) {
    const auto rest_number = static_cast<std::int32_t>(nodes.size());
    Node rest;
    rest.run = cache.split(nodes[number].run,
                           std::min<std::int64_t>(static_cast<std::int64_t>(n), cache.length(nodes[number].run)));
    rest.parent = number;
    rest.tokens.assign(nodes[number].tokens.begin() + static_cast<std::ptrdiff_t>(n), nodes[number].tokens.end());
    rest.children = std::move(nodes[number].children);
    rest.used = nodes[number].used;
    rest.sequences = nodes[number].sequences;
    nodes.push_back(std::move(rest));
    for (const std::int32_t child : nodes[rest_number].children) nodes[child].parent = rest_number;
    for (Sequence& sequence : sequences)
      if (!sequence.dropped && sequence.node == number) sequence.node = rest_number;
    nodes[number].tokens.resize(n);
    nodes[number].children = {rest_number};
    nodes[number].sequences = 0;
  }

  /// Forgets the beginning that was used longest ago, until the cache is small enough or all are in use.
  void make_room() {
    while (cache.bytes() > kCacheBytes) {
      std::int32_t oldest = -1;
      for (std::size_t i = 0; i < nodes.size(); ++i) {
        const Node& node = nodes[i];
        if (node.gone || node.sequences > 0 || !node.children.empty()) continue;
        if (oldest < 0 || node.used < nodes[oldest].used) oldest = static_cast<std::int32_t>(i);
      }
      if (oldest < 0) return;
      cache.release(nodes[oldest].run);
      nodes[oldest].gone = true;
      std::erase(children_of(nodes[oldest].parent), oldest);
    }
  }

  /// Forgets all beginnings without a sequence on or behind them.
  void forget_unused() {
    for (bool again = true; again;) {
      again = false;
      for (std::size_t i = nodes.size(); i-- > 0;) {
        Node& node = nodes[i];
        if (node.gone || node.sequences > 0 || !node.children.empty()) continue;
        cache.release(node.run);
        node.gone = again = true;
        node.tokens = {};
        std::erase(children_of(node.parent), static_cast<std::int32_t>(i));
      }
    }
    while (!nodes.empty() && nodes.back().gone) nodes.pop_back();
  }

  /// The steps that the sequences lack, parents first.
  std::vector<CacheStep> pending(std::span<const std::int32_t> wanted) {
    std::vector<CacheStep> steps;
    std::map<std::int32_t, bool> asked;
    const auto need = [&](auto&& self, std::int32_t node) -> void {
      if (node < 0 || asked[node]) return;
      asked[node] = true;
      self(self, nodes[node].parent);
      nodes[node].used = ++clock;
      const auto held = cache.length(nodes[node].run);
      const auto& tokens = nodes[node].tokens;
      if (held < static_cast<std::int64_t>(tokens.size()))
        steps.push_back({nodes[node].run, {tokens.begin() + held, tokens.end()}});
    };
    for (const std::int32_t s : wanted) need(need, sequences[s].node);
    for (const std::int32_t s : wanted) {
      const Sequence& sequence = sequences[s];
      const std::int64_t from = sequence.own_from + cache.length(sequence.run);
      if (from < static_cast<std::int64_t>(sequence.tokens.size()))
        steps.push_back({sequence.run, {sequence.tokens.begin() + from, sequence.tokens.end()}});
    }
    return steps;
  }

  void compute(std::span<const std::int32_t> wanted) {
    std::map<std::int32_t, std::int32_t> sequence_of;
    for (const std::int32_t s : wanted) sequence_of[sequences[s].run] = s;
    std::vector<CacheStep> batch;
    std::int64_t tokens = 0;
    const auto flush = [&] {
      if (batch.empty()) return;
      const at::Tensor hidden = model.hidden_states(batch, cache);
      std::int64_t end = 0;
      for (const CacheStep& step : batch) {
        end += static_cast<std::int64_t>(step.tokens.size());
        if (const auto found = sequence_of.find(step.run); found != sequence_of.end())
          sequences[found->second].hidden = hidden[end - 1].clone();
      }
      computed += tokens;
      batch.clear();
      tokens = 0;
    };
    for (CacheStep& step : pending(wanted)) {
      std::size_t from = 0;
      while (from < step.tokens.size()) {
        const std::size_t n = std::min<std::size_t>(step.tokens.size() - from, kTokensAtATime - tokens);
        batch.push_back({step.run,
                         {step.tokens.begin() + static_cast<std::ptrdiff_t>(from),
                          step.tokens.begin() + static_cast<std::ptrdiff_t>(from + n)}});
        tokens += static_cast<std::int64_t>(n);
        from += n;
        if (tokens == kTokensAtATime) flush();
      }
    }
    flush();
  }

  Sequence& at(std::int32_t s) {
    if (s < 0 || s >= static_cast<std::int32_t>(sequences.size()) || sequences[s].dropped)
      throw failed("there is no sequence {} to go on with", s);
    return sequences[s];
  }
};

Decoder::Decoder(const Model& model) : state_(std::make_unique<State>(model)) {}
Decoder::~Decoder() = default;

std::vector<std::int32_t> Decoder::add(std::span<const std::vector<std::int32_t>> prompts) {
  std::vector<std::int32_t> numbers;
  for (const auto& prompt : prompts) {
    if (prompt.empty()) throw bad_input("a model cannot go on from an empty prompt: it needs at least one token");
    State::Sequence sequence;
    sequence.node = state_->find_or_make(std::span(prompt).first(prompt.size() - 1), sequence.cached);
    if (sequence.node >= 0) ++state_->nodes[sequence.node].sequences;
    sequence.tokens = prompt;
    sequence.own_from = static_cast<std::int64_t>(prompt.size()) - 1;
    numbers.push_back(static_cast<std::int32_t>(state_->sequences.size()));
    state_->sequences.push_back(std::move(sequence));
  }
  // Runs of their own come last: until then a later prompt may have cut a node in two.
  for (const std::int32_t s : numbers) {
    State::Sequence& sequence = state_->sequences[s];
    sequence.run = state_->cache.add_run(sequence.node < 0 ? -1 : state_->nodes[sequence.node].run);
  }
  return numbers;
}

std::int32_t Decoder::fork(std::int32_t number) {
  State::Sequence twin = state_->at(number);
  twin.run = state_->cache.copy(twin.run);
  if (twin.node >= 0) ++state_->nodes[twin.node].sequences;
  state_->sequences.push_back(std::move(twin));
  return static_cast<std::int32_t>(state_->sequences.size()) - 1;
}

at::Tensor Decoder::next_logits(std::span<const std::int32_t> sequences) {
  const at::NoGradGuard no_gradients;
  for (const std::int32_t s : sequences) state_->at(s);
  state_->compute(sequences);
  std::vector<at::Tensor> rows;
  for (const std::int32_t s : sequences) rows.push_back(state_->sequences[s].hidden);
  state_->make_room();
  const at::Tensor hidden = at::stack(rows);
  return Linear{state_->model.head_weight().detach(), {}}(hidden).to(at::kFloat);
}

void Decoder::append(std::int32_t sequence, std::int32_t token) {
  state_->at(sequence).tokens.push_back(token);
}
void Decoder::append(std::int32_t sequence, std::span<const std::int32_t> tokens) {
  auto& own = state_->at(sequence).tokens;
  own.insert(own.end(), tokens.begin(), tokens.end());
}

void Decoder::drop(std::int32_t number) {
  State::Sequence& sequence = state_->at(number);
  state_->cache.release(sequence.run);
  if (sequence.node >= 0) --state_->nodes[sequence.node].sequences;
  sequence = State::Sequence{};
  sequence.dropped = true;
}

void Decoder::forget_unused() {
  state_->forget_unused();
}

const std::vector<std::int32_t>& Decoder::tokens(std::int32_t sequence) const {
  return state_->at(sequence).tokens;
}
std::int64_t Decoder::cached_tokens(std::int32_t sequence) const {
  return state_->at(sequence).cached;
}
std::int64_t Decoder::computed_tokens() const {
  return state_->computed;
}

}  // namespace ballot
