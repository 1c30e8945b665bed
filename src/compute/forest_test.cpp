#include "compute/forest.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random.h"

namespace ballot {
namespace {

using Ids = std::vector<std::int32_t>;

TEST(Forest, PositionsGoOnAlongThePath) {
  Forest forest;
  const auto prompt = forest.add_run(-1, Ids{5, 6, 7});
  const auto a = forest.add_run(prompt, Ids{8, 9});
  const auto b = forest.add_run(prompt, Ids{10});
  const auto other = forest.add_run(-1, Ids{11});
  EXPECT_EQ(forest.tokens, (std::vector<std::int64_t>{5, 6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(forest.positions, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 3, 0}));
  EXPECT_EQ(forest.depth(a), 3);
  EXPECT_EQ(forest.token_before(b), 2);
  EXPECT_EQ(forest.token_before(other), -1);
  EXPECT_EQ(attention_entries(forest), 1 + 2 + 3 + 4 + 5 + 4 + 1);
  EXPECT_EQ(attention_entries(forest, 2), 1 + 2 + 2 + 2 + 2 + 2 + 1);
}

TEST(Forest, AnEmptyRunStandsForItsParent) {
  Forest forest;
  const auto prompt = forest.add_run(-1, Ids{5, 6});
  const auto empty = forest.add_run(prompt, {});
  const auto below = forest.add_run(empty, Ids{7});
  EXPECT_EQ(forest.depth(empty), 2);
  EXPECT_EQ(forest.depth(below), 2);
  EXPECT_EQ(forest.token_before(below), 1);
  const auto root = forest.add_run(-1, {});
  EXPECT_EQ(forest.depth(root), 0);
  EXPECT_EQ(forest.token_before(forest.add_run(root, Ids{1})), -1);
}

TEST(Forest, ARunBelowNothingIsAnError) {
  Forest forest;
  EXPECT_THROW(forest.add_run(0, Ids{1}), Error);
}

TEST(Forest, SharedBeginningsStandOnce) {
  const std::vector<Ids> sequences{{1, 2, 3, 4}, {1, 2, 5}, {9}, {1, 2}, {1, 2, 3, 4, 6}, {}, {1, 2, 5}};
  const SharedForest shared = share_prefixes(sequences);
  EXPECT_EQ(shared.forest.tokens, (std::vector<std::int64_t>{1, 2, 3, 4, 6, 5, 9}));
  EXPECT_EQ(shared.run[1], shared.run[6]);
  EXPECT_EQ(shared.run[5], -1);
  EXPECT_EQ(shared.forest.parent[shared.run[4]], shared.run[0]);
  EXPECT_EQ(shared.forest.parent[shared.run[0]], shared.run[3]);
}

TEST(Forest, EverySequenceIsFoundInItsSharedForest) {
  Random random(1, "forest");
  for (int round = 0; round < 200; ++round) {
    std::vector<Ids> sequences(random.below(9));
    for (Ids& ids : sequences) {
      ids.resize(random.below(7));
      for (auto& id : ids) id = static_cast<std::int32_t>(random.below(2));
    }
    const SharedForest shared = share_prefixes(sequences);
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      ASSERT_EQ(shared.tokens[s].size(), sequences[s].size());
      for (std::size_t i = 0; i < sequences[s].size(); ++i) {
        EXPECT_EQ(shared.forest.tokens[shared.tokens[s][i]], sequences[s][i]);
        EXPECT_EQ(shared.forest.positions[shared.tokens[s][i]], static_cast<std::int64_t>(i));
      }
      std::vector<std::int64_t> path;
      for (std::int32_t r = shared.run[s]; r >= 0; r = shared.forest.parent[r])
        for (std::int64_t t = shared.forest.run_begin[r + 1]; t-- > shared.forest.run_begin[r];) path.push_back(t);
      std::reverse(path.begin(), path.end());
      EXPECT_EQ(path, shared.tokens[s]);
    }
    const Forest again = depth_first(shared.forest);
    EXPECT_EQ(again.tokens, shared.forest.tokens);
    EXPECT_EQ(again.parent, shared.forest.parent);
  }
}

TEST(Forest, DepthFirstKeepsPathsAndMakesSubtreesContiguous) {
  Forest forest;
  const auto a = forest.add_run(-1, Ids{1});
  const auto b = forest.add_run(-1, Ids{2});
  forest.add_run(a, Ids{3});
  forest.add_run(b, Ids{4});
  forest.add_run(a, Ids{5});
  std::vector<std::int32_t> run_of;
  std::vector<std::int64_t> token_of;
  const Forest ordered = depth_first(forest, &run_of, &token_of);
  EXPECT_EQ(ordered.tokens, (std::vector<std::int64_t>{1, 3, 5, 2, 4}));
  EXPECT_EQ(run_of, (std::vector<std::int32_t>{0, 3, 1, 4, 2}));
  EXPECT_EQ(token_of, (std::vector<std::int64_t>{0, 3, 1, 4, 2}));
  EXPECT_EQ(ordered.parent, (std::vector<std::int32_t>{-1, 0, 0, -1, 3}));
}

}  // namespace
}  // namespace ballot
