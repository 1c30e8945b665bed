#include "report/findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/fake_study.h"

namespace ballot {
namespace {

using testing::HasSubstr;
using testing::Not;
using Relation = DirectionalClaim::Relation;

std::string text_of(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    out += finding.title + "\n";
    for (const FindingLine& line : finding.lines) out += "[" + line.tag + "] " + line.text() + "\n";
  }
  return out;
}

StudyContrast contrast(double difference, double half, double p_holm) {
  StudyContrast c;
  c.outcome = "RewardBench, reward models (m)";
  c.a = "ranking";
  c.b = "binary";
  c.difference = difference;
  c.low = difference - half;
  c.high = difference + half;
  c.p_holm = p_holm;
  c.verdict = "better";  // whatever it says
  c.claimed = true;
  return c;
}

StudyResults with(const StudyContrast& c) {
  StudyResults r;
  r.formats = {"binary", "ranking"};
  r.models = {"m"};
  r.contrasts = {c};
  return r;
}

TEST(Findings, BetterNeedsAnIntervalWithoutZeroAndACorrectedP) {
  EXPECT_TRUE(is_earned(contrast(0.05, 0.02, 0.01)));
  EXPECT_TRUE(is_earned(contrast(-0.05, 0.02, 0.01)));
  EXPECT_FALSE(is_earned(contrast(0.05, 0.06, 0.01)));
  EXPECT_FALSE(is_earned(contrast(0.05, 0.02, 0.08)));
  StudyContrast unknown = contrast(0.05, 0.02, 0.01);
  unknown.low = NAN;
  EXPECT_FALSE(is_earned(unknown));
}

TEST(Findings, AnUnearnedDifferenceIsNotDistinguishedWhateverItsVerdictSays) {
  const StudyResults results = with(contrast(0.05, 0.06, 0.2));
  const std::string text = text_of(make_findings(results));
  EXPECT_THAT(text, HasSubstr("not distinguished"));
  EXPECT_THAT(text, Not(HasSubstr("better")));
  EXPECT_THAT(headline(results), HasSubstr("No two formats are distinguished"));
}

TEST(Findings, AnEarnedDifferenceIsNamedWithItsNumbers) {
  const StudyResults results = with(contrast(-0.05, 0.02, 0.01));
  const auto findings = make_findings(results);
  EXPECT_THAT(text_of(findings), HasSubstr("RANKING against BINARY"));
  EXPECT_THAT(text_of(findings), HasSubstr("worse, \u22120.050 [\u22120.070, \u22120.030], corrected p 0.010"));
  EXPECT_TRUE(unearned_claims(text_of(findings), results, findings).empty());
}

TEST(Findings, TheLinterFindsSentencesThatNothingCarries) {
  const StudyResults results = with(contrast(0.01, 0.06, 0.9));
  const auto findings = make_findings(results);
  EXPECT_TRUE(unearned_claims(text_of(findings) + headline(results), results, findings).empty());
  for (const char* claim : {"RANKING is consistently the best format.", "DPO improves on SFT across all experiments.",
                            "SINGLE is worst in all reward model experiments.", "Magnitude beats the plain question.",
                            "Ranking outperforms binary."})
    EXPECT_EQ(unearned_claims(std::string("Some numbers. ") + claim, results, findings).size(), 1u) << claim;
  // Words that only contain one are none.
  EXPECT_TRUE(unearned_claims("The bestiary was asbestos-free.", results, findings).size() <= 1);
  EXPECT_TRUE(unearned_claims("Ultrabest is a name.", results, findings).empty());
}

TEST(Findings, AFormatsNameClaimsNothing) {
  StudyResults results = with(contrast(0.01, 0.06, 0.9));
  results.formats.push_back("best_worst");
  LabelStats labels;
  labels.format = "best_worst";
  labels.title = "BEST-WORST";
  results.labels.push_back(labels);
  const auto findings = make_findings(results);
  EXPECT_TRUE(
      unearned_claims("Judge tokens a pair, BEST-WORST: 70. best_worst has 3 ties.", results, findings).empty());
  EXPECT_EQ(unearned_claims("BEST-WORST is best.", results, findings).size(), 1u);
}

TEST(Findings, ThePublishedTablesCarryNoClaim) {
  const StudyResults published = fake::published_study();
  const auto findings = make_findings(published);
  const std::string text = text_of(findings) + headline(published);
  EXPECT_TRUE(unearned_claims(text, published, findings).empty()) << text;
  for (const Finding& finding : findings)
    for (const FindingLine& line : finding.lines)
      EXPECT_TRUE(line.tag != "better" && line.tag != "worse") << line.text();
}

// What the published text says, held against its own tables.
TEST(Findings, ThePublishedClaimsAreContradictedByThePublishedNumbers) {
  const StudyResults published = fake::published_study();
  const auto standing = [&](Relation relation, const char* format, const char* other, const char* outcome,
                            const char* model) {
    return standing_of({relation, format, other, outcome, model}, published);
  };
  // "SINGLE worst in all reward model experiments": at 3B and 8B BINARY lies lower.
  EXPECT_EQ(standing(Relation::kWorst, "single", "", "rewardbench", ""), Standing::kContradicted);
  EXPECT_EQ(standing(Relation::kWorst, "single", "", "rewardbench", "Llama-3.2-1B"), Standing::kNotDistinguished);
  // "RANKING consistently best": at 8B BINARYMAGN and SINGLE lie higher.
  EXPECT_EQ(standing(Relation::kBest, "ranking", "", "rewardbench", ""), Standing::kContradicted);
  EXPECT_EQ(standing(Relation::kBest, "ranking", "", "rewardbench", "Llama-3.2-3B"), Standing::kNotDistinguished);
  // "BINARYMAGN below BINARY at 1B and 3B": false at 3B.
  EXPECT_EQ(standing(Relation::kWorseThan, "binary_magnitude", "binary", "rewardbench", "Llama-3.2-3B"),
            Standing::kContradicted);
  // "DPO improves on SFT across all experiments".
  for (const char* format : {"binary", "binary_magnitude", "single", "ranking"})
    EXPECT_EQ(standing(Relation::kBetterThan, format, "sft", "tasks", ""), Standing::kContradicted) << format;
  EXPECT_EQ(standing(Relation::kBest, "essay", "", "rewardbench", ""), Standing::kNotMeasured);
}

TEST(Findings, AClaimIsEarnedOnlyByCorrectedContrasts) {
  StudyResults r = with(contrast(0.05, 0.02, 0.01));
  for (const auto& [format, value] : {std::pair{"binary", 0.6}, {"ranking", 0.65}}) {
    PreferenceScores s;
    s.name = {"m", "reward", format, "bradley_terry", "none", 0, format};
    s.overall.value = value;
    r.scores.push_back(s);
  }
  EXPECT_EQ(standing_of({Relation::kBest, "ranking", "", "rewardbench", ""}, r), Standing::kEarned);
  r.contrasts[0].p_holm = 0.3;
  EXPECT_EQ(standing_of({Relation::kBest, "ranking", "", "rewardbench", ""}, r), Standing::kNotDistinguished);
  EXPECT_EQ(standing_of({Relation::kWorst, "ranking", "", "rewardbench", ""}, r), Standing::kContradicted);
}

TEST(Findings, ClaimsSaidBeforeComeFirst) {
  const auto findings = make_findings(fake::study());
  ASSERT_GE(findings.size(), 4u);
  EXPECT_EQ(findings[0].title, "BINARY against SINGLE");
  EXPECT_EQ(findings[1].title, "BINARY against RANKING");
  const std::string text = text_of(findings);
  EXPECT_THAT(text, HasSubstr("The noise floor: BINARY labelled twice"));
  EXPECT_THAT(text, HasSubstr("judge tokens a labelled pair, RANKING"));
  EXPECT_THAT(text, HasSubstr("one seed a training"));
}

}  // namespace
}  // namespace ballot
