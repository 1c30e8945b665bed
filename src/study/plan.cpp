#include "study/plan.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/version.h"
#include "data/filter.h"
#include "data/pool.h"
#include "data/preferences.h"
#include "data/reward_items.h"
#include "engine/engine.h"
#include "evaluation/options.h"
#include "evaluation/plan.h"
#include "formats/attacks.h"
#include "formats/items.h"
#include "formats/render.h"
#include "judges/annotate.h"
#include "judges/journal.h"
#include "judges/priced.h"
#include "study/label_inputs.h"
#include "study/runner.h"
#include "study/stage.h"

namespace ballot {
namespace fs = std::filesystem;

void visit_options(OptionVisitor& visit, PlanOptions& o) {
  visit({"share", "share of this machine's matrix products that a training reaches, for the hours"}, o.share);
  visit({"answer-tokens", "tokens of a judge's answer, where no answers are there to count"}, o.answer_tokens);
}

namespace {

constexpr std::size_t kCharactersPerToken = 4;
/// So many prompts of a pool are read by the tokenizer, the rest is taken to be like them: the pool's order is random.
constexpr std::size_t kCountedPrompts = 2000;

/// Files that a plan makes for itself; gone with it.
class Scratch {
 public:
  Scratch() : path_(fs::temp_directory_path() / fmt::format("ballot-plan-{}", ::getpid())) {
    fs::create_directories(path_);
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

class Planner {
 public:
  Planner(const StudyFile& study, const fs::path& folder, const PlanOptions& options, int threads, Progress& progress)
      : study_(study), folder_(folder), options_(options), threads_(threads), progress_(progress) {
    if (!folder.empty() && fs::exists(folder / "stages")) try {
        for (const StageStatus& status : study_status(folder, make_stages(study)))
          if (status.state == "done") done_.insert(status.stage);
      } catch (const Error& error) {
        plan_.notes.push_back(fmt::format("what {} holds is not used: {}", folder.string(), error.message()));
      }
    plan_.study = study.study;
    plan_.share = options.share;
  }

  StudyPlan run() {
    pool();
    for (const StudyJudge& judge : study_.judges) {
      for (const Labelling& labelling : labellings(study_))
        if (labelling.name != kPlacebo || &judge == &study_.judges.front())
          ballots(judge, labelling, pool_, judge.limit, "annotate", "annotations");
    }
    attacks();
    preferences();
    if (study_.sft.present) fine_tunings();
    for (const char* objective : {"dpo", "reward"})
      for (const TrainedModel& trained : training_grid(study_, objective)) preference_training(trained, objective);
    for (const char* objective : {"reward", "dpo"})
      for (const TrainedModel& trained : training_grid(study_, objective)) scores(trained, objective);
    tasks();
    hours();
    return std::move(plan_);
  }

 private:
  StagePlan& add(const std::string& stage, const std::string& kind, const std::string& unit, std::int64_t items) {
    StagePlan row;
    row.stage = stage, row.kind = kind, row.unit = unit, row.items = items;
    row.done = done_.contains(stage);
    plan_.stages.push_back(std::move(row));
    return plan_.stages.back();
  }

  void pool() {
    const std::string source = resolve_data(study_.path(study_.source));
    fs::path path = folder_ / "pool.parquet";
    if (!done_.contains("pool")) {
      progress_.say("plan: reading the source");
      PoolOptions options;
      options.layout = study_.source_layout;
      options.prompts = study_.prompts;
      if (!study_.positions.empty()) options.positions = study_.positions;
      options.split = study_.source_split;
      options.held_out = study_.held_out;
      RejectLog rejects;
      path = scratch_ / "pool.parquet";
      make_pool({source}, path, options, study_.seed, threads_, rejects, silent_progress());
      if (rejects.rejected() > 0) plan_.notes.push_back("the source: " + rejects.summary());
    }
    pool_ = read_pool(path);
    add("pool", "pool", "prompts", static_cast<std::int64_t>(pool_.size()));
  }

  void attacks() {
    if (!study_.attacks.present) return;
    std::vector<Attack> list = read_attacks(study_.attacks.file);
    if (study_.attacks.kind != "all")
      std::erase_if(list, [&](const Attack& attack) { return attack.kind != study_.attacks.kind; });
    if (list.empty()) throw wrong_usage("there is no attack of the kind '{}'", study_.attacks.kind);
    std::vector<PoolRow> attacked = pool_;
    attack_pool(attacked, list, static_cast<std::uint64_t>(study_.seed));
    add("attack", "attack", "prompts", static_cast<std::int64_t>(attacked.size()));
    for (const StudyJudge& judge : study_.judges)
      for (const Labelling& labelling : attacked_labellings(study_))
        ballots(judge, labelling, attacked, study_.attacks.limit_of(judge), "attacks", "attacks");
  }

  /// `stage` and `place`: the names of such stages, and of the folder that holds their artefacts.
  void ballots(const StudyJudge& judge, const Labelling& labelling, const std::vector<PoolRow>& pool,
               std::int64_t limit, const char* stage, const char* place) {
    const Format format = Format::load(labelling.format);
    const JudgeSpec spec = judge_spec(study_, judge);
    const Sampling sampling = sampling_of(spec, study_.sampling);
    ItemOptions item_options;
    item_options.seed = static_cast<std::uint64_t>(labelling.seed);
    item_options.presentation = presentation_of(study_.presentation);
    const std::vector<Item> items = make_items(format, pool, item_options, limit);
    const auto count = static_cast<std::int64_t>(items.size());
    StagePlan& row = add(fmt::format("{}/{}/{}", stage, judge.name, labelling.name), "annotate", "ballots", count);

    // The ballots of the first prompts, as the judge will read them.
    std::vector<std::vector<Conversation>> groups;
    std::size_t characters = 0, rendered = 0;
    std::map<std::size_t, std::size_t> group_of;
    for (const Item& item : items) {
      if (!group_of.contains(item.pool_row) && groups.size() == kCountedPrompts) continue;
      const auto [found, fresh] = group_of.try_emplace(item.pool_row, groups.size());
      if (fresh) groups.emplace_back();
      Conversation ballot = render_ballot(format, item, pool[item.pool_row]).messages;
      for (const Message& message : ballot) characters += message.content.size();
      ++rendered;
      groups[found->second].push_back(std::move(ballot));
    }
    const double scale = rendered > 0 ? static_cast<double>(count) / static_cast<double>(rendered) : 1;
    const auto scaled = [&](double value) { return static_cast<std::int64_t>(value * scale + 0.5); };
    std::int64_t answer = options_.answer_tokens;
    const bool known = answers_so_far(folder_ / place / judge.name / labelling.name, answer);
    if (spec.kind == "local") {
      // A label is chosen among the allowed words: a token a step.
      const std::int64_t steps = format.kind == FormatKind::kListwise && !items.empty()
                                     ? 2 * static_cast<std::int64_t>(items.front().shown.size())
                                     : 2;
      if (!known) answer = steps;
      if (!model_here(spec.name, row)) return;
      const ComputePlan plan = engine().plan_conversations(find_model(spec.name).string(), groups, answer);
      row.prompt_tokens = scaled(static_cast<double>(plan.num_tokens));
      row.computed_tokens = scaled(static_cast<double>(plan.forest_tokens));
      row.flops = plan.flops * scale;
      row.estimated = scale != 1;
    } else {
      row.prompt_tokens = scaled(static_cast<double>(characters / kCharactersPerToken + rendered));
      row.estimated = true;
    }
    row.answer_tokens = count * answer;
    if (const std::optional<Price> price = price_of(spec)) {
      row.cost = cost_of(*price, *row.prompt_tokens, 0, *row.answer_tokens);
      row.most_cost = cost_of(*price, *row.prompt_tokens, 0, count * sampling.max_tokens);
    } else if (spec.kind != "simulated" && spec.kind != "local") {
      row.note = "no price is given for this judge";
    }
    limits(spec, row);
  }

  /// How long this judge's answers are, where a journal has some.
  bool answers_so_far(const fs::path& annotations, std::int64_t& answer) const {
    if (folder_.empty() || !fs::exists(annotations / "journal.sqlite")) return false;
    const Journal::Totals totals = Journal(annotations).totals();
    if (totals.final == 0) return false;
    answer = totals.completion_tokens / totals.final;  // what a label took, attempts that failed included
    return true;
  }

  static void limits(const JudgeSpec& spec, StagePlan& row) {
    const Json judge = spec.json.empty() ? Json::object() : Json::parse(spec.json);
    if (!judge.contains("limits") || !judge["limits"].is_object()) return;
    double minutes = 0;
    if (judge["limits"].value("requests_per_minute", 0.0) > 0)
      minutes = static_cast<double>(row.items) / judge["limits"]["requests_per_minute"].get<double>();
    if (judge["limits"].value("tokens_per_minute", 0.0) > 0)
      minutes = std::max(minutes, static_cast<double>(*row.prompt_tokens + *row.answer_tokens) /
                                      judge["limits"]["tokens_per_minute"].get<double>());
    if (minutes > 0) row.seconds = 60 * minutes;
  }

  void preferences() {
    const std::vector<Preference> rows = source_preferences(pool_);
    for (const StudyJudge& judge : study_.judges)
      for (const Labelling& labelling : labellings(study_)) {
        if (labelling.name == kPlacebo && &judge != &study_.judges.front()) continue;
        std::int64_t pairs = 0;
        for (std::size_t p = 0; p < pool_.size() && (judge.limit == 0 || p < static_cast<std::size_t>(judge.limit));
             ++p)
          pairs += static_cast<std::int64_t>(pool_[p].completions.size() * (pool_[p].completions.size() - 1) / 2);
        add(fmt::format("preferences/{}/{}", judge.name, labelling.name), "binarize", "pairs", pairs);
      }
    hypothetical_ = (scratch_ / "preferences.parquet").string();
    write_preferences(hypothetical_, rows);
    for (const Preference& row : rows)
      if (row.split == "held_out")
        held_out_.push_back({row.pair_id, "", row.prompt_id, row.prompt, {row.chosen}, {row.rejected}, "", 0});
  }

  void fine_tunings() {
    fs::path data = folder_ / "sft.parquet";
    if (!done_.contains("sft_data")) {
      progress_.say("plan: filtering the SFT rows");
      const std::string source = resolve_data(study_.path(study_.sft.data));
      FilterOptions filter;
      filter.language = "en";
      filter.single_turn = true;
      RejectLog rejects;
      data = scratch_ / "sft.parquet";
      const FilterSummary summary = filter_sft({source}, data, filter, threads_, rejects, silent_progress());
      add("sft_data", "filter", "rows", summary.kept).note = fmt::format("of {}", human_count(summary.read));
    } else {
      add("sft_data", "filter", "rows", 0);
    }
    for (const TrainedModel& trained : training_grid(study_, "sft"))
      training(trained, study_.sft.options, data.string(), /*after_sft=*/false);
  }

  void preference_training(const TrainedModel& trained, const std::string& objective) {
    TrainingOptions options = objective == "dpo" ? study_.dpo.options : study_.reward.options;
    options.loss = {trained.loss};
    options.margin = trained.margin;
    options.split = "train";
    const std::string stage = fmt::format("preferences/{}/{}", study_.judges.front().name, trained.format);
    const std::string data = done_.contains(stage) ? (folder_ / (stage + ".parquet")).string() : hypothetical_;
    training(trained, options, data, study_.sft.present);
  }

  void training(const TrainedModel& trained, TrainingOptions options, const std::string& data, bool after_sft) {
    StagePlan& row = add(trained.stage, options.objective, options.objective == "sft" ? "rows" : "pairs", 0);
    if (!model_here(base_of(trained.model), row)) return;
    options.model = find_model(base_of(trained.model)).string();
    options.data = {data};
    options.seed = trained.seed;
    options.out = folder_.empty() || !fs::exists(folder_) ? "." : folder_.string();
    // Loss and margin change no count, and formats without labels yet have the same pairs: computed once.
    TrainingOptions counted = options;
    if (options.objective != "sft") counted.loss = training_defaults(options.objective).loss, counted.margin = "none";
    const std::string key =
        fmt::format("{} {} {} {} {}", options.objective, options.model, data, options.seed, after_sft);
    auto found = trainings_.find(key);
    if (found == trainings_.end()) {
      progress_.say(fmt::format("plan: {}", trained.stage));
      found = trainings_.emplace(key, engine().plan_training(counted, after_sft)).first;
    }
    const ComputePlan& plan = found->second;
    row.items = plan.examples;
    row.steps = plan.steps;
    row.sequence_tokens = plan.num_tokens;
    row.computed_tokens = plan.forest_tokens;
    row.flops = plan.flops;
    row.peak_bytes = plan.peak_bytes;
    // A reference is computed once for everything that starts from the same model.
    const std::string start = fmt::format("{} {}", options.model, after_sft ? trained.seed : 0);
    if (options.objective == "dpo" && plan.reference_tokens > 0 && references_.insert(start).second) {
      *row.computed_tokens += plan.reference_tokens;
      *row.flops += plan.reference_flops;
      row.note = fmt::format("with {} tokens of the reference, for all formats", human_count(plan.reference_tokens));
    }
    for (const auto& [reason, count] : plan.dropped)
      if (reason != "other_split")
        row.note += fmt::format("{}{} rows left out ({})", row.note.empty() ? "" : "; ", human_count(count), reason);
  }

  void scores(const TrainedModel& trained, const std::string& objective) {
    const bool reward = objective == "reward";
    evaluated("score/" + trained.stage, "score", trained, reward, held_out_, "held out");
    if (study_.rewardbench.empty()) return;
    if (bench_.empty() && bench_problem_.empty()) try {
        RejectLog rejects;
        bench_ = read_reward_items({study_.path(study_.rewardbench)}, "auto", rejects).items;
      } catch (const Error& error) {
        bench_problem_ = error.message();
      }
    if (bench_.empty())
      add("rewardbench/" + trained.stage, "rewardbench", "pairs", 0).note = bench_problem_;
    else
      evaluated("rewardbench/" + trained.stage, "rewardbench", trained, reward, bench_, "rewardbench");
  }

  void evaluated(const std::string& stage, const std::string& kind, const TrainedModel& trained, bool reward,
                 const std::vector<RewardItem>& items, const std::string& what) {
    StagePlan& row = add(stage, kind, "pairs", static_cast<std::int64_t>(items.size()));
    if (items.empty() || !model_here(base_of(trained.model), row)) return;
    const std::string model = find_model(base_of(trained.model)).string(),
                      key = fmt::format("{} {} {}", what, model, reward);
    auto found = trainings_.find(key);
    if (found == trainings_.end())
      found = trainings_.emplace(key, engine().plan_scores(model, study_.sft.present, reward, items, {})).first;
    put(found->second, row);
  }

  static void put(const ComputePlan& plan, StagePlan& row) {
    row.items = plan.examples;
    row.sequence_tokens = plan.num_tokens;
    row.computed_tokens = plan.forest_tokens;
    row.flops = plan.flops;
  }

  void tasks() {
    if (study_.tasks.empty()) return;
    for (const StudyModel& model : study_.models) {
      task_stage("base/" + model.name, study_.path(model.base), false);
      if (!model.instruct.empty()) task_stage("instruct/" + model.name, study_.path(model.instruct), false);
    }
    for (const char* objective : {"sft", "dpo"})
      for (const TrainedModel& trained : training_grid(study_, objective))
        task_stage(trained.stage, base_of(trained.model), study_.sft.present);
  }

  void task_stage(const std::string& name, const std::string& model, bool after_sft) {
    StagePlan& row = add("eval/" + name, "eval", "questions", 0);
    if (!model_here(model, row)) return;
    const std::string key = fmt::format("tasks {} {}", model, after_sft);
    auto found = task_plans_.find(key);
    if (found == task_plans_.end()) {
      EvalOptions options;
      for (const std::string& task : study_.tasks)
        options.tasks.push_back(task.ends_with(".yaml") ? study_.path(task) : task);
      options.data = study_.path(study_.task_data);
      options.limit = study_.task_limit;
      options.seed = study_.seed;
      options.model = find_model(model).string();
      progress_.say(fmt::format("plan: the tasks of {}", model));
      found = task_plans_.emplace(key, engine().plan_tasks(options, after_sft)).first;
    }
    ComputePlan sum;
    std::string problems;
    for (const TaskPlan& task : found->second) {
      sum.examples += task.plan.examples;
      sum.num_tokens += task.plan.num_tokens;
      sum.forest_tokens += task.plan.forest_tokens;
      sum.flops += task.plan.flops;
      if (!task.problem.empty())
        problems += fmt::format("{}{}: {}", problems.empty() ? "not counted: " : "; ", task.task, task.problem);
    }
    put(sum, row);
    row.note = problems;
  }

  std::string base_of(const std::string& name) const {
    for (const StudyModel& model : study_.models)
      if (model.name == name) return study_.path(model.base);
    return name;
  }

  /// Whether a model can be read; otherwise the row says why its numbers are missing.
  static bool model_here(const std::string& name, StagePlan& row) {
    try {
      find_model(name);
      return true;
    } catch (const Error&) {
      row.note = fmt::format("{} is not here: tokens and operations are not known", name);
      return false;
    }
  }

  void hours() {
    const bool computes = std::any_of(plan_.stages.begin(), plan_.stages.end(),
                                      [](const StagePlan& row) { return row.flops.has_value(); });
    if (!computes) return;
    plan_.peak_flops = engine().measured_peak();
    for (StagePlan& row : plan_.stages)
      if (row.flops) row.seconds = *row.flops / (plan_.peak_flops * options_.share);
  }

  const StudyFile& study_;
  const fs::path folder_;
  const PlanOptions& options_;
  int threads_;
  Progress& progress_;
  Scratch scratch_;
  StudyPlan plan_;
  std::set<std::string> done_;
  std::vector<PoolRow> pool_;
  std::string hypothetical_;  ///< preferences of every pair, in the source's direction
  std::vector<RewardItem> held_out_, bench_;
  std::string bench_problem_;
  std::map<std::string, ComputePlan> trainings_;
  std::map<std::string, std::vector<TaskPlan>> task_plans_;
  std::set<std::string> references_;
};

}  // namespace

StudyPlan plan_study(const StudyFile& study, const fs::path& folder, const PlanOptions& options, int threads,
                     Progress& progress) {
  if (!(options.share > 0 && options.share <= 1))
    throw wrong_usage("--share is {}; it must lie in (0, 1]", options.share);
  if (options.answer_tokens < 1)
    throw wrong_usage("--answer-tokens is {}; it must be at least 1", options.answer_tokens);
  return Planner(study, folder, options, threads, progress).run();
}

}  // namespace ballot
