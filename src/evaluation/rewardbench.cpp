#include "evaluation/rewardbench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/lock.h"
#include "core/manifest.h"
#include "core/version.h"
#include "data/preferences.h"
#include "data/reward_items.h"
#include "data/sources.h"
#include "data/table.h"
#include "evaluation/reward_results.h"
#include "evaluation/scored_items.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kRewardBenchVersion = 3, kScoreVersion = 2;

/// One row an item. Of several right or wrong completions the columns hold the two that decide: the lowest right one
/// and the highest wrong one; `scores` then has all of them, right ones first.
void write_scores(const fs::path& path, const std::string& suite, std::span<const RewardItem> items,
                  const std::vector<std::string>& clusters, std::span<const ItemScores> scores) {
  const bool pairs = suite == "rewardbench" || suite == "preferences";
  std::vector<std::string> ids, subsets, cluster, all;
  std::vector<double> right, wrong, credit;
  std::vector<bool> correct;
  for (const ItemScores& s : scores) {
    const RewardItem& item = items[s.item];
    ids.push_back(item.id);
    subsets.push_back(item.subset);
    cluster.push_back(clusters[s.item]);
    right.push_back(*std::min_element(s.right.begin(), s.right.end()));
    wrong.push_back(*std::max_element(s.wrong.begin(), s.wrong.end()));
    credit.push_back(item_credit(suite, item, s));
    correct.push_back(credit.back() == 1);
    all.push_back(Json({{"chosen", s.right}, {"rejected", s.wrong}}).dump());
  }
  std::vector<TableColumn> columns = {
      {"id", ids}, {"subset", subsets}, {"score_chosen", right}, {"score_rejected", wrong}};
  if (pairs)
    columns.push_back({"correct", correct});
  else
    columns.push_back({"correct", credit});
  columns.push_back({"cluster", cluster});
  if (!pairs) columns.push_back({"scores", all});
  write_table(path, columns);
}

std::vector<ManifestInput> scorer_inputs(const ScorerOptions& options) {
  std::vector<ManifestInput> inputs;
  for (const auto& [role, name] :
       {std::pair{"model", options.model}, {"policy", options.policy}, {"reference", options.reference}})
    if (!name.empty()) inputs.push_back(describe_input(role, find_model(name)));
  return inputs;
}

/// The files of --data: a file, a folder of shards or a hub dataset; of RewardBench's own splits the filtered one,
/// which is what is scored.
std::vector<std::string> data_files(const std::string& data) {
  std::vector<SourceFile> files;
  try {
    files = resolve_sources({data});
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kUsage) throw;
    files = resolve_sources({data}, "filtered");
  }
  std::vector<std::string> paths;
  for (const SourceFile& file : files) paths.push_back(file.path.string());
  return paths;
}

void add_data_inputs(const std::vector<std::string>& files, Manifest& manifest) {
  for (const std::string& file : files)
    manifest.inputs.push_back(
        describe_input(files.size() == 1 ? "data" : "data " + fs::path(file).filename().string(), file));
}

/// score_items; what was rejected is on disk even where nothing is left to score.
ScoredItems score_or_tell(const Scorer& scorer, std::span<const RewardItem> items, const std::string& what,
                          const fs::path& rejects_file, RejectLog& rejects, Progress& progress) {
  try {
    return score_items(scorer, items, what, rejects, progress);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kInput) rejects.write(rejects_file);
    throw;
  }
}

fs::path rejects_file(const std::string& given, const std::string& out) {
  return given.empty() ? fs::path(out + ".rejects.jsonl") : fs::path(given);
}

}  // namespace

std::string run_rewardbench(const RewardBenchOptions& options, Progress& progress) {
  const auto began = std::chrono::steady_clock::now();
  if (options.data.empty())
    throw Error(ErrorKind::kUsage, "--data is missing", "name the pairs: --data rewardbench.jsonl");
  check_scorer_options(options.scorer);
  RejectLog rejects(options.on_bad_row == "fail");
  const std::vector<std::string> files = data_files(options.data);
  const RewardItems read = read_reward_items(files, options.suite, rejects);
  Manifest manifest;
  manifest.stage = "rewardbench";
  manifest.stage_version = kRewardBenchVersion;
  manifest.parameters = options_json(options, true);
  manifest.seed = options.seed;
  manifest.started = utc_now();
  manifest.inputs = scorer_inputs(options.scorer);
  add_data_inputs(files, manifest);
  const FolderLock lock(options.out);
  begin_folder(options.out, manifest, options.force);

  const Scorer scorer(options.scorer, progress);
  const ScoredItems scored =
      score_or_tell(scorer, read.items, options.data, rejects_file(options.rejects, options.out), rejects, progress);
  const std::vector<std::string> clusters = item_clusters(read.suite, read.items);
  Json json = reward_results(read.suite, read.items, clusters, scored.scores, options.bootstrap,
                             static_cast<std::uint64_t>(options.seed));
  json["scorer"] = scorer.description();
  json["truncated"] = scored.truncated;
  json["first_sample"] = scored.first_sample;
  json["first_sample_sha256"] = sha256_hex(scored.first_sample);
  json["rejects"] = rejects.to_json();
  const fs::path out = options.out;
  write_scores(out / "scores.parquet", read.suite, read.items, clusters, scored.scores);
  write_file(out / "results.json", json.dump(2) + "\n");
  rejects.write(rejects_file(options.rejects, options.out));
  manifest.facts = Json({{"suite", read.suite},
                         {"pairs", scored.scores.size()},
                         {"score", json["score"]},
                         {"scorer", json["scorer"]},
                         {"rejects", json["rejects"]}})
                       .dump();
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  write_manifest(out, manifest);
  json["out"] = options.out;
  return json.dump();
}

std::string run_score(const ScoreOptions& options, Progress& progress) {
  const auto began = std::chrono::steady_clock::now();
  if (options.data.empty())
    throw Error(ErrorKind::kUsage, "--data is missing", "name the pairs: --data preferences.parquet");
  check_scorer_options(options.scorer);
  begin_file(options.out, options.force);
  RejectLog rejects(options.on_bad_row == "fail");
  const std::vector<std::string> files = data_files(options.data);
  std::vector<RowPlace> places;
  const std::vector<Preference> rows = read_preferences(files, rejects, &places);
  std::vector<RewardItem> items;
  std::vector<std::string> clusters;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Preference& row = rows[i];
    if (options.split != "all" && row.split != options.split) continue;
    items.push_back({row.pair_id,
                     row.format,
                     row.prompt_id,
                     row.prompt,
                     {row.chosen},
                     {row.rejected},
                     places[i].file,
                     places[i].row});
    clusters.push_back(row.prompt_id);
  }
  if (items.empty()) throw bad_input("{} has no rows of the split '{}'", options.data, options.split);
  Manifest manifest;
  manifest.stage = "score";
  manifest.stage_version = kScoreVersion;
  manifest.parameters = options_json(options, true);
  manifest.seed = options.seed;
  manifest.started = utc_now();
  manifest.inputs = scorer_inputs(options.scorer);
  add_data_inputs(files, manifest);
  const Scorer scorer(options.scorer, progress);
  const ScoredItems scored =
      score_or_tell(scorer, items, options.data, rejects_file(options.rejects, options.out), rejects, progress);
  double right = 0;
  std::int64_t ties = 0;
  for (const ItemScores& s : scored.scores) right += s.right[0] > s.wrong[0], ties += s.right[0] == s.wrong[0];
  write_scores(options.out, "preferences", items, clusters, scored.scores);
  rejects.write(rejects_file(options.rejects, options.out));
  Json json = {{"n", scored.scores.size()},
               {"accuracy", right / static_cast<double>(std::max<std::size_t>(scored.scores.size(), 1))},
               {"ties", ties},
               {"truncated", scored.truncated},
               {"scorer", scorer.description()},
               {"rejects", rejects.to_json()}};
  manifest.facts = json.dump();
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  write_manifest(options.out, manifest);
  json["out"] = options.out;
  return json.dump();
}

}  // namespace ballot
