#include "report/prompt_sums.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "statistics/tests.h"

namespace ballot {

std::size_t PromptSums::column() {
  columns_.emplace_back(prompts_, 0.0);
  return columns_.size() - 1;
}

double PromptSums::total(std::size_t column) const {
  return std::accumulate(columns_[column].begin(), columns_[column].end(), 0.0);
}

void PromptSums::share(Measured& out, std::size_t part, std::size_t whole) {
  ratio(out, part, whole);
  wanted_.back().share = true;
}

void PromptSums::ratio(Measured& out, std::size_t part, std::size_t whole) {
  statistic(out, whole, [part, whole](std::span<const double> s) {
    return s[whole] > 0 ? s[part] / s[whole] : std::numeric_limits<double>::quiet_NaN();
  });
}

void PromptSums::statistic(Measured& out, std::size_t counts, Compute compute) {
  wanted_.push_back({&out, counts, false, std::move(compute)});
}

void PromptSums::run(const BootstrapOptions& options) {
  if (wanted_.empty()) return;
  ClusterSums sums(prompts_, columns_.size());
  std::vector<double> totals;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    for (std::size_t prompt = 0; prompt < prompts_; ++prompt) sums.at(prompt, column) = columns_[column][prompt];
    totals.push_back(total(column));
  }
  Bootstrap drawn;
  if (options.replicates > 0 && prompts_ > 0)
    drawn = bootstrap(
        sums, wanted_.size(),
        [this](std::span<const double> s, std::span<double> out) {
          for (std::size_t i = 0; i < wanted_.size(); ++i) out[i] = wanted_[i].compute(s);
        },
        options);
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    Measured& m = *wanted_[i].out;
    m.value = wanted_[i].compute(totals);
    m.n = std::llround(totals[wanted_[i].counts]);
    const std::vector<double>& counts = columns_[wanted_[i].counts];
    m.clusters = std::count_if(counts.begin(), counts.end(), [](double x) { return x > 0; });
    if (!m.known()) {
      if (m.reason.empty()) m.reason = kNoPairs;
      continue;
    }
    m.reason.clear();
    if (drawn.replicates == 0) continue;
    const auto n = static_cast<double>(m.clusters);
    const Interval interval = wanted_[i].share && (m.value == 0 || m.value == 1)
                                  ? wilson_interval(m.value * n, n)
                                  : bca_interval(m.value, drawn.samples_of(i), drawn.jackknife_of(i));
    m.low = interval.low;
    m.high = interval.high;
  }
}

}  // namespace ballot
