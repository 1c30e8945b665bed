// How large a difference a comparison can show, before money is spent.
// Sources: Connor 1987 for paired proportions, Kish 1965 for the design effect, Miller 2024 for evaluations.
#pragma once
#include <cstdint>
#include <span>

#include "statistics/estimate.h"

namespace ballot {

struct PowerOptions {
  double alpha = 0.05;  ///< two-sided
  double power = 0.8;
};

/// 1 + (m - 1) rho: by how much n clustered items count less than n independent ones; m items a cluster.
double design_effect(double items_per_cluster, double intraclass_correlation);

/// Items needed to tell a paired difference of accuracies `delta` from zero, when the share `discordant` of items is
/// answered rightly by one side only: (z_{1-a/2} + z_{power})^2 (discordant - delta^2) / delta^2 x design effect.
double paired_items_needed(double delta, double discordant, double design_effect = 1, const PowerOptions& options = {});

/// The smallest paired difference that n items show with the power asked for (the inverse of the above).
double paired_difference_shown(double n, double discordant, double design_effect = 1, const PowerOptions& options = {});

/// The smallest difference of means of a paired score with standard deviation `sd` of the differences.
double paired_mean_difference_shown(double n, double sd, double design_effect = 1, const PowerOptions& options = {});

/// Intraclass correlation of items within clusters by analysis of variance; never below 0 (a negative estimate is 0:
/// clusters do not make items less alike than chance).
Estimate cluster_correlation(std::span<const double> scores, std::span<const std::uint32_t> cluster,
                             std::size_t clusters);

}  // namespace ballot
