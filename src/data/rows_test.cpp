#include "data/rows.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/table.h"
#include "data/test_files.h"

namespace ballot {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TestFolder;

struct Read {
  std::vector<std::string> rows;  // as JSON
  std::vector<std::string> reasons;
};

Read read(const std::string& path) {
  Read result;
  RejectLog rejects;
  for_each_row(resolve_sources({path}), rejects,
               [&](const SourceFile&, std::int64_t, const Value& row) { result.rows.push_back(to_json(row).dump()); });
  for (const Reject& reject : rejects.entries()) result.reasons.push_back(reject.reason);
  return result;
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

TEST(JsonlRows, EveryKindOfValueComesThrough) {
  TestFolder folder;
  const std::string line = R"({"a":null,"b":true,"c":-3,"d":0.5,"e":"ü\n","f":[1,[2,{}]],"g":{"h":"i"}})";
  EXPECT_THAT(read(folder.write("a.jsonl", line)).rows, ElementsAre(line));
}

TEST(JsonlRows, AWholeNumberBeyondSixtyFourBitsIsANumberAndNoFault) {
  TestFolder folder;
  const Read got = read(folder.write(
      "a.jsonl", "{\"id\": 123456789012345678901234567890, \"t\": \"x\"}\n{\"id\": 18446744073709551615}\n"));
  EXPECT_THAT(got.reasons, ElementsAre());
  ASSERT_EQ(got.rows.size(), 2u);
  EXPECT_THAT(got.rows[0], HasSubstr("1.2345678901234568e+29"));
}

TEST(JsonlRows, WhatIsNoJsonIsRejected) {
  TestFolder folder;
  const Read got =
      read(folder.write("a.jsonl",
                        "{\"rank\": NaN}\n{\"rank\": 1e400}\n{\"a\": 1,}\n{\"a\": \"\\ud800\"}\n{\"a\": 1} x\nnull\n"
                        "{\"a\": {\"b\": 1, \"b\": 2}}\n{\"a\": \"\xc3\"}\n"));
  EXPECT_THAT(got.rows, ElementsAre());
  EXPECT_THAT(got.reasons, ElementsAre("invalid_json", "invalid_json", "invalid_json", "lone_surrogate", "invalid_json",
                                       "not_an_object", "duplicate_key", "invalid_utf8"));
}

TEST(JsonlRows, DeepNestingIsRejectedAndCrashesNothing) {
  TestFolder folder;
  const std::string deep = "{\"a\": " + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  const std::string deep_with_big_number =
      "{\"n\": 123456789012345678901234567890, \"a\": " + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  const Read got = read(folder.write("a.jsonl", deep + "\n" + deep_with_big_number + "\n{}\n"));
  EXPECT_THAT(got.reasons, ElementsAre("invalid_json", "invalid_json"));
  EXPECT_THAT(got.rows, ElementsAre("{}"));
}

TEST(JsonlRows, RowsAreCountedAcrossBatches) {
  TestFolder folder;
  std::string text;
  for (int i = 0; i < 60'000; ++i)
    text += i % 1000 == 999 ? "broken\n" : "{\"i\": " + std::to_string(i) + ", \"pad\": \"0123456789\"}\n";
  RejectLog rejects;
  std::int64_t wrong = 0;
  const std::int64_t n = for_each_row(resolve_sources({folder.write("a.jsonl", text)}), rejects,
                                      [&](const SourceFile&, std::int64_t row, const Value& value) {
                                        wrong += value.get("i").as_integer() + 1 != row;
                                      });
  EXPECT_EQ(n, 60'000);
  EXPECT_EQ(wrong, 0);
  ASSERT_EQ(rejects.entries().size(), 60u);
  EXPECT_EQ(rejects.entries()[59].row, 60'000);
}

TEST(CsvRows, QuotesCommasAndLineBreaksAreRead) {
  TestFolder folder;
  const Read got =
      read(folder.write("a.csv", "\xEF\xBB\xBFid,text\r\n1,\"a \"\"b\"\", c\r\nd\"\r\n2,\r\n3,\"\"\r\n\r\n4,x"));
  EXPECT_THAT(got.rows, ElementsAre(R"({"id":"1","text":"a \"b\", c\r\nd"})", R"({"id":"2","text":null})",
                                    R"({"id":"3","text":""})", R"({"id":"4","text":"x"})"));
}

TEST(CsvRows, AWrongNumberOfFieldsIsRejectedWithItsLine) {
  TestFolder folder;
  RejectLog rejects;
  for_each_row(resolve_sources({folder.write("a.csv", "a,b\n1,2\n\"x\ny\",3,4\n5,6\n")}), rejects,
               [](const SourceFile&, std::int64_t, const Value&) {});
  ASSERT_EQ(rejects.entries().size(), 1u);
  EXPECT_EQ(rejects.entries()[0].reason, "invalid_csv");
  EXPECT_EQ(rejects.entries()[0].row, 3);
}

TEST(Sources, TheNearestNameIsSuggested) {
  TestFolder folder;
  folder.write("ranked.jsonl", "{}");
  EXPECT_THAT(error_of([&] { resolve_sources({(folder / "rankd.jsonl").string()}); }), HasSubstr("did you mean"));
}

TEST(Sources, ShardsAreTakenByNameAndHiddenFilesLeftOut) {
  TestFolder folder;
  folder.write("b.jsonl", "{\"n\": 2}\n");
  folder.write("a.jsonl", "{\"n\": 1}\n");
  folder.write(".hidden.jsonl", "broken");
  folder.write("README.md", "text");
  folder.write("a.jsonl.manifest.json", "{}");
  folder.write("more/c.jsonl.gz", testing::gzip("{\"n\": 3}\n"));
  EXPECT_THAT(read(folder.path().string()).rows, ElementsAre(R"({"n":1})", R"({"n":2})", R"({"n":3})"));
}

TEST(Sources, AFolderOfSeveralSplitsWantsOneNamed) {
  TestFolder folder;
  folder.write("data/train-00000-of-00002.jsonl", "{\"n\": 1}\n");
  folder.write("data/train-00001-of-00002.jsonl", "{\"n\": 2}\n");
  folder.write("data/test-00000-of-00001.jsonl", "{\"n\": 3}\n");
  EXPECT_THAT(error_of([&] { resolve_sources({folder.path().string()}); }),
              HasSubstr("has several splits: test, train"));
  EXPECT_EQ(resolve_sources({folder.path().string()}, "train").size(), 2u);
  EXPECT_EQ(resolve_sources({folder.path().string()}, "test").size(), 1u);
  EXPECT_THAT(error_of([&] { resolve_sources({folder.path().string()}, "tran"); }), HasSubstr("did you mean 'train'?"));
}

TEST(Sources, AHubSnapshotIsFoundByNameAndItsLinksMayNotLeaveTheRepository) {
  TestFolder folder;
  const std::string commit(40, 'a');
  const std::string repository = "hub/datasets--some--data/";
  folder.write(repository + "refs/main", commit);
  folder.write(repository + "blobs/1", "{\"n\": 1}\n");
  folder.write("outside", "{\"n\": 2}\n");
  std::filesystem::create_directories(folder / (repository + "snapshots/" + commit));
  std::filesystem::create_symlink("../../blobs/1", folder / (repository + "snapshots/" + commit + "/train.jsonl"));
  ::setenv("HF_HUB_CACHE", (folder / "hub").c_str(), 1);
  EXPECT_EQ(resolve_sources({"some/data"}).size(), 1u);
  EXPECT_EQ(resolve_sources({"some/data@" + commit}).size(), 1u);
  std::filesystem::create_symlink(folder / "outside", folder / (repository + "snapshots/" + commit + "/train2.jsonl"));
  EXPECT_THAT(error_of([&] { resolve_sources({"some/data"}); }), HasSubstr("leaves its repository"));
  EXPECT_THAT(error_of([&] { resolve_sources({"some/other"}); }), HasSubstr("no such file or folder"));
  ::unsetenv("HF_HUB_CACHE");
}

TEST(Sources, AFolderOrFileInsideAHubDatasetIsASource) {
  TestFolder folder;
  const std::string commit(40, 'b'), repository = "hub/datasets--some--data/",
                                     snapshot = repository + "snapshots/" + commit + "/";
  folder.write(repository + "refs/main", commit);
  folder.write(snapshot + "train.jsonl", "{\"n\": 1}\n");
  folder.write(snapshot + "preference/preference.jsonl.gz", testing::gzip("{\"n\": 2}\n"));
  folder.write(snapshot + "other/train-00000-of-00001.jsonl", "{\"n\": 3}\n");
  ::setenv("HF_HUB_CACHE", (folder / "hub").c_str(), 1);
  EXPECT_THAT(read("some/data/preference").rows, ElementsAre(R"({"n":2})"));
  EXPECT_THAT(read("some/data/preference/preference.jsonl.gz").rows, ElementsAre(R"({"n":2})"));
  EXPECT_THAT(read("some/data/other@" + commit).rows, ElementsAre(R"({"n":3})"));
  EXPECT_EQ(resolve_sources({"some/data/other"}, "train").size(), 1u);
  EXPECT_THAT(error_of([&] { resolve_sources({"some/data/preferences"}); }), HasSubstr("did you mean 'preference'?"));
  EXPECT_THAT(error_of([&] { resolve_sources({"some/data/../outside"}); }), HasSubstr("leaves its repository"));
  ::unsetenv("HF_HUB_CACHE");
}

TEST(Table, ColumnsOfCsvAndJsonlAreTheSame) {
  TestFolder folder;
  const Table csv = read_table(folder.write("a.csv", "unit,rater,value\nu1,r1,3\nu1,r2,\nu2,r1,-0.5\nu2,r2,tie\n"));
  const Table jsonl = read_table(folder.write("a.jsonl",
                                              "{\"unit\":\"u1\",\"rater\":\"r1\",\"value\":3}\n{\"unit\":\"u1\","
                                              "\"rater\":\"r2\"}\n{\"value\":-0.5,\"unit\":\"u2\",\"rater\":\"r1\"}\n"
                                              "{\"unit\":\"u2\",\"rater\":\"r2\",\"value\":\"tie\"}\n"));
  for (const Table* table : {&csv, &jsonl}) {
    EXPECT_EQ(table->rows, 4);
    EXPECT_THAT(table->columns, ElementsAre("unit", "rater", "value"));
    const auto& value = table->column("value");
    EXPECT_EQ(value[0].number, 3);
    EXPECT_EQ(value[0].text, "3");
    EXPECT_TRUE(value[1].missing);
    EXPECT_EQ(value[2].number, -0.5);
    EXPECT_EQ(value[3].text, "tie");
    EXPECT_FALSE(value[3].number);
  }
}

TEST(Table, AMissingColumnNamesTheNearest) {
  TestFolder folder;
  const Table table = read_table(folder.write("labels.jsonl", "{\"id\": 1, \"who\": \"a\", \"score\": 2}\n"));
  EXPECT_THAT(error_of([&] { table.column("scroe"); }),
              HasSubstr("labels.jsonl has no column 'scroe'; did you mean 'score'? (columns: id, who, score)"));
}

TEST(Table, ColumnsWrittenAsParquetComeBack) {
  TestFolder folder;
  const std::vector<TableColumn> columns = {
      {"id", std::vector<std::string>{"a", "ü"}},
      {"model", std::vector<std::optional<std::string>>{"m", std::nullopt}},
      {"logp", std::vector<double>{-1.5, 1e-300}},
      {"score", std::vector<std::optional<double>>{std::nullopt, 2.0}},
      {"tokens", std::vector<std::int64_t>{1, std::int64_t(1) << 40}},
      {"n", std::vector<std::int32_t>{-1, 5}},
      {"correct", std::vector<bool>{true, false}},
  };
  write_table(folder / "t.parquet", columns);
  write_table(folder / "again.parquet", columns);
  EXPECT_EQ(read_file(folder / "t.parquet"), read_file(folder / "again.parquet"));
  const Table table = read_table((folder / "t.parquet").string());
  EXPECT_THAT(table.columns, ElementsAre("id", "model", "logp", "score", "tokens", "n", "correct"));
  EXPECT_EQ(table.column("id")[1].text, "ü");
  EXPECT_TRUE(table.column("model")[1].missing);
  EXPECT_EQ(table.column("logp")[1].number, 1e-300);
  EXPECT_TRUE(table.column("score")[0].missing);
  EXPECT_EQ(table.column("tokens")[1].number, std::ldexp(1.0, 40));
  EXPECT_EQ(table.column("correct")[0].text, "true");
  EXPECT_THROW(write_table(folder / "x.parquet", {{"a", std::vector<double>{1}}, {"b", std::vector<double>{}}}), Error);
  write_table(folder / "empty.parquet", {{"a", std::vector<double>{}}});
  EXPECT_EQ(read_table((folder / "empty.parquet").string()).rows, 0);
}

TEST(Parquet, DamagedFilesAreErrorsThatNameFileAndCause) {
  NEEDS_SHARED_DATA();
  const std::filesystem::path variants = testing::shared_data() / "nectar_like/parquet_variants";
  const std::pair<const char*, const char*> wanted[] = {{"badmagic_malformed", "magic"},
                                                        {"empty_malformed", "empty"},
                                                        {"truncated_malformed", "magic"},
                                                        {"flippedbytes_malformed", "corrupt"}};
  for (const auto& [name, cause] : wanted) {
    const std::string file = (variants / (std::string(name) + ".parquet")).string();
    const std::string message = error_of([&] { read(file); });
    EXPECT_THAT(message, HasSubstr(file));
    EXPECT_THAT(message, HasSubstr(cause));
  }
}

TEST(Parquet, AFileCutOrChangedAnywhereIsAnErrorOrReadsAndNeverCrashes) {
  TestFolder folder;
  std::vector<std::string> texts;
  std::vector<double> numbers;
  for (int i = 0; i < 300; ++i) {
    texts.push_back("text " + std::to_string(i * i));
    numbers.push_back(i / 7.0);
  }
  write_table(folder / "t.parquet", {{"text", texts}, {"number", numbers}});
  const std::string bytes = read_file(folder / "t.parquet");
  int refused = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 19) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ (1 << (i % 8)));
    for (const std::string& content : {changed, bytes.substr(0, i)}) {
      try {
        read(folder.write("x.parquet", content));
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kInput) << error.message();
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, static_cast<int>(bytes.size() / 19));
}

}  // namespace
}  // namespace ballot
