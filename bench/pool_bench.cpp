// rooms: data
// A pool of 180,000 Nectar-sized rows, in a process of its own, beside the time that pyarrow needs to read the same
// source and to write the same pool.
//   answer: as many prompts as rows     unit: seconds, MiB at its fullest     wanted: less than 500 MiB, within three
//   times of pyarrow (aim 1.5)
// BALLOT_PEER_PYTHON: a Python with pyarrow; it makes the source, Parquet of the rows of BALLOT_SHARED_DATA's
// nectar_like with altered prompts (else of made-up texts of such lengths). Without it the source is JSONL of made-up
// texts, and there is no peer. `pool_bench N` takes N rows; BALLOT_THREADS as many threads as it says.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/random.h"
#include "data/pool.h"

namespace {

using namespace ballot;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Nectar's answers are long: about 1,000 characters each, seven of them.
void write_source(const fs::path& path, std::size_t rows) {
  static const std::vector<std::string> kWords = {"the",  "answer", "depends", "on",   "water", "and",
                                                  "time", "boil",   "first",   "then", "gently"};
  std::ofstream out(path);
  for (std::size_t i = 0; i < rows; ++i) {
    Random random(1, "pool_bench", i);
    const auto words = [&](std::size_t count) {
      std::string text;
      for (std::size_t w = 0; w < count; ++w) text += kWords[random.below(kWords.size())] + " ";
      return text;
    };
    nlohmann::json row = {{"prompt", fmt::format("\n\nHuman: Question {}: {}\n\nAssistant: ", i, words(20))},
                          {"turns", 1},
                          {"num_responses", 7},
                          {"source", {"bench"}},
                          {"good_natured", true}};
    for (int rank = 1; rank <= 7; ++rank)
      row["answers"].push_back({{"answer", words(120 + random.below(120))},
                                {"model", fmt::format("model-{}", rank)},
                                {"rank", static_cast<double>(rank)}});
    out << row.dump() << "\n";
  }
}

struct Measurement {
  double seconds = 0, peak_mib = 0;
  int code = 1;
};

/// In a process of its own, so that its memory is its own.
template <class Body>
Measurement measured(const Body& body) {
  const Clock::time_point began = Clock::now();
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 1;
    try {
      code = body();
    } catch (const std::exception& error) {
      fmt::print(stderr, "{}\n", error.what());
    }
    ::_exit(code);
  }
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  return {std::chrono::duration<double>(Clock::now() - began).count(), static_cast<double>(usage.ru_maxrss) / 1024,
          WIFEXITED(status) ? WEXITSTATUS(status) : 1};
}

int shell(const std::string& command) {
  return std::system(command.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t rows = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 180'000;
  const char* threads_given = std::getenv("BALLOT_THREADS");
  const int threads = threads_given ? std::atoi(threads_given) : available_cores();
  const char* python = std::getenv("BALLOT_PEER_PYTHON");
  const fs::path folder = fs::temp_directory_path() / fmt::format("ballot_pool_bench_{}", ::getpid());
  fs::create_directories(folder);
  const fs::path source = folder / (python ? "source.parquet" : "source.jsonl"), pool = folder / "pool.parquet";
  const std::string peer = python ? fmt::format("'{}' '{}/pool_peer.py'", python, BALLOT_BENCH_DIR) : std::string();
  bool ok = true;
  if (python)
    ok = shell(fmt::format("{} make '{}' {}", peer, source.string(), rows)) == 0;
  else
    write_source(source, rows);
  if (ok) {
    const Measurement ours = measured([&] {
      RejectLog rejects;
      const PoolSummary summary =
          make_pool({source.string()}, pool, PoolOptions(), 0, threads, rejects, silent_progress());
      return summary.prompts == static_cast<std::int64_t>(rows) ? 0 : 2;
    });
    ok = ours.code == 0;
    fmt::print("pool: {} rows, {} MiB of {} to {} MiB, {:.1f} s on {} threads, peak memory {:.0f} MiB{}\n", rows,
               fs::file_size(source) >> 20, python ? "Parquet" : "JSONL",
               fs::exists(pool) ? fs::file_size(pool) >> 20 : 0, ours.seconds, threads, ours.peak_mib,
               ok ? "" : ": NOT every row became a prompt");
    std::fflush(stdout);
    if (ok && python)
      ok = shell(fmt::format("{} copy '{}' '{}' '{}' {}", peer, source.string(), pool.string(),
                             (folder / "copy.parquet").string(), threads)) == 0;
  }
  fs::remove_all(folder);
  return ok ? 0 : 1;
}
