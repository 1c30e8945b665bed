#include "data/preference_labels.h"

#include <algorithm>

#include "data/preference_rows.h"
#include "data/rows.h"

namespace ballot {
namespace {

bool has_ids(const Value& row) {
  for (const char* name : {"pair_id", "prompt_id", "chosen_id", "rejected_id"})
    if (const Value& id = row.get(name); !id.is_text() || id.as_text().empty()) return false;
  return true;
}

}  // namespace

std::int64_t for_each_label(
    const std::string& source, const std::vector<std::string>& fields, RejectLog& rejects,
    const std::function<void(const std::string& file, std::int64_t row, const Preference& label)>& use) {
  std::int64_t n = 0;
  for (const SourceFile& file : resolve_sources({source})) {
    const std::vector<std::string> columns = RowReader(file).columns();
    const auto declares = [&](const char* name) {
      return std::find(columns.begin(), columns.end(), name) != columns.end();
    };
    const bool ids = declares("pair_id") && declares("prompt_id") && declares("chosen_id") && declares("rejected_id");
    if (!ids) require_columns(file, columns, {"chosen", "rejected"});
    std::vector<std::string> only;
    if (ids && !fields.empty()) {
      only = {"pair_id", "prompt_id", "chosen_id", "rejected_id"};
      only.insert(only.end(), fields.begin(), fields.end());
    } else if (ids) {
      for (const std::string& column : columns)
        if (column != "prompt" && column != "chosen" && column != "rejected") only.push_back(column);
    }
    n += for_each_row(
        {file}, rejects,
        [&](const SourceFile&, std::int64_t row, const Value& value) {
          const bool whole = !has_ids(value);
          if (whole && ids)
            throw RowProblem{"pair_id", "id_missing", "the file has columns of ids, and this row has not all of them"};
          Preference label = take_preference(value, whole);
          label.prompt.clear();
          label.chosen.clear();
          label.rejected.clear();
          use(file.name, row, label);
        },
        only);
  }
  return n;
}

}  // namespace ballot
