#include "statistics/dealing.h"

#include <algorithm>
#include <array>
#include <map>
#include <type_traits>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ballot {
namespace {

constexpr std::size_t kVector = 16;  // labels of a cluster that a byte shuffle takes at once

/// Many small draws from few words: a word is a fraction, and each draw takes its leading digit.
class Digits {
 public:
  explicit Digits(Random& random) : random_(&random) {}
  /// In [0, n). A word is left when its draws could have come out in 2^32 ways, so that no outcome is likelier than
  /// another by more than 2^-32 of its probability.
  std::uint32_t below(std::uint32_t n) {
    if (!has(n)) {
      if (next_ == words_.size()) {  // many at once: the processor works on several
        for (std::uint64_t& word : words_) word = random_->next();
        next_ = 0;
      }
      word_ = words_[next_++];
      ways_ = 1;
    }
    return take(n);
  }
  /// True where so many ways are left in the word: then the digits of several draws are one digit of their product.
  bool has(std::uint32_t n) const { return ways_ * n <= kWays; }
  std::uint32_t take(std::uint32_t n) {
    ways_ *= n;
    const unsigned __int128 product = static_cast<unsigned __int128>(word_) * n;
    word_ = static_cast<std::uint64_t>(product);
    return static_cast<std::uint32_t>(product >> 64);
  }

 private:
  static constexpr std::uint64_t kWays = std::uint64_t{1} << 32;
  Random* random_;
  std::uint64_t word_ = 0, ways_ = kWays;
  std::array<std::uint64_t, 64> words_{};
  std::size_t next_ = 64;
};

/// first .. first + out.size() - 1 in a random order (Fisher-Yates, filling as it goes).
void shuffle(Digits& digits, std::uint32_t first, std::span<std::uint32_t> out) {
  for (std::uint32_t i = 0; i < out.size(); ++i) {
    const std::uint32_t j = i == 0 ? 0 : digits.below(i + 1);
    out[i] = out[j];
    out[j] = first + i;
  }
}

/// How many of the codes are equal. Bytes are counted in bytes, a vector at a time.
template <class Code>
std::int64_t equal_codes(std::span<const Code> a, std::span<const Code> b) {
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

#if defined(__x86_64__)
using Mask = std::array<std::uint8_t, kVector>;

/// Steps `from` .. `last` of a shuffle in place (step i swaps place i with one of 0 .. i), by the number that their
/// draws make, the first draw being the leading digit.
struct Steps {
  std::uint32_t from = 0, last = 0, ways = 1;
  std::vector<Mask> shuffles;  // place -> the place whose byte comes there

  Steps(std::uint32_t first_step, std::uint32_t last_step) : from(first_step), last(last_step) {
    for (std::uint32_t i = from; i <= last; ++i) ways *= i + 1;
    for (std::uint32_t number = 0; number < ways; ++number) {
      Mask places;
      for (std::size_t p = 0; p < kVector; ++p) places[p] = static_cast<std::uint8_t>(p);
      std::uint32_t rest = number, unit = ways;
      for (std::uint32_t i = from; i <= last; ++i) {
        unit /= i + 1;
        std::swap(places[i], places[rest / unit]);
        rest %= unit;
      }
      shuffles.push_back(places);
    }
  }
};

/// The steps that shuffle so many units: a few at a time, with tables that stay in the cache.
struct Shuffle {
  std::vector<const Steps*> runs;
};

class Tables {
 public:
  Tables() {
    for (std::uint32_t i = 1; i < kVector; ++i) single_.emplace_back(i, i);
    runs_.reserve(64);
    for (std::uint32_t units = 0; units <= kVector; ++units)
      for (std::uint32_t from = 1; from < units;) {
        const std::uint32_t last = std::min(units - 1, from == 1 ? 5 : from + 1);
        shuffles_[units].runs.push_back(run(from, last));
        from = last + 1;
      }
  }
  const Steps& single(std::uint32_t step) const { return single_[step - 1]; }
  const Shuffle& of(std::size_t units) const { return shuffles_[units]; }

 private:
  const Steps* run(std::uint32_t from, std::uint32_t last) {
    for (const Steps& known : runs_)
      if (known.from == from && known.last == last) return &known;
    return &runs_.emplace_back(from, last);
  }
  std::vector<Steps> single_, runs_;  // runs_ never grows beyond what was reserved: pointers to it stay
  std::array<Shuffle, kVector + 1> shuffles_;
};

const Tables& tables() {
  static const Tables all;
  return all;
}

/// One size of clusters whose order is drawn, by tables.
__attribute__((target("avx2,popcnt"))) void deal_size(Digits& digits_given, const Blocks::Size& size,
                                                      std::span<const std::uint32_t> order,
                                                      const std::vector<std::vector<std::uint8_t>>& codes,
                                                      std::span<const std::pair<std::size_t, std::size_t>> pairs,
                                                      std::span<std::int64_t> sums) {
  Digits digits = digits_given;
  const Tables& all = tables();
  const Shuffle& shuffle = all.of(size.units);
  const auto vector = [](const std::uint8_t* bytes) __attribute__((target("avx2"))) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
  };
  const __m128i identity = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const unsigned inside = size.units == kVector ? 0xFFFFu : (1u << size.units) - 1;
  std::size_t place = size.first;
  for (const std::uint32_t c : order) {
    __m128i places = identity;
    for (const Steps* run : shuffle.runs) {
      if (digits.has(run->ways)) {
        places = _mm_shuffle_epi8(places, vector(run->shuffles[digits.take(run->ways)].data()));
      } else {
        for (std::uint32_t i = run->from; i <= run->last; ++i)
          places = _mm_shuffle_epi8(places, vector(all.single(i).shuffles[digits.below(i + 1)].data()));
      }
    }
    const std::size_t from = size.first + static_cast<std::size_t>(c) * size.units;
    for (std::size_t p = 0; p < pairs.size(); ++p) {
      const __m128i dealt = _mm_shuffle_epi8(vector(codes[pairs[p].second].data() + from), places);
      const __m128i same = _mm_cmpeq_epi8(dealt, vector(codes[pairs[p].first].data() + place));
      sums[p] += __builtin_popcount(static_cast<unsigned>(_mm_movemask_epi8(same)) & inside);
    }
    place += size.units;
  }
  digits_given = digits;
}
#endif

bool has_tables() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
#else
  return false;
#endif
}

}  // namespace

Blocks blocks_of(const Ratings& ratings, const std::vector<bool>& counts) {
  std::vector<std::vector<std::uint32_t>> by_cluster(ratings.cluster_count());
  for (std::size_t u = 0; u < ratings.units(); ++u)
    if (counts[u]) by_cluster[ratings.cluster_of(u)].push_back(static_cast<std::uint32_t>(u));
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

template <class Code>
Dealing<Code>::Dealing(const Ratings& ratings, Blocks blocks, std::vector<RaterPair> pairs, bool by_step)
    : blocks_(std::move(blocks)), pairs_(std::move(pairs)), codes_(ratings.raters) {
  for (const auto& [own, dealt] : pairs_) {
    for (const std::size_t r : {own, dealt}) {
      if (!codes_[r].empty()) continue;
      codes_[r].reserve(blocks_.units.size() + kVector);
      for (const std::uint32_t u : blocks_.units) codes_[r].push_back(static_cast<Code>(ratings.code(u, r)));
      codes_[r].resize(blocks_.units.size() + kVector);  // a whole vector may be read at the last label
    }
    if (std::find(dealt_.begin(), dealt_.end(), dealt) == dealt_.end()) dealt_.push_back(dealt);
  }
  by_table_ = std::is_same_v<Code, std::uint8_t> && !by_step && has_tables();
}

template <class Code>
std::int64_t Dealing<Code>::observed(std::size_t pair) const {
  const std::size_t n = blocks_.units.size();
  return equal_codes<Code>(std::span(codes_[pairs_[pair].first]).first(n),
                           std::span(codes_[pairs_[pair].second]).first(n));
}

template <class Code>
void Dealing<Code>::deal(Random random, Room& room, std::span<std::int64_t> sums) const {
  std::fill(sums.begin(), sums.end(), 0);
  Digits digits(random);
  for (const Blocks::Size& size : blocks_.sizes) {
    room.order.resize(size.clusters);
    shuffle(digits, 0, room.order);
#if defined(__x86_64__)
    if constexpr (std::is_same_v<Code, std::uint8_t>)
      if (by_table_ && size.units <= kVector) {
        deal_size(digits, size, room.order, codes_, pairs_, sums);
        continue;
      }
#endif
    // For each place of the block the place whose label is dealt to it. Units may stand in an order that is the same in
    // every cluster (best first), which must not count as agreement: so they are shuffled within their cluster, too.
    const std::size_t n = static_cast<std::size_t>(size.units) * size.clusters;
    room.partner.resize(n);
    std::size_t place = 0;
    for (const std::uint32_t c : room.order) {
      shuffle(digits, static_cast<std::uint32_t>(size.first + static_cast<std::size_t>(c) * size.units),
              std::span(room.partner).subspan(place, size.units));
      place += size.units;
    }
    room.theirs.resize(codes_.size());
    for (const std::size_t r : dealt_) {
      room.theirs[r].resize(n);
      for (std::size_t i = 0; i < n; ++i) room.theirs[r][i] = codes_[r][room.partner[i]];
    }
    for (std::size_t p = 0; p < pairs_.size(); ++p)
      sums[p] +=
          equal_codes<Code>(std::span(codes_[pairs_[p].first]).subspan(size.first, n), room.theirs[pairs_[p].second]);
  }
}

template class Dealing<std::uint8_t>;
template class Dealing<std::uint32_t>;

}  // namespace ballot
