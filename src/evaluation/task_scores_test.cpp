#include "evaluation/task_scores.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ballot {
namespace {

LoadedTask two_choices(std::vector<std::vector<std::int64_t>> golds) {
  LoadedTask task;
  for (auto& gold : golds) {
    Question question;
    question.choices = {"no", "\u00E4\u00F6\u00FC!"};  // two characters; four characters in seven bytes
    question.gold = std::move(gold);
    task.questions.push_back(std::move(question));
  }
  return task;
}

TEST(TaskScores, NormsDivideByCharactersOrBytes) {
  const LoadedTask task = two_choices({{1}});
  EXPECT_EQ(metric_values(task, {{{-3, false}, {-5, false}}}, "acc"), (std::vector<double>{0}));
  EXPECT_EQ(metric_values(task, {{{-3, false}, {-5, false}}}, "acc_norm"), (std::vector<double>{1}));   // -1.5, -1.25
  EXPECT_EQ(metric_values(task, {{{-1, false}, {-3, false}}}, "acc_norm"), (std::vector<double>{0}));   // -0.5, -0.75
  EXPECT_EQ(metric_values(task, {{{-1, false}, {-3, false}}}, "acc_bytes"), (std::vector<double>{1}));  // -0.5, -0.43
}

TEST(TaskScores, TheFirstOfEqualsWinsAndAnAnswerOutsideIsWrong) {
  const LoadedTask task = two_choices({{0}, {Question::kNoGold}, {0, 1}});
  const std::vector<std::vector<ChoiceScore>> equal(3, {{-1, true}, {-1, false}});
  EXPECT_EQ(metric_values(task, equal, "acc"), (std::vector<double>{1, 0, 1}));
  EXPECT_EQ(metric_values(task, equal, "exact_match"), (std::vector<double>{1, 0, 1}));
  EXPECT_DOUBLE_EQ(chance_of(task), (0.5 + 0 + 1) / 3);
  EXPECT_NEAR(choice_mass(equal), 2 * std::exp(-1), 1e-15);
}

TEST(TaskScores, StandardErrorsAreTheHarnesss) {
  // lm-evaluation-harness on two tasks of three rows: one right of three, none right.
  const double one = standard_error({1, 0, 0}), none = standard_error({0, 0, 0});
  EXPECT_NEAR(one, 0.33333333333333337, 1e-15);
  EXPECT_EQ(none, 0);
  EXPECT_NEAR(pooled_standard_error({one, none}, {3, 3}), 0.16666666666666669, 1e-15);
  EXPECT_TRUE(std::isnan(standard_error({1})));
}

TEST(TaskScores, IntervalsResampleClusters) {
  // Forty rows: as forty clusters, and as four of ten equal rows, whose interval is about three times as wide.
  TaskValues rows{"t", {}, {}, {}}, clustered{"t", {}, {}, {}};
  for (int i = 0; i < 40; ++i) {
    rows.values.push_back(i % 2);
    rows.clusters.push_back(std::to_string(i));
    clustered.values.push_back(i / 10 % 2);
    clustered.clusters.push_back(std::to_string(i / 10));
  }
  const ClusteredScore a = clustered_score({rows}, Normalisation::kNone, 2000, 1);
  const ClusteredScore b = clustered_score({clustered}, Normalisation::kNone, 2000, 1);
  EXPECT_DOUBLE_EQ(a.raw.value, 0.5);
  EXPECT_DOUBLE_EQ(b.raw.value, 0.5);
  EXPECT_EQ(a.clusters, 40u);
  EXPECT_EQ(b.clusters, 4u);
  EXPECT_NEAR(a.raw.interval.high - a.raw.interval.low, 0.33, 0.04);
  EXPECT_GT(b.raw.interval.high - b.raw.interval.low, 0.7);
  EXPECT_FALSE(a.normalised.has_value());
}

TEST(TaskScores, AGroupWeighsRowsAndItsNormalisedScoreTasks) {
  const TaskValues a{"a", {1, 1, 1, 0}, {"1", "2", "3", "4"}, 0.5}, b{"b", {0, 1}, {"1", "2"}, 0.25};
  const ClusteredScore of_tasks = clustered_score({a, b}, Normalisation::kOfTasks, 200, 1);
  EXPECT_DOUBLE_EQ(of_tasks.raw.value, 4.0 / 6);
  EXPECT_NEAR(of_tasks.normalised->value, (50 + 100.0 / 3) / 2, 1e-12);
  // Equal cluster names in two tasks: the rows are the same evidence, drawn together.
  EXPECT_EQ(of_tasks.clusters, 4u);
  const ClusteredScore of_mean = clustered_score({a, b}, Normalisation::kOfMean, 200, 1);
  EXPECT_NEAR(of_mean.normalised->value, 100 * (4.0 / 6 - 0.375) / 0.625, 1e-12);
  EXPECT_LT(of_mean.normalised->interval.low, of_mean.normalised->interval.high);
}

TEST(TaskScores, BelowTheFloorIsZeroNotNegative) {
  const ClusteredScore score =
      clustered_score({{"a", {0, 0, 1, 0}, {"1", "2", "3", "4"}, 0.5}}, Normalisation::kOfTasks, 100, 1);
  EXPECT_EQ(score.normalised->value, 0);
}

}  // namespace
}  // namespace ballot
