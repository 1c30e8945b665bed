#include "report/paired.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "statistics/bootstrap.h"
#include "statistics/expanded_interval.h"
#include "statistics/tests.h"

namespace ballot {
namespace {

/// A subset of a stratum: columns 2 k and 2 k + 1 of the sums hold Σ w (a - b) and Σ w of its items, with weights in
/// units of its lightest item, so that equal weights leave whole numbers.
struct Subset {
  double weight = 0, lightest = 0, share = 0;
};

struct Stratum {
  std::vector<std::size_t> subsets;
  double share = 0, mean = 0;
};

/// The subsets' means with their shares; a subset that was not drawn counts as the rest of its stratum.
double mean_of(const std::vector<Stratum>& strata, const std::vector<Subset>& subsets, std::span<const double> sums) {
  double out = 0;
  for (const Stratum& stratum : strata) {
    double sum = 0, present = 0;
    for (const std::size_t k : stratum.subsets)
      if (sums[2 * k + 1] > 0) {
        sum += subsets[k].share * sums[2 * k] / sums[2 * k + 1];
        present += subsets[k].share;
      }
    out += stratum.share * (present > 0 ? sum / present : stratum.mean);
  }
  return out;
}

}  // namespace

PairedContrast paired_contrast(const std::vector<PairedItem>& items, std::int64_t replicates, std::uint64_t seed,
                               int threads) {
  PairedContrast out;
  out.n = static_cast<std::int64_t>(items.size());
  if (items.empty()) {
    out.low = out.high = std::numeric_limits<double>::quiet_NaN();
    return out;
  }
  double total = 0, squares = 0;
  bool shares_only = true;                                           // every value in [0, 1]
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> place;  // (stratum, subset) -> column / 2
  std::vector<std::size_t> subset_of;
  for (const PairedItem& item : items) {
    total += item.weight;
    squares += item.weight * item.weight;
    shares_only &= 0 <= std::min(item.a, item.b) && std::max(item.a, item.b) <= 1;
    place.emplace(std::pair(item.stratum, item.subset), 0);
  }
  std::vector<Stratum> strata;
  std::vector<Subset> subsets;
  std::map<std::size_t, std::size_t> stratum_place;
  for (auto& [key, column] : place) {
    column = subsets.size();
    subsets.emplace_back();
    if (stratum_place.emplace(key.first, strata.size()).second) strata.emplace_back();
    strata.back().subsets.push_back(column);
  }
  std::vector<std::map<std::string, std::size_t>> clusters(strata.size());
  for (const PairedItem& item : items) {
    const std::size_t k = place.at({item.stratum, item.subset});
    subset_of.push_back(k);
    subsets[k].weight += item.weight;
    if (item.weight > 0 && (subsets[k].lightest == 0 || item.weight < subsets[k].lightest))
      subsets[k].lightest = item.weight;
    clusters[stratum_place.at(item.stratum)].emplace(item.cluster, 0);
  }
  for (Subset& subset : subsets) subset.share = subset.weight / total;
  // Clusters in the order of their strata, which is how the bootstrap wants them.
  BootstrapOptions options{.replicates = replicates, .seed = seed, .threads = threads, .strata = {}};
  std::size_t rows = 0;
  for (auto& stratum : clusters) {
    options.strata.push_back(static_cast<std::uint32_t>(stratum.size()));
    for (auto& [name, row] : stratum) row = rows++;
  }
  out.clusters = static_cast<std::int64_t>(rows);
  ClusterSums sums(rows, 2 * subsets.size());
  std::vector<double> differences(rows), whole(sums.columns());
  for (std::size_t i = 0; i < items.size(); ++i) {
    const PairedItem& item = items[i];
    const std::size_t k = subset_of[i], row = clusters[stratum_place.at(item.stratum)].at(item.cluster);
    const double weight = item.weight / subsets[k].lightest, d = weight * (item.a - item.b);
    sums.at(row, 2 * k) += d;
    sums.at(row, 2 * k + 1) += weight;
    whole[2 * k] += d;
    whole[2 * k + 1] += weight;
    differences[row] += item.weight / total * (item.a - item.b);
  }
  for (Stratum& stratum : strata) {
    for (const std::size_t k : stratum.subsets) stratum.share += subsets[k].share;
    for (const std::size_t k : stratum.subsets)
      if (whole[2 * k + 1] > 0) stratum.mean += subsets[k].share / stratum.share * whole[2 * k] / whole[2 * k + 1];
  }
  const Bootstrap draws = bootstrap(
      sums, 1, [&](std::span<const double> s, std::span<double> mean) { mean[0] = mean_of(strata, subsets, s); },
      options);
  out.difference = draws.estimates[0];
  // One more item that only one system gets right: the mean square of an item's weight.
  const double unit = squares / (total * total) / static_cast<double>(items.size());
  Interval interval;
  if (replicates > 0)
    interval = expanded_interval(out.difference, draws.samples_of(0), draws.jackknife_of(0), options.strata, unit);
  if (interval.defined() && shares_only) {
    interval.low = std::max(interval.low, -1.0);
    interval.high = std::min(interval.high, 1.0);
  }
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
