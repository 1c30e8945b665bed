// One scale behind answers of every kind: each item has a utility, and every annotator reads it through noise of its
// own. Choices are logistic in the difference of utilities, degrees of preference and scores are ordered logits,
// rankings Plackett-Luce; what they say is put together by maximising one penalised likelihood.
//
//     choice        P(i over j)    = s(b (u_i - u_j))
//     degree        P(at least +k) = s(b (u_i - u_j) - t_k), P(at least -k) = s(b (u_j - u_i) - t_k)
//     score         P(at least k)  = s(b u_i - c_k)
//     ranking       at each place, item i of those left with probability proportional to exp(b u_i)
// s the logistic function; b an annotator's discrimination, t (positive, rising) and c (rising) its thresholds. The
// first annotator's b is 1, which sets the unit: u_i - u_j is the log odds with which it prefers i. A negative b is an
// annotator who says the opposite of what the others say.
//
// Penalties, for finite values everywhere: u ~ N(0, prior_deviation^2), b ~ N(1, 1), t and c ~ N(0, 5^2). The
// likelihood is concave in the utilities given the annotators, and in each annotator given the utilities; the fit goes
// from one to the other by Newton's method. Degrees and scores that nobody used are left out of an annotator's scale.
// Sources: Bradley and Terry 1952, Luce 1959 and Plackett 1975, McCullagh 1980 (ordered logit), Tutz 1986 (degrees of
// preference).
#pragma once
#include <cstdint>
#include <vector>

namespace ballot {

enum class AnswerKind { kChoice, kDegree, kScore, kRanking };

struct UtilityAnswer {
  std::uint32_t annotator = 0;
  /// Choice and degree: two items; score: one; ranking: best first, as many as it orders.
  std::vector<std::uint32_t> items;
  /// Choice: 1 the first, 0 the second, 0.5 neither; degree: from -M to M, positive for the first; score: a whole
  /// number.
  double value = 0;
  double weight = 1;
};

/// Items that are judged together: the completions of a prompt.
struct UtilityGroup {
  std::size_t items = 0;
  std::vector<UtilityAnswer> answers;
};

struct UtilityOptions {
  double prior_deviation = 2;
  std::int64_t sweeps = 2000;
  double tolerance = 1e-9;  ///< stops where no utility and no parameter moves more
  int threads = 0;          ///< never changes the result
};

struct UtilityAnnotator {
  double discrimination = 1;
  std::vector<double> levels;      ///< degrees (absolute) or scores that occur, rising
  std::vector<double> thresholds;  ///< below each level but the first (scores); below each level above 0 (degrees)
};

struct UtilityFit {
  std::vector<std::vector<double>> utilities;  ///< by group and item
  std::vector<UtilityAnnotator> annotators;
  double objective = 0;  ///< the penalised log-likelihood, without the normal densities' constants
  std::int64_t sweeps = 0;
  bool converged = false;
};

/// `kinds`: by annotator. Throws Error (usage) where an answer does not fit its annotator's kind.
UtilityFit fit_utilities(const std::vector<UtilityGroup>& groups, const std::vector<AnswerKind>& kinds,
                         const UtilityOptions& options = {});

}  // namespace ballot
