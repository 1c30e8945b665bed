#include "evaluation/log_likelihood.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "models/cache.h"
#include "models/model.h"

namespace ballot {
namespace {

/// Positions whose logits exist at a time.
constexpr std::int64_t kPositions = 128;
/// A beginning of fewer tokens is computed with every batch.
constexpr std::int64_t kWorthKeeping = 32;
/// Tokens of the beginning that are computed at a time.
constexpr std::size_t kTokensAtATime = 2048;

/// A probability to read: of token `target` after the token at `position`, for choice `choice` (all choices counted
/// through).
struct Reading {
  std::int64_t position;
  TokenId target;
  std::size_t choice;
};

std::size_t common_tokens(std::span<const TokenId> a, std::span<const TokenId> b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

std::int64_t common_beginning(std::span<const EncodedQuestion> questions, std::int64_t max_length) {
  std::span<const TokenId> shared;
  std::size_t counted = 0;
  for (const EncodedQuestion& question : questions) {
    if (question.context.empty() || is_truncated(question, max_length)) continue;
    // The context's last token is where the first probability is read.
    const std::span<const TokenId> own(question.context.data(), question.context.size() - 1);
    shared = counted++ == 0 ? own : shared.first(common_tokens(shared, own));
  }
  const auto tokens = static_cast<std::int64_t>(shared.size());
  return counted > 1 && tokens >= kWorthKeeping ? tokens : 0;
}

std::vector<QuestionRange> cut_questions(std::span<const EncodedQuestion> questions, std::int64_t max_length,
                                         std::int64_t tokens, std::int64_t kept) {
  std::vector<QuestionRange> ranges;
  std::int64_t filled = 0;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    std::int64_t own = std::min<std::int64_t>(static_cast<std::int64_t>(questions[q].context.size()), max_length);
    for (const auto& continuation : questions[q].continuations)
      own += static_cast<std::int64_t>(continuation.size()) - 1;
    // Cut on the left, contexts begin at different places and share nothing.
    std::int64_t shared = 0;
    if (q > 0 && !is_truncated(questions[q], max_length) && !is_truncated(questions[q - 1], max_length))
      shared = static_cast<std::int64_t>(common_tokens(questions[q - 1].context, questions[q].context));
    if (ranges.empty() || filled + own - shared > tokens) {
      ranges.push_back({q, q});
      filled = is_truncated(questions[q], max_length) ? own : own - kept;
    } else {
      filled += own - shared;
    }
    ranges.back().end = q + 1;
  }
  return ranges;
}

/// The beginning's keys and values.
struct ChoiceScorer::Kept {
  std::vector<TokenId> tokens;
  KeyValueCache cache;
  std::int32_t run = -1;
};

namespace {

/// What a batch's forward pass left: hidden states [T, h], and where in T each sequence's tokens stand, counted from
/// the sequence's end (the beginning that is kept has no states any more).
struct Computed {
  at::Tensor hidden_Th;
  std::vector<std::vector<std::int64_t>> tokens;
};

/// The forest of what the sequences share, its hidden states, and T.
Computed compute_alone(const Model& model, const std::vector<std::vector<std::int32_t>>& sequences,
                       std::int64_t& computed) {
  SharedForest shared = share_prefixes(sequences);
  computed += shared.forest.size();
  return {model.hidden_states(shared.forest), std::move(shared.tokens)};
}

/// The same behind `run` of a cache that holds the first `kept` tokens of those sequences that `behind` marks; the
/// cache is left as it was.
Computed compute_behind(const Model& model, const std::vector<std::vector<std::int32_t>>& sequences,
                        const std::vector<bool>& behind, std::int64_t kept, KeyValueCache& cache, std::int32_t run,
                        std::int64_t& computed) {
  std::vector<CacheStep> steps;
  std::vector<std::int32_t> fresh;
  std::int64_t offset = 0;
  Computed out;
  out.tokens.resize(sequences.size());
  for (const bool inside : {true, false}) {
    std::vector<std::vector<std::int32_t>> part;
    std::vector<std::size_t> place;
    for (std::size_t s = 0; s < sequences.size(); ++s)
      if (behind[s] == inside) {
        part.emplace_back(sequences[s].begin() + (inside ? kept : 0), sequences[s].end());
        place.push_back(s);
      }
    if (part.empty()) continue;
    SharedForest shared = share_prefixes(part);
    const Forest& forest = shared.forest;
    std::vector<std::int32_t> run_of;
    for (std::int32_t r = 0; r < forest.runs(); ++r) {
      const std::int32_t above = forest.parent[static_cast<std::size_t>(r)];
      const std::int32_t parent = above >= 0 ? run_of[static_cast<std::size_t>(above)] : inside ? run : -1;
      run_of.push_back(forest.run_length(r) > 0 ? cache.add_run(parent) : parent);
      if (forest.run_length(r) == 0) continue;
      fresh.push_back(run_of.back());
      const auto begin = forest.tokens.begin() + forest.run_begin[static_cast<std::size_t>(r)];
      steps.push_back({run_of.back(), {begin, begin + forest.run_length(r)}});
    }
    for (std::size_t i = 0; i < place.size(); ++i)
      for (const std::int64_t token : shared.tokens[i]) out.tokens[place[i]].push_back(offset + token);
    offset += forest.size();
  }
  computed += offset;
  out.hidden_Th = model.hidden_states(steps, cache);
  for (auto last = fresh.rbegin(); last != fresh.rend(); ++last) cache.release(*last);
  return out;
}

/// Reads every choice's probabilities from the states. `choices`: question, choice and sequence of each.
struct Choice {
  std::size_t question, choice, sequence;
};

std::vector<std::vector<ChoiceScore>> read_choices(const Model& model, std::span<const EncodedQuestion> questions,
                                                   const std::vector<Choice>& choices, const Computed& made) {
  std::vector<Reading> readings;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const std::vector<TokenId>& continuation = questions[choices[i].question].continuations[choices[i].choice];
    const std::vector<std::int64_t>& places = made.tokens[choices[i].sequence];
    const std::size_t first = places.size() - continuation.size();
    for (std::size_t k = 0; k < continuation.size(); ++k) readings.push_back({places[first + k], continuation[k], i});
  }
  std::stable_sort(readings.begin(), readings.end(),
                   [](const Reading& a, const Reading& b) { return a.position < b.position; });
  std::vector<std::int64_t> positions;
  for (const Reading& reading : readings)
    if (positions.empty() || positions.back() != reading.position) positions.push_back(reading.position);

  const at::Tensor hidden_Nh = made.hidden_Th.index_select(0, at::tensor(positions, at::kLong));
  const at::Tensor head_hV = model.head_weight().to(hidden_Nh.scalar_type()).t();
  std::vector<double> sums(choices.size(), 0);
  std::vector<bool> greedy(choices.size(), true);
  auto reading = readings.begin();
  const auto count = static_cast<std::int64_t>(positions.size());
  for (std::int64_t begin = 0; begin < count; begin += kPositions) {
    const std::int64_t n = std::min(kPositions, count - begin);
    const at::Tensor product = at::matmul(hidden_Nh.narrow(0, begin, n), head_hV);
    // Statistics in float32 at least, whatever the product is made in.
    const at::Tensor logits_nV = product.scalar_type() == at::kDouble ? product : product.to(at::kFloat);
    const at::Tensor log_sum_n = at::logsumexp(logits_nV, {1}).to(at::kDouble).contiguous();
    const at::Tensor best_n = logits_nV.argmax(1).contiguous();
    std::vector<std::int64_t> rows, targets;
    const auto first = reading;
    for (std::int64_t row = 0; row < n; ++row)
      for (; reading != readings.end() && reading->position == positions[static_cast<std::size_t>(begin + row)];
           ++reading)
        rows.push_back(row), targets.push_back(reading->target);
    const at::Tensor picked =
        logits_nV.index({at::tensor(rows, at::kLong), at::tensor(targets, at::kLong)}).to(at::kDouble).contiguous();
    const double* logit = picked.const_data_ptr<double>();
    const double* log_sum = log_sum_n.const_data_ptr<double>();
    const std::int64_t* best = best_n.const_data_ptr<std::int64_t>();
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const Reading& one = first[static_cast<std::ptrdiff_t>(k)];
      const auto row = static_cast<std::size_t>(rows[k]);
      sums[one.choice] += logit[k] - log_sum[row];
      if (best[row] != one.target) greedy[one.choice] = false;
    }
  }
  std::vector<std::vector<ChoiceScore>> scores(questions.size());
  for (std::size_t q = 0; q < questions.size(); ++q) scores[q].resize(questions[q].continuations.size());
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (std::isnan(sums[i]))
      throw Error(ErrorKind::kFailed, "the model gives NaN as a probability",
                  "its weights are damaged, or training diverged: look at its metrics.jsonl");
    scores[choices[i].question][choices[i].choice] = {sums[i], greedy[i]};
  }
  return scores;
}

/// One batch: the sequences that the model reads, each once (choices of one token all read the same), computed behind
/// what is kept where there is something.
std::vector<std::vector<ChoiceScore>> score_batch(const Model& model, std::span<const EncodedQuestion> questions,
                                                  std::int64_t max_length, std::span<const TokenId> kept,
                                                  KeyValueCache* cache, std::int32_t run, std::int64_t& computed) {
  const at::NoGradGuard no_gradients;
  std::vector<std::vector<std::int32_t>> sequences;
  std::vector<bool> behind;
  std::vector<Choice> choices;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    std::map<std::vector<TokenId>, std::size_t> known;
    const bool whole = !is_truncated(questions[q], max_length);
    for (std::size_t c = 0; c < questions[q].continuations.size(); ++c) {
      std::vector<TokenId> input = model_input(questions[q], c, max_length);
      const auto [found, fresh] = known.emplace(std::move(input), sequences.size());
      if (fresh) sequences.push_back(found->first), behind.push_back(whole);
      choices.push_back({q, c, found->second});
    }
  }
  const Computed made =
      cache ? compute_behind(model, sequences, behind, static_cast<std::int64_t>(kept.size()), *cache, run, computed)
            : compute_alone(model, sequences, computed);
  return read_choices(model, questions, choices, made);
}

}  // namespace

ChoiceScorer::ChoiceScorer(const Model& model, std::span<const EncodedQuestion> questions, std::int64_t max_length)
    : model_(model), questions_(questions), max_length_(max_length) {
  const std::int64_t tokens = common_beginning(questions, max_length);
  if (tokens == 0) return;
  const auto whole = std::find_if(questions.begin(), questions.end(), [&](const EncodedQuestion& question) {
    return !question.context.empty() && !is_truncated(question, max_length);
  });
  kept_ =
      std::make_unique<Kept>(Kept{{whole->context.begin(), whole->context.begin() + tokens}, KeyValueCache(model), -1});
}

ChoiceScorer::~ChoiceScorer() = default;

std::vector<QuestionRange> ChoiceScorer::cut(std::int64_t tokens) const {
  return cut_questions(questions_, max_length_, tokens, kept_ ? static_cast<std::int64_t>(kept_->tokens.size()) : 0);
}

std::vector<std::vector<ChoiceScore>> ChoiceScorer::score(QuestionRange range) {
  const std::span<const EncodedQuestion> questions = questions_.subspan(range.begin, range.end - range.begin);
  if (!kept_) return score_batch(model_, questions, max_length_, {}, nullptr, -1, computed_);
  if (kept_->run < 0) {  // with the first batch that is asked for: a run that goes on may need none
    kept_->run = kept_->cache.add_run(-1);
    for (std::size_t from = 0; from < kept_->tokens.size(); from += kTokensAtATime) {
      const std::size_t end = std::min(from + kTokensAtATime, kept_->tokens.size());
      const CacheStep step{kept_->run,
                           {kept_->tokens.begin() + static_cast<std::ptrdiff_t>(from),
                            kept_->tokens.begin() + static_cast<std::ptrdiff_t>(end)}};
      model_.hidden_states(std::span(&step, 1), kept_->cache);
    }
    computed_ += static_cast<std::int64_t>(kept_->tokens.size());
  }
  return score_batch(model_, questions, max_length_, kept_->tokens, &kept_->cache, kept_->run, computed_);
}

std::int64_t ChoiceScorer::computed_tokens() const {
  return computed_;
}

std::vector<std::vector<ChoiceScore>> score_choices(const Model& model, std::span<const EncodedQuestion> questions,
                                                    std::int64_t max_length, std::int64_t* computed) {
  std::int64_t tokens = 0;
  auto scores = score_batch(model, questions, max_length, {}, nullptr, -1, tokens);
  if (computed) *computed += tokens;
  return scores;
}

}  // namespace ballot
