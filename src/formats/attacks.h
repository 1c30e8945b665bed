// Attacks on a judge: a pool in which one completion of each prompt carries an appended text that changes nothing about
// its quality (ballots/attacks/attacks.yaml). Annotated like the plain pool, it shows how many labels such a text
// moves.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/options.h"
#include "data/records.h"

namespace ballot {

struct Attack {
  std::string name, kind;  ///< kind: "injection" addresses the judge, "distractor" is beside the point
  std::string text;        ///< appended to the completion
};

/// From a YAML file; empty: the set inside the binary. Throws Error (usage) with line and column where it is wrong.
std::vector<Attack> read_attacks(const std::string& file = "");

/// Which completion became which. Ids follow from content, so the attacked one has an id of its own.
struct AttackedCompletion {
  std::string prompt_id, completion_id, plain_completion_id, attack, kind;
};

struct AttackOptions {
  std::string attacks;       ///< a file of one's own; empty: the set inside
  std::string kind = "all";  ///< all, injection, distractor
};
void visit_options(OptionVisitor& visit, AttackOptions& options);

/// Appends to one completion of each prompt, drawn by (seed, prompt id) among all but the best; the attack is drawn the
/// same way. The pool keeps its order and everything else.
std::vector<AttackedCompletion> attack_pool(std::vector<PoolRow>& pool, const std::vector<Attack>& attacks,
                                            std::uint64_t seed);

/// OUT: the attacked pool; OUT.attacks.jsonl: an object an attacked completion (the fields of AttackedCompletion).
/// Returns how many were attacked. Throws Error (input) where no prompt has two completions.
std::int64_t attack_pool_file(const std::string& pool, const std::string& out, const AttackOptions& options,
                              std::int64_t seed, bool force);
/// Throws Error (input) naming file and line.
std::vector<AttackedCompletion> read_attacked_completions(const std::filesystem::path& file);

}  // namespace ballot
