// Intraclass correlation: how much of the variance of scores lies between targets, for one rating and for the mean of
// k. Shrout and Fleiss 1979: (1,.) each target has its own raters, (2,.) raters are a sample, (3,.) raters are fixed.
#pragma once
#include <span>

#include "statistics/estimate.h"

namespace ballot {

struct IntraclassCorrelation {
  double between = 0, judges = 0, error = 0, within = 0;  ///< mean squares BMS, JMS, EMS, WMS
  Estimate one, two, three;                               ///< ICC(1,1), (2,1), (3,1)
  Estimate one_mean, two_mean, three_mean;                ///< ICC(1,k), (2,k), (3,k)
};

/// `scores`: n targets x k raters, target by target, none missing; n and k at least 2.
IntraclassCorrelation intraclass_correlation(std::span<const double> scores, std::size_t raters);

}  // namespace ballot
