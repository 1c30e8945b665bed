#include "data/reward_items.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <unordered_set>

#include "core/error.h"
#include "core/suggest.h"
#include "data/fields.h"
#include "data/ids.h"
#include "data/preferences.h"
#include "data/rewardbench.h"

namespace ballot {
namespace {

/// The suite that a row's shape belongs to.
std::string suite_of(const Value& row) {
  const auto list_of_texts = [&](const char* name) {
    const auto items = row.get(name).items();
    return !items.empty() && items[0].is_text();
  };
  if (list_of_texts("chosen") && list_of_texts("rejected")) return row.find("domain") ? "rm_bench" : "rewardbench2";
  return row.find("subset") && !row.get("prompt").is_null() ? "rewardbench" : "preferences";
}

std::string detect_suite(const std::vector<SourceFile>& files) {
  for (const SourceFile& file : files) {
    RowReader reader(file);
    std::string suite;
    while (auto batch = reader.next()) {
      batch->for_each([&](const Row& row) {
        if (suite.empty() && row.reason.empty() && row.value.find("chosen") && row.value.find("rejected"))
          suite = suite_of(row.value);
      });
      if (!suite.empty()) return suite;
    }
  }
  return "rewardbench";  // its reader says what is missing
}

std::vector<std::string> take_completions(const Value& row, const char* name) {
  std::vector<std::string> out;
  for (const Value& item : take_list(row, name))
    out.push_back(take_full_text(item, fmt::format("{}[{}]", name, out.size())));
  return out;
}

std::string take_id(const Value& row, std::int64_t number) {
  const Value& id = row.get("id");
  if (id.is_null()) return fmt::format("{}", number);
  return id.kind() == Value::Kind::kInteger ? fmt::format("{}", id.as_integer()) : take_text(id, "id");
}

/// "ref:12" or "tied:12".
bool is_ties_id(const std::string& id) {
  const std::size_t colon = id.find(':');
  const std::string kind = id.substr(0, colon);
  return (kind == "ref" || kind == "tied") && colon + 1 < id.size() &&
         std::all_of(id.begin() + static_cast<std::ptrdiff_t>(colon) + 1, id.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

RewardItem take_several(const Value& row, std::int64_t number, bool rm_bench) {
  RewardItem item;
  const Value& prompt = row.get("prompt");
  if (prompt.is_list())
    item.prompt = take_messages(prompt, "prompt");
  else
    item.prompt = {{"user", take_full_text(prompt, "prompt")}};
  item.right = take_completions(row, "chosen");
  item.wrong = take_completions(row, "rejected");
  item.subset = take_optional_text(row, rm_bench ? "domain" : "subset").value_or("");
  item.id = take_id(row, number);
  if (rm_bench) {
    for (const auto& [name, texts] : {std::pair{"chosen", &item.right}, {"rejected", &item.wrong}})
      if (texts->size() != 3)
        refuse(name, fmt::format("{}_not_three", name),
               fmt::format("RM-Bench has three styles of each answer, found {}", texts->size()));
    return item;
  }
  const auto expect = [&](const char* name, std::size_t found) {
    const auto said = take_optional_integer(row, name);
    if (said && *said != static_cast<std::int64_t>(found))
      refuse(name, fmt::format("{}_wrong", name), fmt::format("the row says {} and holds {}", *said, found));
  };
  expect("num_correct", item.right.size());
  expect("total_completions", item.right.size() + item.wrong.size());
  if (item.subset == "Ties" && !is_ties_id(item.id))
    refuse("id", "id_not_of_ties", fmt::format("of Ties ids are ref:N and tied:N, found '{}'", item.id));
  if (item.subset != "Ties" && item.right.size() != 1)
    refuse("chosen", "chosen_several", fmt::format("one answer is the best of each row, found {}", item.right.size()));
  return item;
}

std::vector<RewardItem> several(const std::vector<std::string>& sources, bool rm_bench, RejectLog& rejects) {
  const std::vector<SourceFile> files = resolve_sources(sources);
  for (const SourceFile& file : files)
    require_columns(file, RowReader(file).columns(), {"prompt", "chosen", "rejected"});
  std::vector<RewardItem> items;
  std::unordered_set<std::string> ids;
  const std::int64_t read =
      for_each_row(files, rejects, [&](const SourceFile& file, std::int64_t number, const Value& value) {
        RewardItem item = take_several(value, number, rm_bench);
        if (!ids.insert(item.subset + "/" + item.id).second) {
          // Two prompts of Ties under one name would be one prompt with both their answers.
          if (item.subset == "Ties") refuse("id", "duplicate_id", fmt::format("the id {} is there twice", item.id));
          rejects.warn({file.name, number, "id", "duplicate_id", fmt::format("the id {} is there twice", item.id)});
        }
        item.file = file.name;
        item.row = number;
        items.push_back(std::move(item));
      });
  if (items.empty()) throw nothing_usable(fmt::format("{}", fmt::join(sources, ", ")), read, rejects);
  return items;
}

}  // namespace

const std::vector<std::string>& reward_suites() {
  static const std::vector<std::string> names = {"rewardbench", "rewardbench2", "rm_bench", "preferences"};
  return names;
}

RewardItems read_reward_items(const std::vector<std::string>& sources, const std::string& suite, RejectLog& rejects) {
  RewardItems out{suite == "auto" ? detect_suite(resolve_sources(sources)) : suite, {}};
  if (out.suite == "rewardbench") {
    for (RewardBenchRow& row : read_rewardbench(sources, rejects))
      out.items.push_back({std::move(row.id),
                           std::move(row.subset),
                           "",
                           std::move(row.prompt),
                           {std::move(row.chosen)},
                           {std::move(row.rejected)},
                           std::move(row.file),
                           row.row});
  } else if (out.suite == "preferences") {
    std::vector<RowPlace> places;
    for (Preference& row : read_preferences(sources, rejects, &places)) {
      const RowPlace& place = places[out.items.size()];
      out.items.push_back({std::move(row.pair_id),
                           std::move(row.format),
                           std::move(row.prompt_id),
                           std::move(row.prompt),
                           {std::move(row.chosen)},
                           {std::move(row.rejected)},
                           place.file,
                           place.row});
    }
  } else if (out.suite == "rewardbench2" || out.suite == "rm_bench") {
    out.items = several(sources, out.suite == "rm_bench", rejects);
  } else {
    throw wrong_usage("--suite is '{}', none of auto, {}{}", suite, fmt::join(reward_suites(), ", "),
                      did_you_mean(suite, reward_suites()));
  }
  for (RewardItem& item : out.items)
    if (item.prompt_id.empty()) item.prompt_id = prompt_id_of(item.prompt);
  return out;
}

}  // namespace ballot
