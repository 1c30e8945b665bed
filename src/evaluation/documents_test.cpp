#include "evaluation/documents.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "evaluation/golden_tasks.h"

namespace ballot {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

class DocumentsOf : public TaskTest {
 protected:
  RejectLog rejects_;
};

TEST_F(DocumentsOf, BigBenchHardsLayoutHasItsRowsUnderExamples) {
  write("bbh/snarks.json",
        R"json({"canary": "x", "examples": [{"input": "a", "target": "(A)"}, {"input": "b", "target": "(B)"}]})json");
  const Documents documents = read_split({"SaylorTwift/bbh", "snarks", {}, {}}, "test", folder_, rejects_);
  EXPECT_EQ(documents.rows.size(), 2u);
  EXPECT_THAT(documents.columns, ElementsAre("input", "target"));
}

TEST_F(DocumentsOf, AColumnThatARowLacksIsNullThere) {
  write("rows.jsonl", "{\"b\": 1}\n{\"a\": 2, \"b\": 3}\n");
  DatasetName dataset{"json", {}, Json::parse(R"({"data_files": {"test": "rows.jsonl"}})"), folder_};
  const Documents documents = read_split(dataset, "test", {}, rejects_);
  EXPECT_EQ(documents.rows[0].dump(), R"({"b":1,"a":null})");
  EXPECT_EQ(documents.rows[1].dump(), R"({"b":3,"a":2})");
}

TEST_F(DocumentsOf, DataFilesAreLookedForBesideTheTaskThenInTheDataFolder) {
  fs::create_directories(folder_ / "task");
  fs::create_directories(folder_ / "data");
  const DatasetName dataset{"json", {}, Json::parse(R"({"data_files": {"test": "rows.jsonl"}})"), folder_ / "task"};
  const SplitFiles nowhere = find_split(dataset, "test", folder_ / "data");
  EXPECT_THAT(nowhere.missing, HasSubstr("rows.jsonl"));
  write("data/rows.jsonl", "{\"a\": 1}\n");
  EXPECT_THAT(find_split(dataset, "test", folder_ / "data").files, ElementsAre(folder_ / "data/rows.jsonl"));
  write("task/rows.jsonl", "{\"a\": 1}\n");
  EXPECT_THAT(find_split(dataset, "test", folder_ / "data").files, ElementsAre(folder_ / "task/rows.jsonl"));
  EXPECT_THROW(find_split(dataset, "tset", folder_), Error);
}

TEST_F(DocumentsOf, NumbersInCsvAreNumbersWhereAllOfAColumnAre) {
  write("rows.csv", "question,answer,score,mixed\na,1,0.5,1\nb,0,2,x\n");
  DatasetName dataset{"csv", {}, Json::parse(R"({"data_files": {"test": "rows.csv"}})"), folder_};
  const Documents documents = read_split(dataset, "test", {}, rejects_);
  EXPECT_EQ(documents.rows[0].dump(), R"({"question":"a","answer":1,"score":0.5,"mixed":"1"})");
  EXPECT_EQ(documents.rows[1].dump(), R"({"question":"b","answer":0,"score":2.0,"mixed":"x"})");
}

TEST_F(DocumentsOf, MmluProsSplitIsReadFromTheNameAndOtherFilesAreLeft) {
  write("mmlu_pro/mmlu_pro_test_sample.jsonl", R"({"question": "q", "options": ["a", "b"], "answer": "B"})");
  write("mmlu_pro/mmlu_pro_validation.jsonl", R"({"question": "v", "options": ["a", "b"], "answer": "A"})");
  write("mmlu_pro/model_outputs.jsonl", R"({"question_id": 1, "answer": "B", "outputs": {}})");
  const DatasetName dataset{"TIGER-Lab/MMLU-Pro", {}, {}, {}};
  EXPECT_EQ(read_split(dataset, "test", folder_, rejects_).rows.at(0)["question"], "q");
  EXPECT_EQ(read_split(dataset, "validation", folder_, rejects_).rows.at(0)["question"], "v");
}

TEST_F(DocumentsOf, AHubFolderIsReadByConfigurationAndSplit) {
  write("SaylorTwift/bbh/snarks/test-00000-of-00001.jsonl", R"json({"input": "a", "target": "(A)"})json");
  write("SaylorTwift/bbh/navigate/test-00000-of-00001.jsonl", R"({"input": "n", "target": "Yes"})");
  EXPECT_EQ(read_split({"SaylorTwift/bbh", "navigate", {}, {}}, "test", folder_, rejects_).rows.at(0)["input"], "n");
  write("gpqa/gpqa_main.csv",
        "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3\nq,c,\"w, 1\",w2,w3\n");
  EXPECT_EQ(
      read_split({"Idavidrein/gpqa", "gpqa_main", {}, {}}, "train", folder_, rejects_).rows.at(0)["Incorrect Answer 1"],
      "w, 1");
}

TEST_F(DocumentsOf, WhatIsMissingSaysHowToGetIt) {
  try {
    read_split({"Idavidrein/gpqa", "gpqa_diamond", {}, {}}, "train", folder_, rejects_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_THAT(error.message(), HasSubstr("gpqa/gpqa_diamond.csv is not there"));
    EXPECT_THAT(error.next(), HasSubstr("gated"));
  }
}

TEST_F(DocumentsOf, AMissingColumnIsToldWithTheNearest) {
  write("bbh/snarks.json", R"json({"examples": [{"inputs": "a", "target": "(A)"}]})json");
  try {
    read_split({"SaylorTwift/bbh", "snarks", {}, {}}, "test", folder_, rejects_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    EXPECT_THAT(error.message(), HasSubstr("no column 'input'; did you mean 'inputs'"));
  }
}

TEST_F(DocumentsOf, DamagedRowsAreRejectedAndTheRestGoesOn) {
  write("rows.jsonl", "{\"a\": 1}\n{\"a\": \n[1]\n{\"a\": 2}\n");
  DatasetName dataset{"json", {}, Json::parse(R"({"data_files": {"test": "rows.jsonl"}})"), folder_};
  EXPECT_EQ(read_split(dataset, "test", {}, rejects_).rows.size(), 2u);
  EXPECT_EQ(rejects_.rejected(), 2);
}

TEST_F(DocumentsOf, CsvWordsForNothingAreMissingAsPandasHasThem) {
  write("rows.csv", "a,b,c,d\n1,None,\"NA\",x\n,2,3,None of these\n");
  DatasetName dataset{"csv", {}, Json::parse(R"({"data_files": {"test": "rows.csv"}})"), folder_};
  const Documents documents = read_split(dataset, "test", {}, rejects_);
  EXPECT_EQ(documents.rows[0].dump(), R"({"a":1.0,"b":null,"c":null,"d":"x"})");
  EXPECT_EQ(documents.rows[1].dump(), R"({"a":null,"b":2.0,"c":3.0,"d":"None of these"})");
}

TEST_F(DocumentsOf, AllOfTheSharedLeaderboardDataIsFound) {
  if (shared_data().empty()) GTEST_SKIP() << "the shared data is not there";
  const fs::path data = shared_data() / "leaderboard";
  EXPECT_EQ(read_split({"SaylorTwift/bbh", "snarks", {}, {}}, "test", data, rejects_).rows.size(), 89u);
  EXPECT_EQ(read_split({"TIGER-Lab/MMLU-Pro", {}, {}, {}}, "test", data, rejects_).rows.size(), 1444u);
  EXPECT_EQ(read_split({"TAUR-Lab/MuSR", {}, {}, {}}, "object_placements", data, rejects_).rows.size(), 20u);
  std::size_t math = 0;
  for (const char* name : {"algebra", "counting_and_probability", "geometry", "intermediate_algebra", "number_theory",
                           "prealgebra", "precalculus"})
    math += read_split({"DigitalLearningGmbH/MATH-lighteval", name, {}, {}}, "test", data, rejects_).rows.size();
  EXPECT_EQ(math, 662u + 92u);
  EXPECT_EQ(rejects_.rejected(), 0);
}

}  // namespace
}  // namespace ballot
