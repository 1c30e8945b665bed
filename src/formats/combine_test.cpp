#include "formats/combine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "data/preferences.h"
#include "formats/items.h"
#include "formats/sample_pool.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// One annotator who sees the source's ranks with noise that it draws anew for each ballot.
CombineAnnotator annotator(const std::string& format, const std::vector<PoolRow>& pool, double noise,
                           const std::string& judge = "somebody") {
  CombineAnnotator out;
  out.name = format + " by " + judge;
  out.annotations = FormatAnnotations{Format::load(format), {}};
  for (const Item& item : make_items(out.annotations->format, pool, {})) {
    const PoolRow& row = pool[item.pool_row];
    Random random(3, judge + format, hash64(item.item_id));
    Annotation a;
    a.item_id = item.item_id;
    a.prompt_id = item.prompt_id;
    a.format = format;
    a.judge = judge;
    a.shown = shown_ids(item, row);
    a.status = "ok";
    a.completion_tokens = 10;
    std::vector<double> value;
    for (const std::size_t c : item.shown)
      value.push_back(-static_cast<double>(row.completions[c].source_rank) + noise * random.normal());
    if (item.shown.size() == 1) {
      a.rating = std::clamp(static_cast<int>(std::lround(6 + value[0])), 1, 5);
    } else if (item.shown.size() == 2) {
      a.choice = a.shown[value[0] > value[1] ? 0 : 1];
      if (out.annotations->format.field(FieldKind::kMagnitude))
        a.magnitude = std::min(2, static_cast<int>(std::fabs(value[0] - value[1]) / 1.2));
    } else {
      std::vector<std::size_t> order(value.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      std::sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return value[x] > value[y]; });
      for (const std::size_t i : order) a.ranking.push_back({a.shown[i]});
    }
    out.annotations->rows.push_back(std::move(a));
  }
  BinarizeOptions keep;
  keep.ties = "keep";
  out.rows = std::move(binarize(pool, {*out.annotations}, keep, 0)[0].rows);
  return out;
}

double right_share(const std::vector<Preference>& rows) {
  double right = 0;
  for (const Preference& p : rows) right += p.tie ? 0.5 : p.source_rank_chosen < p.source_rank_rejected;
  return right / static_cast<double>(rows.size());
}

Combined run(const std::vector<CombineAnnotator>& annotators, const std::string& method, CombineOptions options = {}) {
  options.method = method;
  return combine(annotators, options, 0, 1);
}

TEST(Combine, AMajorityIsCounted) {
  const std::vector<PoolRow> pool = sample_pool(3, 3);
  std::vector<CombineAnnotator> three = {annotator("binary", pool, 0, "a"), annotator("binary", pool, 0, "b"),
                                         annotator("binary", pool, 0, "c")};
  Preference& turned = three[2].rows[0];  // one disagrees on one pair
  std::swap(turned.chosen, turned.rejected);
  std::swap(turned.chosen_id, turned.rejected_id);
  std::swap(turned.source_rank_chosen, turned.source_rank_rejected);
  std::swap(turned.chosen_model, turned.rejected_model);
  const Combined out = run(three, "majority");
  ASSERT_EQ(out.rows.size(), 9u);
  for (const Preference& p : out.rows) {
    const bool split = p.pair_id == three[0].rows[0].pair_id;
    EXPECT_DOUBLE_EQ(p.target, split ? 2.0 / 3 : 1);
    EXPECT_DOUBLE_EQ(p.margin, split ? std::log(2.5 / 1.5) : std::log(3.5 / 0.5));
    EXPECT_LT(p.source_rank_chosen, p.source_rank_rejected);
    EXPECT_EQ(p.weight, 1);
    EXPECT_EQ(p.format, "majority");
    EXPECT_FALSE(p.tie);
  }
  EXPECT_DOUBLE_EQ(out.summary.annotators[2].agreement, 8.0 / 9);
  CombineOptions weight;
  weight.confidence = "weight";
  EXPECT_NEAR(run(three, "majority", weight).rows[0].weight + run(three, "majority", weight).rows[0].target,
              three[0].rows[0].pair_id == run(three, "majority", weight).rows[0].pair_id ? 4.0 / 3 : 2, 1e-12);
}

TEST(Combine, TwoWhoDisagreeAreATieWithEachPolicy) {
  const std::vector<PoolRow> pool = sample_pool(8, 2);
  std::vector<CombineAnnotator> two = {annotator("binary", pool, 0, "a"), annotator("binary", pool, 0, "b")};
  for (Preference& p : two[1].rows) {
    std::swap(p.chosen, p.rejected);
    std::swap(p.chosen_id, p.rejected_id);
    std::swap(p.source_rank_chosen, p.source_rank_rejected);
    std::swap(p.chosen_model, p.rejected_model);
  }
  for (const char* method : {"majority", "dawid_skene", "bradley_terry", "plackett_luce"}) {
    const Combined soft = run(two, method);
    ASSERT_EQ(soft.rows.size(), 8u) << method;
    EXPECT_EQ(soft.summary.ties, 8) << method;
    EXPECT_EQ(soft.rows[0].target, 0.5);
    EXPECT_EQ(soft.rows[0].margin, 0);
  }
  CombineOptions options;
  options.ties = "drop";
  EXPECT_EQ(run(two, "majority", options).summary.dropped.at("tie"), 8);
  options.ties = "keep";
  for (const Preference& p : run(two, "majority", options).rows) {
    EXPECT_LT(p.chosen_id, p.rejected_id);
    EXPECT_EQ(p.target, 1);
  }
}

TEST(Combine, EveryMethodIsBetterThanItsAnnotators) {
  const std::vector<PoolRow> pool = sample_pool(120);
  const std::vector<CombineAnnotator> annotators = {annotator("binary", pool, 1.5),
                                                    annotator("binary_magnitude", pool, 1.5),
                                                    annotator("single", pool, 1.2), annotator("ranking", pool, 1.5)};
  double best = 0;
  for (const CombineAnnotator& a : annotators) best = std::max(best, right_share(a.rows));
  for (const char* method : {"majority", "dawid_skene", "bradley_terry", "plackett_luce", "latent"}) {
    const Combined out = run(annotators, method);
    EXPECT_EQ(out.rows.size(), 1200u) << method;
    EXPECT_GT(right_share(out.rows), best) << method;
    // Targets are probabilities: of the pairs said to be .9 sure or more, at least .85 are right.
    double sure = 0, right = 0;
    for (const Preference& p : out.rows) {
      EXPECT_GE(p.target, 0.5);
      EXPECT_LE(p.target, 1);
      EXPECT_GE(p.margin, 0);
      if (p.target >= 0.9) ++sure, right += p.source_rank_chosen < p.source_rank_rejected;
    }
    EXPECT_GT(sure, 100) << method;
    EXPECT_GT(right / sure, 0.85) << method;
  }
}

TEST(Combine, BradleyTerryOfOnePromptIsTheOneOfItsVotes) {
  const std::vector<PoolRow> pool = sample_pool(1, 3);
  const std::vector<CombineAnnotator> annotators = {
      annotator("binary", pool, 2, "a"), annotator("binary", pool, 2, "b"), annotator("binary", pool, 2, "c")};
  const Combined out = run(annotators, "bradley_terry");
  ASSERT_EQ(out.rows.size(), 3u);
  std::map<std::string, double> score;
  for (const Preference& p : out.rows) {
    EXPECT_NEAR(p.margin, *p.chosen_score - *p.rejected_score, 1e-12);
    EXPECT_NEAR(p.target, 1 / (1 + std::exp(-p.margin)), 1e-12);
    for (const auto& [id, s] : {std::pair{p.chosen_id, *p.chosen_score}, {p.rejected_id, *p.rejected_score}}) {
      if (score.contains(id)) {
        EXPECT_EQ(score[id], s);
      }
      score[id] = s;
    }
  }
  // The likelihood's slope is 0: wins and expected wins of each completion are equal, the prior's included.
  for (const auto& [id, s] : score) {
    double won = 0, expected = 0;
    for (const CombineAnnotator& a : annotators)
      for (const Preference& p : a.rows) {
        if (p.chosen_id != id && p.rejected_id != id) continue;
        won += p.chosen_id == id;
        expected += 1 / (1 + std::exp(score[p.chosen_id == id ? p.rejected_id : p.chosen_id] - s));
      }
    for (const auto& [other, t] : score)
      if (other != id) won += 0.1, expected += 0.2 / (1 + std::exp(t - s));
    EXPECT_NEAR(won, expected, 1e-9);
  }
}

TEST(Combine, LatentWeighsAnnotatorsAndReadsScores) {
  const std::vector<PoolRow> pool = sample_pool(100);
  const Combined out = run(
      {annotator("binary", pool, 1), annotator("binary", pool, 30, "noise"), annotator("single", pool, 0.7)}, "latent");
  EXPECT_TRUE(*out.summary.converged);
  EXPECT_EQ(*out.summary.annotators[0].discrimination, 1);
  EXPECT_LT(std::fabs(*out.summary.annotators[1].discrimination), 0.4);
  EXPECT_EQ(out.summary.annotators[2].thresholds.size(), 4u);
  EXPECT_GT(right_share(out.rows), 0.9);
}

TEST(Combine, ACascadeAsksTheSecondOnlyWhereTheFirstIsUnsure) {
  const std::vector<PoolRow> pool = sample_pool(60);
  const CombineAnnotator ranking = annotator("ranking", pool, 1.5), binary = annotator("binary", pool, 0.5);
  const Combined out = run({ranking, binary}, "cascade");
  // Neighbours (four of ten pairs a prompt) go on to BINARY; all others keep RANKING's label.
  EXPECT_EQ(*out.summary.annotators[0].decided, 60 * 6);
  EXPECT_EQ(*out.summary.annotators[1].decided, 60 * 4);
  EXPECT_EQ(*out.summary.annotators[1].tokens_needed, 60 * 4 * 10);
  EXPECT_EQ(out.summary.annotators[1].tokens, 60 * 10 * 10);
  EXPECT_GT(right_share(out.rows), right_share(ranking.rows));
  std::map<std::string, Preference> said;
  for (const Preference& p : ranking.rows) said[p.pair_id] = p;
  std::map<double, double> target;
  for (const Preference& p : out.rows)
    if (said[p.pair_id].margin > 1) {
      EXPECT_EQ(p.chosen_id, said[p.pair_id].chosen_id);
      target[said[p.pair_id].margin] = p.target;
    }
  EXPECT_LT(target[2], target[4]) << "labels further apart are trusted more, on one scale";
  CombineOptions options;
  options.uncertain_margin = {4, 1, 1};
  EXPECT_THROW(run({ranking, binary}, "cascade", options), Error);
}

TEST(Combine, PairsOfAnyAnnotatorStandInTheResult) {
  const std::vector<PoolRow> pool = sample_pool(4);
  CombineAnnotator a = annotator("binary", pool, 0, "a"), b = annotator("binary", pool, 0, "b");
  a.rows.erase(a.rows.begin(), a.rows.begin() + 10);
  b.rows.pop_back();
  for (const char* method : {"majority", "dawid_skene", "bradley_terry", "plackett_luce", "latent", "cascade"})
    EXPECT_EQ(run({a, b}, method).rows.size(), 40u) << method;
}

TEST(Combine, WhatDoesNotFitIsAnError) {
  const std::vector<PoolRow> pool = sample_pool(2);
  const CombineAnnotator a = annotator("binary", pool, 0, "a");
  CombineAnnotator twice = a, other = a;
  twice.rows.push_back(twice.rows[0]);
  other.rows[0].split = "held_out";
  EXPECT_THROW(run({a}, "majority"), Error);
  EXPECT_THROW(run({a, twice}, "majority"), Error);
  try {
    run({a, other}, "majority");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("split"));
  }
  try {
    run({a, a}, "majorty");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'majority'"));
  }
}

TEST(Combine, AnyNumberOfThreadsGivesTheSameBytes) {
  const std::vector<PoolRow> pool = sample_pool(30);
  const std::vector<CombineAnnotator> annotators = {annotator("binary", pool, 1), annotator("single", pool, 1)};
  CombineOptions options;
  options.method = "latent";
  const Combined one = combine(annotators, options, 0, 1), four = combine(annotators, options, 0, 4);
  for (std::size_t i = 0; i < one.rows.size(); ++i) EXPECT_EQ(one.rows[i].margin, four.rows[i].margin);
}

TEST(CombineFiles, PreferencesAndAnnotationsGoTogetherIntoAFileThatReadsBack) {
  const fs::path folder = fs::temp_directory_path() / ("ballot-combine-" + std::to_string(::getpid()));
  fs::create_directories(folder / "ranking");
  const std::vector<PoolRow> pool = sample_pool(5);
  write_pool(folder / "pool.parquet", pool);
  write_annotations(folder / "ranking" / "annotations.parquet", annotator("ranking", pool, 1).annotations->rows);
  write_preferences(folder / "binary.parquet", annotator("binary", pool, 1).rows);
  CombineRequest request;
  request.inputs = {(folder / "binary.parquet").string(), "mine=" + (folder / "ranking").string()};
  request.pool = (folder / "pool.parquet").string();
  request.out = (folder / "both.parquet").string();
  request.options.method = "dawid_skene";
  const CombineSummary summary = combine_files(request);
  EXPECT_EQ(summary.annotators[0].name, "binary");
  EXPECT_EQ(summary.annotators[1].name, "mine");
  const std::vector<Preference> back = read_preferences(folder / "both.parquet");
  ASSERT_EQ(back.size(), 50u);
  EXPECT_EQ(back[0].judge, "binary+mine");
  EXPECT_FALSE(back[0].chosen.empty());
  EXPECT_EQ(back[0].prompt, pool[0].prompt);
  EXPECT_THROW(combine_files(request), Error) << "the file is there";
  request.pool.reset();
  request.force = true;
  EXPECT_THROW(combine_files(request), Error) << "no manifest names the pool";
  fs::remove_all(folder);
}

}  // namespace
}  // namespace ballot
