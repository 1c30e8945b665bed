#include "report/paired.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "statistics/bootstrap.h"
#include "statistics/tests.h"

namespace ballot {

PairedContrast paired_contrast(const std::vector<PairedItem>& items, std::int64_t replicates, std::uint64_t seed,
                               int threads) {
  PairedContrast out;
  out.n = static_cast<std::int64_t>(items.size());
  if (items.empty()) return out;
  std::size_t strata = 0;
  double total = 0;
  for (const PairedItem& item : items) strata = std::max(strata, item.stratum + 1), total += item.weight;
  // Clusters in the order of their strata, which is how the bootstrap wants them.
  std::vector<std::map<std::string, std::pair<double, double>>> clusters(strata);  // Σ w d, Σ w
  std::vector<double> share(strata);
  for (const PairedItem& item : items) {
    auto& [difference, weight] = clusters[item.stratum][item.cluster];
    difference += item.weight / total * (item.a - item.b);
    weight += item.weight / total;
    share[item.stratum] += item.weight / total;
  }
  std::size_t count = 0;
  for (const auto& stratum : clusters) count += stratum.size();
  ClusterSums sums(count, 2 * strata);
  BootstrapOptions options;
  options.replicates = replicates;
  options.seed = seed;
  options.threads = threads;
  std::vector<double> differences;
  std::size_t row = 0;
  for (std::size_t s = 0; s < strata; ++s) {
    if (!clusters[s].empty()) options.strata.push_back(static_cast<std::uint32_t>(clusters[s].size()));
    for (const auto& [name, sum] : clusters[s]) {
      sums.at(row, 2 * s) = sum.first;
      sums.at(row, 2 * s + 1) = sum.second;
      differences.push_back(sum.first);
      out.difference += sum.first;
      ++row;
    }
  }
  out.clusters = static_cast<std::int64_t>(count);
  const Bootstrap draws = bootstrap(
      sums, 1,
      [&](std::span<const double> column, std::span<double> statistic) {
        double difference = 0;
        for (std::size_t s = 0; s < strata; ++s)
          if (column[2 * s + 1] > 0) difference += share[s] * column[2 * s] / column[2 * s + 1];
        statistic[0] = difference;
      },
      options);
  const Interval interval = replicates > 0 ? percentile_interval(draws.samples_of(0)) : Interval();
  out.low = interval.low;
  out.high = interval.high;
  SignFlipOptions flips;
  flips.seed = seed;
  flips.threads = threads;
  out.p = sign_flip_test(differences, flips).p;
  return out;
}

std::string verdict_of(double low, double high, double p_holm) {
  if (std::isnan(low) || std::isnan(high) || !(p_holm < 0.05)) return "not distinguished";
  return low > 0 ? "better" : high < 0 ? "worse" : "not distinguished";
}

}  // namespace ballot
