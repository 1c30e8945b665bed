// preferences.parquet and the other layouts that `ballot binarize` writes.
#include <fmt/format.h>

#include "core/error.h"
#include "data/hub_files.h"
#include "data/parquet_writer.h"
#include "data/preferences.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

enum Column {
  kPrompt,
  kChosen,
  kRejected,
  kMargin,
  kPairId,
  kPromptId,
  kChosenId,
  kRejectedId,
  kChosenModel,
  kRejectedModel,
  kChosenScore,
  kRejectedScore,
  kSourceRankChosen,
  kSourceRankRejected,
  kPresentedFirst,
  kTie,
  kTarget,
  kWeight,
  kStatus,
  kAttempts,
  kSplit,
  kSource,
  kGoodNatured,
  kFormat,
  kJudge,
  kId
};

std::shared_ptr<arrow::Schema> preferences_schema(bool conversational, bool with_id) {
  const auto turns = conversational ? messages_type() : arrow::utf8();
  arrow::FieldVector fields = {
      arrow::field("prompt", turns),
      arrow::field("chosen", turns),
      arrow::field("rejected", turns),
      arrow::field("margin", arrow::float64()),
      arrow::field("pair_id", arrow::utf8()),
      arrow::field("prompt_id", arrow::utf8()),
      arrow::field("chosen_id", arrow::utf8()),
      arrow::field("rejected_id", arrow::utf8()),
      arrow::field("chosen_model", arrow::utf8()),
      arrow::field("rejected_model", arrow::utf8()),
      arrow::field("chosen_score", arrow::float64()),
      arrow::field("rejected_score", arrow::float64()),
      arrow::field("source_rank_chosen", arrow::int32()),
      arrow::field("source_rank_rejected", arrow::int32()),
      arrow::field("presented_first", arrow::utf8()),
      arrow::field("tie", arrow::boolean()),
      arrow::field("target", arrow::float64()),
      arrow::field("weight", arrow::float64()),
      arrow::field("status", arrow::utf8()),
      arrow::field("attempts", arrow::int32()),
      arrow::field("split", arrow::utf8()),
      arrow::field("source", texts_type()),
      arrow::field("good_natured", arrow::boolean()),
      arrow::field("format", arrow::utf8()),
      arrow::field("judge", arrow::utf8()),
  };
  if (with_id) fields.push_back(arrow::field("id", arrow::utf8()));
  return arrow::schema(std::move(fields));
}

std::optional<std::string> known(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

/// The prompt as one text: the user's only turn.
const std::string& prompt_text(const fs::path& path, const Preference& p) {
  if (p.prompt.size() != 1 || (p.prompt[0].role != "user" && p.prompt[0].role != kPlainTextRole))
    throw Error(ErrorKind::kInput,
                fmt::format("cannot write {} as plain text: prompt {} is a conversation of {} turns", path.string(),
                            p.prompt_id, p.prompt.size()),
                "write TRL's conversational layout (--layout trl)");
  return p.prompt[0].content;
}

void write_rows(const fs::path& path, const std::vector<Preference>& rows, bool conversational, bool with_id = false) {
  ParquetWriter file(path, preferences_schema(conversational, with_id),
                     {"prompt.list.element.role", "chosen.list.element.role", "rejected.list.element.role", "prompt_id",
                      "chosen_id", "rejected_id", "chosen_model", "rejected_model", "presented_first", "status",
                      "split", "source.list.element", "format", "judge"});
  for (const Preference& p : rows) {
    writing_parquet(path.string(), [&] {
      if (conversational) {
        put_messages(file.column<arrow::ListBuilder>(kPrompt), p.prompt);
        put_messages(file.column<arrow::ListBuilder>(kChosen), {{"assistant", p.chosen}});
        put_messages(file.column<arrow::ListBuilder>(kRejected), {{"assistant", p.rejected}});
      } else {
        put(file.column<arrow::StringBuilder>(kPrompt), prompt_text(path, p));
        put(file.column<arrow::StringBuilder>(kChosen), p.chosen);
        put(file.column<arrow::StringBuilder>(kRejected), p.rejected);
      }
      put(file.column<arrow::DoubleBuilder>(kMargin), p.margin);
      put(file.column<arrow::StringBuilder>(kPairId), p.pair_id);
      put(file.column<arrow::StringBuilder>(kPromptId), p.prompt_id);
      put(file.column<arrow::StringBuilder>(kChosenId), p.chosen_id);
      put(file.column<arrow::StringBuilder>(kRejectedId), p.rejected_id);
      put(file.column<arrow::StringBuilder>(kChosenModel), p.chosen_model);
      put(file.column<arrow::StringBuilder>(kRejectedModel), p.rejected_model);
      put(file.column<arrow::DoubleBuilder>(kChosenScore), p.chosen_score);
      put(file.column<arrow::DoubleBuilder>(kRejectedScore), p.rejected_score);
      put(file.column<arrow::Int32Builder>(kSourceRankChosen), p.source_rank_chosen);
      put(file.column<arrow::Int32Builder>(kSourceRankRejected), p.source_rank_rejected);
      put(file.column<arrow::StringBuilder>(kPresentedFirst), known(p.presented_first));
      put(file.column<arrow::BooleanBuilder>(kTie), p.tie);
      put(file.column<arrow::DoubleBuilder>(kTarget), p.target);
      put(file.column<arrow::DoubleBuilder>(kWeight), p.weight);
      put(file.column<arrow::StringBuilder>(kStatus), p.status);
      put(file.column<arrow::Int32Builder>(kAttempts), p.attempts);
      put(file.column<arrow::StringBuilder>(kSplit), p.split);
      put_texts(file.column<arrow::ListBuilder>(kSource), p.source);
      put(file.column<arrow::BooleanBuilder>(kGoodNatured), p.good_natured);
      put(file.column<arrow::StringBuilder>(kFormat), p.format);
      put(file.column<arrow::StringBuilder>(kJudge), p.judge);
      if (with_id) put(file.column<arrow::StringBuilder>(kId), p.pair_id + "-" + p.format);
    });
    file.end_row(bytes_of(p.prompt) + p.chosen.size() + p.rejected.size() + 300);
  }
  file.commit();
}

/// RewardBench's columns; a prompt of several turns is a list of messages there, too.
void write_rewardbench(const fs::path& path, const std::vector<Preference>& rows) {
  bool plain = true;
  for (const Preference& p : rows)
    plain = plain && p.prompt.size() == 1 && (p.prompt[0].role == "user" || p.prompt[0].role == kPlainTextRole);
  ParquetWriter file(
      path,
      arrow::schema({arrow::field("prompt", plain ? arrow::utf8() : messages_type()),
                     arrow::field("chosen", arrow::utf8()), arrow::field("chosen_model", arrow::utf8()),
                     arrow::field("rejected", arrow::utf8()), arrow::field("rejected_model", arrow::utf8()),
                     arrow::field("subset", arrow::utf8()), arrow::field("id", arrow::utf8())}),
      {"chosen_model", "rejected_model", "subset"});
  for (const Preference& p : rows) {
    writing_parquet(path.string(), [&] {
      if (plain)
        put(file.column<arrow::StringBuilder>(0), p.prompt[0].content);
      else
        put_messages(file.column<arrow::ListBuilder>(0), p.prompt);
      put(file.column<arrow::StringBuilder>(1), p.chosen);
      put(file.column<arrow::StringBuilder>(2), p.chosen_model);
      put(file.column<arrow::StringBuilder>(3), p.rejected);
      put(file.column<arrow::StringBuilder>(4), p.rejected_model);
      put(file.column<arrow::StringBuilder>(5), p.format);
      put(file.column<arrow::StringBuilder>(6), p.pair_id);
    });
    file.end_row(bytes_of(p.prompt) + p.chosen.size() + p.rejected.size());
  }
  file.commit();
}

}  // namespace

void write_preferences(const fs::path& path, const std::vector<Preference>& rows, PreferenceLayout layout) {
  if (layout == PreferenceLayout::kRewardBench)
    write_rewardbench(path, rows);
  else
    write_rows(path, rows, layout == PreferenceLayout::kTrl);
}

void write_hub_preferences(const fs::path& path, const std::vector<Preference>& rows) {
  write_rows(path, rows, true, true);
}

}  // namespace ballot
