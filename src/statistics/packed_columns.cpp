#include "statistics/packed_columns.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

namespace ballot {

struct PackedColumns::Rows {
  virtual ~Rows() = default;
  /// The sums of the kept columns, padded to whole vectors.
  virtual void sum(std::span<const std::uint32_t> index, std::span<double> out) const = 0;
};

namespace {

constexpr std::size_t kBytes = 32;  // of a vector
constexpr int kVectors = 4;         // in a strip: as many as stay in registers beside the loads

template <class T>
struct VectorOf {
  typedef T Type __attribute__((vector_size(kBytes)));
  static constexpr std::size_t kLanes = kBytes / sizeof(T);
};

template <class T, int N>
[[gnu::always_inline]] inline void add_rows(const typename VectorOf<T>::Type* rows, const std::uint32_t* index,
                                            std::size_t n, typename VectorOf<T>::Type* out) {
  typename VectorOf<T>::Type sums[N] = {};
  for (std::size_t i = 0; i < n; ++i) {
    const auto* row = rows + static_cast<std::size_t>(index[i]) * N;
#pragma GCC unroll 4
    for (int v = 0; v < N; ++v) sums[v] += row[v];
  }
#pragma GCC unroll 4
  for (int v = 0; v < N; ++v) out[v] = sums[v];
}

template <class T, int N>
void add_rows_plain(const typename VectorOf<T>::Type* rows, const std::uint32_t* index, std::size_t n,
                    typename VectorOf<T>::Type* out) {
  add_rows<T, N>(rows, index, n, out);
}
#if defined(__x86_64__)
template <class T, int N>
__attribute__((target("avx2"))) void add_rows_avx2(const typename VectorOf<T>::Type* rows, const std::uint32_t* index,
                                                   std::size_t n, typename VectorOf<T>::Type* out) {
  add_rows<T, N>(rows, index, n, out);
}
#endif

template <class T>
using AddRows = void (*)(const typename VectorOf<T>::Type*, const std::uint32_t*, std::size_t,
                         typename VectorOf<T>::Type*);

template <class T>
AddRows<T> add_rows_of(int vectors) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    constexpr AddRows<T> kFast[] = {add_rows_avx2<T, 1>, add_rows_avx2<T, 2>, add_rows_avx2<T, 3>, add_rows_avx2<T, 4>};
    return kFast[vectors - 1];
  }
#endif
  constexpr AddRows<T> kPlain[] = {add_rows_plain<T, 1>, add_rows_plain<T, 2>, add_rows_plain<T, 3>,
                                   add_rows_plain<T, 4>};
  return kPlain[vectors - 1];
}

template <class T>
class TypedRows : public PackedColumns::Rows {
 public:
  using Vector = typename VectorOf<T>::Type;
  static constexpr std::size_t kLanes = VectorOf<T>::kLanes;

  /// `largest`: of the absolute values; what a sum of a block of rows must not carry over the type's end.
  TypedRows(const ClusterSums& sums, const std::vector<std::size_t>& columns, double largest) {
    if constexpr (std::is_integral_v<T>)
      block_ = static_cast<std::size_t>(static_cast<double>(std::numeric_limits<T>::max()) / std::max(largest, 1.0));
    for (std::size_t begin = 0; begin < columns.size(); begin += kLanes * kVectors) {
      const std::size_t width = std::min(columns.size() - begin, kLanes * kVectors);
      Strip strip;
      strip.vectors = static_cast<int>((width + kLanes - 1) / kLanes);
      strip.rows.resize(sums.clusters() * static_cast<std::size_t>(strip.vectors));
      strip.add = add_rows_of<T>(strip.vectors);
      T* cells = reinterpret_cast<T*>(strip.rows.data());
      const std::size_t stride = static_cast<std::size_t>(strip.vectors) * kLanes;
      for (std::size_t c = 0; c < sums.clusters(); ++c)
        for (std::size_t i = 0; i < stride; ++i)
          cells[c * stride + i] = i < width ? static_cast<T>(sums.row(c)[columns[begin + i]]) : T(0);
      strips_.push_back(std::move(strip));
    }
  }

  void sum(std::span<const std::uint32_t> index, std::span<double> out) const override {
    std::size_t place = 0;
    for (const Strip& strip : strips_) {
      Vector sums[kVectors];
      const T* lanes = reinterpret_cast<const T*>(sums);
      const std::size_t width = static_cast<std::size_t>(strip.vectors) * kLanes;
      std::fill_n(out.begin() + place, width, 0.0);
      for (std::size_t begin = 0; begin < index.size(); begin += block_) {
        strip.add(strip.rows.data(), index.data() + begin, std::min(block_, index.size() - begin), sums);
        for (std::size_t i = 0; i < width; ++i) out[place + i] += static_cast<double>(lanes[i]);
      }
      place += width;
    }
  }

 private:
  struct Strip {
    int vectors = 0;
    std::vector<Vector> rows;
    AddRows<T> add = nullptr;
  };
  std::vector<Strip> strips_;
  std::size_t block_ = std::size_t{1} << 30;
};

}  // namespace

PackedColumns::PackedColumns(const ClusterSums& sums) : place_(sums.columns(), -1) {
  std::vector<std::size_t> kept;
  std::unordered_multimap<std::uint64_t, std::size_t> seen;  // by a hash of the column: its place among the kept
  bool whole = true;
  double largest = 0;
  for (std::size_t column = 0; column < sums.columns(); ++column) {
    std::uint64_t hash = 1469598103934665603ull;
    bool zero = true;
    for (std::size_t c = 0; c < sums.clusters(); ++c) {
      const double x = sums.row(c)[column];
      std::uint64_t bits = 0;
      std::memcpy(&bits, &x, sizeof bits);
      hash = (hash ^ bits) * 1099511628211ull;
      hash ^= hash >> 29;
      zero &= x == 0;
      whole &= x == std::floor(x);
      largest = std::max(largest, std::fabs(x));
    }
    if (zero) continue;
    const auto [begin, end] = seen.equal_range(hash);
    for (auto it = begin; it != end && place_[column] < 0; ++it) {
      bool equal = true;
      for (std::size_t c = 0; c < sums.clusters() && equal; ++c)
        equal = sums.row(c)[column] == sums.row(c)[kept[it->second]];
      if (equal) place_[column] = static_cast<std::int32_t>(it->second);
    }
    if (place_[column] >= 0) continue;
    place_[column] = static_cast<std::int32_t>(kept.size());
    seen.emplace(hash, kept.size());
    kept.push_back(column);
  }
  // Widening costs about as much as ten rows, so a block should be much longer.
  if (whole && largest <= 256)
    rows_ = std::make_unique<TypedRows<std::int16_t>>(sums, kept, largest);
  else if (whole && largest <= (1 << 24))
    rows_ = std::make_unique<TypedRows<std::int32_t>>(sums, kept, largest);
  else
    rows_ = std::make_unique<TypedRows<double>>(sums, kept, largest);
  kept_ = kept.size();
}

PackedColumns::~PackedColumns() = default;

void PackedColumns::sum(std::span<const std::uint32_t> index, std::span<double> out) const {
  thread_local std::vector<double> sums;
  sums.resize(kept_ + 2 * kVectors * kBytes);  // room for the padding of every last strip
  rows_->sum(index, sums);
  for (std::size_t c = 0; c < place_.size(); ++c)
    out[c] = place_[c] < 0 ? 0 : sums[static_cast<std::size_t>(place_[c])];
}

std::span<const std::uint32_t> random_half(Random& random, std::span<std::uint32_t> room) {
  std::size_t kept = 0;
  std::uint64_t bits = 0;
  for (std::size_t c = 0; c < room.size(); ++c) {
    if (c % 64 == 0) bits = random.next();
    room[kept] = static_cast<std::uint32_t>(c);
    kept += bits & 1;
    bits >>= 1;
  }
  return room.first(kept);
}

}  // namespace ballot
