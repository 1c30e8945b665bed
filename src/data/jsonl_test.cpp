#include "data/jsonl.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/test_files.h"

namespace ballot {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TestFolder;

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  LineReader reader(path);
  std::vector<std::string> lines;
  for (Line line; reader.next(line);) {
    lines.emplace_back(line.text);
    EXPECT_EQ(line.row, std::ssize(lines));
  }
  return lines;
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 3) << error.message();
    return error.message();
  }
  return "";
}

TEST(Lines, BomCrlfAndAMissingLastNewlineAreNoPartOfTheText) {
  TestFolder folder;
  const std::string path = folder.write("a.jsonl", "\xEF\xBB\xBFone\r\n\r\ntwo\r\nthree");
  EXPECT_THAT(lines_of(path), ElementsAre("one", "", "two", "three"));
}

TEST(Lines, AnEmptyFileHasNone) {
  TestFolder folder;
  EXPECT_THAT(lines_of(folder.write("a.jsonl", "")), ElementsAre());
  EXPECT_THAT(lines_of(folder.write("b.jsonl", "\xEF\xBB\xBF")), ElementsAre());
}

TEST(Lines, CompressedFilesAreToldByTheirFirstBytesAndNotByTheirName) {
  TestFolder folder;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  const auto plain = lines_of(folder.write("plain", text));
  ASSERT_EQ(plain.size(), 5000u);
  EXPECT_EQ(lines_of(folder.write("a.jsonl.gz", testing::gzip(text))), plain);
  EXPECT_EQ(lines_of(folder.write("a.jsonl.zst", testing::zstd(text))), plain);
  EXPECT_EQ(lines_of(folder.write("misnamed.txt", testing::zstd(text))), plain);
}

TEST(Lines, SeveralGzipMembersAndZstdFramesAreOneFile) {
  TestFolder folder;
  EXPECT_THAT(lines_of(folder.write("a.gz", testing::gzip("one\ntw") + testing::gzip("o\n") + testing::gzip(""))),
              ElementsAre("one", "two"));
  EXPECT_THAT(lines_of(folder.write("a.zst", testing::zstd("one\ntw") + testing::zstd("o\n"))),
              ElementsAre("one", "two"));
}

TEST(Lines, ALineMayBeLongerThanABlock) {
  TestFolder folder;
  const std::string giant(5 << 20, 'x');
  const auto lines = lines_of(folder.write("a.jsonl", "short\n" + giant + "\nend\n"));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1], giant);
  EXPECT_EQ(lines[2], "end");
}

TEST(Lines, ACutOrDamagedStreamIsAnErrorThatNamesTheFile) {
  TestFolder folder;
  std::string text;
  for (int i = 0; i < 20000; ++i) text += std::to_string(i * 7919) + "\n";
  std::string gz = testing::gzip(text), zst = testing::zstd(text);
  EXPECT_THAT(error_of([&] { lines_of(folder.write("cut.gz", gz.substr(0, gz.size() / 2))); }),
              HasSubstr("cut.gz: it ends inside its gzip stream"));
  EXPECT_THAT(error_of([&] { lines_of(folder.write("cut.zst", zst.substr(0, zst.size() / 2))); }),
              HasSubstr("cut.zst: it ends inside its zstd stream"));
  gz[gz.size() / 2] ^= 0x55;
  EXPECT_THAT(error_of([&] { lines_of(folder.write("flipped.gz", gz)); }),
              HasSubstr("flipped.gz: its gzip stream is damaged"));
  EXPECT_THAT(error_of([&] { lines_of(folder / "absent.jsonl"); }), HasSubstr("No such file"));
}

TEST(Jsonl, BadLinesAreToldByReasonAndTheOthersUsed) {
  TestFolder folder;
  const std::string path = folder.write("a.jsonl",
                                        "{\"a\": 1}\n"
                                        "  \n"
                                        "{\"a\": }\n"
                                        "[1]\n"
                                        "{\"a\": \"\xff\"}\n" +
                                            std::string(3000, '[') + std::string(3000, ']') +
                                            "\n"
                                            "{\"a\": 2}");
  RejectLog rejects;
  std::vector<std::int64_t> rows;
  read_jsonl(path, rejects, [&](std::int64_t row, const Json& object) {
    rows.push_back(row);
    EXPECT_TRUE(object.contains("a"));
  });
  EXPECT_THAT(rows, ElementsAre(1, 7));
  ASSERT_EQ(rejects.entries().size(), 4u);
  EXPECT_EQ(rejects.entries()[0].row, 3);
  EXPECT_THAT(rejects.entries()[0].message, HasSubstr("column"));
  EXPECT_THAT(rejects.counts(),
              ElementsAre(std::pair("invalid_json", 2), std::pair("invalid_utf8", 1), std::pair("not_an_object", 1)));
}

TEST(Jsonl, WrittenLinesComeBack) {
  TestFolder folder;
  {
    JsonlWriter writer(folder / "out.jsonl");
    writer.write({{"a", 1}});
    writer.write({{"b", "ü\n"}});
    EXPECT_FALSE(std::filesystem::exists(folder / "out.jsonl"));
    writer.commit();
  }
  EXPECT_EQ(read_file(folder / "out.jsonl"), "{\"a\":1}\n{\"b\":\"ü\\n\"}\n");
}

TEST(Rejects, UnderFailTheFirstBadRowEndsTheCommand) {
  RejectLog rejects(true);
  EXPECT_THAT(error_of([&] { rejects.add({"x.jsonl", 12, "answers[3].rank", "rank_missing", "the rank is null"}); }),
              HasSubstr("x.jsonl, row 12, answers[3].rank: the rank is null (rank_missing)"));
  rejects.filter({"x.jsonl", 13, "", "not_english", ""});
  rejects.warn({"x.jsonl", 14, "", "duplicate_id", ""});
  EXPECT_EQ(rejects.summary(), "no row rejected; 1 row filtered (1 not_english); 1 warning (1 duplicate_id)");
}

TEST(Rejects, TheFileIsSortedByRowAndGoneWhereThereIsNothingToTell) {
  TestFolder folder;
  RejectLog rejects;
  rejects.add({"b", 2, "f", "r", "m\xff"});
  rejects.add({"a", 3, "", "r", "quote \" and \n newline"});
  BadRowOptions options;
  rejects.write(options, folder / "out.parquet");
  const std::string text = read_file(folder / "out.parquet.rejects.jsonl");
  const Json first = Json::parse(text.substr(0, text.find('\n')));
  EXPECT_EQ(first.dump(), R"({"file":"a","row":3,"field":"","reason":"r","message":"quote \" and \n newline"})");
  RejectLog().write(options, folder / "out.parquet");
  EXPECT_FALSE(std::filesystem::exists(folder / "out.parquet.rejects.jsonl"));
  options.rejects = (folder / "mine.jsonl").string();
  RejectLog().write(options, folder / "out.parquet");
  EXPECT_EQ(read_file(folder / "mine.jsonl"), "");
}

}  // namespace
}  // namespace ballot
