#include "report/power_table.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/progress.h"
#include "core/terminal.h"
#include "statistics/power.h"

namespace ballot {
namespace {

void check(const char* name, double value, bool zero) {
  if (!(value < 1 && (zero ? value >= 0 : value > 0)))
    throw wrong_usage("--{} is {}; it must lie between 0 and 1", name, value);
}

}  // namespace

void visit_options(OptionVisitor& visit, PowerAssumptions& o) {
  visit({"discordant", "share of items that only one of two models gets right (an assumption)", {}}, o.discordant);
  visit({"rho", "correlation of items that share a prompt (an assumption)", {}}, o.rho);
  visit({"alpha", "two-sided level of a test", {}}, o.alpha);
  visit({"power", "chance that a difference of the size shown is found", {}}, o.power);
}

std::vector<PowerRow> power_rows(const std::vector<PowerSuite>& suites, const PowerAssumptions& assumptions) {
  check("discordant", assumptions.discordant, false);
  check("rho", assumptions.rho, true);
  check("alpha", assumptions.alpha, false);
  check("power", assumptions.power, false);
  std::vector<PowerRow> out;
  const PowerOptions options{assumptions.alpha, assumptions.power};
  for (const PowerSuite& suite : suites) {
    if (suite.items <= 0) continue;
    PowerRow row{suite, 1, 0, 0};
    const double size =
        static_cast<double>(suite.items) / static_cast<double>(std::max<std::int64_t>(suite.clusters, 1));
    row.design_effect = design_effect(size, assumptions.rho);
    row.shown =
        paired_difference_shown(static_cast<double>(suite.items), assumptions.discordant, row.design_effect, options);
    row.items_for_half =
        std::ceil(paired_items_needed(row.shown / 2, assumptions.discordant, row.design_effect, options));
    out.push_back(row);
  }
  return out;
}

PowerSuite known_task(const std::string& task) {
  // Items and clusters of the leaderboard group: instructions by prompt; of MuSR 250 + 64 + 250 stories (object
  // placements asks four questions a story); distinct questions of GPQA.
  static const std::vector<PowerSuite> tasks = {
      {"leaderboard_ifeval", 834, 541}, {"leaderboard_bbh", 5761, 5761}, {"leaderboard_math_hard", 1324, 1324},
      {"leaderboard_musr", 756, 564},   {"leaderboard_gpqa", 1192, 546}, {"leaderboard_mmlu_pro", 12032, 12032}};
  for (const PowerSuite& suite : tasks)
    if (suite.name == task) return suite;
  return {task, 0, 0};
}

Json power_json(const std::vector<PowerRow>& rows, const PowerAssumptions& assumptions) {
  Json out;
  out["assumptions"] = {{"discordant", assumptions.discordant},
                        {"rho", assumptions.rho},
                        {"alpha", assumptions.alpha},
                        {"power", assumptions.power}};
  Json& suites = out["suites"] = Json::array();
  for (const PowerRow& row : rows)
    suites.push_back({{"suite", row.suite.name},
                      {"items", row.suite.items},
                      {"clusters", row.suite.clusters},
                      {"design_effect", row.design_effect},
                      {"smallest_difference", row.shown},
                      {"items_for_half", row.items_for_half}});
  return out;
}

std::string power_text(const std::vector<PowerRow>& rows, const PowerAssumptions& a, std::int64_t contrasts) {
  TextTable table{{"suite", "items", "clusters", "design effect", "smallest difference", "items for half of it"},
                  {},
                  {false, true, true, true, true, true}};
  for (const PowerRow& row : rows)
    table.rows.push_back({printable(row.suite.name), human_count(row.suite.items), human_count(row.suite.clusters),
                          fmt::format("{:.2f}", row.design_effect), fmt::format("{:.3f}", row.shown),
                          human_count(static_cast<std::int64_t>(row.items_for_half))});
  std::string out = render_plain(table);
  out += fmt::format(
      "\nThe smallest difference of two models' accuracies that is found with probability {:.0f}% in a test at "
      "{:.1f}%, where {:.0f}% of the items are\n"
      "answered rightly by one of the two only and items of one cluster correlate by {:.2f}: assumptions, not "
      "measurements (--discordant, --rho).\n",
      100 * a.power, 100 * a.alpha, 100 * a.discordant, a.rho);
  if (contrasts > 1)
    out += fmt::format(
        "The study makes {} contrasts a suite and corrects for all of them, so that a claim needs a larger difference "
        "than this.\n",
        contrasts);
  return out + "One seed a training adds the luck of the seed, which no number of items takes away.\n";
}

}  // namespace ballot
