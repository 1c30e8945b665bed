// rooms: judges
// 100,000 ballots against a server that answers at once, on loopback in a process of its own; then the same command
// over the finished journal; then the journal alone.
//   answer: 100,000 usable annotations, and 0 requests when it runs again     unit: answers/s, seconds, MiB,
//   milliseconds wanted: 3,000 answers/s, less than 300 MiB, resume in 2 s, less than 5 ms beyond the disk's own flush
//   at the 99th percentile with 256 answers in flight. `annotate_bench N` takes N prompts of ten ballots instead of
//   10,000.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "core/random.h"
#include "data/ids.h"
#include "data/pool.h"
#include "judges/annotate.h"
#include "judges/journal.h"
#include "judges/openai_judge.h"
#include "net/http_server.h"

namespace {

using namespace ballot;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point time) {
  return std::chrono::duration<double>(Clock::now() - time).count();
}

std::string words(Random& random, std::size_t count) {
  static const std::vector<std::string> kWords = {"the", "answer", "depends", "on", "water", "and", "time", "boil"};
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += kWords[random.below(kWords.size())] + " ";
  return text;
}

void write_bench_pool(const fs::path& path, std::size_t prompts) {
  std::vector<PoolRow> pool;
  for (std::size_t p = 0; p < prompts; ++p) {
    Random random(1, "annotate_bench", p);
    PoolRow row;
    row.prompt = {{"user", fmt::format("Question {}: {}", p, words(random, 30))}};
    row.prompt_id = prompt_id_of(row.prompt);
    row.source = {"bench"};
    for (int rank = 1; rank <= 5; ++rank) {
      Completion c;
      c.model = fmt::format("model-{}", rank);
      c.text = words(random, 60);
      c.source_rank = rank;
      c.completion_id = completion_id_of(row.prompt_id, c.model, c.text);
      row.completions.push_back(std::move(c));
    }
    pool.push_back(std::move(row));
  }
  write_pool(path, pool);
}

/// The server's process; its requests are counted in memory that both share. Returns its URL through a pipe.
pid_t start_server(std::string& url) {
  int ends[2];
  if (::pipe(ends) != 0) std::exit(1);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string reply =
        R"({"id":"x","object":"chat.completion","model":"null","choices":[{"index":0,"message":{"role":"assistant",)"
        R"("content":"Both answer the question; the first is clearer.\n\nPreference: A"},"finish_reason":"stop"}],)"
        R"("usage":{"prompt_tokens":600,"completion_tokens":15,"prompt_tokens_details":{"cached_tokens":400}}})";
    const HttpServer server({}, [&](const ServedRequest&, const ServerReply& to) { to.send(200, reply); });
    const std::string address = server.url() + "\n";
    if (::write(ends[1], address.data(), address.size()) < 0) ::_exit(1);
    for (;;) ::pause();
  }
  char buffer[64] = {};
  if (::read(ends[0], buffer, sizeof buffer - 1) <= 0) std::exit(1);
  url = std::string(buffer).substr(0, std::string(buffer).find('\n'));
  return child;
}

double peak_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

AnnotateSummary run(const fs::path& folder, const std::string& url) {
  AnnotateOptions options;
  options.format = "binary";
  ServerOptions server;
  server.chat.model = "null";
  server.endpoints = {{url + "/v1", "", 0}};
  const auto judge = make_openai_judge(server);
  return annotate(folder / "pool.parquet", folder / "out", *judge, options, 1, false, silent_progress());
}

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

/// 256 answers at a time until they are on disk, beside a plain write and flush of as many bytes.
void measure_journal(const fs::path& folder) {
  constexpr int kRounds = 200, kInFlight = 256;
  std::vector<double> ours, disk;
  const int file = ::open((folder / "plain").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const std::string bytes(kInFlight * 600, 'x');
  Journal journal(folder / "journal");
  for (int round = 0; round < kRounds; ++round) {
    Clock::time_point began = Clock::now();
    if (::write(file, bytes.data(), bytes.size()) < 0 || ::fsync(file) != 0) std::exit(1);
    disk.push_back(since(began) * 1000);
    std::vector<JournalEntry> entries(kInFlight);
    for (int i = 0; i < kInFlight; ++i) {
      JournalEntry& e = entries[static_cast<std::size_t>(i)];
      e.annotation.item_id = fmt::format("{:032x}", round * kInFlight + i);
      e.annotation.shown = {"0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"};
      e.annotation.raw = std::string(300, 'y');
      e.final = true;
    }
    began = Clock::now();
    for (JournalEntry& e : entries) journal.add(std::move(e));
    journal.flush();
    ours.push_back(since(began) * 1000);
  }
  ::close(file);
  fmt::print(
      "journal: 256 answers on disk in {:.2f} ms (median), {:.2f} ms (99th percentile); a plain write and flush of "
      "as many bytes {:.2f} and {:.2f} ms\n",
      percentile(ours, 0.5), percentile(ours, 0.99), percentile(disk, 0.5), percentile(disk, 0.99));
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t prompts = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10000;
  const fs::path folder = fs::temp_directory_path() / fmt::format("ballot_annotate_bench_{}", ::getpid());
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::string url;
  const pid_t server = start_server(url);  // before this process has threads
  write_bench_pool(folder / "pool.parquet", prompts);
  const double before = peak_mib();
  Clock::time_point began = Clock::now();
  const AnnotateSummary first = run(folder, url);
  const double seconds = since(began);
  fmt::print(
      "annotate: {} usable of {} asked in {:.1f} s, {:.0f} answers/s journalled, peak memory {:.0f} MiB ({:.0f} "
      "before it began)\n",
      first.usable, first.asked, seconds, static_cast<double>(first.asked) / seconds, peak_mib(), before);
  fs::remove(folder / "out/manifest.json");
  began = Clock::now();
  const AnnotateSummary again = run(folder, url);
  fmt::print("resume: {} answers found, {} asked, {:.2f} s, peak memory {:.0f} MiB\n", again.answered_before,
             again.asked, since(began), peak_mib());
  measure_journal(folder);
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
  fs::remove_all(folder);
  return first.usable == first.items && again.asked == 0 ? 0 : 1;
}
