// `ballot filter`: the SFT rows of a mixture that a study trains on, by the rules of the published one: English,
// single-turn, and short enough in every model's tokenizer.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/manifest.h"
#include "core/options.h"
#include "core/progress.h"
#include "data/rejects.h"

namespace ballot {

struct FilterOptions {
  std::string language;  ///< "en": the user's turns must be in it; empty: any. Undetermined texts (code, maths) stay
  bool single_turn = false;                  ///< exactly [system]? user assistant
  std::int64_t max_tokens = 0;               ///< of the rendered conversation, in every tokenizer; 0: no limit
  std::vector<std::string> tokenizers;       ///< folders with tokenizer files
  std::vector<std::string> exclude_sources;  ///< rows whose source's name holds one of these are left out
  std::int64_t max_rows = 0;                 ///< the first so many that pass; 0: all
  std::string on_control_tokens = "reject";  ///< rows whose text holds a control token's text: "reject" or "encode"
};
void visit_options(OptionVisitor& visit, FilterOptions& options);

struct FilterSummary {
  std::int64_t read = 0, kept = 0;
  std::map<std::string, std::map<std::string, std::int64_t>> by_source;  ///< source -> "kept" or reason -> rows
};

/// Writes OUT (Parquet: id, messages, source) and its manifest. Reasons: `excluded_source`, `not_english` (or
/// not_LANGUAGE), `multi_turn`, `too_long`, `template_refused` (a chat template has no form for the conversation),
/// `beyond_max_rows`; the rows go to the rejects with them. `control_token` is a bad row: its text holds a special
/// token of a tokenizer given, or a mark of ChatML, which a training adds. A tokenizer without a chat template renders
/// by ChatML; a template that asks for the date gets 26 July 2024, so that the same rows pass on any day.
FilterSummary filter_sft(const std::vector<std::string>& sources, const std::filesystem::path& out,
                         const FilterOptions& options, int threads, RejectLog& rejects, Progress& progress);

}  // namespace ballot
