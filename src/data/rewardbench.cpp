#include "data/rewardbench.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unordered_set>

#include "core/error.h"
#include "data/fields.h"

namespace ballot {
namespace {

/// A text, or a list whose only message is the assistant's.
std::string take_answer(const Value& row, const char* name) {
  const Value& value = row.get(name);
  if (!is_conversation(value)) return take_full_text(value, name);
  const Conversation messages = take_messages(value, name);
  if (messages.size() != 1 || messages[0].role != "assistant")
    refuse(name, "several_turns", fmt::format("wanted one assistant's turn, found {} turns", messages.size()));
  return messages[0].content;
}

RewardBenchRow take_row(const Value& row, std::int64_t number) {
  RewardBenchRow r;
  const Value& prompt = row.get("prompt");
  if (prompt.is_list())
    r.prompt = take_messages(prompt, "prompt");
  else
    r.prompt = {{"user", take_full_text(prompt, "prompt")}};
  r.chosen = take_answer(row, "chosen");
  r.rejected = take_answer(row, "rejected");
  r.chosen_model = take_optional_text(row, "chosen_model").value_or("");
  r.rejected_model = take_optional_text(row, "rejected_model").value_or("");
  r.subset = take_optional_text(row, "subset").value_or("");
  const Value& id = row.get("id");
  if (id.is_null())
    r.id = fmt::format("{}", number);
  else if (id.kind() == Value::Kind::kInteger)
    r.id = fmt::format("{}", id.as_integer());
  else
    r.id = take_text(id, "id");
  return r;
}

}  // namespace

std::vector<RewardBenchRow> read_rewardbench(const std::vector<std::string>& sources, RejectLog& rejects) {
  const std::vector<SourceFile> files = resolve_sources(sources);
  for (const SourceFile& file : files)
    require_columns(file, RowReader(file).columns(), {"prompt", "chosen", "rejected"});
  std::vector<RewardBenchRow> rows;
  std::unordered_set<std::string> ids;
  const std::int64_t read =
      for_each_row(files, rejects, [&](const SourceFile& file, std::int64_t number, const Value& value) {
        RewardBenchRow row = take_row(value, number);
        if (!ids.insert(row.id).second)
          rejects.warn({file.name, number, "id", "duplicate_id", fmt::format("the id {} is there twice", row.id)});
        row.file = file.name;
        row.row = number;
        rows.push_back(std::move(row));
      });
  if (rows.empty()) throw nothing_usable(fmt::format("{}", fmt::join(sources, ", ")), read, rejects);
  return rows;
}

}  // namespace ballot
