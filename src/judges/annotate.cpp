#include "judges/annotate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/lock.h"
#include "core/log.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "data/rejects.h"
#include "formats/parse.h"
#include "formats/render.h"
#include "judges/annotate_items.h"
#include "judges/journal.h"
#include "judges/reopen_folder.h"

namespace ballot {
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kAnnotateVersion = 1;
constexpr int kTextAttempts = 2, kAttempts = 3, kTransportTries = 5;
constexpr std::size_t kChunk = 4096;  // rendered ballots held at a time: some 20 MB

using ItemKey = std::pair<std::string, std::int32_t>;

/// What is known of an item.
struct ItemState {
  std::int32_t attempts = 0;
  int transport_tries = 0;
  bool final = false;
  std::int64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
  double cost = 0, seconds = 0;
  std::int64_t lost_tokens = 0;  // of tries that failed
  double lost_cost = 0;
};

std::uint64_t request_seed(std::int64_t seed, const Item& item, std::int32_t attempt) {
  return hash64(fmt::format("{} {} {} {}", seed, item.item_id, item.repeat, attempt));
}

Annotation annotation_of(const Item& item, const PoolRow& row, const Format& format, const std::string& judge,
                         const Label& label) {
  Annotation a;
  a.item_id = item.item_id;
  a.prompt_id = item.prompt_id;
  a.format = format.name;
  a.judge = judge;
  a.repeat = item.repeat;
  a.shown = shown_ids(item, row);
  a.status = label.status;
  const auto id = [&](int place) { return a.shown.at(static_cast<std::size_t>(place)); };
  if (!a.usable()) return a;
  if (label.choice) a.choice = id(*label.choice);
  a.magnitude = label.magnitude;
  a.rating = label.rating;
  for (const auto& group : label.ranking) {
    a.ranking.emplace_back();
    for (const int place : group) a.ranking.back().push_back(id(place));
  }
  return a;
}

/// The loop over one pool; the parts of annotate().
class Run {
 public:
  Run(const std::vector<PoolRow>& pool, const Format& format, Judge& judge, const AnnotateOptions& options,
      std::int64_t seed, Journal& journal, Progress& progress)
      : pool_(pool),
        format_(format),
        judge_(judge),
        options_(options),
        seed_(seed),
        journal_(journal),
        progress_(progress) {
    items_ = annotate_items(format, pool, options, seed);
    for (std::size_t i = 0; i < items_.size(); ++i) index_[{items_[i].item_id, items_[i].repeat}] = i;
    states_.resize(items_.size());
    journal.each([&](const JournalEntry& entry) {
      const auto found = index_.find({entry.annotation.item_id, entry.annotation.repeat});
      if (found == index_.end()) return;  // of a prompt beyond --limit, or of another pool: paid, kept, not used here
      note(states_[found->second], entry.annotation);
      ItemState& state = states_[found->second];
      const bool asked = entry.final || entry.annotation.status != "transport";  // else the attempt is still to be made
      state.attempts = std::max(state.attempts, entry.attempt - (asked ? 0 : 1));
      state.final = state.final || entry.final;
      if (entry.final) ++summary_.answered_before, ++finished_;
    });
    journal.each_try([&](const JournalTry& spent) { note_try(spent); });
    summary_.items = static_cast<std::int64_t>(items_.size());
    std::size_t rows = 0;
    for (const Item& item : items_) rows = std::max(rows, item.pool_row + 1);
    summary_.prompts = static_cast<std::int64_t>(rows);
  }

  /// Asks what has no final answer, of the first `prompts` prompts (0: all). Returns false where it stopped early, or
  /// where the judge answers later.
  bool ask(std::int64_t prompts) {
    progress_.start(fmt::format("annotate {} by {}", format_.name, judge_.name()), summary_.items, "ballots");
    progress_.update(finished_);
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < items_.size(); ++i)
      if (!states_[i].final && (prompts == 0 || items_[i].pool_row < static_cast<std::size_t>(prompts)))
        open.push_back(i);
    // Pass by pass: what a pass leaves open is asked again, with the next seed or in the next form. Whatever the last
    // answers cost: where nothing is left to be asked, nothing has stopped.
    while (!open.empty() && !stopping()) {
      std::vector<std::size_t> again;
      for (std::size_t first = 0; first < open.size() && !stopping();) {
        std::size_t end = std::min(first + kChunk, open.size());
        if (judge_.whole_prompts())
          while (end < open.size() && items_[open[end]].pool_row == items_[open[end - 1]].pool_row) ++end;
        const std::span<const std::size_t> chunk(open.data() + first, end - first);
        prepare_judge();
        std::vector<std::int32_t> before;
        for (const std::size_t i : chunk) before.push_back(states_[i].attempts);
        ask_chunk(chunk);
        journal_.flush();
        for (std::size_t c = 0; c < chunk.size(); ++c) {
          const ItemState& state = states_[chunk[c]];
          if (state.final) continue;
          const bool waits = judge_.answers_later() && state.attempts == before[c];
          if (waits) ++pending_;
          if (!waits) again.push_back(chunk[c]);
        }
        first = end;
      }
      if (stopping()) {
        open.erase(std::remove_if(open.begin(), open.end(), [&](std::size_t i) { return states_[i].final; }),
                   open.end());
        break;
      }
      open = std::move(again);
    }
    progress_.finish(note_text());
    return open.empty() && pending_ == 0;
  }

  /// Every final annotation by item and repeat, with what the transport said where there was no answer; counts them,
  /// and the tokens of all that was paid.
  void each_annotation(const std::function<void(const Annotation&, const std::string& error)>& use) {
    journal_.each([&](const JournalEntry& entry) {
      const auto found = index_.find({entry.annotation.item_id, entry.annotation.repeat});
      if (found == index_.end()) return;
      const Annotation& said = entry.annotation;
      if (!said.usable() && said.status != "transport") {
        LostTokens& lost = summary_.lost["unread_answers"];
        ++lost.count;
        lost.prompt_tokens += said.prompt_tokens;
        lost.completion_tokens += said.completion_tokens;
        lost.estimated += entry.error.find("usage estimated") != std::string::npos;
        lost.cost += said.cost;
      }
      if (!entry.final) return;
      const ItemState& state = states_[found->second];
      Annotation a = entry.annotation;
      a.attempts = std::max(state.attempts, 1);
      a.prompt_tokens = state.prompt_tokens;  // of all attempts: what the label took
      a.completion_tokens = state.completion_tokens;
      a.cached_tokens = state.cached_tokens;
      a.cost = state.cost;
      a.seconds = state.seconds;
      ++summary_.statuses[a.status];
      ++summary_.attempts[a.attempts];
      summary_.structured += a.transport == "structured";
      summary_.usable += a.usable();
      summary_.prompt_tokens += a.prompt_tokens;
      summary_.completion_tokens += a.completion_tokens;
      summary_.cached_tokens += a.cached_tokens;
      summary_.cost += a.cost;
      use(a, entry.error);
    });
    for (const char* without_answer : {"failed_tries", "probe"})
      if (const auto lost = summary_.lost.find(without_answer); lost != summary_.lost.end()) {
        summary_.prompt_tokens += lost->second.prompt_tokens;
        summary_.completion_tokens += lost->second.completion_tokens;
        summary_.cost += lost->second.cost;
      }
    summary_.cached_tokens += lost_cached_;
  }

  bool stopping() const { return interrupt_requested() || over_budget(); }
  bool over_budget() const {
    return (options_.max_cost > 0 && cost_ >= options_.max_cost) ||
           (options_.max_total_tokens > 0 && tokens_ >= options_.max_total_tokens);
  }
  std::int64_t pending() const { return pending_; }
  double cost() const { return cost_; }
  std::int64_t tokens() const { return tokens_; }
  std::int64_t finished() const { return finished_; }
  AnnotateSummary& summary() { return summary_; }
  const std::vector<Item>& items() const { return items_; }
  const std::vector<ItemState>& states() const { return states_; }

 private:
  std::string note_text() const {
    std::string text = fmt::format("{} failed", failed_);
    if (cost_ > 0) text += fmt::format(", cost {:.2f}", cost_);
    if (!waiting_.empty()) text += "; " + waiting_;
    return text;
  }

  void note(ItemState& state, const Annotation& a) {
    state.prompt_tokens += a.prompt_tokens;
    state.completion_tokens += a.completion_tokens;
    state.cached_tokens += a.cached_tokens;
    state.cost += a.cost;
    state.seconds += a.seconds;
    cost_ += a.cost;
    tokens_ += a.prompt_tokens + a.completion_tokens;
  }

  /// Paid, and no answer: of a ballot of this run, or the look at a server.
  void note_try(const JournalTry& spent) {
    const auto found = index_.find({spent.item_id, spent.repeat});
    if (!spent.item_id.empty() && found == index_.end()) return;
    LostTokens& lost = summary_.lost[spent.item_id.empty() ? "probe" : "failed_tries"];
    ++lost.count;
    lost.prompt_tokens += spent.prompt_tokens;
    lost.completion_tokens += spent.completion_tokens;
    lost.estimated += spent.estimated;
    lost.cost += spent.cost;
    lost_cached_ += spent.cached_tokens;
    cost_ += spent.cost;
    tokens_ += spent.prompt_tokens + spent.completion_tokens;
    if (spent.item_id.empty()) return;
    states_[found->second].lost_tokens += spent.prompt_tokens + spent.completion_tokens;
    states_[found->second].lost_cost += spent.cost;
  }

  void take_try(const SpentTokens& spent) {
    JournalTry entry{"",
                     0,
                     spent.attempt,
                     spent.fault,
                     spent.prompt_tokens,
                     spent.completion_tokens,
                     spent.cached_tokens,
                     spent.estimated,
                     spent.cost};
    if (spent.item) entry.item_id = spent.item->item_id, entry.repeat = spent.item->repeat;
    note_try(entry);
    journal_.add_try(std::move(entry));
  }

  void prepare_judge() {
    if (prepared_) return;
    prepared_ = true;
    const std::string notes = judge_.prepare(
        format_, {options_.concurrency, journal_.note("judge"), [this](const SpentTokens& spent) { take_try(spent); },
                  [this](const std::string& waiting) {
                    waiting_ = waiting;
                    progress_.update(finished_, note_text());
                  }});
    if (!notes.empty()) journal_.set_note("judge", notes);
  }

  void ask_chunk(std::span<const std::size_t> open) {
    std::vector<BallotRequest> requests;
    requests.reserve(open.size());
    for (const std::size_t i : open) {
      BallotRequest request;
      request.item = &items_[i];
      request.row = &pool_[items_[i].pool_row];
      request.attempt = states_[i].attempts + 1;
      request.structured = request.attempt > kTextAttempts;
      request.seed = request_seed(seed_, items_[i], request.attempt);
      RenderedBallot rendered = render_ballot(format_, items_[i], *request.row);
      if (!rendered.code.empty())
        log_info("ballot {} marks its parts with the code {}: a text of its own has such marks", items_[i].item_id,
                 rendered.code);
      request.messages = std::move(rendered.messages);
      requests.push_back(std::move(request));
    }
    judge_.answer(
        format_, requests,
        [&](std::size_t place, BallotAnswer answer) { take(open[place], requests[place], std::move(answer)); },
        [&] { return stopping(); });
    journal_.add(std::move(held_));
    held_.clear();
  }

  /// To the journal: at once, or when all ballots of the prompt are answered.
  void keep(std::size_t i, JournalEntry entry) {
    if (!judge_.whole_prompts()) return journal_.add(std::move(entry));
    if (!held_.empty() && held_row_ != items_[i].pool_row) {
      journal_.add(std::move(held_));
      held_.clear();
    }
    held_row_ = items_[i].pool_row;
    held_.push_back(std::move(entry));
  }

  void take(std::size_t i, const BallotRequest& request, BallotAnswer answer) {
    ItemState& state = states_[i];
    JournalEntry entry;
    entry.attempt = request.attempt;
    entry.structured = request.structured;
    entry.error = answer.error.empty() ? answer.note : answer.error;
    Label label;
    if (answer.error.empty()) {
      label = parse_answer(format_, items_[i].shown.size(), {answer.content, answer.reasoning, answer.finish_reason});
      entry.final = label.usable() || request.attempt >= kAttempts;
      state.attempts = request.attempt;
    } else {
      label.status = "transport";
      entry.final = answer.permanent || ++state.transport_tries >= kTransportTries;
    }
    entry.annotation = annotation_of(items_[i], *request.row, format_, judge_.name(), label);
    Annotation& a = entry.annotation;
    a.attempts = request.attempt;
    a.transport = !answer.transport.empty() ? answer.transport : request.structured ? "structured" : "text";
    a.raw = std::move(answer.content);
    a.reasoning = std::move(answer.reasoning);
    if (!answer.probabilities.empty()) a.probabilities = std::move(answer.probabilities);
    a.prompt_tokens = answer.prompt_tokens;
    a.completion_tokens = answer.completion_tokens;
    a.cached_tokens = answer.cached_tokens;
    a.cost = answer.cost;
    a.seconds = answer.seconds;
    ++summary_.asked;
    note(state, a);
    if (entry.final) {
      state.final = true;
      ++finished_;
      failed_ += !a.usable();
    }
    keep(i, std::move(entry));
    progress_.update(finished_, note_text());
  }

  const std::vector<PoolRow>& pool_;
  const Format& format_;
  Judge& judge_;
  const AnnotateOptions& options_;
  std::int64_t seed_;
  Journal& journal_;
  Progress& progress_;
  std::vector<Item> items_;
  std::map<ItemKey, std::size_t> index_;
  std::vector<ItemState> states_;
  std::vector<JournalEntry> held_;  // answers of a prompt that is not complete yet
  std::size_t held_row_ = 0;
  AnnotateSummary summary_;
  std::int64_t finished_ = 0, failed_ = 0, tokens_ = 0, pending_ = 0, lost_cached_ = 0;
  bool prepared_ = false;
  double cost_ = 0;
  std::string waiting_;  // why nothing is asked at present; empty: it is
};

/// From the pilot's prompts to the whole: per-prompt means, and an interval from their spread over prompts.
std::string estimate(const Run& run, std::int64_t pilot) {
  std::map<std::size_t, std::pair<double, double>> by_prompt;  // tokens, cost
  for (std::size_t i = 0; i < run.items().size(); ++i)
    if (run.items()[i].pool_row < static_cast<std::size_t>(pilot)) {
      const ItemState& state = run.states()[i];
      auto& [tokens, cost] = by_prompt[run.items()[i].pool_row];
      tokens += static_cast<double>(state.prompt_tokens + state.completion_tokens + state.lost_tokens);
      cost += state.cost + state.lost_cost;
    }
  std::size_t prompts = 0;
  for (const Item& item : run.items()) prompts = std::max(prompts, item.pool_row + 1);
  const auto n = static_cast<double>(by_prompt.size()), all = static_cast<double>(prompts);
  const auto range = [&](auto part) -> Json {
    double mean = 0, squares = 0;
    for (const auto& [row, value] : by_prompt) mean += part(value) / n;
    for (const auto& [row, value] : by_prompt) squares += std::pow(part(value) - mean, 2);
    const double error = n > 1 ? std::sqrt(squares / (n - 1) / n) : mean;
    return {{"estimate", mean * all},
            {"low", std::max(0.0, (mean - 1.96 * error) * all)},
            {"high", (mean + 1.96 * error) * all}};
  };
  return Json({{"prompts", prompts},
               {"items", run.items().size()},
               {"tokens", range([](const auto& v) { return v.first; })},
               {"cost", range([](const auto& v) { return v.second; })}})
      .dump();
}

}  // namespace

namespace {

/// True where every ballot that the folder's journal has an answer to is one of this pool: it has grown, or was ordered
/// anew, and what was paid stays of use.
bool holds_all_answers(const std::vector<PoolRow>& pool, const Format& format, AnnotateOptions options,
                       std::int64_t seed, const fs::path& out) {
  if (!fs::exists(out / "journal.sqlite")) return false;
  options.limit = 0;
  std::set<std::string> ids;
  for (const Item& item : annotate_items(format, pool, options, seed)) ids.insert(item.item_id);
  bool all = true;
  Journal(out).each([&](const JournalEntry& entry) { all = all && ids.contains(entry.annotation.item_id); });
  return all;
}

}  // namespace

Manifest annotate_manifest(const fs::path& pool, const Format& format, const Judge& judge,
                           const AnnotateOptions& options, std::int64_t seed) {
  Manifest manifest;
  manifest.stage = "annotate";
  manifest.stage_version = kAnnotateVersion;
  Json parameters = Json::parse(options_json(options, true));
  parameters["format"] = format.name;
  parameters["format_sha256"] = format.hash;
  parameters["judge"] = judge.fingerprint();
  manifest.parameters = parameters.dump();
  manifest.seed = seed;
  manifest.started = utc_now();
  manifest.inputs = {describe_input("pool", pool)};
  return manifest;
}

AnnotateSummary annotate(const fs::path& pool_path, const fs::path& out, Judge& judge, const AnnotateOptions& options,
                         std::int64_t seed, bool force, Progress& progress) {
  const auto began = std::chrono::steady_clock::now();
  const Format format = Format::load(options.format);
  Manifest manifest = annotate_manifest(pool_path, format, judge, options, seed);
  const std::vector<PoolRow> pool = read_pool(pool_path);
  std::optional<FolderLock> lock(out);
  if (options.keep_others) {
    force = false;
    if (const std::string moved = take_up_folder(out, manifest); !moved.empty()) {
      progress.say(moved);
      lock.emplace(out);
    }
  } else if (!force) {
    reopen_folder(out, manifest, [&] { return holds_all_answers(pool, format, options, seed, out); });
  }
  begin_folder(out, manifest, force);
  Journal journal(out);
  Run run(pool, format, judge, options, seed, journal, progress);
  if (run.summary().answered_before > 0)
    progress.say(fmt::format("{} of {} ballots are in the journal already", human_count(run.summary().answered_before),
                             human_count(run.summary().items)));
  const bool pilot = options.pilot > 0 && options.pilot < run.summary().prompts;
  const bool complete = run.ask(pilot ? options.pilot : 0);
  AnnotateSummary& summary = run.summary();
  if (const Json counted = judge.counters(); !counted.empty()) summary.judge = counted.dump();
  if (run.pending() > 0 && !run.stopping()) {
    summary.pending = run.pending();
    summary.message = judge.ask_later();
    summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    return summary;
  }
  if (!complete) {
    const std::string so_far =
        fmt::format("{} of {} ballots are answered and on disk ({} tokens, cost {:.2f})", human_count(run.finished()),
                    human_count(summary.items), human_count(run.tokens()), run.cost());
    if (run.over_budget())
      throw Error(ErrorKind::kInterrupted, fmt::format("the budget is spent: {}", so_far),
                  "the same command with a larger --max-cost or --max-total-tokens goes on there");
    throw Error(ErrorKind::kInterrupted, so_far, "the same command goes on there");
  }
  if (pilot) {
    run.each_annotation([](const Annotation&, const std::string&) {});
    summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    summary.estimate = estimate(run, options.pilot);
    return summary;
  }
  write_file(out / "format.yaml", format.resolved);  // what was asked, for binarize and for the record
  RejectLog rejects;
  write_annotations(out / "annotations.parquet", [&](const std::function<void(const Annotation&)>& write) {
    run.each_annotation([&](const Annotation& a, const std::string& error) {
      write(a);
      if (!a.usable())
        rejects.add(
            {pool_path.string(), 0, "item " + a.item_id, a.status, a.raw.empty() ? error : a.raw.substr(0, 400)});
    });
  });
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  rejects.write(out.string() + ".rejects.jsonl");
  Json facts = Json::parse(summary.json());
  for (const char* of_this_process : {"answered_before", "asked", "judge"}) facts.erase(of_this_process);
  if (const std::string served = journal.note("judge"); !served.empty()) facts["served"] = Json::parse(served);
  manifest.facts = facts.dump();
  manifest.seconds = summary.seconds;
  write_manifest(out, manifest);
  return summary;
}

}  // namespace ballot
