// IFEval's verdicts and everything below them, against lm-evaluation-harness, NLTK, langdetect and CPython themselves
// (tests/oracles/ifeval_verdicts.py).
#include "evaluation/ifeval.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>

#include "core/error.h"
#include "core/version.h"
#include "evaluation/golden_tasks.h"
#include "evaluation/native_functions.h"
#include "evaluation/python_regex.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

const Json& golden() {
  static const Json json = golden_json("ifeval.json");
  return json;
}
const IfevalModels& models() {
  static const IfevalModels all(deps_folder());
  return all;
}
std::u32string text_of(const Json& value) {
  return decode_utf8(value.get<std::string>());
}
Json texts(const auto& parts) {
  Json list = Json::array();
  for (const auto& part : parts) list.push_back(encode_utf8(part));
  return list;
}
std::vector<Json> lines_of(const std::filesystem::path& path) {
  std::vector<Json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
  return lines;
}
Json one_instruction(const std::string& id, const Json& parameters) {
  return {{"key", 1}, {"instruction_id_list", {id}}, {"kwargs", Json::array({parameters})}};
}

TEST(PythonUnicode, LowerCaseIsPythons) {
  for (const Json& row : golden()["unicode"])
    EXPECT_EQ(encode_utf8(python_lower(text_of(row[0]))), row[1].get<std::string>()) << row[0];
}

TEST(PythonUnicode, IsupperAndIslowerArePythons) {
  for (const Json& answer : golden()["unicode"]) {
    if (answer[2] == false && answer[3] == false) continue;
    EXPECT_EQ(is_all_upper(text_of(answer[0])), answer[2].get<bool>()) << answer[0];
    EXPECT_EQ(is_all_lower(text_of(answer[0])), answer[3].get<bool>()) << answer[0];
  }
  EXPECT_FALSE(is_all_upper(U"12 3!"));
  EXPECT_FALSE(is_all_upper(U"\u01C5"));  // title case is neither
  EXPECT_TRUE(is_all_upper(U"\u2167"));   // a Roman numeral has a case
}

TEST(PythonUnicode, BytesThatAreNoUtf8BecomeOneReplacementEach) {
  EXPECT_EQ(decode_utf8("a\xFF\xC3(\xE2\x82"), U"a\uFFFD\uFFFD(\uFFFD\uFFFD");
  EXPECT_EQ(decode_utf8("\xED\xA0\x80"), U"\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(encode_utf8(decode_utf8("a é 漢 😀")), "a é 漢 😀");
}

TEST(PythonRegex, MatchesAreThoseOfRe) {
  for (const Json& row : golden()["regex"]) {
    const std::string flags = row[1];
    const PythonRegex regex(text_of(row[0]),
                            {flags.find('i') != std::string::npos, flags.find('m') != std::string::npos});
    Json spans = Json::array();
    for (const auto& match : regex.find_all(text_of(row[2]))) spans.push_back({match.begin, match.end});
    EXPECT_EQ(spans, row[3]) << row[0] << " in " << row[2];
  }
}

TEST(PythonRegex, WhatIsNoExpressionIsToldInWords) {
  for (const char32_t* pattern :
       {U"(a", U"a)", U"[a", U"*a", U"a**", U"a\\", U"(?P<x>a)", U"(a)\\1", U"a{3,2}", U"[b-a]"})
    EXPECT_THROW(PythonRegex{pattern}, Error) << encode_utf8(pattern);
}

TEST(PythonRegex, AnExpressionThatWouldNotComeBackIsGivenUp) {
  EXPECT_THROW(PythonRegex(U"(a|aa)+$").search(std::u32string(60, U'a') + U"b"), Error);
}

TEST(Punkt, SentencesAreNltks) {
  for (const Json& row : golden()["sentences"]) {
    const std::u32string text = text_of(row[0]);
    EXPECT_EQ(texts(models().punkt().sentences(text)), row[1]) << row[0];
  }
}

TEST(Punkt, WordsAreNltks) {
  for (const Json& row : golden()["words"]) EXPECT_EQ(texts(treebank_words(text_of(row[0]))), row[1]) << row[0];
}

TEST(Punkt, CountsOfRealTextsAreNltks) {
  if (shared_data().empty()) GTEST_SKIP() << "no folder of shared data";
  const Json counts = golden_json("ifeval_counts.json");
  std::size_t compared = 0;
  for (const auto& [name, expected] : counts.items()) {
    if (name == "made_by") continue;
    std::size_t at = 0;
    for (const Json& line : lines_of(shared_data() / name)) {
      const Json& value = line.contains("answers")    ? line["answers"]
                          : line.contains("response") ? line["response"]
                                                      : line["prompt"];
      for (const Json& item : value.is_array() ? value : Json::array({Json{{"answer", value}}})) {
        const std::u32string text = text_of(item["answer"]);
        const auto sentences = models().punkt().sentences(text);
        std::size_t capitals = 0;
        for (const auto sentence : sentences)
          for (const std::u32string& word : treebank_words(sentence)) capitals += is_all_upper(word);
        EXPECT_EQ(Json({sentences.size(), capitals}), expected[at]) << name << " text " << at;
        ++at, ++compared;
      }
    }
    EXPECT_EQ(at, expected.size());
  }
  EXPECT_GT(compared, 5000u);
}

TEST(Language, ProbabilitiesAreLangdetectsWithTheSameSeed) {
  for (const Json& row : golden()["languages"]) {
    const auto found = models().languages().probabilities(text_of(row[0]), row[1].get<std::uint32_t>());
    ASSERT_TRUE(found) << row[0];
    ASSERT_EQ(found->size(), row[2].size()) << row[0];
    for (std::size_t i = 0; i < found->size(); ++i) {
      EXPECT_EQ((*found)[i].name, row[2][i][0].get<std::string>()) << row[0];
      EXPECT_NEAR((*found)[i].probability, row[2][i][1].get<double>(), 1e-9) << row[0];
    }
  }
}

TEST(Language, ATextWithoutLettersHasNone) {
  EXPECT_FALSE(models().languages().detect(U"12 34 !"));
  EXPECT_FALSE(models().languages().detect(U""));
  EXPECT_EQ(models().languages().languages().size(), 55u);
}

TEST(Ifeval, VerdictsOnEveryInstructionAreTheHarnesss) {
  const Json& answers = golden()["answers"];
  std::map<std::string, int> seen;
  for (const Json& row : golden()["verdicts"]) {
    const std::string id = row[0], expected = row[2];
    ++seen[id];
    for (std::size_t a = 0; a < answers.size(); ++a) {
      const auto verdicts = ifeval_verdicts(one_instruction(id, row[1]), answers[a].get<std::string>(), models());
      const int found = (verdicts.strict[0] ? 1 : 0) + (verdicts.loose[0] ? 2 : 0);
      EXPECT_EQ(found, expected[a] - '0') << id << " " << row[1] << " on " << answers[a];
    }
  }
  EXPECT_EQ(seen.size(), 25u);
  EXPECT_EQ(instruction_ids().size(), 25u);
}

TEST(Ifeval, ScoredAnswersOfGpt4GetTheirVerdicts) {
  if (shared_data().empty()) GTEST_SKIP() << "no folder of shared data";
  const auto folder = shared_data() / "leaderboard/ifeval";
  std::map<std::int64_t, Json> rows;
  for (const Json& row : lines_of(folder / "input_data.jsonl")) rows[row["key"].get<std::int64_t>()] = row;
  std::size_t instances = 0;
  const auto begun = std::chrono::steady_clock::now();
  const std::vector<Json> answers = lines_of(folder / "gpt4_responses_scored_even.jsonl");
  for (const Json& scored : answers) {
    const Json& row = rows.at(scored["key"].get<std::int64_t>());
    const auto verdicts = ifeval_verdicts(row, scored["response"].get<std::string>(), models());
    if (is_judged_at_random(row)) continue;  // there the file's verdict is chance
    for (std::size_t i = 0; i < verdicts.strict.size(); ++i, ++instances) {
      EXPECT_EQ(Json(static_cast<bool>(verdicts.strict[i])), scored["strict"][i]) << scored["key"] << " " << i;
      EXPECT_EQ(Json(static_cast<bool>(verdicts.loose[i])), scored["loose"][i]) << scored["key"] << " " << i;
    }
  }
  EXPECT_GE(instances, 415u);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  RecordProperty("seconds_for_270_answers", std::to_string(seconds));
  EXPECT_LT(seconds, 5);
}

TEST(Ifeval, AParameterThatTheReferenceDrawsIsNeverFollowed) {
  EXPECT_TRUE(draws_a_parameter("keywords:letter_frequency",
                                {{"letter", "#"}, {"let_frequency", 4}, {"let_relation", "at least"}}));
  EXPECT_FALSE(draws_a_parameter("keywords:letter_frequency",
                                 {{"letter", "e"}, {"let_frequency", 4}, {"let_relation", "at least"}}));
  for (const std::string& id : instruction_ids()) {
    if (!draws_a_parameter(id, Json::object())) continue;
    EXPECT_FALSE(follows(id, Json::object(), U"Any text at all, for 3 cats.", models())) << id;
  }
  EXPECT_TRUE(
      draws_a_parameter("length_constraints:number_sentences", {{"relation", "at least"}, {"num_sentences", nullptr}}));
}

TEST(Ifeval, EmptyEnormousAndBrokenAnswersHaveVerdicts) {
  const std::vector<std::string> answers = {"",
                                            std::string(1, '\0'),
                                            "\xFF\xFE broken \xC3",
                                            std::string(20000, 'a'),
                                            std::string(20000, '*'),
                                            std::string(20000, '['),
                                            std::string(20000, '\n') + "x",
                                            std::string(20000, '.') + " A",
                                            [] {
                                              std::string text;
                                              for (int i = 0; i < 2000; ++i) text += "A. b! \"C\" (d) - * e,\n";
                                              return text;
                                            }()};
  std::set<std::string> done;
  for (const Json& row : golden()["verdicts"]) {
    if (!done.insert(row[0].get<std::string>()).second) continue;
    for (const std::string& answer : answers) {
      const auto verdicts = ifeval_verdicts(one_instruction(row[0], row[1]), answer, models());
      EXPECT_EQ(verdicts.strict.size(), 1u);
      if (answer.empty()) {
        EXPECT_FALSE(verdicts.loose[0]);
      }
    }
  }
}

TEST(Ifeval, RowsThatAreNoneOfItsAreErrorsInWords) {
  const auto message = [](const Json& row) {
    try {
      ifeval_verdicts(row, "x", models());
    } catch (const Error& error) {
      return error.message();
    }
    return std::string();
  };
  EXPECT_NE(message({{"key", 1}}).find("instruction_id_list"), std::string::npos);
  EXPECT_NE(message(one_instruction("keywords:existance", Json::object())).find("keywords:existence"),
            std::string::npos);
  EXPECT_NE(
      message({{"instruction_id_list", {"punctuation:no_comma"}}, {"kwargs", Json::array()}}).find("parameters of 0"),
      std::string::npos);
  EXPECT_NE(message(one_instruction("keywords:frequency", {{"keyword", "a"}, {"frequency", 1}, {"relation", "about"}}))
                .find("relation"),
            std::string::npos);
}

TEST(Ifeval, ScoresAreNamedAsTheHarnessNamesThem) {
  const Json row = {{"instruction_id_list", {"punctuation:no_comma", "startend:quotation"}},
                    {"kwargs", {Json::object(), Json::object()}}};
  EXPECT_EQ(
      ifeval_scores(row, "*\"a\"", models()).dump(),
      R"({"prompt_level_strict_acc":false,"inst_level_strict_acc":[true,false],"prompt_level_loose_acc":true,"inst_level_loose_acc":[true,true]})");
}

}  // namespace
}  // namespace ballot
