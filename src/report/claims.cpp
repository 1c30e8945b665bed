#include "report/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/terminal.h"
#include "report/claim_sentence.h"

namespace ballot {
namespace {

/// "ranking+margin" and "dpo_ranking" are about RANKING where the evidence calls nothing else by those names.
std::string subject_of(const Evidence& evidence, const std::string& name) {
  if (evidence.titles.contains(name)) return name;
  std::string base = name.starts_with("dpo_") ? name.substr(4) : name;
  if (base.ends_with("+margin")) base.resize(base.size() - 7);
  return evidence.titles.contains(base) ? base : name;
}

std::string title_of(const Evidence& evidence, const std::string& name) {
  const std::string base = subject_of(evidence, name);
  const auto found = evidence.titles.find(base);
  std::string out = found == evidence.titles.end() ? name : found->second;
  if (name != base && name.starts_with("dpo_")) out = "DPO on " + out;
  if (name != base && name.ends_with("+margin")) out += " with margin";
  return out;
}

std::string numbers_of(const Evidence& evidence, const EvidenceRow& row) {
  std::string out =
      row.outcome + (row.model.empty() || row.outcome.find(row.model) != std::string::npos ? "" : " at " + row.model);
  if (std::isnan(row.value_a))
    out +=
        fmt::format(": {} minus {} is {:+.3g}", title_of(evidence, row.a), title_of(evidence, row.b), row.difference);
  else
    out += fmt::format(": {} {:.3g}, {} {:.3g}", title_of(evidence, row.a), row.value_a, title_of(evidence, row.b),
                       row.value_b);
  if (std::isfinite(row.low))
    out += fmt::format(", difference [{:+.3g}, {:+.3g}], corrected p {:.3f}", row.low, row.high, row.p_holm);
  return out;
}

class Linter {
 public:
  explicit Linter(const Evidence& evidence) : evidence_(evidence), vocabulary_(vocabulary_of(evidence)) {
    for (const EvidenceRow& row : evidence.rows) margins_ = margins_ || is_variant(row.a, "+margin");
  }

  ClaimVerdict verdict(const std::string& text) const {
    const ClaimSentence sentence = read_sentence(text, vocabulary_);
    ClaimVerdict out = judge(sentence);
    out.sentence = text;
    if (out.verdict != "refused")
      if (const std::string wrong = wrong_number(sentence); !wrong.empty()) out = {text, "refused", wrong};
    return out;
  }

 private:
  static Vocabulary vocabulary_of(const Evidence& evidence) {
    Vocabulary out;
    out.titles = evidence.titles;
    const auto add = [](std::vector<std::string>& list, const std::string& word) {
      if (!word.empty() && std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
    };
    for (const EvidenceRow& row : evidence.rows) {
      add(out.outcomes, row.outcome);
      add(out.models, row.model);
    }
    for (const EvidenceValue& value : evidence.values) {
      add(out.outcomes, value.outcome);
      add(out.models, value.model);
    }
    return out;
  }

  bool covers(const ClaimSentence& s, const std::string& outcome, const std::string& model) const {
    if (!s.outcomes.empty() && std::find(s.outcomes.begin(), s.outcomes.end(), outcome) == s.outcomes.end())
      return false;
    return s.models.empty() || vocabulary_.models.empty() ||
           std::find(s.models.begin(), s.models.end(), model) != s.models.end();
  }

  /// Rows that set one of `left` against one of `right` (empty: anything else), turned so that left is a.
  std::vector<EvidenceRow> rows_of(const ClaimSentence& s) const {
    std::vector<EvidenceRow> out;
    const auto in = [](const std::vector<std::string>& list, const std::string& name) {
      return std::find(list.begin(), list.end(), name) != list.end();
    };
    for (EvidenceRow row : evidence_.rows) {
      if (!covers(s, row.outcome, row.model)) continue;
      const bool margin_a = is_variant(row.a, "+margin"), margin_b = is_variant(row.b, "+margin");
      if (s.margin_itself) {  // with margin against without
        const std::string base = subject_of(evidence_, row.a);
        if (margin_a && !margin_b && base == subject_of(evidence_, row.b) && (s.left.empty() || in(s.left, base)))
          out.push_back(row);
        continue;
      }
      if (margins_ && (margin_a != s.with_margin || margin_b != s.with_margin)) continue;
      for (const bool turned : {false, true}) {
        const EvidenceRow seen = turned ? reversed(row) : row;
        const std::string a = subject_of(evidence_, seen.a), b = subject_of(evidence_, seen.b);
        if (a == b) continue;
        const bool left = s.any_policy ? is_variant(seen.a, "dpo_") : in(s.left, a);
        // A superlative is about the formats; a policy's SFT model and instruct model stand outside.
        const bool right = s.right.empty() ? !in(s.left, b) && b != "sft" && b != "instruct" : in(s.right, b);
        if (left && right) {
          out.push_back(seen);
          break;
        }
      }
    }
    return out;
  }

  bool is_variant(const std::string& name, const std::string& mark) const {
    return !evidence_.titles.contains(name) && (name.starts_with(mark) || name.ends_with(mark));
  }
  static EvidenceRow reversed(EvidenceRow row) {
    std::swap(row.a, row.b);
    std::swap(row.value_a, row.value_b);
    row.difference = -row.difference;
    row.low = -std::exchange(row.high, -row.low);
    return row;
  }

  ClaimVerdict judge(const ClaimSentence& s) const {
    using Kind = ClaimSentence::Kind;
    const auto refused = [](std::string reason) { return ClaimVerdict{"", "refused", std::move(reason)}; };
    if (s.kind == Kind::kNone) return {"", "no claim", ""};
    if (s.kind == Kind::kTrend)
      return refused("an interaction is tested, not told: no slope over model size with an interval stands here");
    if (s.kind == Kind::kCost) return refused("cost was not measured here; a comparison at equal cost needs both");
    if (s.kind == Kind::kUntraced)
      return refused(
          fmt::format("'{}' claims something, and no difference of {} stands behind it", s.word, evidence_.source));
    const std::vector<EvidenceRow> rows = rows_of(s);
    if (rows.empty()) return refused(fmt::format("nothing in {} measures it", evidence_.source));
    if (s.kind == Kind::kNotDistinguished) {
      for (const EvidenceRow& row : rows)
        if (row.earned()) return refused("they are distinguished. " + numbers_of(evidence_, row));
      return {"", "supported", fmt::format("none of {} differences is earned", rows.size())};
    }
    if (s.kind == Kind::kSame)
      return refused(
          "an interval that reaches zero does not show that there is no difference: say 'not distinguished'. " +
          numbers_of(evidence_, rows.front()));
    const double sign = s.kind == Kind::kAbove ? 1 : -1;
    const auto contradicts = [&](const EvidenceRow& row) { return sign * row.difference <= 0; };
    if (const auto found = std::find_if(rows.begin(), rows.end(), contradicts); found != rows.end())
      return refused("contradicted. " + numbers_of(evidence_, *found));
    for (const EvidenceRow& row : rows) {
      if (row.earned()) continue;
      return refused(
          (std::isnan(row.low) ? "the estimate points this way and has no interval. " : "not distinguished. ") +
          numbers_of(evidence_, row));
    }
    return {
        "", "supported",
        numbers_of(evidence_, rows.front()) + (rows.size() > 1 ? fmt::format(" (and {} more)", rows.size() - 1) : "")};
  }

  /// Why a number that the sentence quotes cannot stand; empty: it can.
  std::string wrong_number(const ClaimSentence& s) const {
    for (const QuotedNumber& quoted : s.numbers) {
      const EvidenceValue* noted = nullptr;
      bool found = false;
      for (const EvidenceValue& value : evidence_.values) {
        if (!s.mentioned.empty() && !value.subject.empty() &&
            std::find(s.mentioned.begin(), s.mentioned.end(), subject_of(evidence_, value.subject)) ==
                s.mentioned.end())
          continue;
        if (!covers(s, value.outcome, value.model)) continue;
        const double unit = std::pow(10.0, -quoted.digits);
        const auto equal = [&](double x) { return std::fabs(std::fabs(x) - quoted.value) <= 0.5 * unit + 1e-9; };
        if (!equal(value.value) && !equal(100 * value.value)) continue;
        if (value.note.empty())
          found = true;
        else
          noted = &value;
      }
      if (found) continue;
      if (noted) return fmt::format("{} is a number that does not fit with the others: {}", quoted.text, noted->note);
      return fmt::format("no value of {} that the sentence covers rounds to {}", evidence_.source, quoted.text);
    }
    return "";
  }

  const Evidence& evidence_;
  Vocabulary vocabulary_;
  bool margins_ = false;  ///< trainings with margin are rows of their own
};

}  // namespace

std::vector<ClaimVerdict> lint_claims(const std::string& text, const Evidence& evidence) {
  const Linter linter(evidence);
  std::vector<ClaimVerdict> out;
  for (const std::string& sentence : split_sentences(text)) out.push_back(linter.verdict(sentence));
  return out;
}

Json claims_json(const std::vector<ClaimVerdict>& verdicts, const Evidence& evidence) {
  Json out;
  out["against"] = evidence.source;
  out["sentences"] = Json::array();
  std::int64_t refused = 0;
  for (const ClaimVerdict& v : verdicts) {
    out["sentences"].push_back({{"sentence", v.sentence}, {"verdict", v.verdict}, {"reason", v.reason}});
    refused += v.verdict == "refused";
  }
  out["refused"] = refused;
  return out;
}

std::string claims_text(const std::vector<ClaimVerdict>& verdicts) {
  std::string out;
  for (const ClaimVerdict& v : verdicts) {
    if (v.verdict == "no claim") continue;
    out += fmt::format("{}: {}\n", v.verdict, printable(v.sentence));
    if (!v.reason.empty()) out += fmt::format("    {}\n", printable(v.reason));
  }
  return out.empty() ? "No sentence claims anything.\n" : out;
}

}  // namespace ballot
