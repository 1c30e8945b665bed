#include "evaluation/rewardbench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/lock.h"
#include "core/manifest.h"
#include "core/suggest.h"
#include "core/version.h"
#include "data/ids.h"
#include "data/preferences.h"
#include "data/rewardbench.h"
#include "data/sources.h"
#include "data/table.h"
#include "evaluation/scorer.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kRewardBenchVersion = 2, kScoreVersion = 2;

/// Scores of the pairs that could be encoded, in the order of `rows`. `index` says which rows they are.
std::vector<ScoredPair> score_pairs(const Scorer& scorer, std::vector<Preference> rows, const std::string& file,
                                    RejectLog& rejects, Progress& progress, std::vector<std::size_t>& index,
                                    std::string* sample = nullptr) {
  // Ids of a file may repeat; rows are told apart by their place.
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].pair_id = std::to_string(i);
  ExampleOptions encode;
  encode.max_length = scorer.max_length();
  encode.truncate = "drop";
  encode.on_control_tokens = "encode";  // as the field's evaluators do
  encode.split = "all";
  encode.file = file;
  const TrainingSet set = pair_examples(rows, scorer.tokenizer(), encode, rejects);
  if (sample) *sample = scorer.first_sample(set);
  const auto scores = scorer.scores(set, progress);
  std::vector<std::pair<std::size_t, ScoredPair>> found;
  for (const Example& example : set.examples) {
    ScoredPair pair;
    pair.score_chosen =
        scores[static_cast<std::size_t>(example.prompt)][static_cast<std::size_t>(example.completions[0])];
    pair.score_rejected =
        scores[static_cast<std::size_t>(example.prompt)][static_cast<std::size_t>(example.completions[1])];
    found.emplace_back(std::stoull(example.id), pair);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<ScoredPair> out;
  index.clear();
  for (auto& [row, pair] : found) index.push_back(row), out.push_back(std::move(pair));
  for (const ScoredPair& pair : out)
    if (std::isnan(pair.score_chosen) || std::isnan(pair.score_rejected))
      throw Error(ErrorKind::kFailed, "the model gives NaN as a score",
                  "its weights are damaged, or training diverged: look at its metrics.jsonl");
  return out;
}

void write_scores(const fs::path& path, const std::vector<ScoredPair>& pairs) {
  std::vector<std::string> ids, subsets, clusters;
  std::vector<double> chosen, rejected;
  std::vector<bool> correct;
  for (const ScoredPair& pair : pairs) {
    ids.push_back(pair.id);
    subsets.push_back(pair.subset);
    clusters.push_back(pair.cluster);
    chosen.push_back(pair.score_chosen);
    rejected.push_back(pair.score_rejected);
    correct.push_back(pair.correct());
  }
  write_table(path, {{"id", ids},
                     {"subset", subsets},
                     {"score_chosen", chosen},
                     {"score_rejected", rejected},
                     {"correct", correct},
                     {"cluster", clusters}});
}

Json interval_json(const ScoreInterval& s) {
  const auto number = [](double x) { return std::isnan(x) ? Json() : Json(x); };
  return {{"score", number(s.score)}, {"low", number(s.low)}, {"high", number(s.high)}};
}

Json scores_json(const SectionScores& scores) {
  Json json;
  json["sections"] = Json::object();
  for (const std::string& name : rewardbench_sections())
    if (const auto found = scores.sections.find(name); found != scores.sections.end())
      json["sections"][name] = interval_json(found->second);
  json["score"] = scores.overall.score;
  json["score_low"] = interval_json(scores.overall)["low"];
  json["score_high"] = interval_json(scores.overall)["high"];
  json["subsets"] = Json::object();
  for (const auto& [name, subset] : scores.subsets)
    json["subsets"][name] = {{"accuracy", subset.accuracy}, {"n", subset.n}, {"ties", subset.ties}};
  return json;
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

double correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) mx += x[i] / n, my += y[i] / n;
  for (std::size_t i = 0; i < x.size(); ++i)
    xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my), xy += (x[i] - mx) * (y[i] - my);
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : std::nan("");
}

}  // namespace

std::int64_t characters(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

std::vector<std::string> rewardbench_clusters(const std::vector<RewardBenchRow>& rows) {
  std::map<std::string, std::int64_t> code_rows;
  for (const RewardBenchRow& row : rows)
    if (row.subset.starts_with("hep-")) ++code_rows[row.subset];
  std::set<std::int64_t> sizes;
  for (const auto& [subset, n] : code_rows) sizes.insert(n);
  const bool aligned = sizes.size() == 1 && code_rows.size() > 1;
  std::map<std::string, std::int64_t> place;
  std::vector<std::string> clusters;
  for (const RewardBenchRow& row : rows)
    clusters.push_back(aligned && row.subset.starts_with("hep-") ? fmt::format("code problem {}", place[row.subset]++)
                                                                 : prompt_id_of(row.prompt));
  return clusters;
}

std::string run_rewardbench(const RewardBenchOptions& options, Progress& progress) {
  const auto began = std::chrono::steady_clock::now();
  if (options.data.empty())
    throw Error(ErrorKind::kUsage, "--data is missing", "name the pairs: --data rewardbench.jsonl");
  RejectLog rejects(options.on_bad_row == "fail");
  const std::vector<std::string> files = data_files(options.data);
  const std::vector<RewardBenchRow> rows = read_rewardbench(files, rejects);
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
  std::vector<Preference> pairs;
  for (const RewardBenchRow& row : rows) {
    Preference pair;
    pair.prompt = row.prompt;
    pair.prompt_id = prompt_id_of(row.prompt);
    pair.chosen = row.chosen, pair.rejected = row.rejected;
    pair.chosen_id = completion_id_of(pair.prompt_id, row.chosen_model, row.chosen);
    pair.rejected_id = completion_id_of(pair.prompt_id, row.rejected_model, row.rejected);
    pairs.push_back(std::move(pair));
  }
  std::vector<std::size_t> index;
  std::string sample;
  std::vector<ScoredPair> scored =
      score_pairs(scorer, std::move(pairs), options.data, rejects, progress, index, &sample);
  const std::vector<std::string> clusters = rewardbench_clusters(rows);
  std::vector<JudgedRow> judged, longer, shorter;
  std::vector<double> score_difference, length_difference;
  double long_right = 0, short_right = 0, long_n = 0, short_n = 0;
  for (std::size_t i = 0; i < scored.size(); ++i) {
    const RewardBenchRow& row = rows[index[i]];
    scored[i].id = row.id;
    scored[i].subset = row.subset;
    scored[i].cluster = clusters[index[i]];
    const std::int64_t chosen = characters(row.chosen), rejected = characters(row.rejected);
    JudgedRow base{row.subset, clusters[index[i]], 0, chosen == rejected};
    judged.push_back({row.subset, clusters[index[i]], scored[i].correct() ? 1.0 : 0.0, scored[i].tie()});
    base.correct = chosen > rejected;
    longer.push_back(base);
    base.correct = chosen < rejected;
    shorter.push_back(base);
    score_difference.push_back(scored[i].score_chosen - scored[i].score_rejected);
    length_difference.push_back(static_cast<double>(chosen - rejected));
    if (chosen > rejected) long_right += scored[i].correct(), ++long_n;
    if (chosen < rejected) short_right += scored[i].correct(), ++short_n;
  }
  const auto seed = static_cast<std::uint64_t>(options.seed);
  const SectionScores scores = section_scores(judged, options.bootstrap, seed);
  Json json = scores_json(scores);
  Json known = Json::array();
  std::vector<std::string> names;
  for (const RewardBenchSubset& subset : rewardbench_subsets()) names.push_back(subset.name);
  for (const auto& [name, subset] : scores.subsets)
    if (std::find(names.begin(), names.end(), name) == names.end())
      known.push_back({{"subset", name}, {"rows", subset.n}, {"nearest", nearest(name, names)}});
  json["outside_sections"] = known;
  json["baselines"] = {{"random", scores_json(random_scores(judged, options.bootstrap, seed))},
                       {"longer", scores_json(section_scores(longer, options.bootstrap, seed))},
                       {"shorter", scores_json(section_scores(shorter, options.bootstrap, seed))}};
  double right = 0;
  std::int64_t ties = 0;
  for (const ScoredPair& pair : scored) right += pair.correct(), ties += pair.tie();
  json["accuracy"] = right / static_cast<double>(std::max<std::size_t>(scored.size(), 1));
  json["n"] = scored.size();
  json["ties"] = ties;
  const double r = correlation(score_difference, length_difference);
  json["length"] = {{"correlation_of_differences", std::isnan(r) ? Json() : Json(r)},
                    {"accuracy_where_chosen_is_longer", long_n > 0 ? Json(long_right / long_n) : Json()},
                    {"accuracy_where_chosen_is_shorter", short_n > 0 ? Json(short_right / short_n) : Json()}};
  json["scorer"] = scorer.description();
  json["first_sample"] = sample;
  json["first_sample_sha256"] = sha256_hex(sample);
  json["rejects"] = rejects.to_json();
  const fs::path out = options.out;
  write_scores(out / "scores.parquet", scored);
  write_file(out / "results.json", json.dump(2) + "\n");
  rejects.write(options.rejects.empty() ? fs::path(options.out + ".rejects.jsonl") : fs::path(options.rejects));
  manifest.facts = Json({{"pairs", scored.size()},
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
  begin_file(options.out, options.force);
  RejectLog rejects(options.on_bad_row == "fail");
  const std::vector<std::string> files = data_files(options.data);
  std::vector<Preference> rows = read_preferences(files, rejects);
  if (options.split != "all") std::erase_if(rows, [&](const Preference& row) { return row.split != options.split; });
  if (rows.empty()) throw bad_input("{} has no rows of the split '{}'", options.data, options.split);
  Manifest manifest;
  manifest.stage = "score";
  manifest.stage_version = kScoreVersion;
  manifest.parameters = options_json(options, true);
  manifest.seed = options.seed;
  manifest.started = utc_now();
  manifest.inputs = scorer_inputs(options.scorer);
  add_data_inputs(files, manifest);
  const Scorer scorer(options.scorer, progress);
  std::vector<std::size_t> index;
  std::vector<ScoredPair> scored = score_pairs(scorer, rows, options.data, rejects, progress, index);
  double right = 0;
  std::int64_t ties = 0;
  for (std::size_t i = 0; i < scored.size(); ++i) {
    scored[i].id = rows[index[i]].pair_id;
    scored[i].subset = rows[index[i]].format;
    scored[i].cluster = rows[index[i]].prompt_id;
    right += scored[i].correct();
    ties += scored[i].tie();
  }
  write_scores(options.out, scored);
  rejects.write(options.rejects.empty() ? fs::path(options.out + ".rejects.jsonl") : fs::path(options.rejects));
  Json json = {{"n", scored.size()},
               {"accuracy", right / static_cast<double>(std::max<std::size_t>(scored.size(), 1))},
               {"ties", ties},
               {"scorer", scorer.description()},
               {"rejects", rejects.to_json()}};
  manifest.facts = json.dump();
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  write_manifest(options.out, manifest);
  json["out"] = options.out;
  return json.dump();
}

}  // namespace ballot
