// Preferences, chosen over rejected: our preferences.parquet (schema: docs/artefacts.md), and TRL's layouts in and out.
//
// Read are JSONL and Parquet, files or folders of shards, with
//   explicit prompts     prompt, chosen, rejected: texts, or lists of {role, content}
//   implicit prompts     chosen and rejected only: the prompt is what both begin with, as TRL takes it
//   margin               where there is such a column (else 0); score_chosen, score_rejected
// Ids, where they are missing, follow from content (data/ids.h); other columns of preferences.parquet are taken where
// present. Plain text, to be trained on without a chat template, is a prompt of one message whose role is empty
// (kPlainTextRole).
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "data/records.h"
#include "data/rejects.h"

namespace ballot {

/// The role of a message that is plain text and no turn of a conversation: no chat template belongs to it.
inline constexpr std::string_view kPlainTextRole = "";
/// One message, whose role is kPlainTextRole.
bool is_plain_text(const Conversation& prompt);

/// Rows in file order. Bad rows go to `rejects`; a completion of several turns is one ("several_turns"). Throws Error
/// (input) where the columns are missing or no row can be used. `places` (optional): where each row stands.
std::vector<Preference> read_preferences(const std::vector<std::string>& sources, RejectLog& rejects,
                                         std::vector<RowPlace>* places = nullptr);
std::vector<Preference> read_preferences(const std::filesystem::path& path);  ///< the first bad row is an Error (input)

/// kTrl: preferences.parquet as in docs/artefacts.md. kDpoText: prompt, chosen, rejected as plain text (the prompt's
/// turns must be one user's), margin and ids. kRewardBench: RewardBench's columns, with pair_id as id and the format as
/// subset.
enum class PreferenceLayout { kTrl, kDpoText, kRewardBench };

/// Rows in the order given; atomically; the same rows give the same bytes.
void write_preferences(const std::filesystem::path& path, const std::vector<Preference>& rows,
                       PreferenceLayout layout = PreferenceLayout::kTrl);

}  // namespace ballot
