#include "data/preferences.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "data/fields.h"
#include "data/ids.h"
#include "data/preference_rows.h"

namespace ballot {
namespace {

/// The one text of a completion: itself, or the only message of a list, which must be the assistant's.
std::string completion_text(const Conversation& messages, const char* field) {
  if (messages.size() != 1)
    refuse(field, "several_turns",
           fmt::format("wanted one assistant's turn behind the prompt, found {}", messages.size()));
  if (messages[0].role != "assistant")
    refuse(fmt::format("{}[0].role", field), "unknown_role",
           fmt::format("a completion is the assistant's turn, found '{}'", messages[0].role));
  return messages[0].content;
}

/// Where two texts begin to differ, at a character's first byte.
std::size_t common_prefix(std::string_view a, std::string_view b) {
  std::size_t n = static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())), b.begin()).first -
      a.begin());
  const auto inside_character = [](std::string_view text, std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (n > 0 && (inside_character(a, n) || inside_character(b, n))) --n;
  return n;
}

/// As TRL's extract_prompt: what both texts begin with; a space at its end belongs to the completions. Where one text
/// is the beginning of the other, the last character of the shorter one is left to the completions.
void split_texts(std::string& prompt, std::string& chosen, std::string& rejected) {
  std::size_t n = common_prefix(chosen, rejected);
  const std::size_t shorter = std::min(chosen.size(), rejected.size());
  if (n == shorter) {
    if (n > 0) --n;
    while (n > 0 && (static_cast<unsigned char>(chosen[n]) & 0xC0) == 0x80) --n;
  } else if (n > 0 && chosen[n - 1] == ' ') {
    --n;
  }
  prompt = chosen.substr(0, n);
  chosen.erase(0, n);
  rejected.erase(0, n);
}

/// The messages that both conversations begin with; each keeps at least its last.
void split_conversations(Conversation& prompt, Conversation& chosen, Conversation& rejected) {
  const std::size_t most = std::min(chosen.size(), rejected.size()) - 1;
  std::size_t n = 0;
  while (n < most && chosen[n] == rejected[n]) ++n;
  if (n == 0)
    refuse("chosen", "no_common_prompt", "without `prompt`, chosen and rejected must begin with the same turns");
  prompt.assign(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(n));
  chosen.erase(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(n));
  rejected.erase(rejected.begin(), rejected.begin() + static_cast<std::ptrdiff_t>(n));
}

void take_texts_of_pair(const Value& row, Preference& p) {
  const Value &prompt = row.get("prompt"), &chosen = row.get("chosen"), &rejected = row.get("rejected");
  if (chosen.is_null()) refuse("chosen", "chosen_missing", "the field is absent or null");
  if (rejected.is_null()) refuse("rejected", "rejected_missing", "the field is absent or null");
  if (chosen.is_list() != rejected.is_list())
    refuse("rejected", "layouts_differ", "chosen and rejected must both be texts or both lists of messages");
  if (!chosen.is_list()) {
    if (prompt.is_list())
      refuse("chosen", "layouts_differ", "the prompt is a list of messages, so chosen and rejected must be, too");
    p.chosen = take_text(chosen, "chosen");
    p.rejected = take_text(rejected, "rejected");
    std::string text;
    if (prompt.is_null())
      split_texts(text, p.chosen, p.rejected);
    else
      text = take_full_text(prompt, "prompt");
    p.prompt = {{std::string(kPlainTextRole), std::move(text)}};
    return;
  }
  Conversation chosen_turns = take_messages(chosen, "chosen"), rejected_turns = take_messages(rejected, "rejected");
  if (prompt.is_list())
    p.prompt = take_messages(prompt, "prompt");
  else if (prompt.is_text() && chosen_turns.size() == 1 && rejected_turns.size() == 1)
    p.prompt = {{"user", take_full_text(prompt, "prompt")}};
  else  // also where the prompt is a text: then the lists begin with it, as in ultrafeedback_binarized
    split_conversations(p.prompt, chosen_turns, rejected_turns);
  p.chosen = completion_text(chosen_turns, "chosen");
  p.rejected = completion_text(rejected_turns, "rejected");
}

std::int32_t take_rank(const Value& row, std::string_view name) {
  return static_cast<std::int32_t>(take_optional_integer(row, name).value_or(0));
}

}  // namespace

bool is_plain_text(const Conversation& prompt) {
  return prompt.size() == 1 && prompt[0].role == kPlainTextRole;
}

Preference take_preference(const Value& row, bool texts) {
  Preference p;
  if (texts) take_texts_of_pair(row, p);
  const auto text = [&](const char* name, std::string otherwise = "") {
    return take_optional_text(row, name).value_or(std::move(otherwise));
  };
  p.margin = take_optional_number(row, "margin").value_or(0);
  p.chosen_model = text("chosen_model");
  p.rejected_model = text("rejected_model");
  p.prompt_id = text("prompt_id");
  if (p.prompt_id.empty()) p.prompt_id = prompt_id_of(p.prompt);
  p.chosen_id = text("chosen_id");
  p.rejected_id = text("rejected_id");
  if (p.chosen_id.empty()) p.chosen_id = completion_id_of(p.prompt_id, p.chosen_model, p.chosen);
  if (p.rejected_id.empty()) {
    p.rejected_id = completion_id_of(p.prompt_id, p.rejected_model, p.rejected);
    if (p.rejected_id == p.chosen_id) p.rejected_id = completion_id_of(p.prompt_id, p.rejected_model, p.rejected, 1);
  }
  p.pair_id = text("pair_id");
  if (p.pair_id.empty()) p.pair_id = pair_id_of(p.chosen_id, p.rejected_id);
  const auto score = [&](const char* name, const char* other) {
    const auto found = take_optional_number(row, name);
    return found ? found : take_optional_number(row, other);
  };
  p.chosen_score = score("chosen_score", "score_chosen");
  p.rejected_score = score("rejected_score", "score_rejected");
  p.source_rank_chosen = take_rank(row, "source_rank_chosen");
  p.source_rank_rejected = take_rank(row, "source_rank_rejected");
  p.presented_first = text("presented_first");
  p.tie = take_optional_bool(row, "tie").value_or(false);
  p.target = take_optional_number(row, "target").value_or(1);
  if (p.target < 0 || p.target > 1)
    refuse("target", "target_out_of_range", fmt::format("wanted 0 to 1, found {}", p.target));
  p.weight = take_optional_number(row, "weight").value_or(1);
  if (p.weight < 0) refuse("weight", "weight_out_of_range", fmt::format("wanted 0 or more, found {}", p.weight));
  p.status = text("status");
  p.attempts = static_cast<std::int32_t>(take_optional_integer(row, "attempts").value_or(1));
  p.split = text("split", "train");
  p.source = take_texts(row, "source");
  p.good_natured = take_optional_bool(row, "good_natured");
  p.format = text("format");
  p.judge = text("judge");
  return p;
}

void warn_of_preference(const Preference& p, const std::string& file, std::int64_t row, RejectLog& rejects) {
  if (p.chosen == p.rejected)
    rejects.warn({file, row, "rejected", "chosen_equals_rejected", "chosen and rejected are the same text"});
  if (p.chosen.empty() || p.rejected.empty())
    rejects.warn({file, row, p.chosen.empty() ? "chosen" : "rejected", "empty_completion", "a completion is empty"});
  if (is_plain_text(p.prompt) && p.prompt[0].content.empty())
    rejects.warn({file, row, "prompt", "empty_prompt", "chosen and rejected have no beginning in common"});
}

std::vector<Preference> read_preferences(const std::vector<std::string>& sources, RejectLog& rejects,
                                         std::vector<RowPlace>* places) {
  const std::vector<SourceFile> files = resolve_sources(sources);
  for (const SourceFile& file : files) require_columns(file, RowReader(file).columns(), {"chosen", "rejected"});
  std::vector<Preference> rows;
  const std::int64_t read =
      for_each_row(files, rejects, [&](const SourceFile& file, std::int64_t number, const Value& value) {
        rows.push_back(take_preference(value));
        if (places) places->push_back({file.name, number});
        warn_of_preference(rows.back(), file.name, number, rejects);
      });
  if (rows.empty()) throw nothing_usable(fmt::format("{}", fmt::join(sources, ", ")), read, rejects);
  return rows;
}

std::vector<Preference> read_preferences(const std::filesystem::path& path) {
  RejectLog first_is_an_error(true);
  return read_preferences(std::vector<std::string>{path.string()}, first_is_an_error);
}

}  // namespace ballot
