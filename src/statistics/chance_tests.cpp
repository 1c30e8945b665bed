// chance_test and chance_tests of agreement_tests.h. A permutation is drawn once for all pairs of raters that have the
// same units in common (every pair, where nothing is missing); statistics/dealing.h deals.
#include <algorithm>
#include <map>

#include "core/interrupt.h"
#include "core/parallel.h"
#include "core/random.h"
#include "statistics/agreement_tests.h"
#include "statistics/dealing.h"
#include "statistics/packed_columns.h"

namespace ballot {
namespace {

constexpr std::int64_t kPermutations = 1999;
constexpr std::size_t kChunk = 16;  // permutations a thread takes at a time

using RaterPair = std::pair<std::size_t, std::size_t>;

void conclude(std::span<const std::int64_t> sums, std::int64_t observed, ChanceTest& out) {
  std::int64_t as_much = 0;
  double total = 0;
  for (const std::int64_t sum : sums) {
    as_much += sum >= observed;
    total += static_cast<double>(sum);
  }
  out.expected = total / static_cast<double>(sums.size()) / static_cast<double>(out.n);
  out.p = static_cast<double>(1 + as_much) / static_cast<double>(sums.size() + 1);
}

std::size_t permutations(const AgreementOptions& options) {
  return static_cast<std::size_t>(std::min(options.replicates, kPermutations));
}

/// Calls body(first, last) for chunks of the permutations.
template <class Body>
void in_chunks(const AgreementOptions& options, Body body) {
  const std::size_t n = permutations(options);
  parallel_for((n + kChunk - 1) / kChunk, options.threads, [&](std::size_t chunk) {
    check_interrupt();
    body(chunk * kChunk, std::min(n, (chunk + 1) * kChunk));
  });
}

/// The pairs `members` have the units `rated` in common.
template <class Code>
void test_by_dealing(const Ratings& ratings, std::span<const RaterPair> pairs, std::span<const std::size_t> members,
                     const std::vector<bool>& rated, const AgreementOptions& options, std::vector<ChanceTest>& out) {
  std::vector<RaterPair> own;
  for (const std::size_t m : members) own.push_back(pairs[m]);
  const Dealing<Code> dealing(ratings, blocks_of(ratings, rated), own);
  const Blocks& blocks = dealing.blocks();
  const std::size_t n = blocks.units.size();
  for (std::size_t m = 0; m < members.size(); ++m) {
    ChanceTest& test = out[members[m]];
    test.n = n;
    test.clusters = blocks.clusters;
    test.fixed = blocks.fixed;
    if (n > 0) test.agreement = static_cast<double>(dealing.observed(m)) / static_cast<double>(n);
  }
  if (n == 0 || options.replicates == 0 || blocks.fixed == blocks.clusters) return;
  std::vector<std::vector<std::int64_t>> sums(members.size(), std::vector<std::int64_t>(permutations(options)));
  in_chunks(options, [&](std::size_t first, std::size_t last) {
    typename Dealing<Code>::Room room;
    std::vector<std::int64_t> of_draw(members.size());
    for (std::size_t draw = first; draw < last; ++draw) {
      dealing.deal(Random(options.seed, "chance", draw), room, of_draw);
      for (std::size_t m = 0; m < members.size(); ++m) sums[m][draw] = of_draw[m];
    }
  });
  for (std::size_t m = 0; m < members.size(); ++m) conclude(sums[m], dealing.observed(m), out[members[m]]);
}

/// Turning a cluster round changes a pair's sum by a number of its own, whatever the others do: a permutation is a sum
/// of rows.
void test_by_turning(const Ratings& ratings, std::span<const RaterPair> pairs, const AgreementOptions& options,
                     std::vector<ChanceTest>& out) {
  const std::size_t clusters = ratings.cluster_count();
  const auto last_code = static_cast<std::int32_t>(ratings.categories()) - 1;
  ClusterSums change(clusters, pairs.size());
  std::vector<std::int64_t> observed(pairs.size(), 0);
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    std::vector<bool> rated(clusters, false);
    for (std::size_t u = 0; u < ratings.units(); ++u) {
      const std::int32_t x = ratings.code(u, pairs[p].first), y = ratings.code(u, pairs[p].second);
      if (x < 0 || y < 0) continue;
      ++out[p].n;
      observed[p] += x == y;
      change.at(ratings.cluster_of(u), p) += (x == last_code - y) - (x == y);
      rated[ratings.cluster_of(u)] = true;
    }
    out[p].clusters = static_cast<std::size_t>(std::count(rated.begin(), rated.end(), true));
    if (out[p].n > 0) out[p].agreement = static_cast<double>(observed[p]) / static_cast<double>(out[p].n);
  }
  if (options.replicates == 0 || clusters == 0) return;
  const PackedColumns rows(change);
  std::vector<std::vector<std::int64_t>> sums(pairs.size(), std::vector<std::int64_t>(permutations(options)));
  in_chunks(options, [&](std::size_t first, std::size_t last) {
    std::vector<std::uint32_t> turned(clusters);
    std::vector<double> changes(pairs.size());
    for (std::size_t draw = first; draw < last; ++draw) {
      Random random(options.seed, "chance", draw);
      rows.sum(random_half(random, turned), changes);
      for (std::size_t p = 0; p < pairs.size(); ++p)
        sums[p][draw] = observed[p] + static_cast<std::int64_t>(changes[p]);
    }
  });
  for (std::size_t p = 0; p < pairs.size(); ++p)
    if (out[p].n > 0) conclude(sums[p], observed[p], out[p]);
}

}  // namespace

std::vector<ChanceTest> chance_tests(const Ratings& ratings, std::span<const RaterPair> pairs,
                                     const AgreementOptions& options) {
  std::vector<ChanceTest> out(pairs.size());
  if (ratings.both_orientations) {
    test_by_turning(ratings, pairs, options, out);
    return out;
  }
  std::map<std::vector<bool>, std::vector<std::size_t>> by_units;
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    std::vector<bool> rated(ratings.units());
    for (std::size_t u = 0; u < rated.size(); ++u)
      rated[u] = ratings.code(u, pairs[p].first) >= 0 && ratings.code(u, pairs[p].second) >= 0;
    by_units[std::move(rated)].push_back(p);
  }
  for (const auto& [rated, members] : by_units)
    if (ratings.categories() <= 256)
      test_by_dealing<std::uint8_t>(ratings, pairs, members, rated, options, out);
    else
      test_by_dealing<std::uint32_t>(ratings, pairs, members, rated, options, out);
  return out;
}

ChanceTest chance_test(const Ratings& ratings, std::size_t a, std::size_t b, const AgreementOptions& options) {
  const RaterPair pair{a, b};
  return chance_tests(ratings, {&pair, 1}, options).front();
}

}  // namespace ballot
