// rooms: evaluation
// Evaluation on SmolLM2-135M in fp32: multiple choice, reward-model scoring, decoding of one stream, and sixteen
// answers behind one long beginning.
//   answer: the same log-likelihoods, scores and greedy tokens as the peers    unit: seconds, tokens/s, share of the
//   measured memory bandwidth
//   peer: bench/evaluation_peer.py, in the same run where BALLOT_PEER_PYTHON names a Python that has lm-eval and
//   transformers (and, for the last two, xllamacpp and gguf: llama.cpp)
//
//   evaluation_bench --data LEADERBOARD_DIR --pairs REWARDBENCH.jsonl [--model NAME] [--only
//   choice,reward,decode,prefix]
//                    [--rows N] [--pairs-rows N] [--threads N] [--json FILE]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "compute/device.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "core/random.h"
#include "core/version.h"
#include "data/reward_items.h"
#include "evaluation/encoded_questions.h"
#include "evaluation/log_likelihood.h"
#include "evaluation/questions.h"
#include "evaluation/scored_items.h"
#include "evaluation/task_file.h"
#include "models/generate.h"
#include "models/model.h"
#include "models/tokenizer_files.h"

namespace {

using namespace ballot;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kTokensPerBatch = 4096;  // ballot eval's default

struct Settings {
  std::string model = "deps:smollm2-135m", data, pairs, only = "choice,reward,decode,prefix", json;
  std::int64_t rows = 12, pair_rows = 96;
  int threads = 0;
};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The peer's JSON object (its last line); an empty one where there is no peer.
Json run_peer(const std::vector<std::string>& arguments) {
  const char* python = std::getenv("BALLOT_PEER_PYTHON");
  if (!python || !*python) return Json::object();
  std::string command = std::string(python) + " " + (fs::path(BALLOT_BENCH_DIR) / "evaluation_peer.py").string();
  for (const std::string& argument : arguments) command += " '" + argument + "'";
  FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  std::string output;
  for (char buffer[4096]; pipe && std::fgets(buffer, sizeof buffer, pipe) != nullptr;) output += buffer;
  const int status = pipe ? ::pclose(pipe) : -1;
  while (!output.empty() && output.back() == '\n') output.pop_back();
  const std::string last = output.substr(output.rfind('\n') + 1);
  if (status != 0 || !Json::accept(last)) {
    fmt::print("  the peer failed: {}\n", command);
    return Json::object();
  }
  return Json::parse(last);
}

void print_row(const std::string& what, const std::string& who, double value, const std::string& unit,
               const std::string& rest = "") {
  fmt::print("{:<32} {:<34} {:10.3f} {:<10} {}\n", what, who, value, unit, rest);
  std::fflush(stdout);
}

class Bench {
 public:
  explicit Bench(Settings settings) : settings_(std::move(settings)) {
    set_compute_threads(settings_.threads);
    folder_ = fs::temp_directory_path() / fmt::format("ballot-evaluation-bench-{}", ::getpid());
    fs::create_directories(folder_ / "tasks");
    LoadOptions load;
    load.requires_grad = false;
    model_ = load_model(settings_.model, load);
    save_model(*model_, folder_ / "model");
    copy_tokenizer_files(settings_.model, folder_ / "model");
    results_["threads"] = at::get_num_threads();
    fmt::print("{} in fp32, {} threads\n", settings_.model, at::get_num_threads());
  }
  ~Bench() { fs::remove_all(folder_); }

  void run() {
    const auto wanted = [&](const char* name) { return settings_.only.find(name) != std::string::npos; };
    if (wanted("choice")) choice();
    if (wanted("reward")) reward();
    if (wanted("decode")) decode();
    if (wanted("prefix")) prefix();
    if (!settings_.json.empty()) write_file(settings_.json, results_.dump(1) + "\n");
  }

 private:
  std::string threads() const { return std::to_string(at::get_num_threads()); }

  /// Task files that include the harness's own and point to rows of the data.
  std::vector<std::string> write_tasks() const {
    std::vector<std::string> names;
    const auto write = [&](const std::string& name, const std::string& include, const std::string& files,
                           const std::string& more) {
      write_file(folder_ / "tasks" / (name + ".yaml"),
                 fmt::format("include: {}\ntask: {}\ndataset_path: json\ndataset_name: null\ndataset_kwargs:\n  "
                             "data_files: {{{}}}\n{}",
                             (leaderboard_folder() / include).string(), name, files, more));
      names.push_back(name);
    };
    const fs::path data = settings_.data;
    {
      std::ifstream rows(data / "mmlu_pro/mmlu_pro_test_sample.jsonl");
      std::string shots, test, line;
      for (std::int64_t i = 0; i < 5 + settings_.rows && std::getline(rows, line); ++i)
        (i < 5 ? shots : test) += line + "\n";
      write_file(folder_ / "mmlu_validation.jsonl", shots);
      write_file(folder_ / "mmlu_test.jsonl", test);
      write("bench_mmlu_pro", "mmlu_pro/mmlu_pro.yaml",
            fmt::format("test: {0}/mmlu_test.jsonl, validation: {0}/mmlu_validation.jsonl", folder_.string()), "");
    }
    for (const char* subtask : {"boolean_expressions", "date_understanding", "object_counting", "snarks"}) {
      Json file = Json::parse(read_file(data / "bbh" / (std::string(subtask) + ".json")));
      Json few = Json::array();
      for (std::int64_t i = 0; i < settings_.rows; ++i) few.push_back(file["examples"][static_cast<std::size_t>(i)]);
      write_file(folder_ / (std::string(subtask) + ".json"), Json({{"examples", few}}).dump());
      write(std::string("bench_bbh_") + subtask, std::string("bbh_mc/") + subtask + ".yaml",
            fmt::format("test: {}/{}.json", folder_.string(), subtask), "  field: examples\n");
    }
    return names;
  }

  void choice() {
    const Tokenizer tokenizer = load_tokenizer(settings_.model);
    Json peer;
    const std::vector<std::string> names = write_tasks();
    for (const bool bbh : {false, true}) {
      std::string list;
      double seconds = 0;
      std::int64_t questions = 0, tokens = 0;
      std::map<std::string, std::vector<std::vector<double>>> scores;
      for (const std::string& name : names) {
        if ((name.find("bbh") != std::string::npos) != bbh) continue;
        list += (list.empty() ? "" : ",") + name;
        RejectLog rejects;
        const auto start = Clock::now();
        const LoadedTask task =
            load_task(read_task_file(folder_ / "tasks" / (name + ".yaml")), TaskSettings{}, nullptr, rejects);
        const auto encoded = QuestionEncoder(tokenizer, "auto").encode(task.questions);
        ChoiceScorer scorer(*model_, encoded, model_->shape().max_positions);
        for (const QuestionRange range : scorer.cut(kTokensPerBatch))
          for (const auto& question : scorer.score(range)) {
            scores[name].emplace_back();
            for (const ChoiceScore& one : question) scores[name].back().push_back(one.log_likelihood);
          }
        seconds += seconds_since(start);
        questions += static_cast<std::int64_t>(encoded.size());
        tokens += scorer.computed_tokens();
      }
      const std::string what = bbh ? "BBH, 3 shots" : "MMLU-Pro, 5 shots";
      print_row(what, "ballot", seconds, "s", fmt::format("{} questions, {} tokens computed", questions, tokens));
      Json& out = results_["choice"][bbh ? "bbh" : "mmlu_pro"];
      out = {{"seconds", seconds}, {"questions", questions}, {"tokens", tokens}};
      const Json theirs =
          run_peer({"choice", (folder_ / "model").string(), (folder_ / "tasks").string(), list, threads()});
      if (theirs.empty()) continue;
      double largest = 0;
      for (const auto& [name, rows] : theirs["log_likelihoods"].items())
        for (std::size_t q = 0; q < rows.size(); ++q)
          for (std::size_t c = 0; c < rows[q].size(); ++c)
            largest = std::max(largest, std::fabs(rows[q][c].get<double>() - scores.at(name).at(q).at(c)));
      for (const auto& [size, time] : theirs["seconds"].items())
        print_row(what, fmt::format("lm-eval hf, batch {}", size), time, "s");
      const double best = theirs["best_seconds"];
      print_row(what, "ratio to the best", best / seconds, "times", fmt::format("largest difference {:.1e}", largest));
      out["peer"] = theirs["seconds"];
      out["ratio"] = best / seconds;
      out["largest_difference"] = largest;
      check(largest < 1e-3, "log-likelihoods differ");
    }
  }

  void reward() {
    const fs::path folder = folder_ / "reward";
    {
      LoadOptions load;
      load.requires_grad = false;
      const auto fresh = load_model(settings_.model, load);
      at::Tensor weight = at::empty({1, fresh->shape().hidden});
      Random random(1, "score");
      for (std::int64_t i = 0; i < weight.numel(); ++i)
        weight.data_ptr<float>()[i] = 0.02F * static_cast<float>(random.normal());
      fresh->set_score_weight(weight);
      save_model(*fresh, folder);
      copy_tokenizer_files(settings_.model, folder);
    }
    // Every n-th row, so that all subsets are there.
    std::vector<std::string> lines;
    std::ifstream rows(settings_.pairs);
    for (std::string line; std::getline(rows, line);) lines.push_back(line);
    std::string few;
    for (std::int64_t i = 0; i < settings_.pair_rows; ++i)
      few +=
          lines.at(static_cast<std::size_t>(i) * lines.size() / static_cast<std::size_t>(settings_.pair_rows)) + "\n";
    const std::string path = (folder_ / "pairs.jsonl").string();
    write_file(path, few);
    RejectLog rejects;
    const RewardItems read = read_reward_items({path}, "auto", rejects);
    ScorerOptions options;
    options.model = folder.string();
    const Scorer scorer(options, silent_progress());
    const auto start = Clock::now();
    const ScoredItems scored = score_items(scorer, read.items, path, rejects, silent_progress());
    const double seconds = seconds_since(start);
    print_row("RewardBench scoring", "ballot", seconds, "s", fmt::format("{} pairs", scored.scores.size()));
    results_["reward"] = {{"seconds", seconds}, {"pairs", scored.scores.size()}};
    const Json theirs = run_peer({"reward", folder.string(), path, threads()});
    if (theirs.empty()) return;
    double largest = 0;
    for (const ItemScores& s : scored.scores)
      for (int side = 0; side < 2; ++side)
        largest = std::max(largest, std::fabs(theirs["scores"][s.item][static_cast<std::size_t>(side)].get<double>() -
                                              (side == 0 ? s.right[0] : s.wrong[0])));
    for (const auto& [size, time] : theirs["seconds"].items())
      print_row("RewardBench scoring", fmt::format("rewardbench's loop, batch {}", size), time, "s");
    const double usual = theirs["seconds"]["8"], best = theirs["best_seconds"];
    print_row("RewardBench scoring", "ratio to its batch of 8", usual / seconds, "times",
              fmt::format("to its best: {:.2f}; largest difference {:.1e}", best / seconds, largest));
    results_["reward"].update({{"peer", theirs["seconds"]},
                               {"ratio", usual / seconds},
                               {"ratio_to_best", best / seconds},
                               {"largest_difference", largest}});
    check(largest < 1e-3, "scores differ");
  }

  /// Bytes a second that all threads together read, from memory that no cache holds; the best of five passes.
  static double bandwidth() {
    const at::Tensor block = at::ones({std::int64_t{1} << 28});  // 1 GiB
    const float* from = block.const_data_ptr<float>();
    double best = 0;
    std::vector<float> sums(static_cast<std::size_t>(at::get_num_threads()));
    for (int pass = 0; pass < 5; ++pass) {
      const auto start = Clock::now();
      const std::int64_t pieces = at::get_num_threads(), each = block.numel() / pieces;
      at::parallel_for(0, pieces, 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t p = first; p < last; ++p) {
          typedef float Eight __attribute__((vector_size(32)));
          Eight sum[8] = {};
          const auto* x = reinterpret_cast<const Eight*>(from + p * each);
          for (std::int64_t i = 0; i + 8 <= each / 8; i += 8)
            for (int k = 0; k < 8; ++k) sum[k] += x[i + k];
          sums[static_cast<std::size_t>(p)] =
              (sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7])[0];
        }
      });
      best = std::max(best, static_cast<double>(block.nbytes()) / seconds_since(start));
    }
    return best;
  }

  std::vector<std::int32_t> some_tokens(std::size_t n, std::uint64_t seed) const {
    Random random(seed, "prompt");
    std::vector<std::int32_t> ids;
    while (ids.size() < n) ids.push_back(static_cast<std::int32_t>(1000 + random.below(20000)));
    return ids;
  }

  void decode() {
    constexpr std::size_t kPrompt = 16;
    const Tokenizer tokenizer = load_tokenizer(settings_.model);
    double bytes = 0;
    for (const auto& [name, tensor] : model_->parameters()) bytes += static_cast<double>(tensor.nbytes());
    const double memory = bandwidth();
    Decoder decoder(*model_);
    const auto prompt = some_tokens(kPrompt, 7);
    const std::int32_t sequence = decoder.add(std::span(&prompt, 1)).front();
    std::vector<std::int32_t> made;
    double seconds = 0;
    const std::int64_t length = 128;
    for (std::int64_t i = 0; i <= length; ++i) {
      const auto start = Clock::now();
      const std::int32_t token = greedy(decoder.next_logits(std::span(&sequence, 1))[0]);
      decoder.append(sequence, token);
      if (i > 0) seconds += seconds_since(start);  // the first one reads the prompt
      made.push_back(token);
    }
    const double rate = static_cast<double>(length) / seconds;
    print_row("decode, one stream", "ballot", rate, "tokens/s",
              fmt::format("{:.1f} GB/s read of {:.1f} measured: {:.0f}%", rate * bytes / 1e9, memory / 1e9,
                          100 * rate * bytes / memory));
    results_["decode"] = {{"tokens_per_second", rate}, {"bandwidth", memory}, {"share", rate * bytes / memory}};
    Json request = {{"prompts", {prompt}}, {"tokens", length}};
    write_file(folder_ / "decode.json", request.dump());
    const Json theirs =
        run_peer({"llama_cpp", (folder_ / "model").string(), (folder_ / "decode.json").string(), threads()});
    if (theirs.empty()) return;
    print_row("decode, one stream", "llama.cpp, f32", theirs["tokens_per_second"], "tokens/s",
              fmt::format("ratio {:.2f}", rate / theirs["tokens_per_second"].get<double>()));
    results_["decode"]["llama_cpp"] = theirs["tokens_per_second"];
    results_["decode"]["ratio"] = rate / theirs["tokens_per_second"].get<double>();
  }

  static std::int32_t greedy(const at::Tensor& logits_V) {
    return static_cast<std::int32_t>(logits_V.argmax().item<std::int64_t>());
  }

  void prefix() {
    constexpr std::size_t kAnswers = 16;
    constexpr std::int64_t kLength = 48;
    const auto shared = some_tokens(1000, 9);
    std::vector<std::vector<std::int32_t>> prompts;
    for (std::size_t i = 0; i < kAnswers; ++i) {
      prompts.push_back(shared);
      for (const std::int32_t id : some_tokens(8, 100 + i)) prompts.back().push_back(id);
    }
    const auto start = Clock::now();
    Decoder decoder(*model_);
    const std::vector<std::int32_t> sequences = decoder.add(prompts);
    double read = 0;
    for (std::int64_t i = 0; i < kLength; ++i) {
      const at::Tensor next = decoder.next_logits(sequences).argmax(1).contiguous();
      if (i == 0) read = seconds_since(start);
      for (std::size_t s = 0; s < sequences.size(); ++s)
        decoder.append(sequences[s], static_cast<std::int32_t>(next.const_data_ptr<std::int64_t>()[s]));
    }
    const double seconds = seconds_since(start), made = static_cast<double>(kAnswers) * kLength;
    print_row("16 answers, 1,000 shared tokens", "ballot", made / seconds, "tokens/s",
              fmt::format("{:.2f} s, {:.2f} s of them the prompts", seconds, read));
    results_["prefix"] = {{"tokens_per_second", made / seconds}, {"seconds", seconds}, {"prompt_seconds", read}};
    write_file(folder_ / "prefix.json", Json({{"prompts", prompts}, {"tokens", kLength}}).dump());
    const Json theirs =
        run_peer({"llama_cpp", (folder_ / "model").string(), (folder_ / "prefix.json").string(), threads()});
    if (theirs.empty()) return;
    print_row("16 answers, 1,000 shared tokens", "llama.cpp, f32", theirs["total_tokens_per_second"], "tokens/s",
              fmt::format("{:.2f} s; ratio {:.2f}", theirs["seconds"].get<double>(),
                          made / seconds / theirs["total_tokens_per_second"].get<double>()));
    results_["prefix"]["llama_cpp"] = theirs["total_tokens_per_second"];
    results_["prefix"]["ratio"] = made / seconds / theirs["total_tokens_per_second"].get<double>();
  }

  static void check(bool right, const char* what) {
    if (right) return;
    fmt::print("the answer is wrong: {}\n", what);
    std::exit(1);
  }

  Settings settings_;
  fs::path folder_;
  std::unique_ptr<Model> model_;
  Json results_;
};

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  std::map<std::string, std::string*> texts = {{"--model", &settings.model},
                                               {"--data", &settings.data},
                                               {"--pairs", &settings.pairs},
                                               {"--only", &settings.only},
                                               {"--json", &settings.json}};
  if (const char* shared = std::getenv("BALLOT_SHARED_DATA")) {
    settings.data = (fs::path(shared) / "leaderboard").string();
    settings.pairs = (fs::path(shared) / "rewardbench_like/rewardbench_like.jsonl").string();
  }
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    if (texts.contains(name))
      *texts[name] = argv[i + 1];
    else if (name == "--rows")
      settings.rows = std::atoll(argv[i + 1]);
    else if (name == "--pairs-rows")
      settings.pair_rows = std::atoll(argv[i + 1]);
    else if (name == "--threads")
      settings.threads = std::atoi(argv[i + 1]);
    else {
      std::cerr << "unknown option " << name << "\n";
      return 2;
    }
  }
  if (settings.data.empty()) {
    std::cerr << "nothing measured: --data and --pairs name the leaderboard's rows and RewardBench's (or "
                 "BALLOT_SHARED_DATA)\n";
    return 0;
  }
  try {
    Bench(settings).run();
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
