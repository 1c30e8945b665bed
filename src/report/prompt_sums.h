// Many statistics of one set of prompts, with intervals from one bootstrap.
//
// Whatever is a function of sums over prompts (shares, means, ratios, correlations of centred values, information) is
// registered here with the columns that it reads; run() draws whole prompts once and fills all of them, so that any two
// are compared on the same draws.
//
//   PromptSums sums(prompts);
//   const auto hit = sums.column(), all = sums.column();
//   for (...) { sums.add(hit, prompt, right); sums.add(all, prompt, 1); }
//   sums.share(card.source_agreement, hit, all);
//   sums.run({.replicates = 2000, .seed = seed});
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "report/measured.h"
#include "statistics/bootstrap.h"

namespace ballot {

class PromptSums {
 public:
  /// From the sums of all columns; NaN where undefined. Called from several threads.
  using Compute = std::function<double(std::span<const double>)>;

  explicit PromptSums(std::size_t prompts) : prompts_(prompts) {}

  /// A new column of zeros.
  std::size_t column();
  void add(std::size_t column, std::size_t prompt, double x) { columns_[column][prompt] += x; }
  double total(std::size_t column) const;

  /// part / whole, between 0 and 1. At exactly 0 or 1 every replicate is the same, so the interval is Wilson's for as
  /// many trials as there are prompts with any. `whole` counts the items.
  void share(Measured& out, std::size_t part, std::size_t whole);
  /// part / whole of any size.
  void ratio(Measured& out, std::size_t part, std::size_t whole);
  /// Any function of the sums; `counts`: the column that counts the items it rests on.
  void statistic(Measured& out, std::size_t counts, Compute compute);

  /// Fills everything registered: BCa intervals (none where replicates is 0). The Measured must still be where they
  /// were. `reason` of the undefined ones is `no_pairs` unless they have one.
  void run(const BootstrapOptions& options);

 private:
  struct Wanted {
    Measured* out;
    std::size_t counts;
    bool share;
    Compute compute;
  };
  std::size_t prompts_;
  std::vector<std::vector<double>> columns_;
  std::vector<Wanted> wanted_;
};

}  // namespace ballot
