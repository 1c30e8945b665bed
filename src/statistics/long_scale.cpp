#include "statistics/long_scale.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace ballot {
namespace {

constexpr std::size_t kRatioLimit = 4000;  // the ratio metric needs every pair of values

double square(double x) {
  return x * x;
}

double ratio_distance(double a, double b) {
  return a + b == 0 ? 0 : square((a - b) / (a + b));
}

std::vector<double> mid_ranks_of(std::span<const double> occurrences) {
  std::vector<double> ranks(occurrences.size());
  double below = 0;
  for (std::size_t k = 0; k < ranks.size(); ++k) {
    ranks[k] = below + occurrences[k] / 2;
    below += occurrences[k];
  }
  return ranks;
}

/// sum over ordered pairs n_k n_l d_kl, by moments where the distance allows.
double expected_distance(Level level, std::span<const double> occurrences, std::span<const double> positions) {
  double n = 0, sum = 0, squares = 0;
  for (std::size_t k = 0; k < occurrences.size(); ++k) n += occurrences[k];
  if (level == Level::kNominal) {
    for (const double x : occurrences) squares += x * x;
    return n * n - squares;
  }
  if (level == Level::kRatio) {
    for (std::size_t k = 0; k < occurrences.size(); ++k)
      for (std::size_t l = 0; l < k; ++l)
        sum += 2 * occurrences[k] * occurrences[l] * ratio_distance(positions[k], positions[l]);
    return sum;
  }
  double mean = 0;
  for (std::size_t k = 0; k < occurrences.size(); ++k) mean += occurrences[k] * positions[k] / n;
  for (std::size_t k = 0; k < occurrences.size(); ++k) squares += occurrences[k] * square(positions[k] - mean);
  return 2 * n * squares;
}

double one_distance(Level level, bool equal, double a, double b) {
  if (equal) return 0;
  if (level == Level::kNominal) return 1;
  return level == Level::kRatio ? ratio_distance(a, b) : square(a - b);
}

std::size_t occurring(std::span<const double> occurrences) {
  return static_cast<std::size_t>(
      std::count_if(occurrences.begin(), occurrences.end(), [](double x) { return x != 0; }));
}

Estimate corrected(double observed, double expected) {
  return expected >= 1 ? Estimate::undefined(kNoVariation) : Estimate::of((observed - expected) / (1 - expected));
}

/// Prefix sums that can be added to: Fenwick 1994.
class PrefixSums {
 public:
  explicit PrefixSums(std::size_t n) : tree_(n + 1, 0) {}
  void add(std::size_t i, double x) {
    for (++i; i < tree_.size(); i += i & (~i + 1)) tree_[i] += x;
  }
  double below(std::size_t i) const {  // sum of [0, i)
    double sum = 0;
    for (; i > 0; i -= i & (~i + 1)) sum += tree_[i];
    return sum;
  }

 private:
  std::vector<double> tree_;
};

}  // namespace

LongScale::LongScale(const Ratings& ratings, Level level, bool pairs) : ratings_(ratings), level_(level) {
  if (level == Level::kRatio && ratings.categories() > kRatioLimit)
    throw Error(ErrorKind::kUsage,
                fmt::format("the ratio level compares every two of the {} distinct values, which is too many",
                            ratings.categories()),
                "use --level interval, or round the values");
  if (ratings.both_orientations)
    throw wrong_usage("a scale of {} values cannot be counted in both orientations", ratings.categories());
  if (!pairs) return;
  for (std::size_t r = 0; r < ratings.raters; ++r)
    for (std::size_t s = r + 1; s < ratings.raters; ++s) {
      Pair pair;
      for (std::size_t u = 0; u < ratings.units(); ++u) {
        const std::int32_t a = ratings.code(u, r), b = ratings.code(u, s);
        if (a < 0 || b < 0) continue;
        pair.entries.push_back({static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b),
                                static_cast<std::uint32_t>(ratings.cluster_of(u))});
        pair.codes.push_back(a);
        pair.codes.push_back(b);
      }
      std::sort(pair.codes.begin(), pair.codes.end());
      pair.codes.erase(std::unique(pair.codes.begin(), pair.codes.end()), pair.codes.end());
      const auto place = [&](std::uint32_t code) {
        return static_cast<std::uint32_t>(
            std::lower_bound(pair.codes.begin(), pair.codes.end(), static_cast<std::int32_t>(code)) -
            pair.codes.begin());
      };
      for (Entry& e : pair.entries) {
        e.a = place(e.a);
        e.b = place(e.b);
      }
      std::sort(pair.entries.begin(), pair.entries.end(), [](const Entry& x, const Entry& y) {
        return x.a != y.a ? x.a < y.a : x.b != y.b ? x.b < y.b : x.cluster < y.cluster;
      });
      pairs_.push_back(std::move(pair));
    }
}

OverallStatistics LongScale::overall(std::span<const std::uint32_t> times) const {
  const std::size_t q = ratings_.categories(), R = ratings_.raters;
  std::vector<double> occurrences(q, 0), shares(q, 0), margins(R * q, 0);
  double judged = 0, rated = 0, agreeing = 0, values = 0;
  const auto each_unit = [&](auto body) {
    std::vector<std::int32_t> codes;
    for (std::size_t u = 0; u < ratings_.units(); ++u) {
      const double w = times[ratings_.cluster_of(u)];
      if (w == 0) continue;
      codes.clear();
      for (std::size_t r = 0; r < R; ++r)
        if (const std::int32_t k = ratings_.code(u, r); k >= 0) codes.push_back(k);
      if (!codes.empty()) body(u, w, codes);
    }
  };
  each_unit([&](std::size_t u, double w, const std::vector<std::int32_t>& codes) {
    const double m = static_cast<double>(codes.size());
    rated += w;
    for (const std::int32_t k : codes) shares[k] += w / m;
    for (std::size_t r = 0; r < R; ++r)
      if (const std::int32_t k = ratings_.code(u, r); k >= 0) margins[r * q + k] += w;
    if (codes.size() < 2) return;
    double equal = 0;
    for (std::size_t i = 0; i < codes.size(); ++i)
      for (std::size_t j = 0; j < codes.size(); ++j) equal += i != j && codes[i] == codes[j];
    judged += w;
    agreeing += w * equal / (m * (m - 1));
    values += w * m;
    for (const std::int32_t k : codes) occurrences[k] += w;
  });
  const std::vector<double> ranks = mid_ranks_of(occurrences);
  const std::span<const double> positions =
      level_ == Level::kOrdinal ? std::span<const double>(ranks) : ratings_.values;
  double observed = 0, close = 0;
  const double range = q < 2 ? 0 : ratings_.values.back() - ratings_.values.front();
  const double choose_q = q * (q - 1.0) / 2;
  const auto weight = [&](std::int32_t k, std::int32_t l) {
    if (k == l) return 1.0;
    if (level_ == Level::kNominal) return 0.0;
    if (level_ != Level::kOrdinal) return 1 - square((ratings_.values[k] - ratings_.values[l]) / range);
    const double steps = std::abs(k - l);
    return 1 - (steps + 1) * steps / 2 / choose_q;
  };
  each_unit([&](std::size_t, double w, const std::vector<std::int32_t>& codes) {
    const double m = static_cast<double>(codes.size());
    if (codes.size() < 2) return;
    for (std::size_t i = 0; i < codes.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) {
        const std::int32_t k = codes[i], l = codes[j];
        observed += 2 * w * one_distance(level_, k == l, positions[k], positions[l]) / (m - 1);
        close += 2 * w * weight(k, l) / (m * (m - 1));
      }
  });
  OverallStatistics out;
  const Estimate none = Estimate::undefined(kNoPairs);
  if (judged == 0) return {none, none, none, none, none, none, none};
  const double expected = expected_distance(level_, occurrences, positions);
  out.krippendorff_alpha = expected == 0 || occurring(occurrences) < 2
                               ? Estimate::undefined(kNoVariation)
                               : Estimate::of(1 - (values - 1) * observed / expected);
  const double p_a = agreeing / judged;
  out.percent_agreement = Estimate::of(p_a);
  const Estimate flat = Estimate::undefined(kNoVariation);
  if (q < 2) {
    out.fleiss_kappa = out.gwet_ac1 = out.gwet_ac2 = out.conger_kappa = out.bennett_s = flat;
    return out;
  }
  double same = 0, spread = 0;
  for (double& p : shares) {
    p /= rated;
    same += p * p;
    spread += p * (1 - p);
  }
  out.fleiss_kappa = occurring(shares) < 2 ? flat : corrected(p_a, same);
  const double n_q = static_cast<double>(q);
  out.gwet_ac1 = corrected(p_a, spread / (n_q - 1));
  out.bennett_s = corrected(p_a, 1 / n_q);
  // The sum of all weights, for AC2: pairs of categories at each number of steps, or moments of the values.
  double all_weights = n_q * n_q;
  if (level_ == Level::kNominal)
    all_weights = n_q;
  else if (level_ == Level::kOrdinal)
    for (double steps = 1; steps < n_q; ++steps) all_weights -= 2 * (n_q - steps) * (steps + 1) * steps / 2 / choose_q;
  else
    all_weights -= expected_distance(Level::kInterval, std::vector<double>(q, 1.0), ratings_.values) / square(range);
  out.gwet_ac2 = corrected(close / judged, all_weights / (n_q * (n_q - 1)) * spread);
  double raters = 0, own = 0, joint = 0;
  std::vector<double> total(q, 0);
  for (std::size_t r = 0; r < R; ++r) {
    double n = 0;
    for (std::size_t k = 0; k < q; ++k) n += margins[r * q + k];
    if (n == 0) continue;
    ++raters;
    for (std::size_t k = 0; k < q; ++k) {
      const double p = margins[r * q + k] / n;
      total[k] += p;
      own += p * p;
    }
  }
  for (const double t : total) joint += t * t;
  out.conger_kappa = raters < 2             ? none
                     : occurring(total) < 2 ? flat
                                            : corrected(p_a, (joint - own) / (raters * (raters - 1)));
  return out;
}

PairStatistics LongScale::pair(std::size_t index, std::span<const std::uint32_t> times) const {
  const Pair& pair = pairs_[index];
  const std::size_t q = pair.codes.size();
  std::vector<double> rows(q, 0), columns(q, 0), both(q, 0), values(q);
  for (std::size_t k = 0; k < q; ++k) values[k] = ratings_.values[static_cast<std::size_t>(pair.codes[k])];
  double n = 0, equal = 0, linear = 0, quadratic = 0, discordant = 0, tied_both = 0;
  PrefixSums seen(q);
  double seen_all = 0;
  for (std::size_t begin = 0, end; begin < pair.entries.size(); begin = end) {
    // Discordant with this row of equal a: what came before (smaller a) with a larger b.
    for (end = begin; end < pair.entries.size() && pair.entries[end].a == pair.entries[begin].a;) {
      const std::size_t first = end;
      double cell = 0;
      for (; end < pair.entries.size() && pair.entries[end].a == pair.entries[first].a &&
             pair.entries[end].b == pair.entries[first].b;
           ++end)
        cell += times[pair.entries[end].cluster];
      if (cell == 0) continue;
      const std::uint32_t a = pair.entries[first].a, b = pair.entries[first].b;
      discordant += cell * (seen_all - seen.below(b + 1));
      tied_both += cell * (cell - 1) / 2;
      rows[a] += cell;
      columns[b] += cell;
      n += cell;
      const double steps = std::abs(pair.codes[a] - pair.codes[b]);
      linear += cell * steps;
      quadratic += cell * steps * steps;
      if (a == b) equal += cell;
    }
    for (std::size_t i = begin; i < end; ++i)
      if (const double w = times[pair.entries[i].cluster]; w != 0) {
        seen.add(pair.entries[i].b, w);
        seen_all += w;
      }
  }
  const Estimate none = Estimate::undefined(kNoPairs), flat = Estimate::undefined(kNoVariation);
  if (n == 0) return {none, none, none, none, none, none, none, none, none};
  PairStatistics out;
  out.percent_agreement = Estimate::of(equal / n);
  for (std::size_t k = 0; k < q; ++k) both[k] = rows[k] + columns[k];
  // Chance: of equality, of the linear and of the quadratic disagreement.
  double product = 0, pooled = 0, linear_chance = 0, quadratic_chance = 0;
  double below_a = 0, below_b = 0, moment_a = 0, moment_b = 0, square_a = 0, square_b = 0;
  for (std::size_t k = 0; k < q; ++k) {
    product += rows[k] * columns[k];
    pooled += square(both[k] / (2 * n));
    const double place = pair.codes[k];
    moment_a += rows[k] * place;
    moment_b += columns[k] * place;
    square_a += rows[k] * place * place;
    square_b += columns[k] * place * place;
    below_a += rows[k];
    below_b += columns[k];
    // |k - l| is the number of gaps between: each gap parts those below from those above.
    if (k + 1 < q)
      linear_chance += (pair.codes[k + 1] - pair.codes[k]) * (below_a * (n - below_b) + (n - below_a) * below_b);
  }
  quadratic_chance = square_a * n + square_b * n - 2 * moment_a * moment_b;
  const auto kappa = [&](double observed, double chance) {
    return chance <= 0 ? flat : Estimate::of(1 - observed / (chance / n));
  };
  out.cohen_kappa = kappa(n - equal, n * n - product);
  out.cohen_kappa_linear = kappa(linear, linear_chance);
  out.cohen_kappa_quadratic = kappa(quadratic, quadratic_chance);
  out.fleiss_kappa = occurring(both) < 2 ? flat : corrected(equal / n, pooled);
  const std::vector<double> both_ranks = mid_ranks_of(both), ranks_a = mid_ranks_of(rows),
                            ranks_b = mid_ranks_of(columns);
  const std::span<const double> positions = level_ == Level::kOrdinal ? std::span<const double>(both_ranks) : values;
  double observed = 0;
  for (const Entry& e : pair.entries)
    observed += 2.0 * times[e.cluster] * one_distance(level_, e.a == e.b, positions[e.a], positions[e.b]);
  const double expected = expected_distance(level_, both, positions);
  out.krippendorff_alpha =
      occurring(both) < 2 || expected == 0 ? flat : Estimate::of(1 - (2 * n - 1) * observed / expected);
  const bool varies = occurring(rows) > 1 && occurring(columns) > 1;
  const auto correlation = [&](std::span<const double> x, std::span<const double> y) {
    if (!varies) return flat;
    double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
    for (std::size_t k = 0; k < q; ++k) {
      mean_x += rows[k] * x[k] / n;
      mean_y += columns[k] * y[k] / n;
    }
    for (std::size_t k = 0; k < q; ++k) {
      xx += rows[k] * square(x[k] - mean_x);
      yy += columns[k] * square(y[k] - mean_y);
    }
    for (const Entry& e : pair.entries) xy += times[e.cluster] * (x[e.a] - mean_x) * (y[e.b] - mean_y);
    return xx == 0 || yy == 0 ? flat : Estimate::of(std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0));
  };
  out.pearson = correlation(values, values);
  out.spearman = correlation(ranks_a, ranks_b);
  const double pairs = n * (n - 1) / 2;
  double tied_a = 0, tied_b = 0;
  for (std::size_t k = 0; k < q; ++k) {
    tied_a += rows[k] * (rows[k] - 1) / 2;
    tied_b += columns[k] * (columns[k] - 1) / 2;
  }
  const double difference = pairs - tied_a - tied_b + tied_both - 2 * discordant;
  out.kendall_tau_b =
      !varies ? flat : Estimate::of(std::clamp(difference / std::sqrt((pairs - tied_a) * (pairs - tied_b)), -1.0, 1.0));
  return out;
}

}  // namespace ballot
