#include "data/rejects.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/terminal.h"

namespace ballot {
namespace {

std::string list_counts(const std::map<std::string, std::int64_t>& counts) {
  std::string text;
  for (const auto& [reason, n] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", n, reason);
  return text;
}

std::int64_t total(const std::map<std::string, std::int64_t>& counts) {
  std::int64_t sum = 0;
  for (const auto& [reason, n] : counts) sum += n;
  return sum;
}

Json counts_json(const std::map<std::string, std::int64_t>& counts) {
  Json json = Json::object();
  for (const auto& [reason, n] : counts) json[reason] = n;
  return json;
}

std::string rows_word(std::int64_t n) {
  return n == 1 ? "1 row" : fmt::format("{} rows", n);
}

}  // namespace

void visit_options(OptionVisitor& visit, BadRowOptions& options) {
  visit({"on-bad-row", "leave a bad row out and go on, or stop at the first", {"skip", "fail"}}, options.on_bad_row);
  visit({"rejects", "where rows left out go, as JSONL (default: OUT.rejects.jsonl)", {}, false}, options.rejects);
}

std::string place_of(const Reject& reject) {
  std::string place = reject.file;
  if (reject.row > 0) place += fmt::format("{}row {}", place.empty() ? "" : ", ", reject.row);
  if (!reject.field.empty()) place += fmt::format("{}{}", place.empty() ? "" : ", ", reject.field);
  return place;
}

void RejectLog::add(Reject reject) {
  if (fail_at_first_)
    throw Error(ErrorKind::kInput,
                fmt::format("cannot use {}: {} ({})", place_of(reject), printable(reject.message), reject.reason),
                "mend the row, or leave such rows out with --on-bad-row skip");
  ++counts_[reject.reason];
  keep(std::move(reject));
}

void RejectLog::filter(Reject reject) {
  ++filtered_[reject.reason];
  keep(std::move(reject));
}

void RejectLog::warn(Reject warning) {
  if (++warnings_[warning.reason] == 1) first_warnings_.push_back(std::move(warning));
}

void RejectLog::keep(Reject reject) {
  entries_.push_back(std::move(reject));
  sorted_ = false;
}

std::int64_t RejectLog::rejected() const {
  return total(counts_);
}

const std::vector<Reject>& RejectLog::entries() const {
  if (!sorted_) {
    std::sort(entries_.begin(), entries_.end(), [](const Reject& a, const Reject& b) {
      return std::tie(a.file, a.row, a.reason, a.field, a.message) <
             std::tie(b.file, b.row, b.reason, b.field, b.message);
    });
    sorted_ = true;
  }
  return entries_;
}

void RejectLog::write(const std::filesystem::path& path, bool always) const {
  if (entries().empty() && !always) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return;
  }
  AtomicFile file(path);
  std::string lines;
  for (const Reject& reject : entries()) {
    Json json;
    json["file"] = reject.file;
    json["row"] = reject.row;
    json["field"] = reject.field;
    json["reason"] = reject.reason;
    json["message"] = reject.message;
    lines += json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    if (lines.size() > (1 << 20)) {
      file.write(lines);
      lines.clear();
    }
  }
  file.write(lines);
  file.commit();
}

void RejectLog::write(const BadRowOptions& options, const std::filesystem::path& out) const {
  write(options.rejects ? std::filesystem::path(*options.rejects)
                        : std::filesystem::path(out.string() + ".rejects.jsonl"),
        options.rejects.has_value());
}

Json RejectLog::to_json() const {
  Json json;
  json["rejected"] = counts_json(counts_);
  json["filtered"] = counts_json(filtered_);
  json["warnings"] = counts_json(warnings_);
  return json;
}

std::string RejectLog::summary() const {
  std::string text;
  if (counts_.empty())
    text = "no row rejected";
  else
    text = fmt::format("{} rejected ({})", rows_word(total(counts_)), list_counts(counts_));
  if (!filtered_.empty())
    text += fmt::format("; {} filtered ({})", rows_word(total(filtered_)), list_counts(filtered_));
  if (!warnings_.empty())
    text +=
        fmt::format("; {} warning{} ({})", total(warnings_), total(warnings_) == 1 ? "" : "s", list_counts(warnings_));
  return text;
}

}  // namespace ballot
