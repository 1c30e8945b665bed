// rooms: training
// The three trainings on SmolLM2-135M, ten pairs a prompt, at most 1,024 tokens a sequence, fp32: each in a process of
// its own, so that its peak memory is the system's own account (wait4), beside the system's matrix product.
//   answer: DPO's first loss is ln 2    unit: pairs/s, tokens/s, share of measured sgemm, peak resident memory
//   peer: bench/training_peer.py (TRL), in the same run where BALLOT_PEER_PYTHON names a Python that has it; then the
//   losses of both are compared as well
//
//   training_bench [--data RANKED.jsonl] [--model NAME] [--steps N] [--prompts-a-step N] [--kinds dpo,reward,sft]
//                  [--linearity 1024,4096] [--threads N] [--json FILE]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "compute/communicator.h"
#include "compute/device.h"
#include "compute/tensor_memory.h"
#include "core/atomic_file.h"
#include "core/parallel.h"
#include "core/version.h"
#include "data/preferences.h"
#include "data/sft.h"
#include "models/model.h"
#include "models/tokenizer_files.h"
#include "models/vocabulary.h"
#include "training/examples.h"
#include "training/loop.h"
#include "training/memory.h"
#include "training/metrics.h"
#include "training/objective.h"
#include "training/throughput.h"
#include "training/train.h"
#include "training_rows.h"

namespace {

using namespace ballot;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kMaxLength = 1024;
constexpr double kLearningRate = 1e-6;
constexpr std::int64_t kExamplesAPrompt = 10;  // ten pairs of its five completions; of SFT: ten answers instead

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}
double core_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double sgemm_gflops() {
  const at::NoGradGuard no_gradients;
  constexpr std::int64_t n = 2048;
  const at::Tensor a = at::ones({n, n}), b = at::ones({n, n});
  at::Tensor c = at::mm(a, b);
  double best = 1e30;
  for (int i = 0; i < 3; ++i) {
    const auto begin = Clock::now();
    at::mm_out(c, a, b);
    best = std::min(best, seconds_since(begin));
  }
  return 2e-9 * n * n * n / best;
}

TrainingOptions options_of(const std::string& kind, const fs::path& work, const std::string& model, std::int64_t steps,
                           std::int64_t prompts) {
  TrainingOptions options = training_defaults(kind);
  options.model = model;
  options.data = {(work / (kind == "sft" ? "answers.jsonl" : "pairs.jsonl")).string()};
  options.out = (work / kind).string();
  options.order = "file";
  options.max_length = kMaxLength;
  options.truncate = kind == "reward" ? "drop" : "completion_right";
  options.on_control_tokens = "encode";
  options.learning_rate = kLearningRate;
  options.batch_size = kExamplesAPrompt * prompts;
  options.max_steps = steps;
  options.add_chatml = false;
  return options;
}

/// Notes when the reference's part begins and ends.
class ReferenceClock : public Progress {
 public:
  void start(std::string_view what, std::int64_t, std::string_view) override {
    if (what == "reference log-probabilities") begin_ = Clock::now(), cpu_ = core_seconds(), running_ = true;
  }
  void update(std::int64_t, std::string_view) override {}
  void finish(std::string_view) override {
    if (!running_) return;
    running_ = false;
    seconds = seconds_since(begin_), cores = core_seconds() - cpu_;
  }
  void say(std::string_view) override {}
  double seconds = 0, cores = 0;

 private:
  Clock::time_point begin_;
  double cpu_ = 0;
  bool running_ = false;
};

TrainingSet examples_again(const TrainingOptions& options) {
  const Tokenizer tokenizer = load_tokenizer(options.model);
  const ExampleOptions how{.max_length = options.max_length,
                           .truncate = options.truncate,
                           .on_control_tokens = options.on_control_tokens,
                           .split = options.split,
                           .file = options.data[0],
                           .threads = compute_threads()};
  RejectLog rejects({});
  return options.objective == "sft" ? answer_examples(read_sft(options.data, rejects), tokenizer, how, rejects)
                                    : pair_examples(read_preferences(options.data, rejects), tokenizer, how, rejects);
}

/// A child's work: one training; what it did, as JSON.
Json train_once(const std::string& kind, const fs::path& work, const std::string& model, std::int64_t steps,
                std::int64_t prompts) {
  const double before = sgemm_gflops();
  const TrainingOptions options = options_of(kind, work, model, steps, prompts);
  ReferenceClock clock;
  const double cpu = core_seconds();
  const TrainingResult result = train(options, clock);
  const double cores = core_seconds() - cpu;
  Json out;
  out["sgemm_gflops"] = {before, sgemm_gflops()};
  out["examples"] = steps * options.batch_size;
  double seconds = 0;
  out["steps"] = Json::array();
  for (const Json& line : read_metrics(fs::path(options.out) / "metrics.jsonl")) {
    seconds += line.at("seconds").get<double>();
    out["steps"].push_back(
        {{"loss", line.at("loss")}, {"grad_norm", line.at("grad_norm")}, {"seconds", line.at("seconds")}});
  }
  out["seconds"] = seconds;
  out["whole_core_seconds"] = cores;
  out["reference_seconds"] = clock.seconds;
  out["reference_core_seconds"] = clock.cores;
  out["tokens"] = result.num_tokens;
  out["forest_tokens"] = result.forest_tokens;

  // The operations of the steps, counted from the batches that were computed.
  const TrainingSet set = examples_again(options);
  const auto trained = load_model(options.out, {.requires_grad = false});
  const Json cut = Json::parse(read_file(fs::path(options.out) / "plan.json"));
  MicrobatchBudget budget{cut["microbatch"]["target"], cut["microbatch"]["limit"]};
  if (!cut["recompute_above"].is_null()) budget.recompute_above = cut["recompute_above"];
  out["microbatch"] = cut["microbatch"];
  out["recompute_above"] = cut["recompute_above"];
  double flops = 0;
  std::int64_t largest = 0, parts = 0;
  const auto plan = plan_epoch(set, options.order, options.batch_size, 0, 0);
  for (std::int64_t s = 0; s < steps; ++s)
    for (const auto& part : cut_step(set, plan[static_cast<std::size_t>(s)], budget, true)) {
      const TrainingBatch batch = make_batch(set, part, true);
      flops += training_flops(*trained, batch);
      largest = std::max<std::int64_t>(largest, batch.forest.size());
      ++parts;
    }
  out["flops"] = flops;
  out["largest_microbatch"] = largest;
  const bool on_disk =
      Json::parse(read_file(fs::path(options.out) / "manifest.json"))["facts"]["batch_cuts"]["moments"] == "disk";
  out["moments"] = on_disk ? "disk" : "memory";
  out["predicted_peak_mb"] =
      predicted_peak_bytes(trained->shape(), {state_bytes(*trained) / 16, largest, parts > steps, on_disk}, budget) >>
      20;
  out["tensor_peak_mb"] = tensor_memory().peak >> 20;
  return out;
}

/// A child's work: seconds of an SFT step by its tokens, optimiser included.
Json linearity(const fs::path& work, const std::string& model, const std::vector<std::int64_t>& sizes) {
  TrainingOptions options = options_of("sft", work, model, 1, 1);
  options.data = {(work / "many.jsonl").string()};
  pool_tensor_memory();
  const TrainingSet set = examples_again(options);
  const auto policy = load_model(model);
  AdamW optimiser(policy->parameters(), {});
  const auto objective = make_objective(options, nullptr);
  const auto communicator = single_process();
  const MicrobatchBudget budget = choose_microbatches(*policy, set, 0, "auto");
  Json out = Json::array();
  std::int64_t step = 0;
  for (std::size_t place = 0; place <= sizes.size(); ++place) {
    const std::int64_t size = sizes[place == 0 ? 0 : place - 1];  // the first once more, to warm up
    std::vector<std::int32_t> examples;
    std::int64_t tokens = 0;
    for (std::size_t i = 0; i < set.examples.size() && tokens < size; ++i) {
      examples.push_back(static_cast<std::int32_t>(i));
      tokens += set.sequence_tokens(set.examples[i]);
    }
    const auto begin = Clock::now();
    MetricSums metrics;
    std::int64_t computed = 0;
    accumulate_gradients({options, *policy, set, *objective, *communicator, {}, "", budget}, examples, metrics,
                         computed);
    clip_gradients(optimiser.parameters(), gradient_norm(optimiser.parameters()), 1);
    optimiser.step(kLearningRate, ++step);
    optimiser.zero_gradients();
    const double seconds = seconds_since(begin);
    if (place > 0)
      out.push_back(
          {{"tokens", computed}, {"seconds", seconds}, {"ms_a_token", 1e3 * seconds / static_cast<double>(computed)}});
  }
  return out;
}

/// A child's work: the model as folders that both sides load, and the rows.
void prepare(const fs::path& work, const std::string& model, const std::string& data, std::int64_t steps,
             std::int64_t prompts, std::int64_t many) {
  const std::size_t wanted = static_cast<std::size_t>(std::max(kExamplesAPrompt * steps * prompts, many / 100));
  std::vector<bench::RankedPrompt> rows = data.empty() ? bench::generated_prompts(wanted) : bench::read_prompts(data);
  if (rows.size() < wanted) throw bad_input("{} holds {} usable prompts, {} are wanted", data, rows.size(), wanted);
  bench::write_pairs(work / "pairs.jsonl", rows, static_cast<std::size_t>(steps * prompts));
  bench::write_answers(work / "answers.jsonl", rows, static_cast<std::size_t>(kExamplesAPrompt * steps * prompts));
  bench::write_answers(work / "many.jsonl", rows, wanted);
  const auto policy = load_model(model, {.requires_grad = false});
  fs::create_directories(work / "base");
  fs::create_directories(work / "reward_base");
  save_model(*policy, work / "base");
  copy_tokenizer_files(model, work / "base");
  policy->set_score_weight(initial_score_weight(policy->shape(), 0));
  if (const auto pad = load_tokenizer(model).pad_id()) policy->config()["pad_token_id"] = *pad;
  save_model(*policy, work / "reward_base");
  copy_tokenizer_files(model, work / "reward_base");
}

struct Finished {
  std::string output;  ///< its last line
  double core_seconds = 0;
  std::int64_t peak_mb = 0;
};

/// Runs a program; its peak memory and processor time are the system's account of the child that has ended. This
/// process stays small: a child's account begins with what its parent held.
Finished run(const std::vector<std::string>& command) {
  int ends[2];
  if (::pipe(ends) != 0) throw failed("cannot make a pipe");
  const pid_t child = ::fork();
  if (child < 0) throw failed("cannot start {}", command[0]);
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string text;
  char buffer[1 << 14];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw failed("{} ended with status {}", command[0], status);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (const auto line = text.rfind('\n'); line != std::string::npos) text.erase(0, line + 1);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return {text, seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss >> 10};
}

std::string first_match(const char* path, const std::string& name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name)) return line.substr(line.find(':') + 2);
  return "";
}

Json machine(int threads) {
  double load[3] = {0, 0, 0};
  ::getloadavg(load, 3);
  const std::string flags = " " + first_match("/proc/cpuinfo", "flags") + " ";
  Json features = Json::array();
  for (const char* flag : {"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"})
    if (flags.find(std::string(" ") + flag + " ") != std::string::npos) features.push_back(flag);
  return {{"processor", first_match("/proc/cpuinfo", "model name")},
          {"features", features},
          {"cores", available_cores()},
          {"threads", threads},
          {"memory_gb",
           static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e9},
          {"load_before", load[0]},
          {"kernels", at::get_cpu_capability()},
          {"ballot", version()},
          {"commit", commit()}};
}

double mean(const Json& numbers) {
  double sum = 0;
  for (const Json& number : numbers) sum += number.get<double>();
  return sum / static_cast<double>(numbers.size());
}

void print_row(const std::string& kind, const char* who, const Json& run, double pairs_per_second) {
  const double seconds = run["seconds"], tokens = run["tokens"];
  const double steps = static_cast<double>(run["steps"].size());
  std::string share = "";
  if (run.contains("flops"))
    share = fmt::format("{:.0f}%", 100 * run["flops"].get<double>() / seconds / 1e9 / mean(run["sgemm_gflops"]));
  fmt::print("{:<8} {:<7} {:>8.3f} {:>9.1f} {:>9.2f} {:>7} {:>7.0f} {:>9}\n", kind, who, pairs_per_second,
             tokens / seconds, seconds / steps, share, mean(run["sgemm_gflops"]),
             run["peak_rss_mb"].get<std::int64_t>());
  std::fflush(stdout);
}

/// Pairs (or answers) a second; of DPO: four formats of one study, whose reference is computed once.
double rate(const std::string& kind, const Json& run) {
  const double examples = run["examples"], seconds = run["seconds"];
  if (kind != "dpo") return examples / seconds;
  return 4 * examples / (run.value("reference_seconds", 0.0) + 4 * seconds);
}

Json compare(const std::string& kind, const Json& ours, const Json& theirs) {
  double loss = 0, norm = 0;
  for (std::size_t i = 0; i < ours["steps"].size(); ++i) {
    const auto difference = [&](const char* name) {
      const double a = ours["steps"][i][name], b = theirs["steps"][i][name];
      return std::abs(a - b) / std::max(1e-12, std::abs(b));
    };
    loss = std::max(loss, difference("loss"));
    norm = std::max(norm, difference("grad_norm"));
  }
  Json out{{"loss_difference", loss},
           {"grad_norm_difference", norm},
           {"times_faster", rate(kind, ours) / rate(kind, theirs)},
           {"times_tokens_per_second", ours["tokens"].get<double>() / ours["seconds"].get<double>() /
                                           (theirs["tokens"].get<double>() / theirs["seconds"].get<double>())},
           {"memory_share", ours["peak_rss_mb"].get<double>() / theirs["peak_rss_mb"].get<double>()}};
  fmt::print(
      "{:<8} ratio   {:>7.2f}x {:>8.2f}x, memory {:.2f}; largest relative difference: loss {:.1e}, grad_norm {:.1e}\n",
      kind, out["times_faster"].get<double>(), out["times_tokens_per_second"].get<double>(),
      out["memory_share"].get<double>(), loss, norm);
  return out;
}

std::vector<std::string> words_of(const std::string& list) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    words.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return words;
}

int work(std::map<std::string, std::string> given) {
  const auto option = [&](const char* name, const std::string& otherwise) {
    return given.contains(name) ? given[name] : otherwise;
  };
  const std::int64_t steps = std::stoll(option("--steps", "2")), prompts = std::stoll(option("--prompts-a-step", "1"));
  const int threads = std::stoi(option("--threads", std::to_string(available_cores())));
  const std::string model = option("--model", "deps:smollm2-135m");
  std::vector<std::int64_t> sizes;
  for (const std::string& size : words_of(option("--linearity", "1024,4096"))) sizes.push_back(std::stoll(size));
  const std::int64_t many = sizes.empty() ? 0 : *std::max_element(sizes.begin(), sizes.end());

  if (const std::string child = option("--child", ""); !child.empty()) {
    set_compute_threads(threads);
    const fs::path folder = option("--work", "");
    if (child == "prepare") {
      prepare(folder, model, option("--data", ""), steps, prompts, many);
      fmt::print("{{}}\n");
    } else if (child == "linearity") {
      fmt::print("{}\n", linearity(folder, (folder / "base").string(), sizes).dump());
    } else {
      fmt::print("{}\n", train_once(child, folder, (folder / (child == "reward" ? "reward_base" : "base")).string(),
                                    steps, prompts)
                             .dump());
    }
    return 0;
  }

  const fs::path self = fs::read_symlink("/proc/self/exe");
  std::string pattern = (fs::temp_directory_path() / "ballot-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw failed("cannot make a folder in {}", fs::temp_directory_path().string());
  const fs::path folder = pattern;
  const struct Remove {
    const fs::path& folder;
    ~Remove() {
      std::error_code ignored;
      fs::remove_all(folder, ignored);
    }
  } remove{folder};
  const auto child = [&](const std::string& what) {
    std::vector<std::string> command{self.string(), "--child", what, "--work", folder.string()};
    for (const auto& [name, value] : given) command.insert(command.end(), {name, value});
    return run(command);
  };

  Json json{{"machine", machine(threads)},
            {"model", model},
            {"data", given.contains("--data") ? "--data" : "generated"},
            {"steps", steps},
            {"prompts_a_step", prompts},
            {"max_length", kMaxLength},
            {"dtype", "fp32"}};
  fmt::print("{}; features {}; {} threads; load {:.2f}\n", json["machine"]["processor"].get<std::string>(),
             json["machine"]["features"].dump(), threads, json["machine"]["load_before"].get<double>());
  fmt::print(
      "{} steps of {} prompts with ten pairs each (sft: ten answers a prompt); dpo's pairs/s: four formats, one "
      "reference\n",
      steps, prompts);
  fmt::print("{:<8} {:<7} {:>8} {:>9} {:>9} {:>7} {:>7} {:>9}\n", "training", "", "pairs/s", "tokens/s", "s a step",
             "sgemm", "GFLOP/s", "peak MB");
  std::fflush(stdout);
  child("prepare");
  const char* peer = std::getenv("BALLOT_PEER_PYTHON");
  bool right = true;
  for (const std::string& kind : words_of(option("--kinds", "dpo,reward,sft"))) {
    const Finished ours = child(kind);
    Json result = Json::parse(ours.output);
    result["peak_rss_mb"] = ours.peak_mb;
    result["process_core_seconds"] = ours.core_seconds;
    result["pairs_per_second"] = rate(kind, result);
    print_row(kind, "ballot", result, rate(kind, result));
    if (kind == "dpo" && std::abs(result["steps"][0]["loss"].get<double>() - std::log(2.0)) > 1e-6) {
      fmt::print("the answer is wrong: DPO's first loss is {}, not ln 2\n", result["steps"][0]["loss"].get<double>());
      right = false;
    }
    if (peer && *peer) {
      const Finished theirs =
          run({peer, (fs::path(BALLOT_BENCH_DIR) / "training_peer.py").string(), kind,
               (folder / (kind == "reward" ? "reward_base" : "base")).string(),
               (folder / (kind == "sft" ? "answers.jsonl" : "pairs.jsonl")).string(), std::to_string(steps),
               std::to_string(kExamplesAPrompt * prompts), std::to_string(threads), fmt::format("{}", kLearningRate)});
      Json result_of_peer = Json::parse(theirs.output);
      result_of_peer["peak_rss_mb"] = theirs.peak_mb;
      print_row(kind, "TRL", result_of_peer, rate(kind, result_of_peer));
      json["compared"][kind] = compare(kind, result, result_of_peer);
      json["trl"][kind] = std::move(result_of_peer);
    }
    json["ballot"][kind] = std::move(result);
  }
  if (!sizes.empty()) {
    json["linearity"] = Json::parse(child("linearity").output);
    for (const Json& line : json["linearity"])
      fmt::print("a step of {:>6} tokens: {:>7.2f} s, {:.3f} ms a token\n", line["tokens"].get<std::int64_t>(),
                 line["seconds"].get<double>(), line["ms_a_token"].get<double>());
  }
  const fs::path written = option("--json", (self.parent_path() / "training_bench.json").string());
  write_file(written, json.dump(2) + "\n");
  fmt::print("written: {}\n", written.string());
  return right ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  std::map<std::string, std::string> given;
  for (int i = 1; i + 1 < count; i += 2) given[words[i]] = words[i + 1];
  try {
    return work(std::move(given));
  } catch (const std::exception& error) {
    fmt::print(stderr, "training_bench: {}\n", error.what());
    return 1;
  }
}
