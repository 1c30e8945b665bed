// From the source to preferences: pool, annotations of every judge and format (and the placebo), preferences, the
// source's own ranking as preferences, agreement, and the SFT rows.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/manifest.h"
#include "core/version.h"
#include "data/annotations.h"
#include "data/filter.h"
#include "data/ids.h"
#include "data/pool.h"
#include "data/preferences.h"
#include "formats/attacks.h"
#include "formats/binarize.h"
#include "judges/annotate.h"
#include "report/agree.h"
#include "study/label_inputs.h"
#include "study/make_judge.h"
#include "study/stage.h"
#include "study/study_file.h"

namespace ballot {
namespace fs = std::filesystem;

std::string resolve_data(const std::string& path) {
  if (fs::exists(path)) return path;
  const fs::path snapshot = hub_snapshot("datasets", path);
  if (snapshot.empty())
    throw Error(ErrorKind::kInput,
                fmt::format("no data '{}': neither a path nor a dataset in the local hub cache", path),
                fmt::format("correct the path, or download it: huggingface-cli download --repo-type dataset {}", path));
  return snapshot.string();
}

std::vector<Labelling> labellings(const StudyFile& study) {
  std::vector<Labelling> list;
  for (const std::string& format : study.formats) list.push_back({format, study.format_file(format), study.seed});
  // Another presentation, other draws: what differs from the format itself is noise.
  if (!study.placebo.empty()) list.push_back({kPlacebo, study.format_file(study.placebo), study.seed + 1});
  return list;
}

std::vector<Labelling> attacked_labellings(const StudyFile& study) {
  std::vector<Labelling> list;
  // Other draws than the plain labels: the unattacked pairs then move by noise alone, and say how much of it there is.
  if (study.attacks.present)
    for (const std::string& format : study.attacks.formats)
      list.push_back({format, study.format_file(format), study.seed + 2});
  return list;
}

JudgeSpec judge_spec(const StudyFile& study, const StudyJudge& judge) {
  Json mapping = Json::parse(judge.spec);
  if (mapping.value("kind", "") == "local" && !judge.model.empty()) {
    std::string model = study.path(judge.model);
    for (const StudyModel& known : study.models)
      if (known.name == judge.model) model = study.path(known.instruct.empty() ? known.base : known.instruct);
    mapping["model"] = model;
  }
  return judge_spec_of(mapping, "judges: " + judge.name);
}

std::vector<Preference> source_preferences(const std::vector<PoolRow>& pool) {
  std::vector<Preference> rows;
  for (const PoolRow& row : pool)
    for (std::size_t i = 0; i < row.completions.size(); ++i)
      for (std::size_t j = i + 1; j < row.completions.size(); ++j) {
        const Completion &better = row.completions[i], &worse = row.completions[j];
        Preference p;
        p.prompt = row.prompt, p.prompt_id = row.prompt_id;
        p.chosen = better.text, p.rejected = worse.text;
        p.chosen_id = better.completion_id, p.rejected_id = worse.completion_id;
        p.chosen_model = better.model, p.rejected_model = worse.model;
        p.source_rank_chosen = better.source_rank, p.source_rank_rejected = worse.source_rank;
        p.margin = worse.source_rank - better.source_rank;
        p.pair_id = pair_id_of(better.completion_id, worse.completion_id);
        p.tie = better.source_rank == worse.source_rank;
        p.status = "ok";
        p.split = row.split, p.source = row.source, p.good_natured = row.good_natured;
        p.format = p.judge = "source";
        rows.push_back(std::move(p));
      }
  return rows;
}

namespace {

constexpr std::int64_t kPoolVersion = 1, kAnnotateVersion = 1, kBinarizeVersion = 1, kAgreeVersion = 1,
                       kFilterVersion = 1;

/// `attacked`: of the attacked pool, for the judge's report card.
Stage annotate_stage(const StudyFile& study, const StudyJudge& judge, const Labelling& labelling, bool attacked) {
  Stage stage;
  stage.name = fmt::format("{}/{}/{}", attacked ? "attacks" : "annotate", judge.name, labelling.name);
  stage.kind = "annotate";
  stage.version = kAnnotateVersion;
  stage.inputs = {attacked ? "attack" : "pool"};
  stage.artefact = fs::path(attacked ? "attacks" : "annotations") / judge.name / labelling.name;
  AnnotateOptions options;
  options.format = labelling.format;
  options.presentation = study.presentation;
  options.limit = attacked ? study.attacks.limit_of(judge) : judge.limit;
  // What was answered is kept, whatever becomes of the pool or the prompts asked for: run.force is not obeyed here.
  options.keep_others = true;
  const Format format = Format::load(labelling.format);
  const JudgeSpec spec = judge_spec(study, judge);
  if (spec.kind == "local") stage.files = {{"judge model", find_model(spec.name).string()}};
  Json parameters = Json::parse(options_json(options, true));
  parameters["format"] = format.name;
  parameters["format_sha256"] = format.hash;
  parameters["judge"] = Json::parse(spec.json);
  parameters["sampling"] = Json::parse(options_json(study.sampling, true));
  parameters["seed"] = labelling.seed;
  stage.parameters = parameters.dump();
  stage.run = [options, spec, attacked, sampling = study.sampling, seed = labelling.seed](const StageRun& run) {
    const auto made = make_judge(spec, sampling_of(spec, sampling), *run.progress);
    const AnnotateSummary summary =
        annotate(run.folder / (attacked ? "attacked.parquet" : "pool.parquet"), run.artefact, *made, options, seed,
                 /*force=*/false, *run.progress);
    if (summary.pending > 0)
      throw Error(ErrorKind::kInterrupted, fmt::format("{} ballots wait for their answers", summary.pending),
                  summary.message);
  };
  return stage;
}

/// The pool with one completion a prompt attacked.
Stage attack_stage(const StudyFile& study) {
  Stage stage;
  stage.name = stage.kind = "attack";
  stage.version = kPoolVersion;
  stage.inputs = {"pool"};
  stage.artefact = "attacked.parquet";
  AttackOptions options;
  options.kind = study.attacks.kind;
  options.attacks = study.attacks.file;
  if (!options.attacks.empty()) stage.files = {{"attacks", options.attacks}};
  stage.parameters = Json({{"kind", options.kind}, {"seed", study.seed}}).dump();
  stage.run = [options, seed = study.seed](const StageRun& run) {
    attack_pool_file((run.folder / "pool.parquet").string(), run.artefact.string(), options, seed, run.force);
  };
  return stage;
}

Stage binarize_stage(const StudyFile& study, const StudyJudge& judge, const Labelling& labelling) {
  Stage stage;
  stage.name = fmt::format("preferences/{}/{}", judge.name, labelling.name);
  stage.kind = "binarize";
  stage.version = kBinarizeVersion;
  stage.inputs = {"pool", fmt::format("annotate/{}/{}", judge.name, labelling.name)};
  // Complete pairs need every format's failures; the placebo is no party to that.
  std::vector<Labelling> all = {labelling};
  if (study.pairs == "complete")
    for (const Labelling& other : labellings(study))
      if (other.name != labelling.name && other.name != kPlacebo) {
        all.push_back(other);
        stage.inputs.push_back(fmt::format("annotate/{}/{}", judge.name, other.name));
      }
  stage.artefact = fs::path("preferences") / judge.name / (labelling.name + ".parquet");
  BinarizeOptions options;
  options.ties = study.ties;
  options.pairs = study.pairs;
  options.labels = judge.labels;
  options.listwise_as_said = true;
  if (study.pairs != "complete" && Format::load(labelling.format).kind == FormatKind::kListwise)
    options.labels = "said";
  Json parameters = Json::parse(options_json(options, true));
  parameters["seed"] = study.seed;
  stage.parameters = parameters.dump();
  stage.run = [options, all, judge = judge.name, seed = study.seed](const StageRun& run) {
    std::vector<FormatAnnotations> inputs;
    for (const Labelling& one : all)
      inputs.push_back({Format::load(one.format), read_annotations(run.folder / "annotations" / judge / one.name)});
    auto sets = binarize(read_pool(run.folder / "pool.parquet"), inputs, options, static_cast<std::uint64_t>(seed));
    write_preferences(run.artefact, sets.front().rows);
    const BinarizeSummary& s = sets.front().summary;
    Manifest manifest;
    manifest.stage = "binarize";
    manifest.stage_version = kBinarizeVersion;
    manifest.parameters = options_json(options, true);
    manifest.seed = seed;
    manifest.started = utc_now();
    manifest.inputs = {describe_input("pool", run.folder / "pool.parquet")};
    for (const Labelling& one : all)
      manifest.inputs.push_back(
          describe_input(one.name, run.folder / "annotations" / judge / one.name / "annotations.parquet"));
    manifest.facts = Json({{"format", s.format},
                           {"judge", s.judge},
                           {"possible", s.possible},
                           {"pairs", s.pairs},
                           {"ties", s.ties},
                           {"decided", s.decided},
                           {"averaged", s.averaged},
                           {"dropped", s.dropped}})
                         .dump();
    write_manifest(run.artefact, manifest);
  };
  return stage;
}

}  // namespace

void add_label_stages(const StudyFile& study, std::vector<Stage>& stages) {
  Stage pool;
  pool.name = pool.kind = "pool";
  pool.version = kPoolVersion;
  const std::string source = resolve_data(study.path(study.source));
  pool.files = {{"source", source}};
  pool.artefact = "pool.parquet";
  PoolOptions options;
  options.layout = study.source_layout;
  options.prompts = study.prompts;
  if (!study.positions.empty()) options.positions = study.positions;
  options.split = study.source_split;
  options.held_out = study.held_out;
  Json parameters = Json::parse(options_json(options, true));
  parameters["seed"] = study.seed;
  if (options.layout.ends_with(".yaml") || options.layout.ends_with(".yml")) {
    parameters["layout"] = "mapping";  // what its file says counts, not where it lies
    pool.files.emplace_back("mapping", options.layout);
  }
  pool.parameters = parameters.dump();
  pool.run = [options, source, seed = study.seed](const StageRun& run) {
    RejectLog rejects;
    if (run.force) fs::remove(run.artefact);
    make_pool({source}, run.artefact, options, seed, run.threads, rejects, *run.progress);
    rejects.write(run.artefact.string() + ".rejects.jsonl");
    if (rejects.rejected() > 0) run.progress->say(rejects.summary());
  };
  stages.push_back(std::move(pool));

  Stage yardstick;
  yardstick.name = "preferences/source";
  yardstick.kind = "source";
  yardstick.version = kBinarizeVersion;
  yardstick.inputs = {"pool"};
  yardstick.artefact = "preferences/source.parquet";
  yardstick.run = [](const StageRun& run) {
    write_preferences(run.artefact, source_preferences(read_pool(run.folder / "pool.parquet")));
  };
  stages.push_back(std::move(yardstick));

  if (study.attacks.present) stages.push_back(attack_stage(study));
  for (const StudyJudge& judge : study.judges) {
    for (const Labelling& labelling : labellings(study)) {
      if (labelling.name == kPlacebo && &judge != &study.judges.front()) continue;
      stages.push_back(annotate_stage(study, judge, labelling, /*attacked=*/false));
    }
    for (const Labelling& labelling : attacked_labellings(study))
      stages.push_back(annotate_stage(study, judge, labelling, /*attacked=*/true));
    Stage agreement;
    agreement.name = "agreement/" + judge.name;
    agreement.kind = "agree";
    agreement.version = kAgreeVersion;
    agreement.inputs = {"pool"};
    agreement.artefact = fs::path("agreement") / (judge.name + ".json");
    std::vector<std::pair<std::string, std::string>> files;
    for (const Labelling& labelling : labellings(study)) {
      if (labelling.name == kPlacebo && &judge != &study.judges.front()) continue;
      stages.push_back(binarize_stage(study, judge, labelling));
      agreement.inputs.push_back(stages.back().name);
      files.emplace_back(labelling.name, stages.back().artefact.string());
    }
    AgreeOptions agree_options;
    if (study.formats.size() > 1) agree_options.overall = study.formats;  // without placebo and source
    Json agree_parameters = Json::parse(options_json(agree_options, true));
    agree_parameters["seed"] = study.seed;
    agreement.parameters = agree_parameters.dump();
    agreement.run = [agree_options, files, seed = study.seed](const StageRun& run) mutable {
      for (const auto& [name, path] : files)
        agree_options.preferences.push_back(name + "=" + (run.folder / path).string());
      agree_options.pool = (run.folder / "pool.parquet").string();
      RejectLog rejects;
      const AgreeResult result = agree(agree_options, static_cast<std::uint64_t>(seed), run.threads, rejects);
      write_file(run.artefact,
                 agree_json(result, agree_options, static_cast<std::uint64_t>(seed), rejects).dump(2) + "\n");
    };
    stages.push_back(std::move(agreement));
  }

  if (study.sft.present) {
    Stage filter;
    filter.name = "sft_data";
    filter.kind = "filter";
    filter.version = kFilterVersion;
    const std::string data = resolve_data(study.path(study.sft.data));
    filter.files = {{"data", data}};
    filter.artefact = "sft.parquet";
    FilterOptions filter_options;
    filter_options.language = "en";
    filter_options.single_turn = true;
    filter.parameters = options_json(filter_options, true);
    filter.run = [filter_options, data](const StageRun& run) {
      RejectLog rejects;
      if (run.force) fs::remove(run.artefact);
      filter_sft({data}, run.artefact, filter_options, run.threads, rejects, *run.progress);
      rejects.write(run.artefact.string() + ".rejects.jsonl");
      run.progress->say(rejects.summary());
    };
    stages.push_back(std::move(filter));
  }
}

}  // namespace ballot
