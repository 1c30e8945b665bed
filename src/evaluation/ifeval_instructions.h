// IFEval's 25 verifiable instructions (Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models"),
// checked as lm-evaluation-harness 0.4.13 checks them (tasks/ifeval/instructions.py).
//
// Where an instruction lacks a parameter, or its letter is none from a to z, the reference draws a random one each time
// it checks. Here such an instruction is never followed: two of the 834 published ones (keys 1122 and 1129).
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "evaluation/ifeval_language.h"
#include "evaluation/ifeval_sentences.h"

namespace ballot {

/// The two data files that some instructions need, read when the first of those is checked.
class IfevalModels {
 public:
  /// `folder` holds punkt/english.py and langdetect/: the folder of the set-up's parts.
  explicit IfevalModels(std::filesystem::path folder) : folder_(std::move(folder)) {}
  const PunktModel& punkt() const;
  const LanguageDetector& languages() const;

 private:
  std::filesystem::path folder_;
  mutable std::unique_ptr<PunktModel> punkt_;
  mutable std::unique_ptr<LanguageDetector> languages_;
};

/// `id`: "keywords:existence" and its like; `parameters`: its entry of the row's kwargs, null and other empty values
/// not counting. `text` is not blank.
///
/// Throws Error (input) where there is no such instruction, its relation is neither "less than" nor "at least", or a
/// parameter is of the wrong type.
bool follows(const std::string& id, const Json& parameters, std::u32string_view text, const IfevalModels& models);

/// The reference draws a parameter of this instruction at random, so its verdict is not a fact about the answer.
bool draws_a_parameter(const std::string& id, const Json& parameters);

const std::vector<std::string>& instruction_ids();

/// Python's json.loads accepts it: JSON, with NaN and Infinity, repeated keys and halves of surrogates.
bool is_python_json(std::u32string_view text);

}  // namespace ballot
