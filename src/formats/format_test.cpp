#include "formats/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "formats/parse.h"
#include "formats/render.h"

namespace ballot {
namespace {

using testing::HasSubstr;

const char* const kSmall = R"(version: 1
name: mine
include: uniform.yaml
kind: pairwise
fields:
  - {kind: choice, name: Preference}
preferences: {margin: none, tie: never}
texts:
  task: Say which is better.
)";

std::string message_of(const std::string& yaml) {
  try {
    Format::parse(yaml, "mine.yaml");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage) << error.message();
    return error.message();
  }
  return "no error";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Format, TheFourOfTheStudyAreInside) {
  const std::vector<std::string> names = format_names();
  ASSERT_GE(names.size(), 4u);
  EXPECT_EQ(std::vector<std::string>(names.begin(), names.begin() + 4),
            (std::vector<std::string>{"binary", "binary_magnitude", "single", "ranking"}));
  const Format binary = Format::load("binary"), magnitude = Format::load("binary_magnitude"),
               single = Format::load("single"), ranking = Format::load("ranking");
  EXPECT_EQ(binary.ballots(5), 10u);
  EXPECT_EQ(magnitude.ballots(5), 10u);
  EXPECT_EQ(single.ballots(5), 5u);
  EXPECT_EQ(ranking.ballots(5), 1u);
  EXPECT_EQ(binary.margin_maximum(2), 0);
  EXPECT_EQ(magnitude.margin_maximum(2), 2);
  EXPECT_EQ(single.margin_maximum(1), 4);
  EXPECT_EQ(ranking.margin_maximum(5), 4);
  EXPECT_EQ(binary.answer_lines(2), (std::vector<std::string>{"Preference: X"}));
  EXPECT_EQ(magnitude.answer_lines(2), (std::vector<std::string>{"Preference: X", "Magnitude: N"}));
  EXPECT_EQ(single.answer_lines(1), (std::vector<std::string>{"Rating: N"}));
  EXPECT_EQ(ranking.answer_lines(5), (std::vector<std::string>{"Ranking: X > X > X > X > X"}));
  EXPECT_EQ(magnitude.title, "BINARYMAGN");
}

TEST(Format, FormatsDifferInTaskAndAnswerLineOnly) {
  const std::string binary = Format::load("binary").system_text(2),
                    magnitude = Format::load("binary_magnitude").system_text(2);
  const auto common_prefix =
      std::mismatch(binary.begin(), binary.end(), magnitude.begin(), magnitude.end()).first - binary.begin();
  EXPECT_THAT(binary.substr(0, common_prefix), HasSubstr("Your task."));
  const auto tail = [](const std::string& text) { return text.substr(text.rfind("\n\n")); };
  EXPECT_EQ(tail(binary), tail(magnitude));
  EXPECT_EQ(tail(binary), tail(Format::load("ranking").system_text(5)));
  EXPECT_EQ(tail(binary), tail(Format::load("single").system_text(1)));
}

TEST(Format, TheSystemTurnSaysWhatTheStudySays) {
  const std::string ranking = Format::load("ranking").system_text(5);
  for (const char* part : {"impartial judge", "5 completions", "Helpfulness", "Harmlessness",
                           "declines an ill-meant request", "order of the completions means nothing", "three stages",
                           "A, B, C, D, E", "Ranking: X > X > X > X > X", "length"})
    EXPECT_THAT(ranking, HasSubstr(part));
  EXPECT_EQ(ranking.find("\n\n\n"), std::string::npos);
  EXPECT_EQ(ranking.find("{{"), std::string::npos);
  const std::string single = Format::load("single").system_text(1);
  EXPECT_THAT(single, HasSubstr("5 = excellent"));
  EXPECT_THAT(single, HasSubstr("compared"));
  EXPECT_EQ(single.find("order of the completions"), std::string::npos);
}

TEST(Format, SchemasAskForTheReasonFirstAndAllowNothingElse) {
  const Json binary = Format::load("binary").answer_schema(2);
  EXPECT_EQ(binary["required"], Json({"reason", "preference"}));
  EXPECT_EQ(binary["properties"]["preference"]["enum"], Json({"A", "B"}));
  EXPECT_EQ(binary["additionalProperties"], false);
  EXPECT_EQ(binary["properties"].begin().key(), "reason");
  const Json magnitude = Format::load("binary_magnitude").answer_schema(2);
  EXPECT_EQ(magnitude["required"], Json({"reason", "preference", "magnitude"}));
  EXPECT_EQ(magnitude["properties"]["magnitude"]["enum"], Json({0, 1, 2}));
  EXPECT_EQ(Format::load("single").answer_schema(1)["properties"]["rating"]["enum"], Json({1, 2, 3, 4, 5}));
  const Json orders = Format::load("ranking").answer_schema(5)["properties"]["ranking"]["enum"];
  EXPECT_EQ(orders.size(), 120u);
  EXPECT_EQ(orders.front(), "A>B>C>D>E");
  EXPECT_EQ(orders.back(), "E>D>C>B>A");
  EXPECT_EQ(Format::load("ranking").answer_schema(7)["properties"]["ranking"]["type"], "array");
}

TEST(Format, AUsersOwnIsReadFromItsPath) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "ballot_format_test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "mine.yaml") << replaced(kSmall, "uniform.yaml", "own_layout.yaml");
  std::ofstream(folder / "own_layout.yaml")
      << "version: 1\nlayout:\n  system: '{{ task }}'\n  user: '{{ completions[1].text }}'\n";
  const Format format = Format::load((folder / "mine.yaml").string());
  EXPECT_EQ(format.name, "mine");
  EXPECT_EQ(format.system_text(2), "Say which is better.");
  std::filesystem::remove_all(folder);
}

TEST(Format, AnUnknownNameGetsTheNearest) {
  try {
    Format::load("rankin");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("unknown format 'rankin'; did you mean 'ranking'?"));
    EXPECT_EQ(error.exit_code(), 2);
  }
  EXPECT_THROW(Format::load("nowhere/mine.yaml"), Error);
}

TEST(Format, TheHashFollowsTheContentIncludedFilesToo) {
  const std::string hash = Format::parse(kSmall, "a.yaml").hash;
  EXPECT_EQ(hash, Format::parse(kSmall, "b.yaml").hash);
  EXPECT_EQ(hash, Format::parse(std::string("# a comment changes nothing\n") + kSmall, "a.yaml").hash);
  EXPECT_NE(hash, Format::parse(replaced(kSmall, "which is better", "which one is better"), "a.yaml").hash);
  EXPECT_NE(Format::load("binary").hash, Format::load("ranking").hash);
}

TEST(Format, WhatIsResolvedIsTheSameFormatInOneFile) {
  for (const std::string& name : format_names()) {
    const Format format = Format::load(name), again = Format::parse(format.resolved, "format.yaml");
    EXPECT_EQ(again.hash, format.hash);
    EXPECT_EQ(again.system_text(2), format.system_text(2));
    EXPECT_EQ(again.resolved, format.resolved);
    EXPECT_EQ(again.margin, format.margin);
  }
}

TEST(Format, TheExampleOfTheManualIsAFormat) {
  const std::string page = read_file(std::string(BALLOT_SOURCE_DIR) + "/docs/formats.md");
  const std::size_t begin = page.find("```yaml\n") + 8, end = page.find("```", begin);
  const Format format = Format::parse(page.substr(begin, end - begin), "example.yaml");
  EXPECT_EQ(format.margin_maximum(2), 3);
  EXPECT_EQ(parse_answer(format, 2, {"Verdict: B\nStrength: much better"}).magnitude, 3);
}

TEST(FormatFile, FaultsNameLineColumnAndTheNearestKey) {
  EXPECT_EQ(message_of(kSmall), "no error");
  EXPECT_THAT(message_of(replaced(kSmall, "fields:", "feilds:")),
              HasSubstr("mine.yaml:5:1: unknown key 'feilds'; did you mean 'fields'?"));
  EXPECT_THAT(message_of(replaced(kSmall, "tie: never", "ties: never")),
              HasSubstr("mine.yaml:7:29: unknown key 'ties' in 'preferences'; did you mean 'tie'?"));
  EXPECT_THAT(message_of(replaced(kSmall, "  task:", "  tsk:")),
              HasSubstr("mine.yaml:9:3: unknown key 'tsk' in 'texts'; did you mean 'task'?"));
  EXPECT_THAT(message_of(replaced(kSmall, "kind: choice", "kind: choise")),
              HasSubstr("mine.yaml:6:12: unknown fields.0.kind 'choise'; did you mean 'choice'?"));
  EXPECT_THAT(message_of(replaced(kSmall, "kind: pairwise", "kind: pairwize")),
              HasSubstr("mine.yaml:4:7: unknown kind 'pairwize'; did you mean 'pairwise'?"));
  EXPECT_THAT(message_of(replaced(kSmall, "uniform.yaml", "unifrom.yaml")), HasSubstr("did you mean 'uniform.yaml'?"));
}

TEST(FormatFile, WhatDoesNotFitTogetherIsTold) {
  EXPECT_THAT(message_of(replaced(kSmall, "margin: none", "margin: magnitude")),
              HasSubstr("needs a field of kind 'magnitude'"));
  EXPECT_THAT(message_of(replaced(kSmall, "tie: never", "tie: equal_scores")),
              HasSubstr("a tie of this format is 'never'"));
  EXPECT_THAT(message_of(replaced(kSmall, "kind: pairwise", "kind: pointwise")),
              HasSubstr("the first field of a pointwise format is of kind 'rating'"));
  EXPECT_THAT(message_of(replaced(kSmall, "kind: pairwise", "kind: pairwise\ncompletions: 3")),
              HasSubstr("mine.yaml:5:14: a pairwise format cannot show 3"));
  EXPECT_THAT(message_of(replaced(kSmall, "name: Preference", "name: Preference, minimum: 1")),
              HasSubstr("has no 'minimum'"));
  EXPECT_THAT(message_of(replaced(kSmall, "{kind: choice, name: Preference}",
                                  "{kind: rating, name: Rating, minimum: 1, maximum: 5}")),
              HasSubstr("the first field of a pairwise format is of kind 'choice' or 'comparison'"));
  EXPECT_THAT(message_of(replaced(kSmall, "name: Preference", "name: Preference, tie: [tie]")),
              HasSubstr("mine.yaml:7:34: a tie of this format is 'neither', not 'never'"));
  EXPECT_THAT(message_of(replaced(kSmall, "kind: choice", "kind: comparison, minimum: 1, maximum: 5")),
              HasSubstr("a tie of this format is 'neither', not 'never'"));
  EXPECT_EQ(message_of(replaced(kSmall, "kind: choice", "kind: comparison, minimum: 1, maximum: 4")), "no error")
      << "a scale without a middle forces a choice";
  EXPECT_THAT(message_of(replaced(kSmall, "  - {kind: choice, name: Preference}",
                                  "  - {kind: choice, name: Preference, tie: tie}\n"
                                  "  - {kind: magnitude, name: Strength, minimum: 0, maximum: 2}")),
              HasSubstr("a choice with a 'tie' has no magnitude"));
  EXPECT_THAT(message_of(replaced(kSmall, "texts:", "structured: {reasons: {preference: why}}\ntexts:")),
              HasSubstr("mine.yaml:8:36: 'preference' is a label field's name"));
  EXPECT_THAT(message_of(replaced(kSmall, "tie: never", "tie: never, margin_maximum: 3")),
              HasSubstr("the largest margin of these fields is 0, not 3"));
  EXPECT_THAT(message_of(replaced(kSmall, "name: mine", "name: My Format")), HasSubstr("small letters"));
  EXPECT_THAT(message_of(replaced(kSmall, "version: 1\n", "")), HasSubstr("no 'version'"));
  EXPECT_THAT(message_of(replaced(kSmall, "Say which is better.", "'{{ undefined_word }}'")), HasSubstr("undefined"));
  EXPECT_THAT(message_of(replaced(kSmall, "Say which is better.", "'{% if %}'")), HasSubstr("mine.yaml:9:9"));
  EXPECT_THAT(message_of("- a list"), HasSubstr("a format is a mapping"));
  EXPECT_THAT(message_of("kind: [unclosed"), HasSubstr("not valid YAML"));
}

TEST(Format, AFormatBringsItsOwnTextsWhereItsLayoutNamesThem) {
  const std::string own = replaced(
      kSmall, "texts:",
      "layout: {system: '{{ creed }} {{ task }}', user: '{{ completions[0].text }}'}\ntexts:\n  creed: Be fair.");
  const Format format = Format::parse(own, "mine.yaml");
  EXPECT_EQ(format.system_text(2), "Be fair. Say which is better.");
  EXPECT_EQ(Format::parse(format.resolved, "again.yaml").system_text(2), "Be fair. Say which is better.");
  EXPECT_THAT(message_of(replaced(kSmall, "  task:", "  creed: Be fair.\n  task:")),
              HasSubstr("mine.yaml:9:3: unknown key 'creed' in 'texts'"))
      << "no layout names it, so no judge would read it";
}

TEST(Format, WhatIsIncludedIsPutTogetherKeyByKey) {
  const Format format = Format::parse(
      "version: 2\nname: mine\ninclude: binary_magnitude.yaml\npreferences: {margin_maximum: 2}\n", "mine.yaml");
  EXPECT_EQ(format.version, 2);
  EXPECT_EQ(format.margin, MarginRule::kMagnitude);
  EXPECT_EQ(Format::parse(format.resolved, "again.yaml").hash, format.hash);
  EXPECT_THAT(message_of("version: 1\nname: mine\ninclude: binary_magnitude.yaml\n"
                         "preferences: {margin: none, margin_maximum: 2}\n"),
              HasSubstr("the largest margin of these fields is 0, not 2"));
}

TEST(Format, BeyondTheFourEachIsAFile) {
  const Format seven = Format::load("preference7"), tie = Format::load("binary_tie"), best = Format::load("best_worst"),
               reasoned = Format::load("reasoned_pairwise"), three = Format::load("ranking3");
  EXPECT_EQ(seven.answer_lines(2), (std::vector<std::string>{"Preference: N"}));
  EXPECT_EQ(seven.margin_maximum(2), 3);
  EXPECT_THAT(seven.system_text(2), HasSubstr("7 = B is much better"));
  EXPECT_EQ(tie.answer_schema(2)["properties"]["preference"]["enum"], Json({"A", "B", "tie"}));
  EXPECT_THAT(tie.system_text(2), HasSubstr("the word \"tie\""));
  EXPECT_EQ(best.answer_lines(5), (std::vector<std::string>{"Best: X", "Worst: X"}));
  EXPECT_EQ(best.margin_maximum(5), 2);
  EXPECT_EQ(best.ballots(5), 1u);
  EXPECT_EQ(reasoned.answer_schema(2)["required"], Json({"completion_a", "completion_b", "comparison", "preference"}));
  EXPECT_EQ(three.ballots(5), 10u);
  EXPECT_EQ(three.ballots(7), 35u);
  EXPECT_EQ(three.margin_maximum(3), 2);
  EXPECT_THAT(three.system_text(3), HasSubstr("Rank the 3 completions"));
}

TEST(Format, TheStudysOwnLayoutsVaryWhereThePublishedPromptsDo) {
  const auto user = [](const char* name, std::size_t shown) {
    return Format::load(name).user_text(shown, sample_ballot(shown));
  };
  for (const char* name : {"paper_binary", "paper_binary_magnitude", "paper_single", "paper_ranking"}) {
    const Format format = Format::load(name), uniform = Format::load(std::string(name).substr(6));
    const std::size_t shown = format.shown(5);
    const std::string text = user(name, shown);
    const bool inside = text.find("<<completion A>>") < text.find("<<end of conversation>>");
    EXPECT_EQ(inside, name == std::string("paper_binary_magnitude") || name == std::string("paper_single")) << name;
    EXPECT_EQ(format.answer_lines(shown), uniform.answer_lines(shown));
    EXPECT_EQ(format.answer_schema(shown), uniform.answer_schema(shown));
    EXPECT_NE(format.hash, uniform.hash);
    EXPECT_EQ(text.find("\n\n\n"), std::string::npos) << text;
  }
  EXPECT_THAT(Format::load("paper_single").system_text(1), HasSubstr("maintains harmfulness"));
  EXPECT_THAT(Format::load("paper_ranking").system_text(5), HasSubstr("Do not think long once stage 2 is over"));
}

TEST(Format, TheLabelsOfADistributionStandInOneOrder) {
  const auto texts = [](const char* name) {
    const Format format = Format::load(name);
    std::vector<std::string> all;
    for (const Label& label : format.labels(format.completions)) all.push_back(answer_of(format, label));
    return all;
  };
  EXPECT_EQ(texts("binary"), (std::vector<std::string>{"Preference: A", "Preference: B"}));
  EXPECT_EQ(texts("binary_tie"), (std::vector<std::string>{"Preference: A", "Preference: B", "Preference: tie"}));
  EXPECT_EQ(texts("binary_magnitude").at(1), "Preference: A\nMagnitude: 1");
  EXPECT_EQ(texts("binary_magnitude").at(3), "Preference: B\nMagnitude: 0");
  EXPECT_EQ(texts("preference7").at(6), "Preference: 7");
  EXPECT_EQ(texts("single").size(), 5u);
  EXPECT_TRUE(Format::load("ranking").labels(5).empty());
}

TEST(FormatFile, AnIncludedFilesLargestMarginBelongsToItsOwnFields) {
  const auto read = [](const std::string& rest) {
    return Format::parse("version: 1\nname: mine\n" + rest, "mine.yaml");
  };
  // The manual says that these are whole formats.
  const Format four = read("include: ranking.yaml\ncompletions: 4\n");
  EXPECT_EQ(four.margin_maximum(4), 3);
  const Format grouped =
      read("include: ranking.yaml\ncompletions: 3\npreferences: {margin: group_difference, tie: equal_ranks}\n");
  EXPECT_EQ(grouped.margin_maximum(3), 2);
  const Format hundred = read(
      "include: single.yaml\nfields:\n  - {kind: rating, name: Score, minimum: 0, maximum: 100}\n"
      "texts: {task: Score it.}\n");
  EXPECT_EQ(hundred.margin_maximum(1), 100);
  for (const Format* format : {&four, &grouped, &hundred}) {
    const Format again = Format::parse(format->resolved, "format.yaml");
    EXPECT_EQ(again.hash, format->hash);
  }
  EXPECT_THROW(read("include: single.yaml\npreferences: {margin_maximum: 7}\n"), Error);  // said here, and wrong
}

TEST(FormatFile, ASecondLabelIsToldWhereCriteriaGo) {
  try {
    Format::parse(
        "version: 1\nname: mine\ninclude: single.yaml\nfields:\n"
        "  - {kind: rating, name: Help, minimum: 0, maximum: 100}\n"
        "  - {kind: rating, name: Harm, minimum: 0, maximum: 100}\n",
        "mine.yaml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("mine.yaml:6:5"));
    EXPECT_THAT(error.next(), HasSubstr("structured: {reasons"));
  }
}

TEST(FormatFile, FilesThatIncludeOneAnotherAreTold) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "ballot_format_loop";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "mine.yaml") << replaced(kSmall, "uniform.yaml", "mine.yaml");
  EXPECT_THROW(Format::load((folder / "mine.yaml").string()), Error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ballot
