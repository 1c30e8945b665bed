#include "report/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/error.h"

namespace ballot {
namespace {

std::optional<double> whole_number(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Labels labels_of_group(const Labels& labels, const std::string& group) {
  Labels out = labels;
  out.units.clear();
  out.groups.clear();
  out.ratings.codes.clear();
  out.ratings.cluster.clear();
  out.clusters.clear();
  std::vector<std::int64_t> place(labels.ratings.cluster_count(), -1);
  for (std::size_t u = 0; u < labels.units.size(); ++u) {
    if (labels.groups[u] != group) continue;
    out.units.push_back(labels.units[u]);
    out.groups.push_back(group);
    for (std::size_t r = 0; r < labels.ratings.raters; ++r) out.ratings.codes.push_back(labels.ratings.code(u, r));
    if (labels.ratings.cluster.empty()) continue;
    std::int64_t& at = place[labels.ratings.cluster_of(u)];
    if (at < 0) {
      at = static_cast<std::int64_t>(out.clusters.size());
      out.clusters.push_back(labels.clusters[labels.ratings.cluster_of(u)]);
    }
    out.ratings.cluster.push_back(static_cast<std::uint32_t>(at));
  }
  out.ratings.clusters = out.clusters.size();
  return out;
}

std::vector<std::string> groups_of(const Labels& labels) {
  std::vector<std::string> groups = labels.groups;
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  std::stable_sort(groups.begin(), groups.end(), [](const std::string& a, const std::string& b) {
    const auto x = whole_number(a), y = whole_number(b);
    return x && y ? *x < *y : x.has_value() > y.has_value();
  });
  return groups;
}

}  // namespace ballot
