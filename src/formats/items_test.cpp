#include "formats/items.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"
#include "formats/sample_pool.h"

namespace ballot {
namespace {

TEST(Items, EveryPairEveryCompletionEveryPrompt) {
  const std::vector<PoolRow> pool = sample_pool(3);
  EXPECT_EQ(make_items(Format::load("binary"), pool, {}).size(), 30u);
  EXPECT_EQ(make_items(Format::load("single"), pool, {}).size(), 15u);
  EXPECT_EQ(make_items(Format::load("ranking"), pool, {}).size(), 3u);
  EXPECT_EQ(make_items(Format::load("binary"), pool, {}, 2).size(), 20u);
  std::set<std::string> ids;
  for (const Item& item : make_items(Format::load("binary"), pool, {})) ids.insert(item.item_id);
  EXPECT_EQ(ids.size(), 30u);
}

std::map<std::string, std::vector<std::string>> orders(const Format& format, const std::vector<PoolRow>& pool,
                                                       const ItemOptions& options) {
  std::map<std::string, std::vector<std::string>> all;
  for (const Item& item : make_items(format, pool, options))
    all[item.item_id + std::to_string(item.repeat)] = shown_ids(item, pool[item.pool_row]);
  return all;
}

TEST(Items, TheOrderFollowsFromSeedFormatPromptAndCompletionsAlone) {
  std::vector<PoolRow> pool = sample_pool(20);
  for (const char* name : {"binary", "ranking"}) {
    const Format format = Format::load(name);
    const auto before = orders(format, pool, {.seed = 3});
    std::vector<PoolRow> turned = pool;
    std::reverse(turned.begin(), turned.end());
    for (PoolRow& row : turned) std::reverse(row.completions.begin(), row.completions.end());
    EXPECT_EQ(before, orders(format, turned, {.seed = 3}));
    EXPECT_NE(before, orders(format, pool, {.seed = 4}));
  }
}

TEST(Items, EitherOfAPairIsShownFirstAboutEquallyOften) {
  const std::vector<PoolRow> pool = sample_pool(200);
  int better_first = 0, all = 0;
  for (const Item& item : make_items(Format::load("binary"), pool, {.seed = 1})) {
    better_first += item.shown[0] < item.shown[1];
    ++all;
  }
  EXPECT_NEAR(better_first, all / 2, 4 * std::sqrt(all) / 2);
}

TEST(Items, FormatsDrawTheirOrdersIndependently) {
  const std::vector<PoolRow> pool = sample_pool(100);
  const auto a = make_items(Format::load("binary"), pool, {.seed = 1}),
             b = make_items(Format::load("binary_magnitude"), pool, {.seed = 1});
  int same = 0;
  for (std::size_t i = 0; i < a.size(); ++i) same += a[i].shown == b[i].shown;
  EXPECT_NEAR(same, 500, 4 * std::sqrt(1000) / 2);
}

TEST(Items, RepeatsShowTheSameAndBothShowsTheReverse) {
  const std::vector<PoolRow> pool = sample_pool(2);
  const Format format = Format::load("ranking");
  const auto repeated = make_items(format, pool, {.seed = 1, .repeats = 3});
  ASSERT_EQ(repeated.size(), 6u);
  EXPECT_EQ(repeated[0].shown, repeated[2].shown);
  EXPECT_EQ(repeated[2].repeat, 2);
  const auto both = make_items(format, pool, {.seed = 1, .presentation = Presentation::kBoth, .repeats = 2});
  ASSERT_EQ(both.size(), 8u);
  EXPECT_EQ(std::vector<std::size_t>(both[0].shown.rbegin(), both[0].shown.rend()), both[1].shown);
  EXPECT_EQ(both[3].repeat, 3);
  EXPECT_EQ(make_items(Format::load("single"), pool, {.presentation = Presentation::kBoth}).size(), 10u)
      << "one completion has one order";
  EXPECT_EQ(make_items(format, pool, {.presentation = Presentation::kGiven})[0].shown,
            (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

TEST(Items, AListwiseFormatOfKMakesABallotOfEveryKCompletions) {
  const std::vector<PoolRow> pool = sample_pool(2);
  const Format format = Format::load("ranking3");
  const std::vector<Item> items = make_items(format, pool, {.seed = 5});
  ASSERT_EQ(items.size(), 20u);
  std::map<std::pair<std::size_t, std::size_t>, int> together;
  std::set<std::string> ids;
  for (const Item& item : items) {
    ids.insert(item.item_id);
    ASSERT_EQ(item.shown.size(), 3u);
    if (item.pool_row != 0) continue;
    for (const std::size_t a : item.shown)
      for (const std::size_t b : item.shown)
        if (a < b) ++together[{a, b}];
  }
  EXPECT_EQ(ids.size(), 20u);
  EXPECT_EQ(together.size(), 10u);
  for (const auto& [pair, times] : together) EXPECT_EQ(times, 3);
  EXPECT_EQ(make_items(format, sample_pool(1, 3), {}).size(), 1u);
  EXPECT_THROW(make_items(format, sample_pool(1, 2), {}), Error);
  EXPECT_THROW(make_items(Format::load("ranking3"), sample_pool(1, 26), {}), Error) << "2600 ballots of one prompt";
}

TEST(Items, AnUnknownPresentationGetsTheNearest) {
  EXPECT_EQ(presentation_of("both"), Presentation::kBoth);
  EXPECT_THROW(presentation_of("randm"), Error);
}

}  // namespace
}  // namespace ballot
