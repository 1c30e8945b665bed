#include "data/pool.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "data/ids.h"
#include "data/pool_test_files.h"

namespace ballot {
namespace {

using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::jsonl;
using testing::Made;
using testing::make;
using testing::many_rows;
using testing::nectar_row;
using testing::TestFolder;

TEST(Pool, TakesTheStudysPositionsBestFirst) {
  TestFolder folder;
  const Made made = make(folder, {folder.write("a.jsonl", jsonl({nectar_row("why?", {6, 2, 0, 5, 1, 4, 3})}))});
  ASSERT_EQ(made.rows.size(), 1u);
  const PoolRow& row = made.rows[0];
  EXPECT_EQ(row.prompt, (Conversation{{"user", "why?"}}));
  EXPECT_EQ(row.prompt_id, prompt_id_of(row.prompt));
  std::vector<int> ranks;
  for (const Completion& c : row.completions) {
    ranks.push_back(c.source_rank);
    EXPECT_EQ(c.text, "answer " + std::to_string(c.source_rank - 1) + " to why?");
    EXPECT_EQ(c.model, "model-" + std::to_string(c.source_rank - 1));
    EXPECT_EQ(c.completion_id, completion_id_of(row.prompt_id, c.model, c.text));
  }
  EXPECT_THAT(ranks, ElementsAre(1, 3, 4, 6, 7));
  EXPECT_THAT(row.source, ElementsAre("lmsys"));
  EXPECT_EQ(row.turns, 1);
  EXPECT_EQ(row.good_natured, true);
}

TEST(Pool, BytesDoNotDependOnOrderFormatCompressionShardingOrThreads) {
  TestFolder folder;
  std::vector<Json> rows = many_rows(200);
  const Made plain = make(folder, {folder.write("a.jsonl", jsonl(rows))});
  ASSERT_EQ(plain.rows.size(), 200u);
  const auto order = Random(3, "shuffle").permutation(rows.size());
  std::vector<Json> shuffled;
  for (const std::size_t i : order) {
    Json row = rows[i];
    std::rotate(row["answers"].begin(), row["answers"].begin() + static_cast<std::ptrdiff_t>(i % 7),
                row["answers"].end());
    shuffled.push_back(row);
  }
  EXPECT_EQ(make(folder, {folder.write("b.jsonl", jsonl(shuffled))}).bytes, plain.bytes);
  EXPECT_EQ(make(folder, {folder.write("c.jsonl.gz", testing::gzip(jsonl(shuffled)))}).bytes, plain.bytes);
  EXPECT_EQ(make(folder, {folder.write("d.jsonl.zst", testing::zstd(jsonl(rows)))}).bytes, plain.bytes);
  EXPECT_EQ(make(folder, {folder.write("a.jsonl", jsonl(rows))}, {}, 0, 4).bytes, plain.bytes);
  const std::vector<Json> first(shuffled.begin(), shuffled.begin() + 70), rest(shuffled.begin() + 70, shuffled.end());
  EXPECT_EQ(
      make(folder, {folder.write("shards/2.jsonl", jsonl(first)), folder.write("shards/1.jsonl", jsonl(rest))}).bytes,
      plain.bytes);
  EXPECT_EQ(make(folder, {(folder / "shards").string()}, {}, 0, 3).bytes, plain.bytes);
}

TEST(Pool, TheSeedDecidesWhichPromptsAndIdsDoNotDependOnIt) {
  TestFolder folder;
  const std::string path = folder.write("a.jsonl", jsonl(many_rows(100)));
  PoolOptions few;
  few.prompts = 30;
  const Made all = make(folder, {path}, {}, 1), thirty = make(folder, {path}, few, 1),
             other = make(folder, {path}, few, 2);
  ASSERT_EQ(thirty.rows.size(), 30u);
  std::set<std::string> all_ids, thirty_ids, other_ids;
  for (std::size_t i = 0; i < 30; ++i)
    EXPECT_EQ(thirty.rows[i].prompt_id, all.rows[i].prompt_id);  // the larger begins with the smaller
  for (const PoolRow& row : all.rows) all_ids.insert(row.prompt_id);
  for (const PoolRow& row : thirty.rows) thirty_ids.insert(row.prompt_id);
  for (const PoolRow& row : other.rows) other_ids.insert(row.prompt_id);
  EXPECT_NE(thirty_ids, other_ids);
  EXPECT_TRUE(std::includes(all_ids.begin(), all_ids.end(), other_ids.begin(), other_ids.end()));
}

TEST(Pool, HoldsOutTheShareAskedFor) {
  TestFolder folder;
  const std::string path = folder.write("a.jsonl", jsonl(many_rows(100)));
  const auto held_out = [&](double share) {
    PoolOptions options;
    options.held_out = share;
    const Made made = make(folder, {path}, options);
    return std::count_if(made.rows.begin(), made.rows.end(),
                         [](const PoolRow& row) { return row.split == "held_out"; });
  };
  EXPECT_EQ(held_out(0.05), 5);
  EXPECT_EQ(held_out(0.25), 25);
  EXPECT_EQ(held_out(0), 0);
  EXPECT_EQ(held_out(0.001), 1);  // never none where some were asked for
}

TEST(Pool, OfRowsWithTheSamePromptOneStaysByContentAlone) {
  TestFolder folder;
  Json a = nectar_row("same"), b = nectar_row("same"), c = nectar_row("other");
  b["answers"][0]["answer"] = "another best answer";
  const Made first = make(folder, {folder.write("a.jsonl", jsonl({a, b, c}))});
  const Made second = make(folder, {folder.write("b.jsonl", jsonl({b, c, a}))});
  EXPECT_EQ(first.bytes, second.bytes);
  EXPECT_EQ(first.rows.size(), 2u);
  EXPECT_THAT(first.rejects.counts(), ElementsAre(std::pair("duplicate_prompt", 1)));
  EXPECT_THAT(first.rejects.entries()[0].message, HasSubstr("which stays"));
}

TEST(Pool, IdenticalCompletionsAreToldApartBySourceRankWhateverPositionsAreTaken) {
  TestFolder folder;
  Json row = nectar_row("twins");
  for (const int i : {2, 3}) {
    row["answers"][i]["answer"] = "the same";
    row["answers"][i]["model"] = "m";
  }
  const std::string path = folder.write("a.jsonl", jsonl({row}));
  PoolOptions options;
  options.positions = {2, 3};
  const Made both = make(folder, {path}, options);
  options.positions = {3};
  const Made second = make(folder, {path}, options);
  EXPECT_NE(both.rows[0].completions[0].completion_id, both.rows[0].completions[1].completion_id);
  EXPECT_EQ(second.rows[0].completions[0].completion_id, both.rows[0].completions[1].completion_id);
}

TEST(Pool, UnderFailTheFirstBadRowInTheFileEndsIt) {
  TestFolder folder;
  std::vector<Json> rows = many_rows(50);
  rows[20]["answers"][3]["rank"] = "3rd";
  rows[30].erase("prompt");
  const std::string path = folder.write("a.jsonl", jsonl(rows));
  RejectLog fail(true);
  EXPECT_THAT(error_of([&] { make_pool({path}, folder / "x.parquet", {}, 0, 2, fail, silent_progress()); }),
              HasSubstr("a.jsonl, row 21, answers[3].rank: wanted a whole number, found text (rank_not_a_number)"));
  EXPECT_FALSE(std::filesystem::exists(folder / "x.parquet"));
}

TEST(Pool, NothingUsableIsAnErrorWithTheReasons) {
  TestFolder folder;
  EXPECT_THAT(error_of([&] { make(folder, {folder.write("empty.jsonl", "")}); }), HasSubstr("holds no rows"));
  const std::string message =
      error_of([&] { make(folder, {folder.write("bad.jsonl", "{\"prompt\": 1, \"answers\": []}\nx\n")}); });
  EXPECT_THAT(message, HasSubstr("2 rows rejected (1 invalid_json, 1 prompt_not_text)"));
  EXPECT_THAT(message, HasSubstr("row 1, prompt: wanted text, found a number"));
  EXPECT_FALSE(std::filesystem::exists(folder / "pool.parquet"));
}

TEST(Pool, UnknownColumnsNameTheNearestLayout) {
  TestFolder folder;
  Json row = nectar_row("x");
  row["answrs"] = row["answers"];
  row.erase("answers");
  const std::string message = error_of([&] { make(folder, {folder.write("a.jsonl", jsonl({row}))}); });
  EXPECT_THAT(message, HasSubstr("the nearest, nectar, needs a column 'answers' (did you mean 'answrs'?)"));
  PoolOptions options;
  options.layout = "nektar";
  EXPECT_THAT(error_of([&] { make(folder, {folder.write("a.jsonl", jsonl({row}))}, options); }, 2),
              HasSubstr("did you mean 'nectar'?"));
}

TEST(Pool, WrongOptionsAreUsageErrors) {
  TestFolder folder;
  const std::string path = folder.write("a.jsonl", jsonl(many_rows(2)));
  const auto with = [&](const std::function<void(PoolOptions&)>& change) {
    PoolOptions options;
    change(options);
    return error_of([&] { make(folder, {path}, options); }, 2);
  };
  EXPECT_THAT(with([](PoolOptions& o) { o.positions = {0, 0}; }), HasSubstr("holds 0 twice"));
  EXPECT_THAT(with([](PoolOptions& o) { o.positions = {-1}; }), HasSubstr("count from 0"));
  EXPECT_THAT(with([](PoolOptions& o) { o.held_out = 1; }), HasSubstr("--held-out is 1"));
  EXPECT_THAT(with([](PoolOptions& o) { o.prompts = -5; }), HasSubstr("--prompts is -5"));
}

TEST(Pool, AFullDiskLeavesTheOldFileOrNone) {
  TestFolder folder;
  const std::string path = folder.write("a.jsonl", jsonl(many_rows(20)));
  const std::filesystem::path out = folder / "pool.parquet";
  std::string whole;
  for (std::int64_t n = 1;; ++n) {
    ASSERT_LT(n, 100);
    std::filesystem::remove(out);
    std::filesystem::remove(manifest_path(out));
    RejectLog rejects;
    fail_after_writes(n);
    bool done = true;
    try {
      make_pool({path}, out, {}, 0, 1, rejects, silent_progress());
    } catch (const Error& error) {
      done = false;
      EXPECT_EQ(error.kind(), ErrorKind::kFailed) << error.message();
    }
    fail_after_writes(0);
    if (done) break;
    if (std::filesystem::exists(out)) {  // the pool is whole; only its manifest is missing
      EXPECT_EQ(read_pool(out).size(), 20u);
      EXPECT_FALSE(std::filesystem::exists(manifest_path(out)));
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      EXPECT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << entry.path();
  }
}

TEST(Pool, TheManifestTellsKeyInputsAndCounts) {
  TestFolder folder;
  std::vector<Json> rows = many_rows(10);
  rows.push_back(rows[0]);
  const Made made = make(folder, {folder.write("a.jsonl", jsonl(rows))});
  const Json manifest = Json::parse(read_manifest_text(folder / "pool.parquet"));
  EXPECT_EQ(manifest["key"], made.summary.key);
  EXPECT_EQ(manifest["stage"], "pool");
  EXPECT_EQ(manifest["parameters"]["held_out"], 0.05);
  EXPECT_EQ(manifest["facts"]["prompts"], 10);
  EXPECT_EQ(manifest["facts"]["rejected"]["duplicate_prompt"], 1);
  EXPECT_EQ(manifest["inputs"][0]["sha256"].get<std::string>().size(), 64u);
  EXPECT_EQ(made.summary.key, make_key(pool_manifest({(folder / "a.jsonl").string()}, {}, 0)));
}

TEST(PoolFile, RowsComeBackAsTheyWere) {
  TestFolder folder;
  std::vector<PoolRow> rows(2);
  rows[0] = {"id1",
             {{"system", "s"}, {"user", "ü"}},
             {{"c1", "", "", 1}, {"c2", "text\n", "m", 4}},
             {"a", "b"},
             1,
             std::nullopt,
             "train"};
  rows[1] = {"id2", {{"user", "x"}}, {{"c3", "y", "m", 2}}, {}, 1, false, "held_out"};
  write_pool(folder / "p.parquet", rows);
  const std::vector<PoolRow> back = read_pool(folder / "p.parquet");
  ASSERT_EQ(back.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(back[i].prompt_id, rows[i].prompt_id);
    EXPECT_EQ(back[i].prompt, rows[i].prompt);
    EXPECT_EQ(back[i].completions, rows[i].completions);
    EXPECT_EQ(back[i].source, rows[i].source);
    EXPECT_EQ(back[i].good_natured, rows[i].good_natured);
    EXPECT_EQ(back[i].split, rows[i].split);
  }
  EXPECT_THAT(error_of([&] { read_pool(folder.write("x.jsonl", "{\"prompt_id\": \"a\"}\n")); }),
              HasSubstr("row 1, prompt: the field is absent"));
}

// The shared test data.

/// Ours for each line of nectar_like_malformed.jsonl: empty, the row is kept (or a blank line, which is no row).
const std::map<int, std::string> kNectarVerdicts = {
    {1, ""},
    {2, "rank_out_of_range"},
    {3, "rank_out_of_range"},
    {4, "rank_repeated"},
    {5, ""},
    {6, "answers_missing"},
    {7, "prompt_missing"},
    {8, "too_few_answers"},
    {9, "answers_empty"},
    {10, "rank_not_a_number"},
    {11, "rank_missing"},
    {12, "rank_not_whole"},
    {13, "invalid_json"},
    {14, "answer_missing"},
    {15, ""},  // an empty answer: kept with the warning empty_completion
    {16, ""},  // no model: kept with the warning model_missing
    {17, "rank_out_of_range"},
    {18, "prompt_without_human"},      // rejected
    {19, "prompt_without_assistant"},  // rejected
    {20, "invalid_json"},
    {21, "invalid_json"},
    {22, "not_an_object"},
    {23, "blank"},
    {24, "blank"},
    {25, "lone_surrogate"},  // rejected
    {26, "invalid_json"},
    {27, "duplicate_key"},  // rejected
    {28, ""},               // fewer turns than said: kept with the warning turns_mismatch
    {29, ""},               // kept with the warning num_responses_mismatch
    {30, ""},
    {31, "nul_character"},  // rejected
    {32, "rank_out_of_range"},
    {33, "answers_not_a_list"},
    {34, "answer_not_an_object"},
    {35, ""},
    {36, ""},
    {37, ""},
    {38, "invalid_json"},
    {39, "not_an_object"},
    {40, ""},
    {41, ""},
    {42, ""}};

TEST(SharedData, TheMalformedNectarFileGetsItsVerdicts) {
  NEEDS_SHARED_DATA();
  const std::filesystem::path base = testing::shared_data() / "nectar_like";
  const Json expected = Json::parse(read_file(base / "nectar_like_malformed_expected.json"));
  TestFolder folder;
  PoolOptions options;
  options.held_out = 0;
  const Made made = make(folder, {(base / "nectar_like_malformed.jsonl").string()}, options);
  std::map<std::int64_t, std::string> reasons;
  for (const Reject& reject : made.rejects.entries()) reasons[reject.row] = reject.reason;
  std::size_t kept = 0, duplicates = 0;
  for (const Json& entry : expected) {
    const int line = entry["line"];
    const std::string verdict = entry["verdict"], ours = kNectarVerdicts.at(line);
    if (ours == "blank") {
      EXPECT_EQ(verdict, "skip");
      EXPECT_FALSE(reasons.contains(line));
      continue;
    }
    // Their words: "keep", "reject" or "drop", or a choice of two that we state above.
    const bool choice = verdict.find(" or ") != std::string::npos;
    if (!choice) {
      EXPECT_EQ(ours.empty(), verdict.starts_with("keep")) << line;
    }
    if (choice && verdict.starts_with("keep or warn")) {
      EXPECT_EQ(ours, "") << line;
    }
    const std::string got = reasons.contains(line) ? reasons[line] : "";
    if (ours.empty() && got == "duplicate_prompt") {  // the file repeats some prompts
      ++duplicates;
      continue;
    }
    EXPECT_EQ(got, ours) << "line " << line << ": " << entry["defect"];
    kept += ours.empty();
  }
  EXPECT_EQ(made.rows.size(), kept);
  EXPECT_EQ(made.rows.size() + duplicates, 13u);
  EXPECT_EQ(made.summary.rows_read, 40);
  for (const char* warning : {"empty_completion", "model_missing", "turns_mismatch", "num_responses_mismatch"})
    EXPECT_EQ(made.rejects.warnings().count(warning), 1u) << warning;
}

TEST(SharedData, InvalidUtf8AndBomAndCrlfAreTold) {
  NEEDS_SHARED_DATA();
  const std::filesystem::path base = testing::shared_data() / "nectar_like";
  TestFolder folder;
  const Made utf8 = make(folder, {(base / "nectar_like_nonutf8_malformed.jsonl").string()});
  EXPECT_EQ(utf8.rows.size(), 1u);  // the first and the last line, which are good, have the same prompt
  EXPECT_THAT(utf8.rejects.counts(), ElementsAre(std::pair("duplicate_prompt", 1), std::pair("invalid_utf8", 7)));
  const Made bom = make(folder, {(base / "nectar_like_bom_crlf_malformed.jsonl").string()});
  EXPECT_EQ(bom.rows.size(), 5u);
  EXPECT_THAT(bom.rejects.counts(), IsEmpty());
}

TEST(SharedData, JsonlAndParquetGiveTheSameBytes) {
  NEEDS_SHARED_DATA();
  const std::filesystem::path base = testing::shared_data() / "nectar_like";
  TestFolder folder;
  const Made jsonl_form = make(folder, {(base / "nectar_like.jsonl").string()}, {}, 7);
  EXPECT_EQ(jsonl_form.rows.size() + static_cast<std::size_t>(jsonl_form.rejects.rejected()), 605u);
  const Made parquet = make(folder, {(base / "nectar_like.parquet").string()}, {}, 7, 2);
  EXPECT_EQ(parquet.bytes, jsonl_form.bytes);
}

TEST(SharedData, EveryParquetVariantGivesTheSameBytes) {
  NEEDS_SHARED_DATA();
  const std::filesystem::path base = testing::shared_data() / "nectar_like/parquet_variants";
  TestFolder folder;
  const std::string wanted = make(folder, {(base / "v_none.parquet").string()}).bytes;
  for (const char* name :
       {"v_brotli", "v_gzip", "v_lz4", "v_nodict_v1pages", "v_other_types", "v_pages_v2", "v_zstd"}) {
    const Made made = make(folder, {(base / (std::string(name) + ".parquet")).string()});
    EXPECT_EQ(made.rows.size(), 20u) << name;
    EXPECT_EQ(made.bytes, wanted) << name;
  }
  EXPECT_THAT(error_of([&] { make(folder, {(base / "noanswers_malformed.parquet").string()}); }),
              HasSubstr("needs a column 'answers'"));
}

TEST(SharedData, TwoAnswersAreNoRankingOfSevenButOfTwo) {
  NEEDS_SHARED_DATA();
  const std::string path = (testing::shared_data() / "nectar_like/nectar_like_multiturn_2answers.jsonl").string();
  TestFolder folder;
  EXPECT_THAT(error_of([&] { make(folder, {path}); }), HasSubstr("60 rows rejected (60 too_few_answers)"));
  PoolOptions options;
  options.positions = {0, 1};
  const Made made = make(folder, {path}, options);
  EXPECT_GT(made.rows.size(), 50u);
  EXPECT_TRUE(std::any_of(made.rows.begin(), made.rows.end(), [](const PoolRow& row) { return row.turns > 2; }));
}

}  // namespace
}  // namespace ballot
