// Log-likelihoods against those that lm-evaluation-harness 0.4.13 (hf, fp32) gave for the same weights and rows.
#include "evaluation/log_likelihood.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "core/version.h"
#include "evaluation/golden_tasks.h"
#include "evaluation/task_scores.h"
#include "models/model.h"
#include "models/tokenizer_files.h"

namespace ballot {
namespace {

class LogLikelihood : public TaskTest {
 protected:
  struct Run {
    LoadedTask task;
    std::vector<EncodedQuestion> encoded;
  };
  static LoadOptions no_gradients() {
    LoadOptions options;
    options.requires_grad = false;
    return options;
  }
  Run run_of(const Json& run, const Tokenizer& tokenizer) {
    RejectLog rejects;
    Run out{load_task(read_task_file(task_file_of(run["task"])), settings_of(run),
                      run["chat_template"].get<bool>() ? &tokenizer.chat_template() : nullptr, rejects),
            {}};
    out.encoded = QuestionEncoder(tokenizer, "auto").encode(out.task.questions);
    return out;
  }
  /// Every number of the golden file, the questions in batches of about `tokens` tokens. Returns the largest
  /// difference.
  double compare(const std::string& golden, const std::string& model_name, double tolerance, std::int64_t tokens) {
    const auto model = load_model(model_name, no_gradients());
    const Tokenizer tokenizer = load_tokenizer(model_name);
    double largest = 0;
    const Json file = golden_json(golden);
    for (const Json& run : file["runs"]) {
      const Run one = run_of(run, tokenizer);
      const std::int64_t max_length = run["max_length"];
      std::vector<std::vector<ChoiceScore>> scores;
      const std::span<const EncodedQuestion> all = one.encoded;
      ChoiceScorer scorer(*model, all, max_length);
      for (const QuestionRange range : scorer.cut(tokens))
        for (auto& question : scorer.score(range)) scores.push_back(std::move(question));
      EXPECT_EQ(scores.size(), run["rows"].size());
      for (std::size_t q = 0; q < scores.size(); ++q) {
        const Json& row = run["rows"][q];
        for (std::size_t c = 0; c < scores[q].size(); ++c) {
          const double difference = std::abs(scores[q][c].log_likelihood - row["log_likelihoods"][c].get<double>());
          EXPECT_LT(difference, tolerance) << run["task"] << " row " << q << " choice " << c;
          largest = std::max(largest, difference);
          EXPECT_EQ(scores[q][c].greedy, row["is_greedy"][c].get<bool>()) << run["task"] << " row " << q;
        }
      }
      for (const MetricConfig& metric : one.task.config.metrics) {
        const std::vector<double> values = metric_values(one.task, scores, metric.metric);
        for (std::size_t q = 0; q < values.size(); ++q)
          EXPECT_EQ(values[q], run["rows"][q][metric.metric].get<double>());
        EXPECT_DOUBLE_EQ(mean_of(values), run["results"][metric.metric + ",none"].get<double>());
      }
    }
    return largest;
  }
};

TEST_F(LogLikelihood, EveryChoiceOfATinyModelIsTheHarnesss) {
  const double largest = compare("harness_tiny.json", (golden_folder() / "models/tiny_llama").string(), 1e-4, 2048);
  RecordProperty("largest_difference", std::to_string(largest));
}

TEST_F(LogLikelihood, EveryChoiceOfSmolLm2IsTheHarnesss) {
  std::string model = "deps:smollm2-135m";
  try {
    find_model(model);
  } catch (const Error&) {
    GTEST_SKIP() << "the set-up has not fetched the model";
  }
  const double largest = compare("harness_smollm2.json", model, 1e-3, 4096);
  RecordProperty("largest_difference", std::to_string(largest));
}

TEST_F(LogLikelihood, TheBatchDoesNotMatterBeyondRounding) {
  const std::string name = (golden_folder() / "models/tiny_llama").string();
  const auto model = load_model(name, no_gradients());
  const Run run = run_of(golden_json("harness_tiny.json")["runs"][1], load_tokenizer(name));
  const std::span<const EncodedQuestion> all = run.encoded;
  const auto together = score_choices(*model, all, 1024);
  for (std::size_t q = 0; q < all.size(); ++q) {
    const auto alone = score_choices(*model, all.subspan(q, 1), 1024).front();
    for (std::size_t c = 0; c < alone.size(); ++c)
      EXPECT_NEAR(alone[c].log_likelihood, together[q][c].log_likelihood, 2e-5);
  }
}

/// The plain computation: one sequence, all its logits, a log-softmax.
double plain(const Model& model, const EncodedQuestion& question, std::size_t choice) {
  const at::NoGradGuard no_gradients;
  std::vector<TokenId> ids = model_input(question, choice, 1024);
  Forest forest;
  forest.add_run(-1, ids);
  const at::Tensor log_softmax =
      at::log_softmax(at::matmul(model.hidden_states(forest), model.head_weight().t()).to(at::kDouble), 1);
  double sum = 0;
  const auto& continuation = question.continuations[choice];
  for (std::size_t k = 0; k < continuation.size(); ++k)
    sum += log_softmax[static_cast<std::int64_t>(ids.size() - continuation.size() + k)][continuation[k]].item<double>();
  return sum;
}

TEST_F(LogLikelihood, TheForestGivesWhatTheSequencesGiveAlone) {
  const auto model = load_model((golden_folder() / "models/tiny_llama").string(), no_gradients());
  const std::vector<EncodedQuestion> questions = {
      {{5, 6, 7, 8}, {{9}, {10}, {9, 11}, {9, 11, 12}}}, {{5, 6, 7}, {{8, 9}, {20}}}, {{30}, {{31, 32, 33}}}};
  const auto scores = score_choices(*model, questions, 1024);
  for (std::size_t q = 0; q < questions.size(); ++q)
    for (std::size_t c = 0; c < questions[q].continuations.size(); ++c)
      EXPECT_NEAR(scores[q][c].log_likelihood, plain(*model, questions[q], c), 1e-5) << q << " " << c;
}

TEST_F(LogLikelihood, WhatQuestionsShareIsComputedOnceAndLettersCostNothing) {
  const auto model = load_model((golden_folder() / "models/tiny_llama").string(), no_gradients());
  std::vector<TokenId> prefix(50, 40);
  std::vector<EncodedQuestion> questions;
  for (TokenId q = 0; q < 4; ++q) {
    std::vector<TokenId> context = prefix;
    for (TokenId k = 0; k < 10; ++k) context.push_back(60 + 10 * q + k);
    questions.push_back({context, {{5}, {6}, {7}, {8}}});
  }
  std::int64_t computed = 0;
  score_choices(*model, questions, 1024, &computed);
  EXPECT_EQ(computed, 50 + 4 * 10);
}

TEST_F(LogLikelihood, CutsFollowFromTheQuestionsAlone) {
  const std::vector<EncodedQuestion> questions(6, {{1, 2, 3, 4, 5, 6, 7, 8}, {{9, 10}, {11}}});
  const auto ranges = cut_questions(questions, 1024, 10);
  // Each question of the same context adds one token (the first of its two-token choice).
  ASSERT_EQ(ranges.size(), 3u);
  EXPECT_EQ(ranges[0].end, 2u);
  EXPECT_EQ(ranges[2].end, 6u);
  EXPECT_EQ(cut_questions(questions, 1024, 1).size(), 6u);
}

TEST_F(LogLikelihood, WhatAllQuestionsBeginWithIsComputedOnceForAllBatches) {
  const auto model = load_model((golden_folder() / "models/tiny_llama").string(), no_gradients());
  std::vector<EncodedQuestion> questions;
  std::vector<TokenId> shots(200);
  for (std::size_t i = 0; i < shots.size(); ++i) shots[i] = static_cast<TokenId>(20 + i * 7 % 90);
  for (TokenId q = 0; q < 9; ++q) {
    EncodedQuestion question{shots, {{30}, {31}, {32, 33}, {32, 34}}};
    for (TokenId k = 0; k < 3 + q; ++k) question.context.push_back(40 + q + k);
    questions.push_back(question);
  }
  // One that is cut on the left, and so begins elsewhere, among them.
  questions[4].context.insert(questions[4].context.begin(), 300, 25);
  constexpr std::int64_t kLongest = 320;
  EXPECT_EQ(common_beginning(questions, kLongest), 200);
  ChoiceScorer scorer(*model, questions, kLongest);
  const auto ranges = scorer.cut(50);
  EXPECT_GE(ranges.size(), 3u);
  std::vector<std::vector<ChoiceScore>> scores;
  for (const QuestionRange range : ranges)
    for (auto& question : scorer.score(range)) scores.push_back(std::move(question));
  // The beginning once, the cut question whole, of the others their own tokens and the branch of the last two choices.
  std::int64_t own = 0;
  for (std::size_t q = 0; q < questions.size(); ++q)
    own += q == 4 ? 0 : static_cast<std::int64_t>(questions[q].context.size()) - 200 + 1;
  EXPECT_LT(scorer.computed_tokens(), 200 + own + 2 * kLongest + 10);
  for (std::size_t q = 0; q < questions.size(); ++q) {
    const auto alone = score_choices(*model, std::span(questions).subspan(q, 1), kLongest).front();
    for (std::size_t c = 0; c < alone.size(); ++c) {
      EXPECT_NEAR(alone[c].log_likelihood, scores[q][c].log_likelihood, 2e-5) << q << " " << c;
      EXPECT_EQ(alone[c].greedy, scores[q][c].greedy);
    }
  }
  // A beginning that is worth nothing is not kept.
  EXPECT_EQ(common_beginning(std::span(questions).first(1), kLongest), 0);
  questions[0].context[10] = 1;
  EXPECT_EQ(common_beginning(questions, kLongest), 0);
}

}  // namespace
}  // namespace ballot
