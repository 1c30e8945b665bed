#include "statistics/aggregation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "core/error.h"

namespace ballot {
namespace {

/// What can be reached from `start` along `edge(i, j)`.
template <class Edge>
std::vector<bool> reached(std::size_t n, std::size_t start, Edge edge) {
  std::vector<bool> seen(n, false);
  std::vector<std::size_t> todo{start};
  seen[start] = true;
  while (!todo.empty()) {
    const std::size_t i = todo.back();
    todo.pop_back();
    for (std::size_t j = 0; j < n; ++j)
      if (!seen[j] && edge(i, j)) {
        seen[j] = true;
        todo.push_back(j);
      }
  }
  return seen;
}

void require_connected(std::span<const double> beats, std::size_t n, const char* what) {
  const std::vector<bool> down = reached(n, 0, [&](std::size_t i, std::size_t j) { return beats[i * n + j] > 0; });
  const std::vector<bool> up = reached(n, 0, [&](std::size_t i, std::size_t j) { return beats[j * n + i] > 0; });
  std::string apart;
  for (std::size_t i = 0; i < n; ++i)
    if (!down[i] || !up[i]) apart += (apart.empty() ? "" : ", ") + std::to_string(i);
  if (!apart.empty())
    throw Error(
        ErrorKind::kInput,
        fmt::format("{}: no finite strengths exist: items {} never won against, or never lost to, the group of item 0",
                    what, apart),
        "add more comparisons, leave those items out, or give a prior (0.1 wins each way)");
}

void centre(std::vector<double>& log_strength) {
  const double mean =
      std::accumulate(log_strength.begin(), log_strength.end(), 0.0) / static_cast<double>(log_strength.size());
  for (double& x : log_strength) x -= mean;
}

double largest_move(const std::vector<double>& a, const std::vector<double>& b) {
  double move = 0;
  for (std::size_t i = 0; i < a.size(); ++i) move = std::max(move, std::fabs(a[i] - b[i]));
  return move;
}

/// Inverse of a symmetric positive definite matrix by Gauss-Jordan.
std::vector<double> inverse(std::vector<double> a, std::size_t n) {
  std::vector<double> out(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) out[i * n + i] = 1;
  for (std::size_t i = 0; i < n; ++i) {
    const double pivot = a[i * n + i];
    for (std::size_t j = 0; j < n; ++j) {
      a[i * n + j] /= pivot;
      out[i * n + j] /= pivot;
    }
    for (std::size_t k = 0; k < n; ++k) {
      if (k == i) continue;
      const double factor = a[k * n + i];
      for (std::size_t j = 0; j < n; ++j) {
        a[k * n + j] -= factor * a[i * n + j];
        out[k * n + j] -= factor * out[i * n + j];
      }
    }
  }
  return out;
}

/// Standard errors of centred log-strengths: the information matrix has the constant vector as its null space, so the
/// pseudo-inverse is inverse(I + 11'/n) - 11'/n.
std::vector<double> standard_errors(std::span<const double> games, const std::vector<double>& log_strength) {
  const std::size_t n = log_strength.size();
  std::vector<double> information(n * n, 1.0 / static_cast<double>(n));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      const double p = 1 / (1 + std::exp(log_strength[j] - log_strength[i]));
      const double weight = games[i * n + j] * p * (1 - p);
      information[i * n + i] += weight;
      information[i * n + j] -= weight;
    }
  const std::vector<double> covariance = inverse(information, n);
  std::vector<double> out(n);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = std::sqrt(std::max(0.0, covariance[i * n + i] - 1.0 / static_cast<double>(n)));
  return out;
}

}  // namespace

Strengths bradley_terry(std::span<const double> wins, std::size_t items, double prior,
                        const IterationOptions& options) {
  if (wins.size() != items * items)
    throw wrong_usage("Bradley-Terry of {} items wants {} win counts, got {}", items, items * items, wins.size());
  std::vector<double> beats(wins.begin(), wins.end());
  for (std::size_t i = 0; i < items; ++i)
    for (std::size_t j = 0; j < items; ++j) beats[i * items + j] = i == j ? 0 : beats[i * items + j] + prior;
  Strengths out;
  if (items == 0) return out;
  require_connected(beats, items, "Bradley-Terry");
  std::vector<double> games(items * items), won(items, 0);
  for (std::size_t i = 0; i < items; ++i)
    for (std::size_t j = 0; j < items; ++j) {
      games[i * items + j] = beats[i * items + j] + beats[j * items + i];
      won[i] += beats[i * items + j];
    }
  out.log_strength.assign(items, 0);
  std::vector<double> strength(items, 1), next(items);
  for (; out.iterations < options.iterations && !out.converged; ++out.iterations) {
    for (std::size_t i = 0; i < items; ++i) {
      double expected = 0;
      for (std::size_t j = 0; j < items; ++j)
        if (j != i) expected += games[i * items + j] / (strength[i] + strength[j]);
      next[i] = std::log(won[i] / expected);
    }
    centre(next);
    out.converged = largest_move(next, out.log_strength) < options.tolerance;
    out.log_strength = next;
    for (std::size_t i = 0; i < items; ++i) strength[i] = std::exp(next[i]);
  }
  for (std::size_t i = 0; i < items; ++i)
    for (std::size_t j = 0; j < items; ++j)
      if (i != j)
        out.log_likelihood -= beats[i * items + j] * std::log1p(std::exp(out.log_strength[j] - out.log_strength[i]));
  out.standard_error = standard_errors(games, out.log_strength);
  return out;
}

Strengths plackett_luce(std::span<const std::vector<std::uint32_t>> rankings, std::size_t items,
                        const IterationOptions& options) {
  const std::vector<double> weights(rankings.size(), 1.0);
  return plackett_luce(rankings, weights, items, 0, options);
}

Strengths plackett_luce(std::span<const std::vector<std::uint32_t>> given, std::span<const double> given_weights,
                        std::size_t items, double prior, const IterationOptions& options) {
  if (given.size() != given_weights.size())
    throw wrong_usage("Plackett-Luce of {} rankings got {} weights", given.size(), given_weights.size());
  Strengths out;
  if (items == 0) return out;
  std::vector<std::vector<std::uint32_t>> rankings(given.begin(), given.end());
  std::vector<double> weights(given_weights.begin(), given_weights.end());
  if (prior > 0)
    for (std::uint32_t i = 0; i < items; ++i)
      for (std::uint32_t j = 0; j < items; ++j)
        if (i != j) {
          rankings.push_back({i, j});
          weights.push_back(prior);
        }
  std::vector<double> beats(items * items, 0), picked(items, 0);
  for (std::size_t r = 0; r < rankings.size(); ++r) {
    const std::vector<std::uint32_t>& ranking = rankings[r];
    for (std::size_t i = 0; i < ranking.size(); ++i) {
      if (ranking[i] >= items) throw wrong_usage("a ranking names item {} of {}", ranking[i], items);
      if (i + 1 < ranking.size()) picked[ranking[i]] += weights[r];
      for (std::size_t j = i + 1; j < ranking.size(); ++j) beats[ranking[i] * items + ranking[j]] += weights[r];
    }
  }
  require_connected(beats, items, "Plackett-Luce");
  out.log_strength.assign(items, 0);
  std::vector<double> strength(items, 1), next(items), expected(items), present;
  for (; out.iterations < options.iterations && !out.converged; ++out.iterations) {
    std::fill(expected.begin(), expected.end(), 0.0);
    for (std::size_t r = 0; r < rankings.size(); ++r) {
      const std::vector<std::uint32_t>& ranking = rankings[r];
      present.assign(ranking.size() + 1, 0);
      for (std::size_t place = ranking.size(); place-- > 0;)
        present[place] = present[place + 1] + strength[ranking[place]];
      double stages = 0;
      for (std::size_t place = 0; place < ranking.size(); ++place) {
        // Item `place` was present in the stages 0 .. place; the last place is no choice.
        if (place + 1 < ranking.size()) stages += weights[r] / present[place];
        expected[ranking[place]] += stages;
      }
    }
    for (std::size_t i = 0; i < items; ++i) next[i] = std::log(picked[i] / expected[i]);
    centre(next);
    out.converged = largest_move(next, out.log_strength) < options.tolerance;
    out.log_strength = next;
    for (std::size_t i = 0; i < items; ++i) strength[i] = std::exp(next[i]);
  }
  for (std::size_t r = 0; r < rankings.size(); ++r) {
    double present = 0;
    for (std::size_t place = rankings[r].size(); place-- > 0;) {
      present += strength[rankings[r][place]];
      if (place + 1 < rankings[r].size())
        out.log_likelihood += weights[r] * (out.log_strength[rankings[r][place]] - std::log(present));
    }
  }
  return out;
}

std::vector<std::int32_t> DawidSkene::labels() const {
  const std::size_t q = prior.size();
  std::vector<std::int32_t> out;
  for (std::size_t u = 0; q > 0 && u < posterior.size() / q; ++u) {
    const auto begin = posterior.begin() + static_cast<std::ptrdiff_t>(u * q);
    out.push_back(static_cast<std::int32_t>(std::max_element(begin, begin + static_cast<std::ptrdiff_t>(q)) - begin));
  }
  return out;
}

DawidSkene dawid_skene(const Ratings& ratings, double smoothing, const IterationOptions& options) {
  const std::size_t U = ratings.units(), R = ratings.raters, q = ratings.categories();
  DawidSkene out;
  out.posterior.assign(U * q, 0);
  out.prior.assign(q, 0);
  out.confusion.assign(R * q * q, 0);
  for (std::size_t u = 0; u < U; ++u) {
    double m = 0;
    for (std::size_t r = 0; r < R; ++r)
      if (const std::int32_t l = ratings.code(u, r); l >= 0) {
        out.posterior[u * q + static_cast<std::size_t>(l)] += 1;
        ++m;
      }
    for (std::size_t k = 0; k < q; ++k)
      out.posterior[u * q + k] = m == 0 ? 1.0 / static_cast<double>(q) : out.posterior[u * q + k] / m;
  }
  std::vector<double> log_joint(q);
  for (; out.iterations < options.iterations && !out.converged; ++out.iterations) {
    std::fill(out.prior.begin(), out.prior.end(), 0.0);
    std::fill(out.confusion.begin(), out.confusion.end(), smoothing);
    for (std::size_t u = 0; u < U; ++u)
      for (std::size_t k = 0; k < q; ++k) {
        const double t = out.posterior[u * q + k];
        out.prior[k] += t / static_cast<double>(U);
        for (std::size_t r = 0; r < R; ++r)
          if (const std::int32_t l = ratings.code(u, r); l >= 0)
            out.confusion[(r * q + k) * q + static_cast<std::size_t>(l)] += t;
      }
    for (std::size_t row = 0; row < R * q; ++row) {
      double sum = 0;
      for (std::size_t l = 0; l < q; ++l) sum += out.confusion[row * q + l];
      for (std::size_t l = 0; l < q; ++l)
        out.confusion[row * q + l] = sum == 0 ? 1.0 / static_cast<double>(q) : out.confusion[row * q + l] / sum;
    }
    double log_likelihood = 0;
    for (std::size_t u = 0; u < U; ++u) {
      double largest = -std::numeric_limits<double>::infinity();
      for (std::size_t k = 0; k < q; ++k) {
        log_joint[k] = std::log(out.prior[k]);
        for (std::size_t r = 0; r < R; ++r)
          if (const std::int32_t l = ratings.code(u, r); l >= 0)
            log_joint[k] += std::log(out.confusion[(r * q + k) * q + static_cast<std::size_t>(l)]);
        largest = std::max(largest, log_joint[k]);
      }
      double sum = 0;
      for (std::size_t k = 0; k < q; ++k) sum += std::exp(log_joint[k] - largest);
      for (std::size_t k = 0; k < q; ++k) out.posterior[u * q + k] = std::exp(log_joint[k] - largest) / sum;
      log_likelihood += largest + std::log(sum);
    }
    out.converged = !out.log_likelihoods.empty() && std::fabs(log_likelihood - out.log_likelihoods.back()) <=
                                                        options.tolerance * (1 + std::fabs(log_likelihood));
    out.log_likelihoods.push_back(log_likelihood);
  }
  return out;
}

}  // namespace ballot
