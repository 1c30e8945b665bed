// Making report cards (report/judge_card_results.h says what is on one) of annotations, and showing them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/options.h"
#include "formats/binarize.h"
#include "report/judge_card_results.h"
#include "report/report_table.h"

namespace ballot {

struct JudgeCardInput {
  std::string name;
  FormatAnnotations annotations;
};

struct JudgeCardSettings {
  std::int64_t replicates = 2000;  ///< 0: no intervals
  std::uint64_t seed = 0;
  int threads = 0;
};

/// Throws Error (input) where an annotation names a prompt or completion that the pool does not have.
JudgeCards make_judge_cards(const std::vector<PoolRow>& pool, const std::vector<JudgeCardInput>& inputs,
                            const JudgeCardSettings& settings);

/// What attacks did (formats/attacks.h): the labels of attacked completions beside those of the plain ones.
struct AttackedInput {
  std::vector<PoolRow> pool;  ///< the attacked one
  FormatAnnotations annotations;
  std::string attacks_file;
};
/// Fills the card's `attacks` from the annotations that it was made of and those of an attacked pool.
void add_attacks(JudgeCard& card, const std::vector<PoolRow>& pool, const JudgeCardInput& input,
                 const AttackedInput& attacked, const JudgeCardSettings& settings);

Json judge_cards_json(const JudgeCards& cards);
/// One row a card: failures, consistency, position, length, circles, source, information, retention, equal cost, pairs
/// of cards, attacks; tables in which nothing was measured are left out.
std::vector<ReportTable> judge_card_tables(const JudgeCards& cards);
/// What a terminal shows, and the Markdown file.
std::string judge_cards_text(const JudgeCards& cards);
std::string judge_cards_markdown(const JudgeCards& cards);

/// The command: annotation folders (NAME=DIR names one) to cards.
struct JudgeCardOptions {
  std::vector<std::string> folders;
  std::optional<std::string> pool;
  std::vector<std::string> attacked;
  std::int64_t bootstrap = 2000;
};
void visit_options(OptionVisitor& visit, JudgeCardOptions& options);
JudgeCards judge_cards_of_folders(const JudgeCardOptions& options, std::uint64_t seed, int threads);

}  // namespace ballot
