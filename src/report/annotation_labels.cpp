// Raw labels from annotation folders (report/labels.h): what was answered on each ballot, before it becomes
// preferences.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/hash.h"
#include "core/suggest.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "report/labels.h"

namespace ballot {
namespace {

enum class RawKind { kUnknown, kScore, kChoice, kRank };

RawKind kind_of(const Annotation& a) {
  if (a.rating) return RawKind::kScore;
  if (!a.ranking.empty()) return RawKind::kRank;
  return a.shown.size() == 2 ? RawKind::kChoice : RawKind::kUnknown;
}

/// One label: what is judged, and the value.
struct RawLabel {
  std::string unit;
  double value = 0;
};

std::vector<RawLabel> labels_of(const Annotation& a, bool hash_orientation, std::uint64_t seed) {
  if (a.rating) return {{a.item_id, static_cast<double>(*a.rating)}};
  if (!a.ranking.empty()) {
    // Ranks by competition, as binarize counts them.
    std::vector<RawLabel> out;
    double rank = 1;
    for (const std::vector<std::string>& group : a.ranking) {
      for (const std::string& id : group) out.push_back({a.item_id + " " + id, rank});
      rank += static_cast<double>(group.size());
    }
    return out;
  }
  const auto keyed = [&](const std::string& id) {
    return Hasher().field(static_cast<std::int64_t>(seed)).field(id).digest();
  };
  std::string first = std::min(a.shown[0], a.shown[1]);
  if (hash_orientation) first = keyed(a.shown[0]) < keyed(a.shown[1]) ? a.shown[0] : a.shown[1];
  const double sign = !a.choice ? 0 : *a.choice == first ? 1 : -1;
  return {{a.item_id, sign * a.magnitude.value_or(1)}};
}

std::string group_of(const PoolRow& row, const std::string& by) {
  if (by == "split") return row.split;
  if (by == "turns") return std::to_string(row.turns);
  if (by == "good_natured") return row.good_natured ? (*row.good_natured ? "true" : "false") : "unknown";
  std::string joined;
  for (const std::string& source : row.source) joined += (joined.empty() ? "" : ", ") + source;
  return joined;
}

}  // namespace

Labels labels_from_annotations(const std::vector<Annotator>& annotators, const AnnotationLabelOptions& options) {
  if (options.orientation != "symmetric" && options.orientation != "hash")
    throw wrong_usage("raw labels have the orientation 'symmetric' or 'hash', not '{}'", options.orientation);
  const std::vector<std::string> columns = {"split", "source", "good_natured", "turns"};
  if (!options.by.empty() && std::find(columns.begin(), columns.end(), options.by) == columns.end())
    throw wrong_usage("unknown column to group by '{}'{}", options.by, did_you_mean(options.by, columns));
  if (!options.by.empty() && options.pool.empty())
    throw Error(ErrorKind::kUsage, "raw labels are grouped by what the pool says of their prompts", "give the --pool");

  Labels out;
  RawKind kind = RawKind::kUnknown;
  std::unordered_map<std::string, std::size_t> place;  // of units
  std::unordered_map<std::string, std::uint32_t> clusters;
  std::map<std::pair<std::size_t, std::size_t>, double> values;  // by rater and unit
  std::set<double> scale;
  for (const Annotator& annotator : annotators) {
    const std::vector<Annotation> rows = read_annotations(annotator.path);
    std::set<std::int32_t> repeats;
    for (const Annotation& a : rows) repeats.insert(a.repeat);
    std::map<std::int32_t, std::size_t> rater;
    for (const std::int32_t repeat : repeats) {
      rater[repeat] = out.raters.size();
      out.raters.push_back(repeats.size() == 1 ? annotator.name
                                               : fmt::format("{}, asking {}", annotator.name, repeat + 1));
    }
    for (const Annotation& a : rows) {
      if (!a.usable()) continue;
      const RawKind mine = kind_of(a);
      if (kind == RawKind::kUnknown) kind = mine;
      if (mine != kind || mine == RawKind::kUnknown)
        throw Error(
            ErrorKind::kInput,
            fmt::format("annotation {} of {} is of another kind than those before it", a.item_id, annotator.path),
            "raw labels of different formats have no common units: compare preferences instead (ballot "
            "binarize)");
      for (const RawLabel& label : labels_of(a, options.orientation == "hash", options.seed)) {
        const auto [found, is_new] = place.try_emplace(label.unit, out.units.size());
        if (is_new) {
          out.units.push_back(label.unit);
          const auto [cluster, first] = clusters.try_emplace(a.prompt_id, static_cast<std::uint32_t>(clusters.size()));
          if (first) out.clusters.push_back(a.prompt_id);
          out.ratings.cluster.push_back(cluster->second);
        }
        values[{rater.at(a.repeat), found->second}] = label.value;
        scale.insert(label.value);
      }
    }
  }
  if (out.raters.size() < 2)
    throw Error(ErrorKind::kUsage, "agreement needs two annotators, or one who was asked twice",
                "give two folders, or annotate with --repeats 2");
  if (values.empty()) throw bad_input("{} holds no label that can be used", annotators.front().path);
  if (kind == RawKind::kChoice) {
    // The scale is symmetric, so that turning a pair round turns the scale round.
    for (const double value : std::set<double>(scale)) scale.insert(-value);
    out.ratings.both_orientations = options.orientation == "symmetric";
  }
  out.ratings.values.assign(scale.begin(), scale.end());
  for (const double value : out.ratings.values) out.categories.push_back(fmt::format("{}", value));
  out.ratings.raters = out.raters.size();
  out.ratings.codes.assign(out.units.size() * out.raters.size(), kMissing);
  for (const auto& [at, value] : values)
    out.ratings.codes[at.second * out.raters.size() + at.first] = static_cast<std::int32_t>(
        std::lower_bound(out.ratings.values.begin(), out.ratings.values.end(), value) - out.ratings.values.begin());
  out.ratings.clusters = out.clusters.size();
  out.clustered_by = "prompt_id";
  if (options.by.empty()) return out;
  std::unordered_map<std::string, std::string> group;
  for (const PoolRow& row : read_pool(options.pool)) group.emplace(row.prompt_id, group_of(row, options.by));
  for (std::size_t u = 0; u < out.units.size(); ++u) {
    const auto found = group.find(out.clusters[out.ratings.cluster[u]]);
    if (found == group.end())
      throw Error(ErrorKind::kInput,
                  fmt::format("prompt {} is not in {}", out.clusters[out.ratings.cluster[u]], options.pool),
                  "give the pool that the annotations were made from: --pool");
    out.groups.push_back(found->second);
  }
  out.grouped_by = options.by;
  return out;
}

}  // namespace ballot
