#include "statistics/dealing.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace ballot {
namespace {

/// Clusters of 1 .. `most` units, each with its own gaps; `categories` labels.
Ratings with_gaps(std::size_t clusters, std::size_t most, std::size_t categories, double missing) {
  Random random(3, "dealing test");
  Ratings out;
  out.raters = 4;
  for (std::size_t k = 0; k < categories; ++k) out.values.push_back(static_cast<double>(k));
  out.clusters = clusters;
  for (std::uint32_t c = 0; c < clusters; ++c)
    for (std::size_t n = 1 + random.below(most); n > 0; --n) {
      out.cluster.push_back(c);
      for (int r = 0; r < 4; ++r)
        out.codes.push_back(random.uniform() < missing ? kMissing
                                                       : static_cast<std::int32_t>(random.below(categories)));
    }
  return out;
}

TEST(Dealing, TablesDealAsOneStepAtATimeDoes) {
  // Sizes up to and beyond what a byte shuffle holds; two labels and two hundred.
  for (const std::size_t most : {1, 2, 6, 7, 10, 16, 17, 40})
    for (const std::size_t categories : {2, 200}) {
      const Ratings ratings = with_gaps(60, most, categories, 0.2);
      std::vector<bool> rated(ratings.units());
      for (std::size_t u = 0; u < rated.size(); ++u)
        rated[u] = ratings.code(u, 0) >= 0 && ratings.code(u, 1) >= 0 && ratings.code(u, 2) >= 0;
      const std::vector<std::pair<std::size_t, std::size_t>> pairs{{0, 1}, {0, 2}, {2, 1}};
      const Dealing<std::uint8_t> tables(ratings, blocks_of(ratings, rated), pairs);
      const Dealing<std::uint8_t> steps(ratings, blocks_of(ratings, rated), pairs, true);
      const Dealing<std::uint32_t> wide(ratings, blocks_of(ratings, rated), pairs);
      Dealing<std::uint8_t>::Room one, two;
      Dealing<std::uint32_t>::Room three;
      std::int64_t moved = 0;
      for (std::uint64_t draw = 0; draw < 50; ++draw) {
        std::vector<std::int64_t> a(3), b(3), c(3);
        tables.deal(Random(1, "chance", draw), one, a);
        steps.deal(Random(1, "chance", draw), two, b);
        wide.deal(Random(1, "chance", draw), three, c);
        EXPECT_EQ(a, b) << most << " " << categories << " " << draw;
        EXPECT_EQ(b, c);
        moved += a[0] != tables.observed(0);
      }
      EXPECT_EQ(tables.observed(2), wide.observed(2));
      if (most > 1 && categories == 2) {
        EXPECT_GT(moved, 25);
      }
    }
}

TEST(Dealing, ClustersGoOnlyWhereAsManyUnitsAreAndUnitsStayInTheirCluster) {
  // Labels that name their cluster: after dealing a cluster agrees with itself wholly or not at all.
  Ratings ratings;
  ratings.raters = 2;
  ratings.clusters = 7;
  for (int k = 0; k < 7; ++k) ratings.values.push_back(k);
  const std::vector<std::uint32_t> sizes{3, 3, 3, 5, 5, 8, 3};
  for (std::uint32_t c = 0; c < 7; ++c)
    for (std::uint32_t i = 0; i < sizes[c]; ++i) {
      ratings.cluster.push_back(c);
      for (int r = 0; r < 2; ++r) ratings.codes.push_back(static_cast<std::int32_t>(c));
    }
  const Dealing<std::uint8_t> dealing(ratings, blocks_of(ratings, std::vector<bool>(ratings.units(), true)), {{0, 1}});
  EXPECT_EQ(dealing.blocks().clusters, 7u);
  EXPECT_EQ(dealing.blocks().fixed, 1u);
  Dealing<std::uint8_t>::Room room;
  std::vector<std::int64_t> sums(1), seen(31, 0);
  for (std::uint64_t draw = 0; draw < 4000; ++draw) {
    dealing.deal(Random(1, "chance", draw), room, sums);
    ++seen.at(static_cast<std::size_t>(sums[0]));
  }
  for (std::size_t sum = 0; sum < seen.size(); ++sum) {
    // 8 always; 0, 3, 6 or 12 of the threes; 0 or 10 of the fives.
    const bool possible =
        sum == 8 || sum == 11 || sum == 14 || sum == 20 || sum == 18 || sum == 21 || sum == 24 || sum == 30;
    EXPECT_EQ(seen[sum] > 0, possible) << sum;
  }
  EXPECT_NEAR(static_cast<double>(seen[30]) / 4000, 1.0 / 48, 0.01);  // all home: 1 of 4! times 1 of 2
}

}  // namespace
}  // namespace ballot
