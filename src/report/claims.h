// A linter of claims: the sentences of a text, each held against measured differences with their intervals. What a
// sentence says of a direction ("RANKING beats BINARY at 3B"), of an order ("best", "worst"), of sameness, of a trend
// with size, of cost, or as a quoted number is looked up; it passes only where everything that it covers carries it.
//
//   supported   every difference that the sentence covers is earned (findings.h: interval without zero and p < 0.05
//               after the correction for the family) and points the way it says; "not distinguished" where none is
//   refused     some estimate points the other way, has no interval, or an interval that reaches zero; nothing measured
//               it; or it uses a word of superiority and cannot be traced to any difference
//   no claim    nothing that needs support
//
// When in doubt a sentence is refused: the writer can say it more plainly, the reader cannot ask back.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "core/json.h"
#include "report/compare.h"
#include "report/study_results.h"

namespace ballot {

/// A measured difference a - b; NaN bounds: it has no interval.
struct EvidenceRow {
  std::string outcome;  ///< "RewardBench", "Chat", "IFEval"
  std::string model;    ///< empty: there is one
  std::string a, b;
  double value_a = 0, value_b = 0;
  double difference = 0, low = 0, high = 0, p_holm = 1;
  bool earned() const;
};

/// A number that a text may quote; `note`: why it had better not (a mark of the published tables).
struct EvidenceValue {
  std::string subject, outcome, model;
  double value = 0;
  std::string note;
};

struct Evidence {
  std::string source;                         ///< for messages: "the published tables"
  std::map<std::string, std::string> titles;  ///< of what is compared: name -> as a text calls it
  std::vector<EvidenceRow> rows;
  std::vector<EvidenceValue> values;
};

/// From `ballot compare`.
Evidence evidence_of(const std::vector<ResultContrast>& contrasts);
/// The file that `ballot compare --out` wrote. Throws Error (input) where it is none.
Evidence read_evidence(const std::string& path);
/// From a study: its contrasts, formats by their titles.
Evidence evidence_of(const StudyResults& results);
/// The published study's tables: differences of formats, of policies against their SFT model, of training with margin
/// against without; none has an interval, so no direction can be earned on them.
Evidence published_evidence();

struct ClaimVerdict {
  std::string sentence;
  std::string verdict;  ///< "supported", "refused", "no claim"
  std::string reason;   ///< why, with the numbers
};

std::vector<ClaimVerdict> lint_claims(const std::string& text, const Evidence& evidence);
Json claims_json(const std::vector<ClaimVerdict>& verdicts, const Evidence& evidence);
std::string claims_text(const std::vector<ClaimVerdict>& verdicts);

}  // namespace ballot
