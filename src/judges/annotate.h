// The annotate loop: pool → items → requests → judge → parser → journal → annotations.parquet.
//
//   - Requests leave in prefix order (format, prompt, first shown completion), so that a server's prefix cache and the
//   local
//     judge's forest see neighbours together.
//   - The retry ladder: two attempts in free text, then one structured; a transport error uses up none of them, but
//   ends the item
//     after five. Each attempt has its own seed. Nothing defaults to a label; what stays unread keeps its status and
//     raw text and goes to the rejects file.
//   - Every answer is in the journal before it counts. The same command again asks only what has no final answer.
//   - Tokens paid without an answer (tries that failed, the look at a server) are in the journal, too: they count
//     against budgets and in the summary, and are shown apart. An annotation has the tokens of its own answers alone.
//   - annotations.parquet is written when all is answered, sorted by item id and repeat: the same bytes at any number
//   of threads
//     and after any interruption (`seconds` aside: it is what the answer took).
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/manifest.h"
#include "core/progress.h"
#include "formats/format.h"
#include "formats/items.h"
#include "judges/judge.h"

namespace ballot {

struct AnnotateOptions {
  std::string format;  ///< name or file
  std::string presentation = "random";
  std::int64_t repeats = 1;
  std::int64_t limit = 0;             ///< prompts; 0: all
  std::int64_t concurrency = 256;     ///< requests handed to the judge at once
  double max_cost = 0;                ///< 0: no limit
  std::int64_t max_total_tokens = 0;  ///< 0: no limit
  std::int64_t pilot = 0;             ///< only so many prompts, then an estimate of the whole
  bool dry_run = false;
  /// A study's way, no option: what cannot be gone on with is moved aside, and comes back (take_up_folder() of
  /// judges/reopen_folder.h). `force` does nothing then.
  bool keep_others = false;
};
void visit_options(OptionVisitor& visit, AnnotateOptions& options);

/// Tokens that gave no label.
struct LostTokens {
  std::int64_t count = 0;  ///< tries, questions or answers
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  std::int64_t estimated = 0;  ///< how many of them the server did not count
  double cost = 0;
  std::int64_t tokens() const { return prompt_tokens + completion_tokens; }
};

struct AnnotateSummary {
  std::int64_t prompts = 0, items = 0, answered_before = 0, asked = 0, usable = 0;
  std::map<std::string, std::int64_t> statuses;
  std::int64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;  ///< all, `lost` among them
  /// Of these: "failed_tries" (cut off, timed out, no answer in a 200), "unread_answers" (without a label, whether
  /// asked again or given up), "probe" (the look at a server before its first ballot).
  std::map<std::string, LostTokens> lost;
  std::map<std::int32_t, std::int64_t> attempts;  ///< how many ballots took how many
  std::int64_t structured = 0;                    ///< answered as JSON under a schema
  double cost = 0, seconds = 0;                   ///< cost: `lost` included
  std::string judge;         ///< JSON: what the judge counted in this run (requests, retries, faults)
  std::int64_t pending = 0;  ///< ballots whose answers come later (batch files); the folder is not finished then
  std::string message;       ///< with pending: what to do
  std::string estimate;      ///< pilot: JSON with items, tokens and cost of the whole, low and high
  std::string json() const;
};

/// The manifest (key) of such a run: format's content, judge's fingerprint, sampling, options, pool content.
Manifest annotate_manifest(const std::filesystem::path& pool, const Format& format, const Judge& judge,
                           const AnnotateOptions& options, std::int64_t seed);

/// Writes OUT (a folder): journal.sqlite, annotations.parquet, manifest.json, and OUT.rejects.jsonl beside it. Stops
/// with Error (kInterrupted) on Ctrl-C and at --max-cost or --max-total-tokens: what was answered is in the journal,
/// and the message says how to go on. A finished or unfinished folder goes on with a larger --limit, and with a pool
/// that holds every ballot answered so far.
AnnotateSummary annotate(const std::filesystem::path& pool, const std::filesystem::path& out, Judge& judge,
                         const AnnotateOptions& options, std::int64_t seed, bool force, Progress& progress);

}  // namespace ballot
