#include "statistics/latent_utility.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "core/parallel.h"

namespace ballot {
namespace {

constexpr double kThresholdDeviation = 5, kDiscriminationDeviation = 1;
constexpr int kFar = -1, kZero = -2;

/// A border between two ordered outcomes: sign x a threshold, 0, or infinity.
struct Border {
  int threshold = kFar;  // index, kFar or kZero
  double sign = 1;
};

/// An ordered outcome of x = u_i - u_j (or u_i): between two borders.
struct Ordered {
  std::uint32_t group = 0, i = 0, j = 0;
  bool pair = false;
  Border low, high;
  double weight = 1;
};

struct Ranked {
  std::uint32_t group = 0;
  std::vector<std::uint32_t> items;
  double weight = 1;
};

double logistic(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

double border_value(const Border& border, const std::vector<double>& thresholds) {
  if (border.threshold == kFar) return border.sign * std::numeric_limits<double>::infinity();
  return border.threshold == kZero ? 0 : border.sign * thresholds[static_cast<std::size_t>(border.threshold)];
}

/// log P of lying between two borders, with derivatives in z1 = high - eta and z0 = low - eta.
struct Between {
  double log_p = 0, d1 = 0, d0 = 0, d11 = 0, d00 = 0, d10 = 0;
};

Between between(double low, double high, double eta) {
  const double z1 = high - eta, z0 = low - eta;
  const double F1 = logistic(z1), F0 = logistic(z0);
  // On the upper side the small difference is taken between the tails.
  double p = z0 > 0 ? logistic(-z0) - logistic(-z1) : F1 - F0;
  p = std::max(p, 1e-300);
  const double f1 = std::isinf(z1) ? 0 : F1 * logistic(-z1), f0 = std::isinf(z0) ? 0 : F0 * logistic(-z0);
  Between out;
  out.log_p = std::log(p);
  out.d1 = f1 / p;
  out.d0 = -f0 / p;
  out.d11 = f1 * (1 - 2 * F1) / p - out.d1 * out.d1;
  out.d00 = -f0 * (1 - 2 * F0) / p - out.d0 * out.d0;
  out.d10 = -out.d1 * out.d0;
  return out;
}

/// Solves a positive definite system (Cholesky); false where it is not positive definite.
bool solve(std::vector<double> a, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < j; ++k) a[j * n + j] -= a[j * n + k] * a[j * n + k];
    if (!(a[j * n + j] > 0)) return false;
    a[j * n + j] = std::sqrt(a[j * n + j]);
    for (std::size_t i = j + 1; i < n; ++i) {
      for (std::size_t k = 0; k < j; ++k) a[i * n + j] -= a[i * n + k] * a[j * n + k];
      a[i * n + j] /= a[j * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
  return true;
}

/// Value, gradient and negated Hessian of a concave function.
struct Curvature {
  explicit Curvature(std::size_t n) : gradient(n, 0), curve(n * n, 0) {}
  double value = 0;
  std::vector<double> gradient, curve;
};

/// Newton steps, halved until the value rises. Returns the largest move.
template <class Evaluate>
double climb(std::vector<double>& x, Evaluate evaluate, int steps) {
  double moved = 0;
  Curvature here = evaluate(x);
  for (int step = 0; step < steps; ++step) {
    std::vector<double> direction = here.gradient;
    if (!solve(here.curve, direction)) break;
    double largest = 0;
    for (const double d : direction) largest = std::max(largest, std::fabs(d));
    if (largest < 1e-13) break;
    double scale = 1;
    std::vector<double> next(x.size());
    bool risen = false;
    for (int halving = 0; halving < 40 && !risen; ++halving, scale /= 2) {
      for (std::size_t i = 0; i < x.size(); ++i) next[i] = x[i] + scale * direction[i];
      Curvature there = evaluate(next);
      if (there.value >= here.value - 1e-14 * std::fabs(here.value)) {
        here = std::move(there);
        risen = true;
      }
    }
    if (!risen) break;
    for (std::size_t i = 0; i < x.size(); ++i) moved = std::max(moved, std::fabs(next[i] - x[i]));
    x = next;
  }
  return moved;
}

class Fit {
 public:
  Fit(const std::vector<UtilityGroup>& groups, const std::vector<AnswerKind>& kinds, const UtilityOptions& options)
      : groups_(groups), kinds_(kinds), options_(options), ordered_(kinds.size()), ranked_(kinds.size()) {
    out_.annotators.resize(kinds.size());
    find_levels();
    for (std::uint32_t g = 0; g < groups.size(); ++g) {
      out_.utilities.emplace_back(groups[g].items, 0.0);
      for (const UtilityAnswer& answer : groups[g].answers) take(g, answer);
    }
    start_thresholds();
    ordered_of_.resize(groups.size());
    ranked_of_.resize(groups.size());
    for (std::uint32_t r = 0; r < kinds.size(); ++r) {
      for (const Ordered& o : ordered_[r]) ordered_of_[o.group].emplace_back(r, o);
      for (const Ranked& o : ranked_[r]) ranked_of_[o.group].emplace_back(r, o);
    }
  }

  UtilityFit run() {
    std::vector<double> moved(std::max(groups_.size(), kinds_.size()), 0);
    for (; out_.sweeps < options_.sweeps && !out_.converged; ++out_.sweeps) {
      double largest = 0;
      const auto gather = [&](std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, moved[i]);
      };
      parallel_for(groups_.size(), options_.threads, [&](std::size_t g) {
        moved[g] = climb(out_.utilities[g], [&](const std::vector<double>& u) { return of_group(g, u); }, 8);
      });
      gather(groups_.size());
      parallel_for(kinds_.size(), options_.threads, [&](std::size_t r) {
        std::vector<double> x = out_.annotators[r].thresholds;
        if (r > 0) x.push_back(out_.annotators[r].discrimination);
        moved[r] = x.empty() ? 0 : climb(x, [&](const std::vector<double>& y) { return of_annotator(r, y); }, 8);
        if (r > 0) {
          out_.annotators[r].discrimination = x.back();
          x.pop_back();
        }
        out_.annotators[r].thresholds = x;
      });
      gather(kinds_.size());
      out_.converged = largest < options_.tolerance;
    }
    out_.objective = objective();
    return std::move(out_);
  }

 private:
  [[noreturn]] static void misfit(const UtilityAnswer& answer) {
    throw wrong_usage("an answer of annotator {} with {} items and the value {} does not fit its kind",
                      answer.annotator, answer.items.size(), answer.value);
  }

  void find_levels() {
    std::vector<std::set<double>> seen(kinds_.size());
    for (const UtilityGroup& group : groups_)
      for (const UtilityAnswer& answer : group.answers) {
        if (answer.annotator >= kinds_.size()) misfit(answer);
        if (kinds_[answer.annotator] == AnswerKind::kDegree) seen[answer.annotator].insert(std::fabs(answer.value));
        if (kinds_[answer.annotator] == AnswerKind::kScore) seen[answer.annotator].insert(answer.value);
      }
    for (std::size_t r = 0; r < kinds_.size(); ++r) out_.annotators[r].levels.assign(seen[r].begin(), seen[r].end());
  }

  int level_of(std::size_t r, double value) const {
    const std::vector<double>& levels = out_.annotators[r].levels;
    return static_cast<int>(std::lower_bound(levels.begin(), levels.end(), value) - levels.begin());
  }

  void take(std::uint32_t g, const UtilityAnswer& answer) {
    const std::size_t r = answer.annotator;
    for (const std::uint32_t item : answer.items)
      if (item >= groups_[g].items) misfit(answer);
    if (kinds_[r] == AnswerKind::kRanking) {
      ranked_[r].push_back({g, answer.items, answer.weight});
      return;
    }
    if (answer.items.size() != (kinds_[r] == AnswerKind::kScore ? 1u : 2u)) misfit(answer);
    Ordered o;
    o.group = g;
    o.i = answer.items[0];
    o.weight = answer.weight;
    if (kinds_[r] == AnswerKind::kScore) {
      const int level = level_of(r, answer.value), last = static_cast<int>(out_.annotators[r].levels.size()) - 1;
      o.low = level == 0 ? Border{kFar, -1} : Border{level - 1, 1};
      o.high = level == last ? Border{kFar, 1} : Border{level, 1};
      ordered_[r].push_back(o);
      return;
    }
    o.j = answer.items[1];
    o.pair = true;
    if (kinds_[r] == AnswerKind::kChoice) {
      if (answer.value < 0 || answer.value > 1) misfit(answer);
      o.low = {kZero, 1};
      o.high = {kFar, 1};
      o.weight = answer.weight * answer.value;
      if (o.weight > 0) ordered_[r].push_back(o);
      o.low = {kFar, -1};
      o.high = {kZero, 1};
      o.weight = answer.weight * (1 - answer.value);
      if (o.weight > 0) ordered_[r].push_back(o);
      return;
    }
    // Degrees: with a level 0 the borders are t_1 below the first positive level; without, the first border is 0.
    const std::vector<double>& levels = out_.annotators[r].levels;
    const bool neutral = levels.front() == 0;
    const int level = level_of(r, std::fabs(answer.value)), last = static_cast<int>(levels.size()) - 1;
    const auto border = [&](int k) {  // below the absolute level k
      if (!neutral && k == 0) return Border{kZero, 1};
      return Border{k - 1, 1};
    };
    if (neutral && level == 0) {
      o.low = last == 0 ? Border{kFar, -1} : Border{0, -1};
      o.high = last == 0 ? Border{kFar, 1} : Border{0, 1};
    } else {
      o.low = border(level);
      o.high = level == last ? Border{kFar, 1} : border(level + 1);
      if (answer.value < 0) {
        std::swap(o.low, o.high);
        o.low.sign = -o.low.sign;
        o.high.sign = -o.high.sign;
      }
    }
    ordered_[r].push_back(o);
  }

  void start_thresholds() {
    for (std::size_t r = 0; r < kinds_.size(); ++r) {
      const std::size_t borders = out_.annotators[r].levels.empty() ? 0 : out_.annotators[r].levels.size() - 1;
      std::vector<double>& t = out_.annotators[r].thresholds;
      for (std::size_t k = 0; k < borders; ++k)
        t.push_back(kinds_[r] == AnswerKind::kDegree ? static_cast<double>(k + 1)
                                                     : static_cast<double>(k) - (static_cast<double>(borders) - 1) / 2);
    }
  }

  Curvature of_group(std::size_t g, const std::vector<double>& u) const {
    const std::size_t n = u.size();
    Curvature out(n);
    const double precision = 1 / (options_.prior_deviation * options_.prior_deviation);
    for (std::size_t i = 0; i < n; ++i) {
      out.value -= u[i] * u[i] * precision / 2;
      out.gradient[i] -= u[i] * precision;
      out.curve[i * n + i] += precision;
    }
    for (const auto& [r, o] : ordered_of_[g]) {
      const UtilityAnnotator& a = out_.annotators[r];
      const double x = u[o.i] - (o.pair ? u[o.j] : 0);
      const Between e =
          between(border_value(o.low, a.thresholds), border_value(o.high, a.thresholds), a.discrimination * x);
      const double slope = -o.weight * a.discrimination * (e.d1 + e.d0);
      const double curve = -o.weight * a.discrimination * a.discrimination * (e.d11 + e.d00 + 2 * e.d10);
      out.value += o.weight * e.log_p;
      out.gradient[o.i] += slope;
      out.curve[o.i * n + o.i] += curve;
      if (!o.pair) continue;
      out.gradient[o.j] -= slope;
      out.curve[o.j * n + o.j] += curve;
      out.curve[o.i * n + o.j] -= curve;
      out.curve[o.j * n + o.i] -= curve;
    }
    for (const auto& [r, o] : ranked_of_[g]) {
      const double b = out_.annotators[r].discrimination;
      for (std::size_t stage = 0; stage + 1 < o.items.size(); ++stage) {
        const std::vector<double> p = shares(o.items, stage, u, b);
        out.value += o.weight * std::log(p[0]);
        out.gradient[o.items[stage]] += o.weight * b;
        for (std::size_t k = 0; k < p.size(); ++k) {
          const std::size_t i = o.items[stage + k];
          out.gradient[i] -= o.weight * b * p[k];
          out.curve[i * n + i] += o.weight * b * b * p[k];
          for (std::size_t l = 0; l < p.size(); ++l)
            out.curve[i * n + o.items[stage + l]] -= o.weight * b * b * p[k] * p[l];
        }
      }
    }
    return out;
  }

  /// Plackett-Luce: the probabilities of the items left at a stage, its pick first.
  static std::vector<double> shares(const std::vector<std::uint32_t>& items, std::size_t stage,
                                    const std::vector<double>& u, double b) {
    std::vector<double> p;
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::size_t k = stage; k < items.size(); ++k) largest = std::max(largest, b * u[items[k]]);
    for (std::size_t k = stage; k < items.size(); ++k) sum += p.emplace_back(std::exp(b * u[items[k]] - largest));
    for (double& x : p) x = std::max(x / sum, 1e-300);
    return p;
  }

  /// `x`: thresholds, then the discrimination unless r is the first.
  Curvature of_annotator(std::size_t r, const std::vector<double>& x) const {
    const std::size_t n = x.size(), borders = out_.annotators[r].thresholds.size();
    const double b = r == 0 ? 1 : x[borders];
    Curvature out(n);
    for (std::size_t k = 0; k < n; ++k) {
      const double deviation = k < borders ? kThresholdDeviation : kDiscriminationDeviation;
      const double off = k < borders ? x[k] : x[k] - 1;
      out.value -= off * off / (2 * deviation * deviation);
      out.gradient[k] -= off / (deviation * deviation);
      out.curve[k * n + k] += 1 / (deviation * deviation);
    }
    const std::vector<double> thresholds(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(borders));
    for (std::size_t k = 1; k < borders; ++k)
      if (!(thresholds[k] > thresholds[k - 1])) return out_of_order(out);
    if (borders > 0 && kinds_[r] == AnswerKind::kDegree && !(thresholds[0] > 0)) return out_of_order(out);
    for (const Ordered& o : ordered_[r]) {
      const std::vector<double>& u = out_.utilities[o.group];
      const double d = u[o.i] - (o.pair ? u[o.j] : 0);
      const Between e = between(border_value(o.low, thresholds), border_value(o.high, thresholds), b * d);
      out.value += o.weight * e.log_p;
      // z1 = sign t_high - b d, z0 = sign t_low - b d: at most three parameters move them.
      const int place[3] = {o.high.threshold, o.low.threshold, r == 0 ? kFar : static_cast<int>(borders)};
      const double in_z1[3] = {o.high.sign, 0, -d}, in_z0[3] = {0, o.low.sign, -d};
      for (int k = 0; k < 3; ++k) {
        if (place[k] < 0) continue;
        const auto pk = static_cast<std::size_t>(place[k]);
        out.gradient[pk] += o.weight * (e.d1 * in_z1[k] + e.d0 * in_z0[k]);
        for (int l = 0; l < 3; ++l) {
          if (place[l] < 0) continue;
          const double second = e.d11 * in_z1[k] * in_z1[l] + e.d00 * in_z0[k] * in_z0[l] +
                                e.d10 * (in_z1[k] * in_z0[l] + in_z0[k] * in_z1[l]);
          out.curve[pk * n + static_cast<std::size_t>(place[l])] -= o.weight * second;
        }
      }
    }
    for (const Ranked& o : ranked_[r]) {
      const std::vector<double>& u = out_.utilities[o.group];
      for (std::size_t stage = 0; stage + 1 < o.items.size(); ++stage) {
        const std::vector<double> p = shares(o.items, stage, u, b);
        double mean = 0, square = 0;
        for (std::size_t k = 0; k < p.size(); ++k) {
          mean += p[k] * u[o.items[stage + k]];
          square += p[k] * u[o.items[stage + k]] * u[o.items[stage + k]];
        }
        out.value += o.weight * std::log(p[0]);
        if (r == 0) continue;
        out.gradient[borders] += o.weight * (u[o.items[stage]] - mean);
        out.curve[borders * n + borders] += o.weight * (square - mean * mean);
      }
    }
    return out;
  }

  static Curvature out_of_order(Curvature out) {
    out.value = -std::numeric_limits<double>::infinity();
    return out;
  }

  double objective() const {
    double value = 0;
    for (std::size_t g = 0; g < groups_.size(); ++g) value += of_group(g, out_.utilities[g]).value;
    for (std::size_t r = 0; r < kinds_.size(); ++r) {
      const UtilityAnnotator& a = out_.annotators[r];
      for (const double t : a.thresholds) value -= t * t / (2 * kThresholdDeviation * kThresholdDeviation);
      if (r > 0)
        value -=
            (a.discrimination - 1) * (a.discrimination - 1) / (2 * kDiscriminationDeviation * kDiscriminationDeviation);
    }
    return value;
  }

  const std::vector<UtilityGroup>& groups_;
  const std::vector<AnswerKind>& kinds_;
  const UtilityOptions& options_;
  std::vector<std::vector<Ordered>> ordered_;  // by annotator
  std::vector<std::vector<Ranked>> ranked_;
  std::vector<std::vector<std::pair<std::uint32_t, Ordered>>> ordered_of_;  // by group
  std::vector<std::vector<std::pair<std::uint32_t, Ranked>>> ranked_of_;
  UtilityFit out_;
};

}  // namespace

UtilityFit fit_utilities(const std::vector<UtilityGroup>& groups, const std::vector<AnswerKind>& kinds,
                         const UtilityOptions& options) {
  return Fit(groups, kinds, options).run();
}

}  // namespace ballot
