// Rows that cannot be used are told, counted and kept, never dropped in silence.
//
// A reader hands every bad row to a RejectLog: under `skip` the row is counted by its reason and becomes one line of
// the rejects file, under `fail` the first one ends the command (Error of kind input, exit code 3). Reasons are stable
// snake_case codes, listed in docs/artefacts.md. Three kinds of entry:
//   add     a bad row; it is left out
//   filter  a sound row that the command was asked to leave out ("not_english"); never an error
//   warn    a row that stays although something about it is odd; counted, not written to the file
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/options.h"
#include "data/records.h"

namespace ballot {

/// What a command that reads rows offers: --on-bad-row and --rejects.
struct BadRowOptions {
  std::string on_bad_row = "skip";     ///< "skip" or "fail"
  std::optional<std::string> rejects;  ///< the rejects file; none: OUT.rejects.jsonl, written where there are any
};
void visit_options(OptionVisitor& visit, BadRowOptions& options);

class RejectLog {
 public:
  /// Skips, counts, and keeps the entries.
  RejectLog() = default;
  explicit RejectLog(bool fail_at_first) : fail_at_first_(fail_at_first) {}
  explicit RejectLog(const BadRowOptions& options) : fail_at_first_(options.on_bad_row == "fail") {}

  void add(Reject reject);
  void filter(Reject reject);
  void warn(Reject warning);

  const std::map<std::string, std::int64_t>& counts() const { return counts_; }      ///< of add, by reason
  const std::map<std::string, std::int64_t>& filtered() const { return filtered_; }  ///< of filter, by reason
  const std::map<std::string, std::int64_t>& warnings() const { return warnings_; }  ///< of warn, by reason
  std::int64_t rejected() const;                                                     ///< sum of counts()
  /// Bad and filtered rows, sorted by file and row.
  const std::vector<Reject>& entries() const;
  /// The first warning of each reason, for the summary.
  const std::vector<Reject>& first_warnings() const { return first_warnings_; }

  /// {"file", "row", "field", "reason", "message"} one object a line, sorted by file and row; atomically. Where there
  /// are no entries the file is written empty if `always`, else a file of an earlier run is removed.
  void write(const std::filesystem::path& path, bool always = false) const;
  /// The rejects file of a command's options beside its output: options.rejects, else OUT.rejects.jsonl.
  void write(const BadRowOptions& options, const std::filesystem::path& out) const;
  /// {"rejected": {reason: n}, "filtered": {...}, "warnings": {...}}: for --json and manifests.
  Json to_json() const;
  /// "3 rows rejected (2 invalid_json, 1 duplicate_prompt); 1 warning (turns_mismatch)", or "no row rejected".
  std::string summary() const;

 private:
  void keep(Reject reject);
  bool fail_at_first_ = false;
  std::map<std::string, std::int64_t> counts_, filtered_, warnings_;
  mutable std::vector<Reject> entries_;
  mutable bool sorted_ = true;
  std::vector<Reject> first_warnings_;
};

/// "prompts.jsonl, row 12, answers[3].rank" for messages.
std::string place_of(const Reject& reject);

}  // namespace ballot
