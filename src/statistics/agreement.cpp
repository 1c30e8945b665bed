#include "statistics/agreement.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace ballot {
namespace {

double square(double x) {
  return x * x;
}

/// Distance of categories k and l; `mid_ranks` only for the ordinal level, where it depends on how often each occurs:
/// the sum of the occurrences from k to l less half of both ends is the difference of their mid-ranks.
double distance(Level level, std::span<const double> values, std::span<const double> mid_ranks, std::size_t k,
                std::size_t l) {
  switch (level) {
    case Level::kNominal:
      return k == l ? 0 : 1;
    case Level::kOrdinal:
      return square(mid_ranks[k] - mid_ranks[l]);
    case Level::kInterval:
      return square(values[k] - values[l]);
    case Level::kRatio: {
      const double sum = values[k] + values[l];
      return sum == 0 ? 0 : square((values[k] - values[l]) / sum);
    }
  }
  return 0;
}

/// A category's mid-rank: how many values lie below it, and half of its own.
void mid_ranks_of(std::span<const double> occurrences, std::span<double> out) {
  double below = 0;
  for (std::size_t k = 0; k < occurrences.size(); ++k) {
    out[k] = below + occurrences[k] / 2;
    below += occurrences[k];
  }
}

/// Scratch of q or q*q numbers on the stack for usual scales, so that a replicate allocates nothing.
class Scratch {
 public:
  explicit Scratch(std::size_t n)
      : many_(n > kFew ? n : 0), span_(n > kFew ? std::span<double>(many_) : std::span<double>(few_, n)) {
    std::fill(span_.begin(), span_.end(), 0.0);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  std::span<double> span() { return span_; }
  double& operator[](std::size_t i) { return span_[i]; }

 private:
  static constexpr std::size_t kFew = 128;
  double few_[kFew];
  std::vector<double> many_;
  std::span<double> span_;
};

/// 1 - (n-1) sum o d / sum n_k n_l d.
Estimate alpha_of(std::span<const double> coincidences, std::span<const double> values, Level level) {
  const std::size_t q = values.size();
  Scratch occurrences(q), mid_ranks(q);
  double n = 0;
  for (std::size_t k = 0; k < q; ++k) {
    for (std::size_t l = 0; l < q; ++l) occurrences[k] += coincidences[k * q + l];
    n += occurrences[k];
  }
  if (n == 0) return Estimate::undefined(kNoPairs);
  mid_ranks_of(occurrences.span(), mid_ranks.span());
  double observed = 0, expected = 0;
  for (std::size_t k = 0; k < q; ++k)
    for (std::size_t l = k + 1; l < q; ++l) {
      if (occurrences[k] == 0 || occurrences[l] == 0) continue;
      const double d = distance(level, values, mid_ranks.span(), k, l);
      observed += (coincidences[k * q + l] + coincidences[l * q + k]) * d;
      expected += 2 * occurrences[k] * occurrences[l] * d;
    }
  if (expected == 0) return Estimate::undefined(kNoVariation);
  return Estimate::of(1 - (n - 1) * observed / expected);
}

struct UnitShares {
  double agreeing = 0;  // sum over units with m >= 2 of their share of agreeing pairs
  double judged = 0;    // units with m >= 2
  double rated = 0;     // units with m >= 1
};

/// p_a's parts, and into `shares` the sum over units of n_uk / m.
UnitShares unit_shares(const UnitCounts& counts, std::span<const double> weights, std::span<double> shares) {
  const std::size_t q = counts.values.size();
  UnitShares out;
  for (std::size_t i = 0; i < counts.sizes.size(); ++i) {
    const double m = counts.sizes[i];
    const double* meetings = counts.meetings.data() + i * q * q;
    double all = 0, agreeing = 0;
    for (std::size_t k = 0; k < q; ++k) {
      double row = 0;
      for (std::size_t l = 0; l < q; ++l) {
        row += meetings[k * q + l];
        if (!weights.empty()) agreeing += weights[k * q + l] * meetings[k * q + l];
      }
      if (weights.empty()) agreeing += meetings[k * q + k];
      shares[k] += row / (m * (m - 1));
      all += row;
    }
    out.judged += all / (m * (m - 1));
    out.agreeing += agreeing / (m * (m - 1));
  }
  out.rated = out.judged;
  for (std::size_t k = 0; k < q; ++k) {
    shares[k] += counts.singles[k];
    out.rated += counts.singles[k];
  }
  return out;
}

Estimate corrected(double observed, double expected) {
  if (expected >= 1) return Estimate::undefined(kNoVariation);
  return Estimate::of((observed - expected) / (1 - expected));
}

double sum_of(std::span<const double> weights, std::size_t q) {
  if (weights.empty()) return static_cast<double>(q);
  double sum = 0;
  for (const double w : weights) sum += w;
  return sum;
}

/// Runs `chance(shares)` after the parts common to the kappas.
template <class Chance>
Estimate kappa_of(const UnitCounts& counts, std::span<const double> weights, Chance chance) {
  const std::size_t q = counts.values.size();
  Scratch shares(q);
  const UnitShares units = unit_shares(counts, weights, shares.span());
  if (units.judged == 0) return Estimate::undefined(kNoPairs);
  if (q < 2) return Estimate::undefined(kNoVariation);
  for (std::size_t k = 0; k < q; ++k) shares[k] /= units.rated;
  return corrected(units.agreeing / units.judged, chance(shares.span()));
}

double weighted_square(std::span<const double> a, std::span<const double> b, std::span<const double> weights) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (weights.empty())
      sum += a[k] * b[k];
    else
      for (std::size_t l = 0; l < b.size(); ++l) sum += weights[k * b.size() + l] * a[k] * b[l];
  }
  return sum;
}

/// Pearson's r of two scores given to the rows and columns of a table. Centred first: scores may be large and close.
Estimate correlation(const PairTable& table, std::span<const double> rows, std::span<const double> columns,
                     std::span<const double> row_scores, std::span<const double> column_scores, double n) {
  const std::size_t q = table.categories();
  double mean_a = 0, mean_b = 0;
  for (std::size_t k = 0; k < q; ++k) {
    mean_a += rows[k] * row_scores[k];
    mean_b += columns[k] * column_scores[k];
  }
  mean_a /= n;
  mean_b /= n;
  double ab = 0, aa = 0, bb = 0;
  bool a_varies = false, b_varies = false;
  for (std::size_t k = 0; k < q; ++k) {
    aa += rows[k] * square(row_scores[k] - mean_a);
    bb += columns[k] * square(column_scores[k] - mean_b);
    a_varies |= rows[k] != 0 && rows[k] != n;
    b_varies |= columns[k] != 0 && columns[k] != n;
    for (std::size_t l = 0; l < q; ++l)
      ab += table.cells[k * q + l] * (row_scores[k] - mean_a) * (column_scores[l] - mean_b);
  }
  if (!a_varies || !b_varies || aa == 0 || bb == 0) return Estimate::undefined(kNoVariation);
  return Estimate::of(std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0));
}

struct Margins {
  explicit Margins(const PairTable& table) : rows(table.categories()), columns(table.categories()) {
    const std::size_t q = table.categories();
    for (std::size_t k = 0; k < q; ++k)
      for (std::size_t l = 0; l < q; ++l) {
        rows[k] += table.cells[k * q + l];
        columns[l] += table.cells[k * q + l];
      }
    for (std::size_t k = 0; k < q; ++k) {
      n += rows[k];
      equal += table.cells[k * q + k];
    }
  }
  Scratch rows, columns;
  double n = 0, equal = 0;
};

Estimate cohen_of(const PairTable& table, Margins& margins, Disagreement disagreement) {
  const std::size_t q = table.categories();
  double observed = 0, expected = 0;
  if (disagreement == Disagreement::kNominal) {
    for (std::size_t k = 0; k < q; ++k) expected += margins.rows[k] * margins.columns[k];
    observed = margins.n - margins.equal;
    expected = margins.n - expected / margins.n;
  } else {
    for (std::size_t k = 0; k < q; ++k)
      for (std::size_t l = 0; l < q; ++l) {
        const double steps = std::fabs(static_cast<double>(k) - static_cast<double>(l));
        const double v = disagreement == Disagreement::kLinear ? steps : steps * steps;
        observed += v * table.cells[k * q + l];
        expected += v * margins.rows[k] * margins.columns[l];
      }
    expected /= margins.n;
  }
  if (expected <= 0) return Estimate::undefined(kNoVariation);
  return Estimate::of(1 - observed / expected);
}

Estimate scott_of(Margins& margins, std::size_t q) {
  double expected = 0;
  for (std::size_t k = 0; k < q; ++k) expected += square((margins.rows[k] + margins.columns[k]) / (2 * margins.n));
  return corrected(margins.equal / margins.n, expected);
}

Estimate spearman_of(const PairTable& table, Margins& margins) {
  Scratch a(table.categories()), b(table.categories());
  mid_ranks_of(margins.rows.span(), a.span());
  mid_ranks_of(margins.columns.span(), b.span());
  return correlation(table, margins.rows.span(), margins.columns.span(), a.span(), b.span(), margins.n);
}

Estimate tau_b_of(const PairTable& table, Margins& margins) {
  const std::size_t q = table.categories();
  // Column sums of the rows below the current one, from the last row up: concordant cells lie below to the right.
  Scratch below(q);
  double difference = 0;
  for (std::size_t k = q; k-- > 0;) {
    const double* row = table.cells.data() + k * q;
    double left = 0, right = 0;
    for (std::size_t l = 0; l < q; ++l) right += below[l];
    for (std::size_t l = 0; l < q; ++l) {
      right -= below[l];
      difference += row[l] * (right - left);
      left += below[l];
    }
    for (std::size_t l = 0; l < q; ++l) below[l] += row[l];
  }
  const double pairs = margins.n * (margins.n - 1) / 2;
  double tied_a = 0, tied_b = 0;
  for (std::size_t k = 0; k < q; ++k) {
    tied_a += margins.rows[k] * (margins.rows[k] - 1) / 2;
    tied_b += margins.columns[k] * (margins.columns[k] - 1) / 2;
  }
  if (pairs - tied_a <= 0 || pairs - tied_b <= 0) return Estimate::undefined(kNoVariation);
  return Estimate::of(std::clamp(difference / std::sqrt((pairs - tied_a) * (pairs - tied_b)), -1.0, 1.0));
}

}  // namespace

std::vector<double> agreement_weights(Weighting weighting, std::span<const double> values) {
  const std::size_t q = values.size();
  std::vector<double> weights(q * q, 0.0);
  const double range =
      q == 0 ? 0 : *std::max_element(values.begin(), values.end()) - *std::min_element(values.begin(), values.end());
  const double choose_q = q * (q - 1.0) / 2;
  for (std::size_t k = 0; k < q; ++k)
    for (std::size_t l = 0; l < q; ++l) {
      const double steps = std::fabs(static_cast<double>(k) - static_cast<double>(l));
      double& w = weights[k * q + l];
      if (k == l)
        w = 1;
      else if (weighting == Weighting::kLinear)
        w = 1 - std::fabs(values[k] - values[l]) / range;
      else if (weighting == Weighting::kQuadratic)
        w = 1 - square((values[k] - values[l]) / range);
      else if (weighting == Weighting::kOrdinal)
        w = 1 - (steps + 1) * steps / 2 / choose_q;
    }
  return weights;
}

Estimate krippendorff_alpha(const UnitCounts& counts, Level level) {
  const std::size_t q = counts.values.size();
  Scratch coincidences(q * q);
  for (std::size_t i = 0; i < counts.sizes.size(); ++i)
    for (std::size_t cell = 0; cell < q * q; ++cell)
      coincidences[cell] += counts.meetings[i * q * q + cell] / (counts.sizes[i] - 1);
  return alpha_of(coincidences.span(), counts.values, level);
}

Estimate percent_agreement(const UnitCounts& counts, std::span<const double> weights) {
  Scratch shares(counts.values.size());
  const UnitShares units = unit_shares(counts, weights, shares.span());
  if (units.judged == 0) return Estimate::undefined(kNoPairs);
  return Estimate::of(units.agreeing / units.judged);
}

Estimate fleiss_kappa(const UnitCounts& counts, std::span<const double> weights) {
  return kappa_of(counts, weights, [&](std::span<const double> pi) { return weighted_square(pi, pi, weights); });
}

Estimate gwet_ac(const UnitCounts& counts, std::span<const double> weights) {
  const double q = static_cast<double>(counts.values.size());
  return kappa_of(counts, weights, [&](std::span<const double> pi) {
    double spread = 0;
    for (const double p : pi) spread += p * (1 - p);
    return sum_of(weights, counts.values.size()) / (q * (q - 1)) * spread;
  });
}

Estimate bennett_s(const UnitCounts& counts, std::span<const double> weights) {
  const double q = static_cast<double>(counts.values.size());
  return kappa_of(counts, weights,
                  [&](std::span<const double>) { return sum_of(weights, counts.values.size()) / (q * q); });
}

Estimate conger_kappa(const UnitCounts& counts, std::span<const double> margins, std::span<const double> weights) {
  const std::size_t q = counts.values.size();
  if (q == 0) return Estimate::undefined(kNoPairs);
  // Raters who said nothing have no shares. Mean over ordered pairs of different raters of sum w p_g p_h
  // = (|sum of p|^2 - sum of |p|^2) / (R (R - 1)).
  Scratch total(q), own(q);
  double raters = 0, same = 0;
  for (std::size_t r = 0; r < margins.size() / q; ++r) {
    double n = 0;
    for (std::size_t k = 0; k < q; ++k) n += margins[r * q + k];
    if (n == 0) continue;
    ++raters;
    for (std::size_t k = 0; k < q; ++k) {
      own[k] = margins[r * q + k] / n;
      total[k] += own[k];
    }
    same += weighted_square(own.span(), own.span(), weights);
  }
  if (raters < 2) return Estimate::undefined(kNoPairs);
  return kappa_of(counts, weights, [&](std::span<const double>) {
    return (weighted_square(total.span(), total.span(), weights) - same) / (raters * (raters - 1));
  });
}

double PairTable::total() const {
  double n = 0;
  for (const double cell : cells) n += cell;
  return n;
}

Estimate cohen_kappa(const PairTable& table, Disagreement disagreement) {
  Margins margins(table);
  return margins.n == 0 ? Estimate::undefined(kNoPairs) : cohen_of(table, margins, disagreement);
}

Estimate scott_pi(const PairTable& table) {
  Margins margins(table);
  return margins.n == 0 ? Estimate::undefined(kNoPairs) : scott_of(margins, table.categories());
}

Estimate percent_agreement(const PairTable& table) {
  Margins margins(table);
  return margins.n == 0 ? Estimate::undefined(kNoPairs) : Estimate::of(margins.equal / margins.n);
}

Estimate krippendorff_alpha(const PairTable& table, Level level) {
  const std::size_t q = table.categories();
  Scratch coincidences(q * q);
  for (std::size_t k = 0; k < q; ++k)
    for (std::size_t l = 0; l < q; ++l) coincidences[k * q + l] = table.cells[k * q + l] + table.cells[l * q + k];
  return alpha_of(coincidences.span(), table.values, level);
}

Estimate pearson(const PairTable& table) {
  Margins margins(table);
  if (margins.n == 0) return Estimate::undefined(kNoPairs);
  return correlation(table, margins.rows.span(), margins.columns.span(), table.values, table.values, margins.n);
}

Estimate spearman(const PairTable& table) {
  Margins margins(table);
  return margins.n == 0 ? Estimate::undefined(kNoPairs) : spearman_of(table, margins);
}

Estimate kendall_tau_b(const PairTable& table) {
  Margins margins(table);
  return margins.n == 0 ? Estimate::undefined(kNoPairs) : tau_b_of(table, margins);
}

PairStatistics pair_statistics(const PairTable& table, Level level) {
  Margins margins(table);
  if (margins.n == 0) {
    const Estimate none = Estimate::undefined(kNoPairs);
    return {none, none, none, none, none, none, none, none, none};
  }
  return {
      .krippendorff_alpha = krippendorff_alpha(table, level),
      .cohen_kappa = cohen_of(table, margins, Disagreement::kNominal),
      .cohen_kappa_linear = cohen_of(table, margins, Disagreement::kLinear),
      .cohen_kappa_quadratic = cohen_of(table, margins, Disagreement::kQuadratic),
      .fleiss_kappa = scott_of(margins, table.categories()),
      .pearson = correlation(table, margins.rows.span(), margins.columns.span(), table.values, table.values, margins.n),
      .spearman = spearman_of(table, margins),
      .kendall_tau_b = tau_b_of(table, margins),
      .percent_agreement = Estimate::of(margins.equal / margins.n)};
}

Weighting weighting_of(Level level) {
  switch (level) {
    case Level::kNominal:
      return Weighting::kIdentity;
    case Level::kOrdinal:
      return Weighting::kOrdinal;
    default:
      return Weighting::kQuadratic;
  }
}

OverallStatistics overall_statistics(const UnitCounts& counts, std::span<const double> margins, Level level) {
  OverallStatistics out{.krippendorff_alpha = krippendorff_alpha(counts, level),
                        .fleiss_kappa = fleiss_kappa(counts),
                        .percent_agreement = percent_agreement(counts),
                        .gwet_ac1 = gwet_ac(counts),
                        .gwet_ac2 = {},
                        .conger_kappa = conger_kappa(counts, margins),
                        .bennett_s = bennett_s(counts)};
  out.gwet_ac2 =
      level == Level::kNominal ? out.gwet_ac1 : gwet_ac(counts, agreement_weights(weighting_of(level), counts.values));
  return out;
}

AgreementCounts count_agreement(const Ratings& ratings) {
  const std::size_t q = ratings.categories(), R = ratings.raters;
  AgreementCounts out;
  out.values = ratings.values;
  out.singles.assign(q, 0);
  out.margins.assign(R * q, 0);
  out.pair_tables.assign(R * (R - (R > 0)) / 2, std::vector<double>(q * q, 0));
  std::map<int, std::vector<double>> meetings;
  std::vector<std::int32_t> codes;
  std::vector<double> counts(q);
  for (std::size_t u = 0; u < ratings.units(); ++u)
    for (int turned = 0; turned <= (ratings.both_orientations ? 1 : 0); ++turned) {
      codes.clear();
      std::fill(counts.begin(), counts.end(), 0.0);
      const auto turn = [&](std::int32_t code) { return turned ? static_cast<std::int32_t>(q) - 1 - code : code; };
      for (std::size_t r = 0, pair = 0; r < R; ++r) {
        const std::int32_t a = ratings.code(u, r);
        for (std::size_t s = r + 1; s < R; ++s, ++pair)
          if (const std::int32_t b = ratings.code(u, s); a >= 0 && b >= 0)
            out.pair_tables[pair][turn(a) * q + turn(b)] += 1;
        if (a < 0) continue;
        codes.push_back(turn(a));
        counts[turn(a)] += 1;
        out.margins[r * q + turn(a)] += 1;
      }
      const int m = static_cast<int>(codes.size());
      if (m == 1) out.singles[codes[0]] += 1;
      if (m < 2) continue;
      std::vector<double>& sums = meetings.try_emplace(m, q * q, 0.0).first->second;
      for (const std::int32_t k : codes)
        for (std::size_t l = 0; l < q; ++l) sums[k * q + l] += counts[l] - (static_cast<std::size_t>(k) == l ? 1 : 0);
    }
  for (const auto& [m, sums] : meetings) {
    out.sizes.push_back(m);
    out.meetings.insert(out.meetings.end(), sums.begin(), sums.end());
  }
  return out;
}

}  // namespace ballot
