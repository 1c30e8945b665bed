// Every answer is on disk before it counts: DIR/journal.sqlite.
//
// SQLite in WAL mode with synchronous=FULL. Answers are committed in groups: `add` hands an answer over, a writer
// thread puts whatever has come together since its last commit into the next one (an fsync takes a few milliseconds, in
// which others queue up), and `flush` waits until all of it is on disk. What was acknowledged by flush() survives kill
// -9 and power loss; an item with a final answer is never asked again.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/records.h"
#include "judges/judge.h"

namespace ballot {

/// One answer as it came, with what was read from it.
struct JournalEntry {
  Annotation annotation;  ///< item, labels, status, raw text, tokens, cost, seconds
  std::int32_t attempt = 1;
  bool structured = false;
  bool final = false;  ///< this is the item's annotation; otherwise an attempt that was asked again
  std::string error;   ///< what the transport said, where there was no answer; else what is odd about it
};

/// Tokens that were paid and gave no answer: a try that failed, or ("probe") the look at a server.
struct JournalTry {
  std::string item_id;  ///< empty: of no ballot
  std::int32_t repeat = 0, attempt = 0;
  std::string fault;
  std::int64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
  bool estimated = false;
  double cost = 0;
};

class Journal {
 public:
  /// Opens or makes DIR/journal.sqlite. Throws Error (failed) naming the file and the cause.
  explicit Journal(const std::filesystem::path& folder);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  void add(JournalEntry entry);
  void add(std::vector<JournalEntry> group);  ///< in one transaction: all of them or none
  void add_try(JournalTry spent);
  void flush();  ///< returns when everything added is on disk; throws Error (failed), e.g. on a full disk

  /// A small text kept beside the answers ("judge": what the judge noted of itself); empty where there is none.
  std::string note(const std::string& name) const;
  void set_note(const std::string& name, const std::string& text);  ///< on disk when it returns

  /// All entries by item, repeat and attempt.
  void each(const std::function<void(const JournalEntry&)>& body) const;
  /// All tries in the order in which they failed.
  void each_try(const std::function<void(const JournalTry&)>& body) const;

  /// Tokens and cost are those of answers and of tries together.
  struct Totals {
    std::int64_t answers = 0, final = 0, prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
    double cost = 0;
  };
  Totals totals() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballot
