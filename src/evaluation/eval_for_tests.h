// For this room's tests of the whole command: options for a tiny model, what a run writes, runs that are interrupted.
#pragma once
#include "core/error.h"
#include "core/interrupt.h"
#include "evaluation/eval.h"
#include "evaluation/golden_tasks.h"

namespace ballot {

/// Asks for an interruption when progress is told for the n-th time.
struct Interrupting : Progress {
  explicit Interrupting(int updates) : left(updates) {}
  void start(std::string_view, std::int64_t, std::string_view) override {}
  void update(std::int64_t, std::string_view) override {
    if (--left == 0) request_interrupt();
  }
  void finish(std::string_view) override {}
  void say(std::string_view) override {}
  int left;
};

class EvalTest : public TaskTest {
 protected:
  /// The demo's forty questions for a tiny model.
  EvalOptions options(const std::string& out = "out") const {
    EvalOptions o;
    o.model = (golden_folder() / "models/tiny_llama").string();
    o.tasks = {(std::filesystem::path(BALLOT_SOURCE_DIR) / "studies/demo/choice.yaml").string()};
    o.out = (folder_ / out).string();
    o.bootstrap = 200;
    return o;
  }
  static Json run(const EvalOptions& o) { return Json::parse(run_eval(o, silent_progress())); }
  /// What went wrong and what to do; empty where nothing did.
  static std::string error_of(const EvalOptions& o) {
    try {
      run(o);
    } catch (const Error& error) {
      return error.message() + " | " + error.next();
    }
    return "";
  }
  static std::vector<Json> lines_of(const std::filesystem::path& path) {
    std::vector<Json> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
    return lines;
  }
  static std::vector<Json> samples_of(const Json& out, std::size_t task = 0) {
    return lines_of(out["samples_files"][task].get<std::string>());
  }
  /// Multiple choice over the rows of rows.jsonl: question q, choices c, place of the right one t.
  std::filesystem::path choice_task() const {
    return write("task.yaml",
                 "task: mine\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\n"
                 "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: c\ndoc_to_target: t\n");
  }
  std::filesystem::path ifeval_task(std::int64_t tokens) const {
    return write("local_ifeval.yaml", "include: " + (leaderboard_folder() / "ifeval/ifeval.yaml").string() +
                                          "\ntask: local_ifeval\ndataset_path: json\ntest_split: test\n"
                                          "dataset_kwargs:\n  data_files: {test: " +
                                          (golden_folder() / "eval/ifeval/input_data.jsonl").string() +
                                          "}\ngeneration_kwargs: {until: [], do_sample: false, temperature: 0.0, "
                                          "max_gen_toks: " +
                                          std::to_string(tokens) + "}\n");
  }
  std::filesystem::path short_task() const {
    return write("short_answers.yaml",
                 "task: short_answers\ndataset_path: json\ntest_split: test\noutput_type: generate_until\n"
                 "dataset_kwargs:\n  data_files: {test: " +
                     (golden_folder() / "eval/short_answers.jsonl").string() +
                     "}\ndoc_to_text: \"Question: {{q}}\\nAnswer:\"\ndoc_to_target: a\nnum_fewshot: 2\n"
                     "fewshot_config:\n  sampler: first_n\n  samples:\n"
                     "    - {q: \"What is the capital of Spain?\", a: Madrid}\n"
                     "    - {q: \"Which animal barks?\", a: the dog}\n"
                     "generation_kwargs: {until: [\"\\n\", \"Question:\"], max_gen_toks: 12}\n"
                     "metric_list: [{metric: exact_match, ignore_case: true, ignore_punctuation: true}]\n"
                     "metadata: {version: 1}\n");
  }
};

}  // namespace ballot
