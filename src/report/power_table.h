// `ballot power`: how small a difference a study's evaluations can show, before money is spent.
//
// A paired difference of accuracies shows at n items when it reaches about 2.8 sqrt(discordant / effective n): what
// counts is how often only one of two models is right (the discordant share), and how far items that share a prompt
// repeat each other (the design effect). Neither is known beforehand; both are assumptions that are printed with the
// result.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/options.h"

namespace ballot {

struct PowerAssumptions {
  double discordant = 0.15;  ///< share of items that only one of two models gets right
  double rho = 0.1;          ///< correlation of items within a cluster
  double alpha = 0.05, power = 0.8;
};
void visit_options(OptionVisitor& visit, PowerAssumptions& options);

/// One suite of a study: n items in clusters.
struct PowerSuite {
  std::string name;
  std::int64_t items = 0, clusters = 0;
};

struct PowerRow {
  PowerSuite suite;
  double design_effect = 1;
  double shown = 0;           ///< the smallest difference that shows with the power asked for
  double items_for_half = 0;  ///< items needed to show half of it, at the same cluster size
};
/// Suites without items are left out. Throws Error (usage) on assumptions outside (0, 1).
std::vector<PowerRow> power_rows(const std::vector<PowerSuite>& suites, const PowerAssumptions& assumptions);

/// The leaderboard's tasks have known sizes; empty for others.
PowerSuite known_task(const std::string& task);

Json power_json(const std::vector<PowerRow>& rows, const PowerAssumptions& assumptions);
std::string power_text(const std::vector<PowerRow>& rows, const PowerAssumptions& assumptions, std::int64_t contrasts);

}  // namespace ballot
