// chance_test and chance_tests of agreement_tests.h. A permutation is drawn once for all pairs of raters that have the
// same units in common (every pair, where nothing is missing), and costs a gather of labels and a comparison of bytes.
#include <algorithm>
#include <array>
#include <map>

#include "core/interrupt.h"
#include "core/parallel.h"
#include "core/random.h"
#include "statistics/agreement_tests.h"
#include "statistics/packed_columns.h"

namespace ballot {
namespace {

constexpr std::int64_t kPermutations = 1999;
constexpr std::size_t kChunk = 16;  // permutations a thread takes at a time

using RaterPair = std::pair<std::size_t, std::size_t>;

/// Many small draws from few words: a word is a fraction, and each draw takes its leading digit.
class Digits {
 public:
  explicit Digits(Random& random) : random_(random) {}
  /// In [0, n). A word is left when its draws could have come out in 2^32 ways, so that no outcome is likelier than
  /// another by more than 2^-32 of its probability.
  std::uint32_t below(std::uint32_t n) {
    ways_ *= n;
    if (ways_ > kWays) {
      word_ = random_.next();
      ways_ = n;
    }
    const unsigned __int128 product = static_cast<unsigned __int128>(word_) * n;
    word_ = static_cast<std::uint64_t>(product);
    return static_cast<std::uint32_t>(product >> 64);
  }

 private:
  static constexpr std::uint64_t kWays = std::uint64_t{1} << 32;
  Random& random_;
  std::uint64_t word_ = 0, ways_ = kWays;
};

/// first .. first + out.size() - 1 in a random order (Fisher-Yates, filling as it goes).
void shuffle(Digits& digits, std::uint32_t first, std::span<std::uint32_t> out) {
  for (std::uint32_t i = 0; i < out.size(); ++i) {
    const std::uint32_t j = i == 0 ? 0 : digits.below(i + 1);
    out[i] = out[j];
    out[j] = first + i;
  }
}

/// The units that both of a pair rated, cluster by cluster, clusters with equally many units together.
struct Blocks {
  struct Size {
    std::uint32_t units = 0, clusters = 0;
    std::size_t first = 0;  ///< place of its first unit
  };
  std::vector<std::uint32_t> units;
  std::vector<Size> sizes;
  std::size_t clusters = 0, fixed = 0;
};

Blocks blocks_of(const Ratings& ratings, const std::vector<bool>& rated) {
  std::vector<std::vector<std::uint32_t>> by_cluster(ratings.cluster_count());
  for (std::size_t u = 0; u < ratings.units(); ++u)
    if (rated[u]) by_cluster[ratings.cluster_of(u)].push_back(static_cast<std::uint32_t>(u));
  std::map<std::size_t, std::vector<std::size_t>> by_size;
  for (std::size_t c = 0; c < by_cluster.size(); ++c)
    if (!by_cluster[c].empty()) by_size[by_cluster[c].size()].push_back(c);
  Blocks out;
  for (const auto& [size, clusters] : by_size) {
    out.sizes.push_back(
        {static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(clusters.size()), out.units.size()});
    out.clusters += clusters.size();
    out.fixed += clusters.size() == 1 ? 1 : 0;
    for (const std::size_t c : clusters) out.units.insert(out.units.end(), by_cluster[c].begin(), by_cluster[c].end());
  }
  return out;
}

/// For each place of a block the place whose label is dealt to it. Units may stand in an order that is the same in
/// every cluster (best first), which must not count as agreement: so they are shuffled within their cluster, too.
void deal(Random random, const Blocks& blocks, std::vector<std::uint32_t>& order, std::vector<std::uint32_t>& partner) {
  Digits digits(random);
  for (const Blocks::Size& size : blocks.sizes) {
    order.resize(size.clusters);
    shuffle(digits, 0, order);
    std::size_t place = size.first;
    for (const std::uint32_t c : order) {
      shuffle(digits, static_cast<std::uint32_t>(size.first + static_cast<std::size_t>(c) * size.units),
              std::span(partner).subspan(place, size.units));
      place += size.units;
    }
  }
}

/// How many of the codes are equal. Bytes are counted in bytes, a vector at a time.
template <class Code>
std::int64_t equal(const std::vector<Code>& a, const std::vector<Code>& b) {
  constexpr std::size_t kLanes = 32, kMost = 255;
  std::int64_t out = 0;
  std::size_t i = 0;
  while (i + kLanes <= a.size()) {
    std::array<Code, kLanes> lanes{};
    for (std::size_t step = 0; step < kMost && i + kLanes <= a.size(); ++step, i += kLanes)
      for (std::size_t l = 0; l < kLanes; ++l) lanes[l] = static_cast<Code>(lanes[l] + (a[i + l] == b[i + l]));
    for (const Code lane : lanes) out += static_cast<std::int64_t>(lane);
  }
  for (; i < a.size(); ++i) out += a[i] == b[i];
  return out;
}

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
  const Blocks blocks = blocks_of(ratings, rated);
  const std::size_t n = blocks.units.size();
  std::vector<std::vector<Code>> codes(ratings.raters);
  std::vector<bool> dealt(ratings.raters, false);
  for (const std::size_t m : members) {
    for (const std::size_t r : {pairs[m].first, pairs[m].second})
      if (codes[r].empty())
        for (const std::uint32_t u : blocks.units) codes[r].push_back(static_cast<Code>(ratings.code(u, r)));
    dealt[pairs[m].second] = true;
  }
  std::vector<std::int64_t> observed;
  for (const std::size_t m : members) {
    observed.push_back(equal(codes[pairs[m].first], codes[pairs[m].second]));
    out[m].n = n;
    out[m].clusters = blocks.clusters;
    out[m].fixed = blocks.fixed;
    if (n > 0) out[m].agreement = static_cast<double>(observed.back()) / static_cast<double>(n);
  }
  if (n == 0 || options.replicates == 0 || blocks.fixed == blocks.clusters) return;
  std::vector<std::vector<std::int64_t>> sums(members.size(), std::vector<std::int64_t>(permutations(options)));
  in_chunks(options, [&](std::size_t first, std::size_t last) {
    std::vector<std::uint32_t> order, partner(n);
    std::vector<std::vector<Code>> theirs(ratings.raters);
    for (std::size_t draw = first; draw < last; ++draw) {
      deal(Random(options.seed, "chance", draw), blocks, order, partner);
      for (std::size_t r = 0; r < ratings.raters; ++r) {
        if (!dealt[r]) continue;
        theirs[r].resize(n);
        for (std::size_t i = 0; i < n; ++i) theirs[r][i] = codes[r][partner[i]];
      }
      for (std::size_t m = 0; m < members.size(); ++m)
        sums[m][draw] = equal(codes[pairs[members[m]].first], theirs[pairs[members[m]].second]);
    }
  });
  for (std::size_t m = 0; m < members.size(); ++m) conclude(sums[m], observed[m], out[members[m]]);
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
