#include "formats/pair_labels.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "formats/items.h"
#include "formats/sample_pool.h"

namespace ballot {
namespace {

/// Every item of the pool, answered by `fill`.
template <class Fill>
FormatAnnotations answered(const std::string& format, const std::vector<PoolRow>& pool, const ItemOptions& options,
                           Fill fill) {
  FormatAnnotations out{Format::load(format), {}};
  for (const Item& item : make_items(out.format, pool, options)) {
    Annotation a;
    a.item_id = item.item_id;
    a.prompt_id = item.prompt_id;
    a.format = format;
    a.judge = "somebody";
    a.repeat = item.repeat;
    a.shown = shown_ids(item, pool[item.pool_row]);
    a.status = "ok";
    a.raw = "text that must not matter";
    fill(a, item);
    out.rows.push_back(a);
  }
  return out;
}

TEST(PairLabels, RepeatsAndOrdersStayApart) {
  const std::vector<PoolRow> pool = sample_pool(2, 3);
  // Whoever is shown first wins: the two orders contradict each other.
  const auto rows = answered("binary", pool, {.seed = 1, .presentation = Presentation::kBoth, .repeats = 1},
                             [](Annotation& a, const Item&) { a.choice = a.shown[0]; });
  const std::vector<PairLabel> labels = pair_labels(pool, rows);
  ASSERT_EQ(labels.size(), 2u * 3 * 2);
  for (const PairLabel& label : labels) EXPECT_EQ(label.outcome, label.shown);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(labels[i].repeat, 0);
    EXPECT_EQ(labels[i + 6].repeat, 1);
    EXPECT_EQ(labels[i].first, labels[i + 6].first);
    EXPECT_EQ(labels[i].outcome, -labels[i + 6].outcome);
  }
}

TEST(PairLabels, ATieKeepsItsLetterOnlyWhereItNamesOne) {
  const std::vector<PoolRow> pool = sample_pool(1, 3);
  const auto neutral = answered("binary_magnitude", pool, {}, [&](Annotation& a, const Item& item) {
    a.choice = pool[0].completions[std::max(item.shown[0], item.shown[1])].completion_id;
    a.magnitude = 0;
  });
  for (const PairLabel& label : pair_labels(pool, neutral)) {
    EXPECT_EQ(label.outcome, 0);
    EXPECT_EQ(label.letter, -1);
  }
  const auto scores = answered("single", pool, {}, [](Annotation& a, const Item&) { a.rating = 4; });
  for (const PairLabel& label : pair_labels(pool, scores)) {
    EXPECT_EQ(label.outcome, 0);
    EXPECT_EQ(label.letter, 0);
    EXPECT_EQ(label.shown, 0) << "scores are given one by one";
  }
}

TEST(PairLabels, OnlyAnnotatedPromptsAndUsableBallotsCount) {
  const std::vector<PoolRow> pool = sample_pool(3, 4);
  auto rows = answered("ranking", pool, {}, [&](Annotation& a, const Item& item) {
    for (const Completion& c : pool[item.pool_row].completions) a.ranking.push_back({c.completion_id});
    if (item.pool_row == 2) a.status = "refused", a.ranking.clear();
  });
  std::erase_if(rows.rows, [&](const Annotation& a) { return a.prompt_id == pool[0].prompt_id; });
  const std::vector<PairLabel> labels = pair_labels(pool, rows);
  ASSERT_EQ(labels.size(), 6u);
  for (const PairLabel& label : labels) {
    EXPECT_EQ(label.prompt, 1u);
    EXPECT_EQ(label.outcome, 1);
    EXPECT_EQ(label.margin, label.second - label.first);
  }
}

}  // namespace
}  // namespace ballot
