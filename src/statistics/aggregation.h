// Many votes into one opinion: strengths from wins (Bradley-Terry), from rankings (Plackett-Luce), true labels and
// raters' error rates from labels (Dawid-Skene). All are maximum likelihood by iterations that cannot overshoot (MM,
// EM). Sources: Hunter 2004 for both MM algorithms, Dawid and Skene 1979.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "statistics/ratings.h"

namespace ballot {

struct IterationOptions {
  std::int64_t iterations = 100000;  ///< at most
  double tolerance = 1e-13;          ///< stop where no log-strength (or log-likelihood, relatively) moves more
};

/// Log-strengths with mean 0.
struct Strengths {
  std::vector<double> log_strength;
  std::vector<double>
      standard_error;  ///< of the centred log-strengths, from the information matrix; empty for Plackett-Luce
  double log_likelihood = 0;
  std::int64_t iterations = 0;
  bool converged = false;
};

/// `wins`: n x n, row beats column; a tie is half a win each way. Throws Error (input) naming the groups where the win
/// graph is not strongly connected (some item never lost to the others, so its strength has no finite maximum); `prior`
/// wins added each way between every two items (0.1 is usual) make it so.
Strengths bradley_terry(std::span<const double> wins, std::size_t items, double prior = 0,
                        const IterationOptions& options = {});

/// Each ranking lists items best first; it may leave items out, which then say nothing. Throws as bradley_terry does.
Strengths plackett_luce(std::span<const std::vector<std::uint32_t>> rankings, std::size_t items,
                        const IterationOptions& options = {});

/// The same with a weight a ranking (half of a ranking each way is a tie), and `prior` rankings of each two items each
/// way, which keep every strength finite.
Strengths plackett_luce(std::span<const std::vector<std::uint32_t>> rankings, std::span<const double> weights,
                        std::size_t items, double prior, const IterationOptions& options = {});

struct DawidSkene {
  std::vector<double> posterior;        ///< U x q
  std::vector<double> prior;            ///< q
  std::vector<double> confusion;        ///< R x q x q: rater r says l where the truth is k
  std::vector<double> log_likelihoods;  ///< after each step
  std::int64_t iterations = 0;
  bool converged = false;
  std::vector<std::int32_t> labels() const;  ///< the most probable category of each unit; the first of equals
};

/// Starts from the shares of votes, which also settles which latent class carries which name. `smoothing` is added to
/// each cell of the confusion counts. Units without ratings keep the prior.
DawidSkene dawid_skene(const Ratings& ratings, double smoothing = 0.01, const IterationOptions& options = {});

}  // namespace ballot
