// Against the harness's own scoring: golden/math_answers.json (pairs of answers of every kind, and responses that hide
// the answer in every way), and where BALLOT_MATH_CASES names a file of tests/oracles/math_answers.py --data, that too.
#include "evaluation/math_answers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "evaluation/golden_tasks.h"
#include "evaluation/math_extract.h"

namespace ballot {
namespace {

struct Agreement {
  int cases = 0, verify = 0, original = 0, undecided = 0;
  double slowest = 0;
  std::map<std::string, int> kinds;
  std::string listing;

  void add(const std::string& kind, const std::string& solution, const std::string& response, bool expected,
           bool expected_original) {
    const auto start = std::chrono::steady_clock::now();
    const MathVerdict verdict = score_math_answer(solution, response);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    slowest = std::max(slowest, seconds);
    ++cases;
    verify += verdict.exact_match == expected;
    original += verdict.exact_match_original == expected_original;
    undecided += verdict.undecided;
    const auto note = [&](const char* measure, bool ours, bool theirs) {
      ++kinds[fmt::format("{}: {}", measure, kind)];
      listing += fmt::format("{} [{}] ours {} reference {} | {} | {} | gold '{}' answer '{}'\n", measure, kind, ours,
                             theirs, solution.substr(solution.size() > 90 ? solution.size() - 90 : 0),
                             response.substr(0, 160), verdict.gold, verdict.answer);
    };
    if (verdict.exact_match != expected) note("exact_match", verdict.exact_match, expected);
    if (verdict.exact_match_original != expected_original)
      note("original", verdict.exact_match_original, expected_original);
  }
};

std::string filled(const Json& frame, const std::string& word, const std::string& text) {
  std::string out = frame.get<std::string>();
  out.replace(out.find(word), word.size(), text);
  return out;
}

TEST(MathAnswers, VerdictsOnEveryKindOfAnswerAreTheHarnesss) {
  const Json golden = golden_json("math_answers.json");
  Agreement agreement;
  for (const Json& pair : golden["pairs"])
    agreement.add("pair", filled(golden["solution_of"], "GOLD", pair[0]),
                  filled(golden["response_of"], "ANSWER", pair[1]), pair[2].get<int>() == 1, pair[3].get<int>() == 1);
  for (const Json& one : golden["texts"])
    agreement.add("text", one[0], one[1], one[2].get<int>() == 1, one[3].get<int>() == 1);
  ASSERT_GT(agreement.cases, 2800);
  EXPECT_GE(agreement.verify, agreement.cases - 11);
  EXPECT_GE(agreement.original, agreement.cases - 6);
  // What is known to differ: calculus is not read, and two sets of inequalities (docs/evaluation.md).
  std::istringstream lines(agreement.listing);
  for (std::string line; std::getline(lines, line);) {
    const bool known = line.find("\\frac{d}{dx}") != std::string::npos || line.find("\\int") != std::string::npos ||
                       line.find("\\sum") != std::string::npos || line.find("\\lim") != std::string::npos ||
                       line.find("|x|>1") != std::string::npos || line.find("x<-1\\text{ or }") != std::string::npos;
    EXPECT_TRUE(known) << line;
  }
}

TEST(MathAnswers, VerdictsOnTheCasesGivenByHand) {
  const char* path = std::getenv("BALLOT_MATH_CASES");
  if (!path) GTEST_SKIP() << "BALLOT_MATH_CASES names no file of tests/oracles/math_answers.py --data";
  std::ifstream file(path);
  ASSERT_TRUE(file.is_open()) << path;
  Agreement agreement;
  const auto start = std::chrono::steady_clock::now();
  for (std::string line; std::getline(file, line);) {
    const Json one = Json::parse(line);
    agreement.add(one[0], one[1], one[2], one[3].get<int>() == 1, one[4].get<int>() == 1);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print(
      "{} cases in {:.1f} s, slowest {:.2f} s: exact_match {} alike, exact_match_original {} alike, {} undecided\n",
      agreement.cases, seconds, agreement.slowest, agreement.verify, agreement.original, agreement.undecided);
  for (const auto& [kind, count] : agreement.kinds) fmt::print("  {:4} {}\n", count, kind);
  fmt::print("{}", agreement.listing);
  EXPECT_GE(agreement.verify, agreement.cases * 99 / 100);
  EXPECT_GE(agreement.original, agreement.cases * 99 / 100);
}

TEST(MathAnswers, HostileAnswersEndInTime) {
  const auto many = [](const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  };
  const std::string solution = "So it is $\\boxed{7}$.";
  const std::string open = "Final Answer: The final answer is $", close = "$. I hope it is correct.";
  const std::vector<std::string> answers{many("(", 20000) + "7" + many(")", 20000),
                                         many("{", 3000),
                                         "10^{10^{10^{10}}}",
                                         "10^{10^9}",
                                         "(10^9)!",
                                         "7" + many("^7", 2000),
                                         many("7!", 300),
                                         many("\\frac{1}{", 2000) + "7" + many("}", 2000),
                                         many("x+", 5000) + "7",
                                         many("xy", 5000),
                                         many("|x", 2000),
                                         many("\\sin ", 3000) + "x",
                                         many("9", 100000),
                                         "\\binom{10^9}{10^8}",
                                         many("\\sqrt{", 1000) + "2" + many("}", 1000),
                                         many("1,", 5000) + "1",
                                         std::string("7\0\xff\xfe", 4),
                                         many("f(", 1000) + "x" + many(")", 1000),
                                         many("\\boxed{", 3000),
                                         many("$7", 3000)};
  for (const std::string& answer : answers) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(score_math_answer(solution, open + answer + close).exact_match_original) << answer.substr(0, 40);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    EXPECT_LT(seconds, 20) << answer.substr(0, 40);
  }
}

TEST(MathAnswers, TheAnswerOfASolutionIsInItsLastBox) {
  EXPECT_EQ(math_answer_of("First \\boxed{1}, then $\\boxed{\\frac{1}{2}}$."), "\\frac{1}{2}");
  EXPECT_EQ(math_answer_of("No box."), "[invalidanswer]");
}

}  // namespace
}  // namespace ballot
