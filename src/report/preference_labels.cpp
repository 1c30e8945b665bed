// Labels from preferences files (report/labels.h).
#include "data/preference_labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/suggest.h"
#include "data/ids.h"
#include "data/rows.h"
#include "report/labels.h"

namespace ballot {
namespace {

constexpr const char* kSourceAnnotator = "source";
constexpr std::int8_t kTie = 0, kUnknown = 2;  // beside +1 and -1

/// A pair of completions a < b by id; what is known of it from the first file that says so.
struct Pair {
  std::string id, a, b, group;
  std::uint32_t prompt = 0;
  std::string source;
  std::string presented_first;
  std::int32_t rank_a = 0, rank_b = 0;
  bool grouped = false;
};

/// What --by can group pairs by: what a pair is, whoever judged it.
const std::vector<std::string>& group_columns() {
  static const std::vector<std::string> columns = {"split",           "source", "good_natured",
                                                   "source_distance", "models", "prompt_id"};
  return columns;
}

std::string group_of(const Preference& p, const std::string& by) {
  if (by == "split") return p.split;
  if (by == "good_natured") return p.good_natured ? (*p.good_natured ? "true" : "false") : "unknown";
  if (by == "prompt_id") return p.prompt_id;
  if (by == "models")
    return std::min(p.chosen_model, p.rejected_model) + " | " + std::max(p.chosen_model, p.rejected_model);
  if (by == "source_distance")
    return p.source_rank_chosen == 0 || p.source_rank_rejected == 0
               ? "unknown"
               : std::to_string(std::abs(p.source_rank_chosen - p.source_rank_rejected));
  std::string joined;
  for (const std::string& source : p.source) joined += (joined.empty() ? "" : ", ") + source;
  return joined;
}

class Collector {
 public:
  Collector(const PreferenceLabelOptions& options, std::size_t annotators) : options_(options), labels_(annotators) {}

  /// False where this annotator has labelled the pair already.
  bool add(std::size_t annotator, const Preference& p) {
    const auto [found, is_new] = index_.try_emplace(p.pair_id, static_cast<std::uint32_t>(pairs_.size()));
    if (is_new) {
      Pair pair;
      pair.id = p.pair_id;
      pair.a = std::min(p.chosen_id, p.rejected_id);
      pair.b = std::max(p.chosen_id, p.rejected_id);
      pair.prompt = prompts_.try_emplace(p.prompt_id, static_cast<std::uint32_t>(prompts_.size())).first->second;
      if (pair.prompt == prompt_ids_.size()) prompt_ids_.push_back(p.prompt_id);
      if (options_.cluster == "source") pair.source = group_of(p, "source");
      pairs_.push_back(std::move(pair));
      for (std::vector<std::int8_t>& labels : labels_) labels.push_back(kUnknown);
    }
    Pair& pair = pairs_[found->second];
    const bool a_won = p.chosen_id == pair.a;
    if (!(a_won ? p.rejected_id == pair.b : p.chosen_id == pair.b && p.rejected_id == pair.a))
      throw RowProblem{"pair_id", "pair_differs",
                       fmt::format("pair {} names the completions {} and {} here, {} and {} before", p.pair_id,
                                   p.chosen_id, p.rejected_id, pair.a, pair.b)};
    if (prompt_ids_[pair.prompt] != p.prompt_id)
      throw RowProblem{"prompt_id", "pair_differs",
                       fmt::format("pair {} belongs to prompt {} here, to {} before", p.pair_id, p.prompt_id,
                                   prompt_ids_[pair.prompt])};
    std::int8_t& label = labels_[annotator][found->second];
    if (label != kUnknown) return false;
    label = p.tie && options_.tied_pairs != "keep" ? kTie : a_won ? 1 : -1;
    if (p.tie && options_.tied_pairs == "missing") label = kMissingTie;
    if (pair.presented_first.empty()) pair.presented_first = p.presented_first;
    if (pair.rank_a == 0) {
      pair.rank_a = a_won ? p.source_rank_chosen : p.source_rank_rejected;
      pair.rank_b = a_won ? p.source_rank_rejected : p.source_rank_chosen;
    }
    if (!options_.by.empty()) {
      const std::string group = group_of(p, options_.by);
      if (pair.grouped && pair.group != group)
        throw bad_input("the pairs cannot be grouped by '{}': pair {} has '{}' and '{}' in different files",
                        options_.by, p.pair_id, pair.group, group);
      pair.group = group;
      pair.grouped = true;
    }
    return true;
  }

  /// The source's ranking as one more annotator, on the pairs that are there.
  void add_source(const std::string& pool, RejectLog& rejects) {
    std::vector<std::int8_t> labels(pairs_.size(), kUnknown);
    for_each_row(resolve_sources({pool}), rejects,
                 [&](const SourceFile&, std::int64_t, const Value& row) {
                   std::vector<std::pair<std::string, std::int64_t>> completions;
                   for (const Value& item :
                        row.get("completions").is_list() ? row.get("completions").items() : std::span<const Value>()) {
                     const Value &id = item.is_object() ? item.get("completion_id") : Value(),
                                 &rank = item.is_object() ? item.get("source_rank") : Value();
                     if (!id.is_text() || !rank.is_number())
                       throw RowProblem{"completions", "completions_malformed", "wanted completion_id and source_rank"};
                     completions.emplace_back(std::string(id.as_text()), static_cast<std::int64_t>(rank.as_double()));
                   }
                   if (completions.empty())
                     throw RowProblem{"completions", "completions_missing", "a pool's row has completions"};
                   for (std::size_t i = 0; i < completions.size(); ++i)
                     for (std::size_t j = i + 1; j < completions.size(); ++j) {
                       const auto found = index_.find(pair_id_of(completions[i].first, completions[j].first));
                       if (found == index_.end()) continue;
                       Pair& pair = pairs_[found->second];
                       const bool i_is_a = completions[i].first == pair.a;
                       pair.rank_a = static_cast<std::int32_t>(i_is_a ? completions[i].second : completions[j].second);
                       pair.rank_b = static_cast<std::int32_t>(i_is_a ? completions[j].second : completions[i].second);
                       if (pair.rank_a != pair.rank_b) labels[found->second] = pair.rank_a < pair.rank_b ? 1 : -1;
                     }
                 },
                 {"completions"});
    labels_.push_back(std::move(labels));
    if (std::all_of(labels_.back().begin(), labels_.back().end(), [](std::int8_t label) { return label == kUnknown; }))
      throw Error(ErrorKind::kInput, fmt::format("{} holds none of the pairs of the preferences files", pool),
                  "give the pool that the labels were made from");
  }

  Labels finish(std::vector<std::string> names) {
    Labels out;
    out.raters = std::move(names);
    out.ratings.raters = out.raters.size();
    const bool three = options_.tied_pairs == "category";
    out.ratings.values = three ? std::vector<double>{-1, 0, 1} : std::vector<double>{-1, 1};
    out.categories =
        three ? std::vector<std::string>{"second", "tie", "first"} : std::vector<std::string>{"second", "first"};
    out.ratings.both_orientations = options_.orientation == "symmetric";
    out.grouped_by = options_.by;
    std::unordered_map<std::string, std::uint32_t> clusters;
    for (std::size_t u = 0; u < pairs_.size(); ++u) {
      const Pair& pair = pairs_[u];
      const bool a_first = is_first(pair);
      for (const std::vector<std::int8_t>& labels : labels_) {
        const int label = labels[u] == kUnknown || labels[u] == kMissingTie ? kUnknown
                          : a_first                                         ? labels[u]
                                                                            : -labels[u];
        out.ratings.codes.push_back(label == kUnknown ? kMissing : three ? label + 1 : (label + 1) / 2);
      }
      out.units.push_back(pair.id);
      if (!options_.by.empty()) out.groups.push_back(pair.group);
      if (options_.cluster == "pair_id") continue;
      const std::string& name = options_.cluster == "source" ? pair.source : prompt_ids_[pair.prompt];
      const auto [found, is_new] = clusters.try_emplace(name, static_cast<std::uint32_t>(clusters.size()));
      if (is_new) out.clusters.push_back(name);
      out.ratings.cluster.push_back(found->second);
    }
    out.ratings.clusters = out.clusters.size();
    if (options_.cluster != "pair_id") out.clustered_by = options_.cluster;
    return out;
  }

  std::size_t size() const { return pairs_.size(); }

 private:
  static constexpr std::int8_t kMissingTie = 3;  // labelled, and left out as a tie

  bool is_first(const Pair& pair) const {
    if (options_.orientation == "symmetric") return true;
    if (options_.orientation == "hash") {
      const auto keyed = [&](const std::string& id) {
        return Hasher().field(static_cast<std::int64_t>(options_.seed)).field(id).digest();
      };
      return keyed(pair.a) < keyed(pair.b);
    }
    if (options_.orientation == "presented") {
      if (pair.presented_first != pair.a && pair.presented_first != pair.b)
        throw Error(ErrorKind::kInput,
                    fmt::format("no file says which completion of pair {} was presented first", pair.id),
                    "choose another --orientation: symmetric, hash or source");
      return pair.presented_first == pair.a;
    }
    if (pair.rank_a == pair.rank_b)
      throw Error(ErrorKind::kInput, fmt::format("the source's ranks of pair {} are not known, or equal", pair.id),
                  "give the --pool, or choose another --orientation: symmetric, hash or presented");
    return pair.rank_a < pair.rank_b;
  }

  const PreferenceLabelOptions& options_;
  std::unordered_map<std::string, std::uint32_t> index_, prompts_;
  std::vector<std::string> prompt_ids_;
  std::vector<Pair> pairs_;
  std::vector<std::vector<std::int8_t>> labels_;  // by annotator, by pair
};

void check_word(const std::string& what, const std::string& word, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), word) == known.end())
    throw wrong_usage("unknown {} '{}'{}", what, word, did_you_mean(word, known));
}

/// The names of the annotators by `name`, where they differ.
template <class Name>
bool named(std::vector<Annotator>& annotators, Name name) {
  std::set<std::string> seen;
  std::vector<std::string> names;
  for (const Annotator& annotator : annotators) {
    names.push_back(annotator.name.empty() ? name(annotator) : annotator.name);
    if (names.back().empty() || !seen.insert(names.back()).second) return false;
  }
  for (std::size_t i = 0; i < annotators.size(); ++i) annotators[i].name = names[i];
  return true;
}

}  // namespace

std::vector<Annotator> name_annotators(const std::vector<std::string>& files) {
  std::vector<Annotator> out;
  for (const std::string& file : files) {
    const std::size_t equals = file.find('=');
    if (equals != std::string::npos && equals > 0 && !std::filesystem::exists(file))
      out.push_back({file.substr(0, equals), file.substr(equals + 1)});
    else
      out.push_back({"", file});
  }
  const auto stem = [](const Annotator& annotator) {
    std::string name = std::filesystem::path(annotator.path).filename().string();
    return name.substr(0, name.find('.'));
  };
  if (named(out, stem)) return out;
  // The first row knows.
  std::vector<Preference> first(out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    RejectLog ignored;
    struct Found {};
    try {
      for_each_label(out[i].path, {"format", "judge"}, ignored,
                     [&](const std::string&, std::int64_t, const Preference& label) {
                       first[i] = label;
                       throw Found{};
                     });
    } catch (const Found&) {
    }
  }
  const auto row_of = [&](const Annotator& annotator) -> const Preference& {
    return first[static_cast<std::size_t>(&annotator - out.data())];
  };
  if (named(out, [&](const Annotator& a) { return row_of(a).format; })) return out;
  if (named(out, [&](const Annotator& a) { return row_of(a).format + " (" + row_of(a).judge + ")"; })) return out;
  if (named(out, [](const Annotator& a) { return a.path; })) return out;
  throw wrong_usage("the same preferences file is given twice: an annotator always agrees with itself");
}

Labels labels_from_preferences(const std::vector<Annotator>& annotators, const PreferenceLabelOptions& options,
                               RejectLog& rejects) {
  check_word("orientation", options.orientation, {"symmetric", "hash", "presented", "source"});
  check_word("policy for tied pairs", options.tied_pairs, {"keep", "missing", "category"});
  check_word("cluster column", options.cluster, {"prompt_id", "pair_id", "source"});
  if (!options.by.empty()) check_word("column to group by", options.by, group_columns());
  if (annotators.empty() || (annotators.size() < 2 && options.pool.empty()))
    throw Error(ErrorKind::kUsage, "agreement needs two annotators",
                "give two or more preferences files, or one and --pool");
  std::vector<std::string> fields = {"tie", "presented_first", "source_rank_chosen", "source_rank_rejected"};
  if (options.by == "models") fields.insert(fields.end(), {"chosen_model", "rejected_model"});
  for (const char* name : {"split", "source", "good_natured"})
    if (options.by == name || options.cluster == name) fields.emplace_back(name);
  Collector collector(options, annotators.size());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < annotators.size(); ++i) {
    names.push_back(annotators[i].name);
    std::int64_t used = 0;
    const std::int64_t read = for_each_label(
        annotators[i].path, fields, rejects, [&](const std::string& file, std::int64_t row, const Preference& label) {
          if (!collector.add(i, label))
            throw RowProblem{"pair_id", "duplicate_pair",
                             fmt::format("{} labels pair {} a second time", file, label.pair_id)};
          ++used;
          if (row % 4096 == 0) check_interrupt();
        });
    if (used == 0) throw nothing_usable(annotators[i].path, read, rejects);
  }
  if (!options.pool.empty()) {
    if (std::find(names.begin(), names.end(), kSourceAnnotator) != names.end())
      throw Error(ErrorKind::kUsage, "a preferences file is named 'source', as the pool's ranking is",
                  "name it differently: NAME=FILE");
    collector.add_source(options.pool, rejects);
    names.push_back(kSourceAnnotator);
  }
  return collector.finish(std::move(names));
}

}  // namespace ballot
