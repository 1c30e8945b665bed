// rooms: statistics
// Every agreement statistic of five annotators on 100,000 pairs (10,000 prompts), with cluster-bootstrap intervals; the
// tests of chance of all ten pairs of annotators, and six contrasts with the fifth.
//   answer: alpha 0.5 +- 0.02 (annotators right with probability 0.85)    unit: seconds for 10,000 replicates
//   peer: bench/agreement_peer.py, the same resampling around the krippendorff package
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdlib>

#include "core/parallel.h"
#include "core/random.h"
#include "statistics/agreement_tests.h"

namespace {

using namespace ballot;

Ratings five_annotators(std::size_t prompts, std::size_t pairs, double missing) {
  Random random(1, "agreement_bench");
  Ratings out;
  out.raters = 5;
  out.values = {-1, 1};
  out.clusters = prompts;
  out.both_orientations = true;
  for (std::uint32_t c = 0; c < prompts; ++c)
    for (std::size_t i = 0; i < pairs; ++i) {
      const auto truth = static_cast<std::int32_t>(random.below(2));
      out.cluster.push_back(c);
      for (int r = 0; r < 5; ++r)
        out.codes.push_back(random.uniform() < missing ? kMissing : random.uniform() < 0.85 ? truth : 1 - truth);
    }
  return out;
}

void measure(const char* name, const Ratings& ratings, int threads) {
  const auto start = std::chrono::steady_clock::now();
  const Agreement result = measure_agreement(ratings, {.replicates = 10000, .seed = 1, .threads = threads});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const Statistic& alpha = overall_of(result, "krippendorff_alpha");
  fmt::print("agree/{:<22} {} threads   {:7.3f} s   answer: alpha {:.4f} [{:.4f}, {:.4f}], {} statistics\n", name,
             threads, seconds, alpha.estimate.value, alpha.interval.low, alpha.interval.high,
             std::size(kOverallStatistics) + result.pairs.size() * std::size(kPairStatistics));
  if (std::fabs(alpha.estimate.value - 0.49) > 0.02) {
    fmt::print("the answer is wrong\n");
    std::exit(1);
  }
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void test_all(const char* name, const Ratings& ratings, int threads) {
  std::vector<std::pair<std::size_t, std::size_t>> pairs, contrasts;
  for (std::size_t a = 0; a < 5; ++a)
    for (std::size_t b = a + 1; b < 5; ++b) {
      pairs.emplace_back(a, b);
      if (b < 4) contrasts.emplace_back(a, b);
    }
  const AgreementOptions options{.replicates = 10000, .seed = 1, .threads = threads};
  auto start = std::chrono::steady_clock::now();
  const std::vector<ChanceTest> chance = chance_tests(ratings, pairs, options);
  fmt::print("chance/{:<21} {} threads   {:7.3f} s   answer: p {:.4f}, expected {:.4f}\n", name, threads,
             seconds_since(start), chance[0].p, chance[0].expected);
  for (const char* statistic : {"percent_agreement", "cohen_kappa"}) {
    start = std::chrono::steady_clock::now();
    const std::vector<AgreementContrast> made = compare_statistics(ratings, contrasts, 4, statistic, options);
    fmt::print("contrasts/{:<18} {} threads   {:7.3f} s   answer: {} {:+.4f} [{:+.4f}, {:+.4f}], p {:.4f}\n", name,
               threads, seconds_since(start), statistic, made[0].difference, made[0].interval.low,
               made[0].interval.high, made[0].p);
  }
}

}  // namespace

int main() {
  const int threads = available_cores();
  measure("complete", five_annotators(10000, 10, 0), threads);
  measure("complete", five_annotators(10000, 10, 0), 1);
  measure("a tenth missing", five_annotators(10000, 10, 0.1), threads);
  Ratings ratings = five_annotators(10000, 10, 0);
  test_all("both orientations", ratings, threads);
  ratings.both_orientations = false;
  test_all("one orientation", ratings, threads);
  ratings = five_annotators(10000, 10, 0.1);
  ratings.both_orientations = false;
  test_all("a tenth missing", ratings, threads);
}
