#include "report/claims.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/atomic_file.h"
#include "core/error.h"
#include "report/claim_sentence.h"
#include "report/fake_study.h"

namespace ballot {
namespace {

using testing::HasSubstr;

std::string reason_of(const std::string& sentence, const Evidence& evidence, const std::string& verdict = "refused") {
  const auto verdicts = lint_claims(sentence, evidence);
  if (verdicts.size() != 1) return "not one sentence";
  EXPECT_EQ(verdicts[0].verdict, verdict) << sentence << " | " << verdicts[0].reason;
  return verdicts[0].reason;
}

Evidence two_results(double difference, double half, double p) {
  ResultContrast c;
  c.outcome = "RewardBench score";
  c.a = "ranking";
  c.b = "binary";
  c.value_a = 0.6 + difference;
  c.value_b = 0.6;
  c.paired.difference = difference;
  c.paired.low = difference - half;
  c.paired.high = difference + half;
  c.p_holm = p;
  return evidence_of(std::vector<ResultContrast>{c});
}

TEST(Claims, AnEarnedDirectionIsSupportedAndItsReverseRefused) {
  const Evidence earned = two_results(0.05, 0.02, 0.01);
  for (const char* sentence : {"Ranking beats binary.", "Binary is worse than ranking.",
                               "Ranking is best on RewardBench.", "Binary is outperformed by ranking.",
                               "Ranking improves on binary by 0.05.", "Binary does not improve on ranking."})
    EXPECT_THAT(reason_of(sentence, earned, "supported"), HasSubstr("0.65")) << sentence;
  for (const char* sentence : {"Binary beats ranking.", "Ranking is worse than binary.", "Binary is best.",
                               "Ranking is not better than binary.", "Ranking is beaten by binary."})
    EXPECT_THAT(reason_of(sentence, earned), HasSubstr("contradicted")) << sentence;
  EXPECT_THAT(reason_of("Ranking and binary are not distinguished.", earned), HasSubstr("are distinguished"));
}

TEST(Claims, ADifferenceWhoseIntervalReachesZeroCarriesNoDirectionAndNoSameness) {
  const Evidence open = two_results(0.05, 0.06, 0.2);
  EXPECT_THAT(reason_of("Ranking beats binary.", open), HasSubstr("not distinguished"));
  EXPECT_THAT(reason_of("Ranking and binary perform the same.", open), HasSubstr("does not show"));
  EXPECT_THAT(reason_of("Ranking and binary are not distinguished.", open, "supported"), HasSubstr("none of 1"));
  EXPECT_THAT(reason_of("Ranking beats single.", open), HasSubstr("claims something"));  // never measured
  EXPECT_THAT(reason_of("Ranking is better at 3B.", two_results(0.05, 0.02, 0.01), "supported"), HasSubstr("0.65"));
}

TEST(Claims, WhatCannotBeTracedIsRefusedAndPlainSentencesPass) {
  const Evidence earned = two_results(0.05, 0.02, 0.01);
  for (const char* sentence :
       {"The approach is clearly effective.", "Improved prompts are recommended.", "This works consistently.",
        "Ranking helps more as models grow.", "Ranking is the cheaper way to a better model."})
    reason_of(sentence, earned);
  for (const char* sentence : {"We asked one judge.", "Ranking shows five completions.", "A single seed was used."})
    reason_of(sentence, earned, "no claim");
}

TEST(Claims, QuotedNumbersMustBeThere) {
  const Evidence earned = two_results(0.05, 0.02, 0.01);
  reason_of("Ranking has 0.65 and binary 0.60 on RewardBench score.", earned, "no claim");
  reason_of("Ranking has 65.0 percent.", earned, "no claim");
  EXPECT_THAT(reason_of("Ranking has 0.71.", earned), HasSubstr("0.71"));
  EXPECT_THAT(reason_of("Ranking beats binary by 0.08.", earned), HasSubstr("0.08"));
}

// What the published text and its readers say, held against the published tables.
TEST(Claims, EveryUnsupportedSentenceOnThePublishedTablesIsRefused) {
  const Evidence published = published_evidence();
  struct Case {
    const char* sentence;
    const char* reason;
  };
  for (const Case& c :
       std::initializer_list<Case>{{"RANKING is consistently best on RewardBench.", "contradicted"},
                                   {"SINGLE performs worst in all reward model experiments.", "contradicted"},
                                   {"BINARYMAGN regresses against BINARY at 3B.", "contradicted"},
                                   {"DPO improves on SFT across all experiments.", "contradicted"},
                                   {"Policies trained with DPO beat their SFT model on BBH at 1B.", "contradicted"},
                                   {"RANKING is the best format for reward models at 3B.", "no interval"},
                                   {"RANKING outperforms SINGLE on Safety at 1B.", "no interval"},
                                   {"SINGLE is the worst format for reward models at 1B.", "no interval"},
                                   {"RANKING beats BINARY on MMLU-Pro at 8B.", "no interval"},
                                   {"Training with margin improves RANKING on RewardBench.", "contradicted"},
                                   {"Margins help more as models grow.", "interaction"},
                                   {"BINARYMAGN and SINGLE perform the same at 8B.", "does not show"},
                                   {"RANKING agrees with the source at an alpha of .58.", "does not fit"},
                                   {"BINARYMAGN has higher agreement with the source than BINARY.", "no interval"},
                                   {"RANKING is the most cost-effective format.", "cost"},
                                   {"For the same budget SINGLE is worse.", "cost"},
                                   {"Our results suggest that richer annotation is robust.", "claims something"},
                                   {"RANKING reaches .97 on Chat at 3B.", "rounds to"},
                                   {"Llama 70B with RANKING is best.", "nothing in"}})
    EXPECT_THAT(reason_of(c.sentence, published), HasSubstr(c.reason)) << c.sentence;
  for (const char* sentence : {"RANKING and SINGLE are not distinguished on RewardBench.",
                               "BINARY and RANKING are not distinguishable on BBH at 8B."})
    reason_of(sentence, published, "supported");
  for (const char* sentence :
       {"At 1B RANKING has .90 on Chat.", "One judge labelled 100,000 pairs.", "SFT has 44.13 on IFEval at 1B."})
    reason_of(sentence, published, "no claim");
}

TEST(Claims, WhatAReportSaysOfItselfPassesItsOwnLinter) {
  const StudyResults results = fake::study();
  const Evidence evidence = evidence_of(results);
  ASSERT_FALSE(evidence.rows.empty());
  bool any = false;
  for (const EvidenceRow& row : evidence.rows) {
    if (row.a == "placebo" || row.b == "placebo") continue;
    const std::string sentence =
        fmt::format("{} beats {} on {}.", evidence.titles.at(row.difference > 0 ? row.a : row.b),
                    evidence.titles.at(row.difference > 0 ? row.b : row.a), row.outcome);
    const auto verdicts = lint_claims(sentence, evidence);
    ASSERT_EQ(verdicts.size(), 1u) << sentence;
    EXPECT_EQ(verdicts[0].verdict, row.earned() ? "supported" : "refused") << sentence << verdicts[0].reason;
    any |= row.earned();
  }
  EXPECT_TRUE(any);
}

TEST(Claims, SentencesAreCutAtTheirEndsNotInNumbers) {
  EXPECT_EQ(split_sentences("# Results\n- A is 0.5. B, at .7, is not!\n\nC?"),
            (std::vector<std::string>{"Results", "A is 0.5.", "B, at .7, is not!", "C?"}));
}

TEST(Claims, AFileThatHoldsNoContrastsIsRefused) {
  const auto path = std::filesystem::temp_directory_path() / "ballot-claims.json";
  write_file(path, "{\"family\": 3}");
  EXPECT_THROW(read_evidence(path.string()), Error);
  write_file(path, "no json");
  EXPECT_THROW(read_evidence(path.string()), Error);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace ballot
