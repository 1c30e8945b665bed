#include "formats/binarize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "formats/items.h"
#include "formats/sample_pool.h"

namespace ballot {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

// Annotations of every item, filled in by `label`.
template <class Fill>
FormatAnnotations annotate(const std::string& name, const std::vector<PoolRow>& pool, Fill label,
                           const ItemOptions& options = {}) {
  FormatAnnotations all{Format::load(name), {}};
  for (const Item& item : make_items(all.format, pool, options)) {
    const PoolRow& row = pool[item.pool_row];
    Annotation a;
    a.item_id = item.item_id;
    a.prompt_id = item.prompt_id;
    a.format = name;
    a.judge = "test";
    a.repeat = item.repeat;
    a.shown = shown_ids(item, row);
    a.status = "ok";
    label(a, row, item);
    all.rows.push_back(std::move(a));
  }
  return all;
}

void prefer_source(Annotation& a, const PoolRow& row, const Item& item) {
  a.choice = row.completions[std::min(item.shown[0], item.shown[1])].completion_id;
}

void rank_as_source(Annotation& a, const PoolRow& row, const Item&) {
  for (const Completion& completion : row.completions) a.ranking.push_back({completion.completion_id});
}

TEST(Binarize, ARankingMakesAllTenPairsWithMarginsOneToFour) {
  const std::vector<PoolRow> pool = sample_pool(2);
  const auto sets = binarize(pool, {annotate("ranking", pool, rank_as_source)}, {}, 0);
  ASSERT_EQ(sets[0].rows.size(), 20u);
  std::map<double, int> margins;
  for (const Preference& p : sets[0].rows) {
    EXPECT_LT(p.source_rank_chosen, p.source_rank_rejected);
    EXPECT_EQ(p.margin, p.source_rank_rejected - p.source_rank_chosen);
    EXPECT_FALSE(p.tie);
    EXPECT_EQ(p.chosen_score, std::nullopt);
    EXPECT_TRUE(p.presented_first == p.chosen_id || p.presented_first == p.rejected_id);
    ++margins[p.margin];
  }
  EXPECT_THAT(margins, ElementsAre(Pair(1, 8), Pair(2, 6), Pair(3, 4), Pair(4, 2)))
      << "4, 3, 2, 1 of each a prompt, mean 2";
}

TEST(Binarize, PairwiseFollowsTheLetterAndHasTheMagnitudeAsMargin) {
  const std::vector<PoolRow> pool = sample_pool(3);
  const auto binary = binarize(pool, {annotate("binary", pool, prefer_source)}, {}, 0);
  EXPECT_EQ(binary[0].rows.size(), 30u);
  for (const Preference& p : binary[0].rows) {
    EXPECT_EQ(p.margin, 0);
    EXPECT_LT(p.source_rank_chosen, p.source_rank_rejected);
    EXPECT_EQ(p.target, 1);
  }
  const auto magnitude = binarize(pool,
                                  {annotate("binary_magnitude", pool,
                                            [](Annotation& a, const PoolRow& row, const Item& item) {
                                              prefer_source(a, row, item);
                                              a.magnitude = 2;
                                            })},
                                  {}, 0);
  for (const Preference& p : magnitude[0].rows) EXPECT_EQ(p.margin, 2);
}

TEST(Binarize, NeutralKeepsItsLetterUnderEveryPolicyButDrop) {
  const std::vector<PoolRow> pool = sample_pool(4);
  const FormatAnnotations neutral =
      annotate("binary_magnitude", pool, [](Annotation& a, const PoolRow& row, const Item& item) {
        prefer_source(a, row, item);
        a.magnitude = 0;
      });
  for (const std::string ties : {"random", "soft", "keep"}) {
    const auto sets = binarize(pool, {neutral}, {.ties = ties}, 5);
    ASSERT_EQ(sets[0].rows.size(), 40u);
    for (const Preference& p : sets[0].rows) {
      EXPECT_TRUE(p.tie);
      EXPECT_EQ(p.margin, 0);
      EXPECT_LT(p.source_rank_chosen, p.source_rank_rejected);
      EXPECT_EQ(p.target, ties == "soft" ? 0.5 : 1);
    }
    EXPECT_EQ(sets[0].summary.decided, 0);
  }
  const auto dropped = binarize(pool, {neutral}, {.ties = "drop"}, 5);
  EXPECT_TRUE(dropped[0].rows.empty());
  EXPECT_THAT(dropped[0].summary.dropped, ElementsAre(Pair("tie", 40)));
}

TEST(Binarize, EqualScoresAreDecidedByAKeyedCoin) {
  const std::vector<PoolRow> pool = sample_pool(200);
  const FormatAnnotations equal =
      annotate("single", pool, [](Annotation& a, const PoolRow&, const Item&) { a.rating = 4; });
  const auto first = binarize(pool, {equal}, {}, 1), again = binarize(pool, {equal}, {}, 1),
             other = binarize(pool, {equal}, {}, 2);
  ASSERT_EQ(first[0].rows.size(), 2000u);
  int better = 0, same = 0;
  for (std::size_t i = 0; i < first[0].rows.size(); ++i) {
    EXPECT_EQ(first[0].rows[i].chosen_id, again[0].rows[i].chosen_id);
    same += first[0].rows[i].chosen_id == other[0].rows[i].chosen_id;
    better += first[0].rows[i].source_rank_chosen < first[0].rows[i].source_rank_rejected;
    EXPECT_TRUE(first[0].rows[i].tie);
    EXPECT_EQ(first[0].rows[i].chosen_score, 4.0);
    EXPECT_EQ(first[0].rows[i].presented_first, "");
  }
  EXPECT_NEAR(better, 1000, 4 * std::sqrt(2000) / 2) << "the coin leaks nothing of the source's ranking";
  EXPECT_NEAR(same, 1000, 4 * std::sqrt(2000) / 2);
  EXPECT_EQ(first[0].summary.ties, 2000);
  EXPECT_EQ(first[0].summary.decided, 2000);
  const auto soft = binarize(pool, {equal}, {.ties = "soft"}, 1), kept = binarize(pool, {equal}, {.ties = "keep"}, 1);
  for (const Preference& p : soft[0].rows) EXPECT_EQ(p.target, 0.5);
  for (const Preference& p : kept[0].rows) EXPECT_LT(p.chosen_id, p.rejected_id);
}

TEST(Binarize, ScoresMakeMarginsOfTheirDifference) {
  const std::vector<PoolRow> pool = sample_pool(1);
  const auto sets = binarize(pool,
                             {annotate("single", pool,
                                       [](Annotation& a, const PoolRow&, const Item& item) {
                                         a.rating = 5 - static_cast<int>(item.shown[0]);
                                       })},
                             {}, 0);
  for (const Preference& p : sets[0].rows) {
    EXPECT_EQ(p.margin, *p.chosen_score - *p.rejected_score);
    EXPECT_EQ(p.margin, p.source_rank_rejected - p.source_rank_chosen);
  }
}

TEST(Binarize, TiesInARankingCountThePlacesPassed) {
  const std::vector<PoolRow> pool = sample_pool(1);
  const auto sets = binarize(pool,
                             {annotate("ranking", pool,
                                       [](Annotation& a, const PoolRow& row, const Item&) {
                                         const auto id = [&](int i) { return row.completions[i].completion_id; };
                                         a.ranking = {{id(0)}, {id(1), id(2)}, {id(3)}, {id(4)}};
                                       })},
                             {}, 0);
  std::map<std::pair<int, int>, double> margin;
  for (const Preference& p : sets[0].rows) margin[{p.source_rank_chosen, p.source_rank_rejected}] = p.margin;
  EXPECT_EQ((margin[{1, 2}]), 1);
  EXPECT_EQ((margin[{1, 3}]), 1);
  EXPECT_EQ((margin[{1, 4}]), 3);
  EXPECT_EQ((margin[{3, 4}]), 2);
  EXPECT_EQ(sets[0].summary.ties, 1);
}

TEST(Binarize, FailedBallotsAreCountedByReasonAndNeverLabelled) {
  const std::vector<PoolRow> pool = sample_pool(1);
  const auto sets = binarize(pool,
                             {annotate("single", pool,
                                       [](Annotation& a, const PoolRow&, const Item& item) {
                                         a.rating = 3;
                                         if (item.shown[0] == 2) {
                                           a.status = "refused";
                                           a.rating.reset();
                                         }
                                         if (item.shown[0] == 4) a.status = "repaired:word";
                                       }),
                              annotate("binary", pool,
                                       [](Annotation& a, const PoolRow& row, const Item& item) {
                                         prefer_source(a, row, item);
                                         if (item.shown[0] + item.shown[1] == 1) {
                                           a.status = "unparsable";
                                           a.choice.reset();
                                         }
                                       })},
                             {}, 0);
  EXPECT_EQ(sets[0].rows.size(), 6u);
  EXPECT_THAT(sets[0].summary.dropped, ElementsAre(Pair("refused", 4)));
  EXPECT_EQ(std::count_if(sets[0].rows.begin(), sets[0].rows.end(),
                          [](const Preference& p) { return p.status == "repaired:word"; }),
            3);
  EXPECT_EQ(sets[1].rows.size(), 9u);
  EXPECT_THAT(sets[1].summary.dropped, ElementsAre(Pair("unparsable", 1)));
}

TEST(Binarize, CompleteDropsFromAllWhatOneLacks) {
  const std::vector<PoolRow> pool = sample_pool(2);
  FormatAnnotations single = annotate("single", pool, [](Annotation& a, const PoolRow&, const Item& item) {
    a.rating = 1 + static_cast<int>(item.shown[0]);
    if (item.pool_row == 0 && item.shown[0] == 0) {
      a.status = "refused";
      a.rating.reset();
    }
  });
  FormatAnnotations ranking = annotate("ranking", pool, rank_as_source);
  ranking.rows.pop_back();  // no ballot at all for the second prompt
  const auto sets =
      binarize(pool, {annotate("binary", pool, prefer_source), single, ranking}, {.pairs = "complete"}, 0);
  for (const PreferenceSet& set : sets) {
    ASSERT_EQ(set.rows.size(), 6u);
    EXPECT_EQ(set.summary.pairs, 6);
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(set.rows[i].pair_id, sets[0].rows[i].pair_id) << "rows align";
  }
  EXPECT_THAT(sets[0].summary.dropped, ElementsAre(Pair("incomplete", 14)));
  EXPECT_THAT(sets[1].summary.dropped, UnorderedElementsAre(Pair("incomplete", 10), Pair("refused", 4)));
}

TEST(Binarize, RepeatsAndBothOrdersAreAveraged) {
  const std::vector<PoolRow> pool = sample_pool(1);
  // Always the first shown: in both orders nothing but position is left.
  const FormatAnnotations biased = annotate("binary_magnitude", pool,
                                            [](Annotation& a, const PoolRow&, const Item&) {
                                              a.choice = a.shown[0];
                                              a.magnitude = 2;
                                            },
                                            {.presentation = Presentation::kBoth});
  const auto sets = binarize(pool, {biased}, {}, 0);
  ASSERT_EQ(sets[0].rows.size(), 10u);
  EXPECT_EQ(sets[0].summary.ties, 10);
  EXPECT_EQ(sets[0].summary.averaged, 10);
  for (const Preference& p : sets[0].rows) EXPECT_EQ(p.presented_first, "");
  const FormatAnnotations mixed = annotate("binary_magnitude", pool,
                                           [](Annotation& a, const PoolRow& row, const Item& item) {
                                             prefer_source(a, row, item);
                                             a.magnitude = a.repeat == 0 ? 2 : 1;
                                           },
                                           {.repeats = 2});
  const auto averaged = binarize(pool, {mixed}, {}, 0);
  for (const Preference& p : averaged[0].rows) EXPECT_EQ(p.margin, 1.5);
}

TEST(Binarize, TheOrderOfAnnotationsAndOfThePoolsAnswersChangesNothing) {
  const std::vector<PoolRow> pool = sample_pool(10);
  FormatAnnotations labels = annotate("binary_magnitude", pool, [](Annotation& a, const PoolRow&, const Item& item) {
    a.choice = a.shown[0];
    a.magnitude = static_cast<int>(item.shown[0] % 3);
  });
  const auto before = binarize(pool, {labels}, {}, 7);
  std::reverse(labels.rows.begin(), labels.rows.end());
  std::vector<PoolRow> turned = pool;
  for (PoolRow& row : turned) std::reverse(row.completions.begin(), row.completions.end());
  const auto after = binarize(turned, {labels}, {}, 7);
  ASSERT_EQ(before[0].rows.size(), after[0].rows.size());
  for (std::size_t i = 0; i < before[0].rows.size(); ++i) {
    EXPECT_EQ(before[0].rows[i].chosen_id, after[0].rows[i].chosen_id);
    EXPECT_EQ(before[0].rows[i].margin, after[0].rows[i].margin);
  }
}

TEST(Binarize, WhatTheLabelsDoNotFitIsTold) {
  const std::vector<PoolRow> pool = sample_pool(2), other = sample_pool(1, 4);
  const FormatAnnotations labels = annotate("binary", pool, prefer_source);
  EXPECT_THROW(binarize(other, {labels}, {}, 0), Error);
  FormatAnnotations empty = labels;
  empty.rows[0].choice.reset();
  try {
    binarize(pool, {empty}, {}, 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("is 'ok' but has no choice"));
    EXPECT_EQ(error.exit_code(), 3);
  }
  FormatAnnotations wrong{Format::load("ranking"), labels.rows};
  EXPECT_THROW(binarize(pool, {wrong}, {}, 0), Error);
}

TEST(Binarize, ALabelThatSaysNeitherHasNoDirectionOfItsOwn) {
  const std::vector<PoolRow> pool = sample_pool(4);
  for (const char* name : {"binary_tie", "preference7"}) {
    const FormatAnnotations neither = annotate(name, pool, [&](Annotation& a, const PoolRow&, const Item&) {
      if (a.format == "preference7") a.magnitude = 0;
    });
    const auto random = binarize(pool, {neither}, {}, 5), keep = binarize(pool, {neither}, {.ties = "keep"}, 5);
    ASSERT_EQ(random[0].rows.size(), 40u);
    EXPECT_EQ(random[0].summary.ties, 40);
    EXPECT_EQ(random[0].summary.decided, 40);
    for (const Preference& p : random[0].rows) EXPECT_EQ(p.margin, 0);
    for (const Preference& p : keep[0].rows) EXPECT_LT(p.chosen_id, p.rejected_id);
    EXPECT_EQ(binarize(pool, {neither}, {.ties = "drop"}, 5)[0].rows.size(), 0u);
  }
}

TEST(Binarize, AComparisonsMarginIsItsDistanceFromTheMiddle) {
  const std::vector<PoolRow> pool = sample_pool(2);
  const auto sets = binarize(pool,
                             {annotate("preference7", pool,
                                       [](Annotation& a, const PoolRow& row, const Item& item) {
                                         prefer_source(a, row, item);
                                         a.magnitude = 3;
                                       })},
                             {}, 0);
  ASSERT_EQ(sets[0].rows.size(), 20u);
  for (const Preference& p : sets[0].rows) {
    EXPECT_EQ(p.margin, 3);
    EXPECT_LT(p.source_rank_chosen, p.source_rank_rejected);
  }
}

TEST(Binarize, BestAndWorstMakeSevenOfTenPairsAndThreeTies) {
  const std::vector<PoolRow> pool = sample_pool(1);
  const FormatAnnotations labels = annotate("best_worst", pool, [](Annotation& a, const PoolRow& row, const Item&) {
    const auto id = [&](std::size_t c) { return row.completions[c].completion_id; };
    a.ranking = {{id(0)}, {id(1), id(2), id(3)}, {id(4)}};
  });
  const auto sets = binarize(pool, {labels}, {}, 0);
  ASSERT_EQ(sets[0].rows.size(), 10u);
  EXPECT_EQ(sets[0].summary.ties, 3);
  std::map<double, int> margins;
  for (const Preference& p : sets[0].rows) ++margins[p.margin];
  EXPECT_THAT(margins, ElementsAre(Pair(0, 3), Pair(1, 6), Pair(2, 1))) << "groups passed, not completions";
}

TEST(Binarize, RankingsOfThreeOfFiveAreAveragedOverTheirBallots) {
  const std::vector<PoolRow> pool = sample_pool(1);
  const FormatAnnotations labels = annotate("ranking3", pool, [](Annotation& a, const PoolRow& row, const Item& item) {
    std::vector<std::size_t> order = item.shown;
    std::sort(order.begin(), order.end());
    for (const std::size_t c : order) a.ranking.push_back({row.completions[c].completion_id});
    if (order == std::vector<std::size_t>{0, 1, 2}) a.status = "unparsable", a.ranking.clear();
  });
  const auto sets = binarize(pool, {labels}, {}, 0);
  ASSERT_EQ(sets[0].rows.size(), 10u) << "a failed ballot leaves the pair to the two others";
  EXPECT_EQ(sets[0].summary.averaged, 10);
  for (const Preference& p : sets[0].rows) {
    EXPECT_LT(p.source_rank_chosen, p.source_rank_rejected);
    // 1st and 5th: beside each of the three between them, 2 apart; 1st and 3rd: 2 apart only beside the 2nd, which
    // failed.
    if (p.source_rank_chosen == 1 && p.source_rank_rejected == 5) {
      EXPECT_EQ(p.margin, 2);
    }
    if (p.source_rank_chosen == 1 && p.source_rank_rejected == 3) {
      EXPECT_EQ(p.margin, 1);
    }
  }
}

TEST(Binarize, AnExpectedLabelIsTheMeanOfTheJudgesDistribution) {
  const std::vector<PoolRow> pool = sample_pool(1, 2);
  const auto one = [&](const char* name, std::vector<double> first_shown_first) {
    return binarize(pool,
                    {annotate(name, pool,
                              [&](Annotation& a, const PoolRow&, const Item& item) {
                                a.choice = a.shown[1];  // what was said does not count
                                a.magnitude = 0;
                                a.probabilities = first_shown_first;
                                if (item.shown[0] != 0)  // the better one is shown second: the mirrored distribution
                                  std::reverse(a.probabilities->begin(), a.probabilities->end());
                              })},
                    {.labels = "expected"}, 0)[0]
        .rows.at(0);
  };
  const Preference binary = one("binary", {0.75, 0.25});
  EXPECT_EQ(binary.source_rank_chosen, 1);
  EXPECT_DOUBLE_EQ(binary.margin, 0.5);
  EXPECT_DOUBLE_EQ(binary.target, 0.75);
  EXPECT_FALSE(binary.tie);
  const Preference seven = one("preference7", {0.1, 0.1, 0.2, 0.4, 0.1, 0.1, 0});
  EXPECT_EQ(seven.source_rank_chosen, 1);
  EXPECT_DOUBLE_EQ(seven.margin, 3 * 0.1 + 2 * 0.1 + 0.2 - 0.1 - 2 * 0.1);
  EXPECT_DOUBLE_EQ(seven.target, 0.4 + 0.4 / 2);
}

TEST(Binarize, ExpectedScoresMakeAPairOfTwoDistributions) {
  const std::vector<PoolRow> pool = sample_pool(1, 2);
  const FormatAnnotations labels = annotate("single", pool, [](Annotation& a, const PoolRow&, const Item& item) {
    a.rating = 3;  // a tie as said
    a.probabilities = item.shown[0] == 0 ? std::vector<double>{0, 0, 0.5, 0.5, 0} : std::vector<double>{0, 0, 1, 0, 0};
  });
  const Preference p = binarize(pool, {labels}, {.labels = "expected"}, 0)[0].rows.at(0);
  EXPECT_EQ(p.source_rank_chosen, 1);
  EXPECT_DOUBLE_EQ(p.margin, 0.5);
  EXPECT_DOUBLE_EQ(*p.chosen_score, 3.5);
  EXPECT_DOUBLE_EQ(p.target, 0.75) << "half of the time better, half of the time equal";
  EXPECT_TRUE(binarize(pool, {labels}, {}, 0)[0].rows.at(0).tie) << "off by default";
}

TEST(Binarize, WhatHasNoDistributionIsCountedOrRefused) {
  const std::vector<PoolRow> pool = sample_pool(1);
  FormatAnnotations labels = annotate("binary", pool, prefer_source);
  labels.rows[0].probabilities = std::vector<double>{0.5, 0.5};
  const auto sets = binarize(pool, {labels}, {.labels = "expected"}, 0);
  EXPECT_EQ(sets[0].rows.size(), 1u);
  EXPECT_EQ(sets[0].summary.dropped.at("no_probabilities"), 9);
  labels.rows[0].probabilities = std::vector<double>{0.2, 0.3, 0.5};
  EXPECT_THROW(binarize(pool, {labels}, {.labels = "expected"}, 0), Error) << "of another format's labels";
  EXPECT_THROW(binarize(pool, {annotate("ranking", pool, rank_as_source)}, {.labels = "expected"}, 0), Error);
}

}  // namespace
}  // namespace ballot
