// Inside the report card only: the parts of one card, each of which counts, registers its statistics and leaves the
// drawing to PromptSums::run.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "formats/pair_labels.h"
#include "report/judge_card.h"
#include "report/prompt_sums.h"

namespace ballot {

/// One set of annotations being made into a card.
struct CardWork {
  CardWork(const std::vector<PoolRow>& pool, const std::vector<std::vector<double>>& log_length,
           const JudgeCardInput& input, const JudgeCardSettings& settings, JudgeCard& card);

  const std::vector<PoolRow>& pool;
  const std::vector<std::vector<double>>& log_length;  ///< by pool row and completion: ln characters
  const JudgeCardInput& input;
  const JudgeCardSettings& settings;
  JudgeCard& card;
  std::vector<PairLabel> labels;        ///< sorted by (prompt, first, second, repeat)
  std::vector<std::size_t> first_of;    ///< into labels: where each pair begins; ends with labels.size()
  std::vector<std::int32_t> dense;      ///< by pool row: the number of the annotated prompt, -1 where not annotated
  std::vector<std::size_t> annotation;  ///< by annotation: its pool row
  PromptSums sums;                      ///< by annotated prompt
  /// By pool row, of the pairs asked twice: sums of x y and of (x x + y y) / 2. Empty without.
  std::vector<double> twice_xy, twice_xx;
  std::size_t source_pairs = 0;  ///< labels of pairs that the source orders

  std::size_t pairs() const { return first_of.size() - 1; }
  /// The pair's label that counts where one is wanted: that of the first asking.
  const PairLabel& primary(std::size_t pair) const { return labels[first_of[pair]]; }
  std::size_t prompt(const PairLabel& label) const { return static_cast<std::size_t>(dense[label.prompt]); }
  /// 1, 0, -1: which of the two the source ranks better.
  int source(const PairLabel& label) const;
  std::int64_t source_distance(const PairLabel& label) const;
};

void count_ballots(CardWork& work);
void measure_consistency(CardWork& work);
void measure_position(CardWork& work);
void measure_length(CardWork& work);
void measure_circles(CardWork& work);
void measure_entropy(CardWork& work);
void measure_source(CardWork& work);

/// The retention curve, and with it agreement at any budget.
struct RetentionColumns {
  std::size_t hits = 0, pairs = 0, tokens = 0, cost = 0, ballots = 0, prompts = 0;
  bool on_curve = true;  ///< between these points budgets are interpolated
};
std::vector<RetentionColumns> measure_retention(CardWork& work);
/// Tokens (or money) a prompt that the whole format takes; 0 where unknown.
double whole_price(const CardWork& work, const std::vector<RetentionColumns>& curve, bool money);
void measure_at_budget(CardWork& work, const std::vector<RetentionColumns>& curve, double budget, bool money,
                       Measured& out);

}  // namespace ballot
