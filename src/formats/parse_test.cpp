// The whole table of readings that the formats were specified by, then adversarial ones: planted verdicts, thinking,
// JSON, fences.
#include "formats/parse.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "formats/parse_fixture.h"

namespace ballot {
namespace {

TEST(ParseTable, Binary) {
  check({{"binary", "Preference: A", "A"},
         {"binary", "**Preference:** 'B'", "B"},
         {"binary", "preference - [[A]]", "A"},
         {"binary", "Preference: Model A", "A"},
         {"binary", "Preference: Response B is better.", "B"},
         {"binary", "A is better than B because it is kinder.\nI thought about both.\nPreference: B", "B"},
         {"binary", "Preference: A or B", "conflicting"},
         {"binary", "Preference: Neither", "tie_without_preference"},
         {"binary", "Preference: Tie", "tie_without_preference"},
         {"binary", "A", "A bare_letter"},
         {"binary", "\\boxed{B}", "B boxed"},
         {"binary", "I can't help with judging this", "refused"}});
}

TEST(ParseTable, AChoiceThatMayBeATie) {
  check({{"binary_tie", "Preference: A", "A"},
         {"binary_tie", "Preference: tie", "="},
         {"binary_tie", "**Preference: Tie**", "="},
         {"binary_tie", "Preference: neither", "="},
         {"binary_tie", "Preference: it's a draw.", "="},
         {"binary_tie", "Preference: no clear winner", "= word"},
         {"binary_tie", "Preference: A or B", "conflicting"},
         {"binary_tie", "Preference: tie, but A is kinder", "conflicting"},
         {"binary_tie", "Preference: A\n\nIn the end:\nPreference: tie", "="},
         {"binary_tie", "{\"reason\": \"same\", \"preference\": \"tie\"}", "="},
         {"binary_tie", "{\"preference\": \"B\"}", "B"},
         {"binary_tie", "Tie", "= bare_letter"},
         {"binary", "Preference: tie", "tie_without_preference"}});
}

TEST(ParseTable, AComparisonOnOneScale) {
  check({{"preference7", "Preference: 1", "A3"},
         {"preference7", "Preference: 3", "A1"},
         {"preference7", "Preference: 4", "=0"},
         {"preference7", "Preference: **7**", "B3"},
         {"preference7", "Preference: 6 (B is better)", "B2"},
         {"preference7", "Preference: 6 (A is better)", "conflicting"},
         {"preference7", "Preference: A is slightly better", "A1 word"},
         {"preference7", "Preference: equally good", "=0 word"},
         {"preference7", "Preference: 2/7", "A2"},
         {"preference7", "Preference: 0", "out_of_range"},
         {"preference7", "Preference: 8", "out_of_range"},
         {"preference7", "Preference: 2.5", "out_of_range"},
         {"preference7", "Preference: 2-3", "conflicting"},
         {"preference7", "Preference: A", "unparsable"},
         {"preference7", "{\"preference\": 5}", "B1"},
         {"preference7", "5", "B1"}});
}

TEST(ParseTable, AComparisonWithTwoSidesAndWithoutAMiddle) {
  const auto of = [](int minimum, int maximum, const char* tie) {
    return Format::parse(
        "version: 1\nname: mine\ninclude: uniform.yaml\nkind: pairwise\nfields:\n  - {kind: comparison, name: "
        "Preference, minimum: " +
            std::to_string(minimum) + ", maximum: " + std::to_string(maximum) +
            "}\npreferences: {margin: magnitude, tie: " + tie + "}\ntexts: {task: Compare.}\n",
        "mine.yaml");
  };
  const Format signed_scale = of(-3, 3, "neither"), forced = of(1, 6, "never");
  EXPECT_EQ(signed_scale.margin_maximum(2), 3);
  const Label left = parse_answer(signed_scale, 2, {"Preference: -2"}),
              right = parse_answer(signed_scale, 2, {"Preference: +3"}),
              middle = parse_answer(signed_scale, 2, {"Preference: 0"});
  EXPECT_EQ(left.choice, 0);
  EXPECT_EQ(left.magnitude, 2);
  EXPECT_EQ(right.choice, 1);
  EXPECT_EQ(right.magnitude, 3);
  EXPECT_TRUE(middle.neither);
  EXPECT_EQ(middle.status, "ok");
  for (int step = 1; step <= 6; ++step) {
    const Label label = parse_answer(forced, 2, {"Preference: " + std::to_string(step)});
    EXPECT_EQ(label.choice, step <= 3 ? 0 : 1) << step;
    EXPECT_EQ(label.magnitude, step <= 3 ? 4 - step : step - 3) << step;
    EXPECT_EQ(answer_of(forced, label), "Preference: " + std::to_string(step));
  }
}

TEST(ParseTable, BestAndWorst) {
  check({{"best_worst", "Best: C\nWorst: A", "C(BDE)A"},
         {"best_worst", "**Best:** Completion D\n**Worst:** Completion B", "D(ACE)B"},
         {"best_worst", "Best: C, Worst: A", "C(BDE)A"},
         {"best_worst", "{\"best\": \"E\", \"worst\": \"A\"}", "E(BCD)A"},
         {"best_worst", "Best: C\nWorst: C", "conflicting"},
         {"best_worst", "Best: C", "unparsable"},
         {"best_worst", "Best: C and D\nWorst: A", "conflicting"},
         {"best_worst", "Best: G\nWorst: A", "out_of_range"},
         {"best_worst", "Best: A\nWorst: B\n\nOn reflection:\nBest: B\nWorst: A", "B(CDE)A"}});
}

TEST(ParseTable, Magnitude) {
  check({{"binary_magnitude", "Preference: A Magnitude: 2", "A2"},
         {"binary_magnitude", "Preference: A\nMagnitude: 2", "A2"},
         {"binary_magnitude", "Preference: A (2)", "A2 bracket"},
         {"binary_magnitude", "Magnitude: 1, Preference: B", "B1"},
         {"binary_magnitude", "Preference: A\nMagnitude: Slightly better", "A1 word"},
         {"binary_magnitude", "Preference: Neutral\nMagnitude: 0", "tie_without_preference"},
         {"binary_magnitude", "Preference: B\nMagnitude: 3", "out_of_range"},
         {"binary_magnitude", "Preference: B\nMagnitude: 1.5", "out_of_range"},
         {"binary_magnitude", "Preference: B\nMagnitude: 0", "B0"},
         {"binary_magnitude", "Preference: B", "unparsable"},
         {"binary_magnitude", "Magnitude: 2", "unparsable"},
         {"binary_magnitude", "I cannot judge this conversation.", "refused"}});
}

TEST(ParseTable, Single) {
  check({{"single", "Rating: 4", "4"},
         {"single", "Rating: 4/5", "4"},
         {"single", "4/5", "4"},
         {"single", "Rating: **4**", "4"},
         {"single", "**4**", "4"},
         {"single", "Rating: 4 (Good)", "4"},
         {"single", "Score: 4 out of 5", "4"},
         {"single", "Rating: Excellent", "5 word"},
         {"single", "Excellent", "5 word"},
         {"single", "Score (1-5): 4", "4"},
         {"single", "Score: 4/5", "4"},
         {"single", "On the 1-5 scale I give 3.", "3 sentence"},
         {"single", "Rating: 3.5", "out_of_range"},
         {"single", "Rating: 3-4", "conflicting"},
         {"single", "Rating: 0", "out_of_range"},
         {"single", "Rating: 4 (Poor)", "conflicting"},
         {"single", "I won't rate this.", "refused"}});
}

TEST(ParseTable, Ranking) {
  check({{"ranking", "Ranking: C > A > E > B > D", "CAEBD"},
         {"ranking", "Ranking: C, A, E, B, D", "CAEBD"},
         {"ranking", "C, A, E, B, D", "CAEBD"},
         {"ranking", "Ranking: [C, A, E, B, D]", "CAEBD"},
         {"ranking", "[C, A, E, B, D]", "CAEBD"},
         {"ranking", "Ranking: CAEBD", "CAEBD compact"},
         {"ranking", "CAEBD", "CAEBD compact"},
         {"ranking", "1. C\n2. A\n3. E\n4. B\n5. D", "CAEBD list"},
         {"ranking", "Ranking:\n1. C\n2. A\n3. E\n4. B\n5. D", "CAEBD list"},
         {"ranking", "| Rank | Completion |\n|---|---|\n| 1 | C |\n| 2 | A |\n| 3 | E |\n| 4 | B |\n| 5 | D |",
          "CAEBD table"},
         {"ranking", R"({"C":1,"A":2,"E":3,"B":4,"D":5})", "CAEBD json_ranks"},
         {"ranking", "Ranking: C > A = E > B > D", "C(AE)BD"},
         {"ranking", "Ranking: C > A > E > B", "unparsable"},
         {"ranking", "Ranking: C > A > A > B > D", "out_of_range"},
         {"ranking", "Ranking: F > A > E > B > D", "out_of_range"},
         {"ranking", "Ranking: D < B < E < A < C", "CAEBD reversed"},
         {"ranking", "I'm unable to rank these.", "refused"}});
  EXPECT_EQ(read("ranking", JudgeText{"Ranking: C > A > E > B", {}, "stop"}, {.infer_last = true}), "CAEBD infer_last");
}

TEST(ParseTable, EmptyContentIsLookedForInTheReasoning) {
  const auto routed = [](const std::string& name, const std::string& reasoning, const char* finish) {
    return read(name, JudgeText{"", reasoning, finish});
  };
  EXPECT_EQ(routed("binary", "B is kinder.\nPreference: B", "stop"), "B from_reasoning");
  EXPECT_EQ(routed("binary_magnitude", "Preference: B\nMagnitude: 1", "stop"), "B1 from_reasoning");
  EXPECT_EQ(routed("single", "Rating: 2", "stop"), "2 from_reasoning");
  EXPECT_EQ(routed("ranking", "Ranking: E > D > C > B > A", "stop"), "EDCBA from_reasoning");
  EXPECT_EQ(routed("binary", "B is kinder.\nPreference: B", "length"), "truncated");
  // Only its last 2,000 characters are read.
  EXPECT_EQ(routed("binary", "Preference: A\n" + std::string(2500, 'x'), "stop"), "unparsable");
}

TEST(Parse, ThinkingIsCutUpToTheLastClosingTag) {
  check({{"binary", "<think>Preference: A</think>\nPreference: B", "B"},
         {"binary", "At first: Preference: A</think>Preference: B", "B"},
         {"binary", "Preference: A</think> hmm </think>\n\nPreference: B", "B"},
         {"binary", "<THINKING>Preference: A</THINKING> Preference: B", "B"},
         {"binary",
          "<|channel|>analysis<|message|>Preference: A<|end|><|start|>assistant<|channel|>final<|message|>Preference: "
          "B<|return|>",
          "B"},
         {"binary", "[THINK]Preference: A[/THINK]Preference: B", "B"},
         {"binary", "<think>Preference: A", "truncated"},
         {"binary", "Preference: A</think><think>Preference: B", "truncated"},
         {"binary", "<think>Preference: A</think>", "unparsable"},
         {"binary", "", "unparsable"}});
}

TEST(Parse, WhatWasCutOffIsTruncatedUnlessItsAnswerLineIsThere) {
  EXPECT_EQ(read("binary", JudgeText{"I weigh both and", {}, "length"}), "truncated");
  EXPECT_EQ(read("binary", JudgeText{"A", {}, "length"}), "truncated")
      << "a bare letter may be the start of a sentence";
  EXPECT_EQ(read("binary", JudgeText{"Preference: A\nBecause it", {}, "length"}), "A");
  EXPECT_EQ(read("ranking", JudgeText{"Ranking: C > A > E", {}, "length"}), "truncated");
  EXPECT_EQ(read("binary_magnitude", JudgeText{"Preference: A", {}, "length"}), "truncated");
  EXPECT_EQ(read("binary", JudgeText{"", {}, "length"}), "truncated");
}

TEST(Parse, OtherEndingsAreNotAnswers) {
  EXPECT_EQ(read("binary", JudgeText{"Preference: A", {}, "content_filter"}), "refused");
  EXPECT_EQ(read("binary", JudgeText{"Preference: A", {}, "error_of_a_new_kind"}), "transport");
}

TEST(Parse, TheLastLineCountsNotTheFirst) {
  check({{"binary", "Preference: A\n\nWait, B is right about the date.\n\nPreference: B", "B"},
         {"binary", "Preference: A\nPreference: B", "conflicting"},
         {"binary", "Preference: B\nPreference: B", "B"},
         {"single", "Rating: 2\n\nThat was too harsh.\n\nRating: 3", "3"},
         {"ranking", "Stage 1: A > B > C > D > E\n\nStage 2: B and C swap.\n\nRanking: A > C > B > D > E", "ACBDE"},
         {"ranking", "First ranking: A > B > C > D > E\n\nFinal ranking: A > C > B > D > E", "ACBDE"}});
}

TEST(Parse, PlantedVerdictsAreNotTaken) {
  check({{"binary", "Completion B says \"Preference: B\" to fool me.\n\nPreference: A", "A"},
         {"binary", "Completion B says \"Preference: B\" to fool me.\nPreference: A", "A"},
         {"binary", "The text orders: Preference: B, which I ignore.\n\nPreference: A", "A"},
         {"binary", "It contains the object {\"preference\": \"B\"} as bait.\n\nPreference: A", "A"},
         {"binary", "Completion B quotes \"Preference: B\". I will not follow it.", "unparsable"},
         {"single", "The completion claims \"Rating: 5\".\n\nRating: 1", "1"},
         {"binary", "Preference: A. On second thought, Preference: B", "conflicting"},
         {"binary", "Preference: A\n\nActually, my mistake: Preference: B", "conflicting"}});
}

TEST(Parse, JsonIsReadWithTheFieldsInAnyCase) {
  check({{"binary", R"({"reason": "kinder", "preference": "B"})", "B"},
         {"binary", "```json\n{\"Preference\": \"A\", \"reason\": \"a {brace} and a \\\" quote\"}\n```", "A"},
         {"binary", "Here it is:\n{\"preference\": \"A\"}\nor rather\n{\"preference\": \"B\"}", "B"},
         {"binary", R"({"preference": "C"})", "out_of_range"},
         {"binary", R"({"preference": null})", "unparsable"},
         {"binary", R"({"preference": "A", "preference": "B"})", "conflicting"},
         {"binary", R"({"answer": {"preference": "A"}})", "A"},
         {"binary", R"({"reason": "it says {'preference': 'B'}", "preference": "A"})", "A"},
         {"binary", R"({"preference": "A")", "unparsable"},
         {"binary", "{\"preference\": \"A\"}\nPreference: B", "conflicting"},
         {"binary_magnitude", R"({"reason": "x", "preference": "A", "magnitude": 2})", "A2"},
         {"binary_magnitude", R"({"preference": "A", "magnitude": "1"})", "A1"},
         {"binary_magnitude", R"({"preference": "A", "magnitude": "much better"})", "A2 word"},
         {"binary_magnitude", R"({"preference": "A", "magnitude": 7})", "out_of_range"},
         {"binary_magnitude", R"({"preference": "A"})", "unparsable"},
         {"single", R"({"rating": 4})", "4"},
         {"single", R"({"rating": 4.5})", "out_of_range"},
         {"single", R"({"score": "4/5"})", "4"},
         {"ranking", R"({"reason": "r", "ranking": "C>A>E>B>D"})", "CAEBD"},
         {"ranking", R"({"ranking": ["C", "A", "E", "B", "D"]})", "CAEBD"},
         {"ranking", R"({"ranking": ["C", ["E", "A"], "B", "D"]})", "C(AE)BD"},
         {"ranking", R"({"ranking": {"C": 1, "A": 2, "E": 3, "B": 4, "D": 5}})", "CAEBD json_ranks"},
         {"ranking", R"({"1": "C", "2": "A", "3": "E", "4": "B", "5": "D"})", "CAEBD json_ranks"},
         {"ranking", R"({"ranking": ["C", "A", "E", "B"]})", "unparsable"},
         {"ranking", R"({"ranking": ["C", "A", "A", "B", "D"]})", "out_of_range"}});
}

TEST(Parse, DecorationIsTakenOff) {
  check({{"binary", "### Preference: **A**", "A"},
         {"binary", "```\nPreference: A\n```", "A"},
         {"binary", "```Preference: A```", "A"},
         {"binary", "> Preference: A", "A"},
         {"binary", "- __Preference__: `A`", "A"},
         {"binary", "Preference： Ａ", "A"},
         {"binary", "Preference: \xF0\x9D\x90\x80", "A"},  // mathematical bold A
         {"binary", "Preference: \xE2\x92\xB6", "A"},      // circled A
         {"binary",
          "Preference: \xE2\x80\x9C"
          "A\xE2\x80\x9D",
          "A"},
         {"binary",
          "Pre\xE2\x80\x8B"
          "ference: A",
          "A"},  // zero-width space
         {"binary", "\x1B[1mPreference: A\x1B[0m", "A"},
         {"binary", "Preference: \\boxed{\\text{A}}", "A"},
         {"binary", "Final answer: $\\boxed{B}$", "B"},
         {"binary", "<answer>\nPreference: A\n</answer>", "A"},
         {"binary", "Preference:\nA", "A next_line"},
         {"binary", "**Preference**\n\nB", "B bare_letter"},
         {"binary", "Preference: A\r\n", "A"},
         {"ranking", "Ranking: C ≻ A ≻ E ≻ B ≻ D", "CAEBD"},
         {"ranking", "Ranking: C &gt; A &gt; E &gt; B &gt; D", "CAEBD"},
         {"ranking", "Ranking: $C \\succ A \\succ E \\succ B \\succ D$", "CAEBD"},
         {"ranking", "Ranking: C → A → E → B → D", "CAEBD"},
         {"ranking", "Ranking: Completion C > Completion A > Completion E > Completion B > Completion D", "CAEBD"},
         {"ranking", "Ranking (best to worst): **C** > **A** > **E** > **B** > **D**", "CAEBD"},
         {"ranking", "Ranking (worst to best): D, B, E, A, C", "CAEBD reversed"},
         {"ranking", "Ranking (worst to best): D > B > E > A > C", "conflicting"},
         {"ranking", "Ranking: C, A, E, B, and D.", "CAEBD"},
         {"ranking", "Ranking: [C] > [A] > [E] > [B] > [D]", "CAEBD"},
         {"ranking", "Ranking: C > (A = E) > B > D", "C(AE)BD"},
         {"ranking", "### Final Ranking:\nC > A > E > B > D", "CAEBD next_line"},
         {"ranking", "Best to worst: C, A, E, B, D", "CAEBD"},
         {"ranking", "So, from best to worst, it is C > A > E > B > D.", "CAEBD sentence"},
         {"ranking", "All in all A, B, C, D, and E are fine.", "unparsable"},
         {"ranking", "Ranking: C > A, E > B > D", "conflicting"},
         {"ranking", "Ranking: C > A < E > B > D", "conflicting"},
         {"ranking", "Ranking: C > A > E > B > ...", "unparsable"},
         {"ranking",
          "1. **Completion C** - clear\n2. **Completion A** - long\n3. **Completion E**\n4. **Completion B**\n5. "
          "**Completion D**",
          "CAEBD list"},
         {"ranking", "A: 2\nB: 4\nC: 1\nD: 5\nE: 3", "CAEBD list"}});
}

TEST(Parse, AnArticleIsNoLetter) {
  check({{"binary", "Preference: A great answer was given by both", "unparsable"},
         {"binary", "Choice: a", "unparsable"},
         {"binary", "Preference: A, since B is wrong", "A"},
         {"binary", "Preference: B. A is too long.", "B"},
         {"binary", "Preference: A is not better", "conflicting"},
         {"binary", "Preference: A is worse", "conflicting"},
         {"binary", "Preference: <A>", "A"},
         {"binary", "Preference: Completion A is better than Completion B.", "A"},
         {"binary", "Preference: A - it is more helpful", "A"},
         {"binary", "Preference: A \xE2\x80\x93 B was too long", "A"},
         {"binary", "Preference: A/B", "conflicting"},
         {"binary", "Preference: A > B", "A comparison"},
         {"binary", "Preference: X", "out_of_range"},
         {"binary", "My preference is B.", "B"},
         {"binary", "The winner is Response B.", "B"},
         {"binary", "Preference of the two: I would rather not say", "unparsable"}});
}

TEST(Parse, ScoresAreNotGuessed) {
  check({{"single", "Rating: 8/10", "out_of_range"},
         {"single", "Rating: 4/10", "out_of_range"},
         {"single", "Rating: -1", "out_of_range"},
         {"single", "Rating: 4.0", "4"},
         {"single", "Rating: four", "4 word"},
         {"single", "Rating: Good (4)", "4 word"},
         {"single", "Rating: Good (3)", "conflicting"},
         {"single", "Rating: 4 - Good", "4"},
         {"single", "Rating: 3 or 4", "conflicting"},
         {"single", "Rating: good to excellent", "conflicting"},
         {"single", "Rating: 4 stars", "4"},
         {"single", "Rating: 3/5: average", "3"},
         {"single", "I'd rate it 4/5.", "4 sentence"},
         {"single", "Overall rating: 3", "3"},
         {"single", "I give 3 reasons for this.", "unparsable"},
         {"single", "I would rate this completion a 4 out of 5.", "4 sentence"},
         {"single", "It makes 3 good points.", "unparsable"},
         {"single", "Rating: N", "unparsable"},
         {"single", "Rating: 4\nRating: 5", "conflicting"}});
}

TEST(Parse, HostileTextsNeitherCrashNorTakeLong) {
  const std::string text(200000, '{');
  EXPECT_EQ(read("binary", text), "unparsable");
  EXPECT_EQ(read("ranking", std::string(200000, '>')), "unparsable");
  EXPECT_EQ(read("binary", "Preference: " + std::string(100000, '(')), "unparsable");
  EXPECT_EQ(read("single", "Rating: 99999999999999999999"), "unparsable");
  EXPECT_EQ(read("binary",
                 "Preference: \xFF\xFE"
                 "A"),
            "unparsable");
  std::string repeated;
  for (int i = 0; i < 20000; ++i) repeated += "Preference: A\n\n";
  EXPECT_EQ(read("binary", repeated), "A");
  EXPECT_EQ(read("binary", std::string("Preference: A\0B", 15)), "unparsable") << "what a NUL hides is no letter";
}

TEST(Parse, TheEvidenceIsKept) {
  const Label label = parse_answer(format("binary"), 2, {"Reasons.\n**Preference:** B"});
  EXPECT_EQ(label.evidence, "Preference: B");
  EXPECT_EQ(label.rule, "line");
}

TEST(Parse, WhatAnAnswerSaysIsReadBack) {
  for (const std::string& name : format_names()) {
    const Format& f = format(name);
    std::vector<Label> labels = f.labels(shown(f));
    if (f.field(FieldKind::kRanking)) labels.emplace_back().ranking = {{2}, {0}, {4}, {1}, {3}};
    if (f.field(FieldKind::kWorst)) labels.emplace_back().ranking = {{2}, {0, 3, 4}, {1}};
    ASSERT_FALSE(labels.empty()) << name;
    for (const Label& label : labels)
      for (const std::string& text : {answer_of(f, label), structured_answer_of(f, label, "because")}) {
        const Label back = parse_answer(f, shown(f), {text});
        EXPECT_EQ(back.status, "ok") << name << ": " << text;
        EXPECT_EQ(back.choice, label.choice) << text;
        EXPECT_EQ(back.neither, label.neither) << text;
        EXPECT_EQ(back.magnitude, label.magnitude) << text;
        EXPECT_EQ(back.rating, label.rating) << text;
        EXPECT_EQ(back.ranking, label.ranking) << text;
      }
  }
  Label tied;
  tied.ranking = {{2}, {0, 4}, {1}, {3}};
  EXPECT_EQ(answer_of(format("ranking"), tied), "Ranking: C > A = E > B > D");
  EXPECT_EQ(parse_answer(format("ranking"), 5, {answer_of(format("ranking"), tied)}).ranking, tied.ranking);
}

}  // namespace
}  // namespace ballot
