// Annotations, preferences, SFT and RewardBench rows: in, out, and TRL's layouts.
#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/annotations.h"
#include "data/ids.h"
#include "data/preferences.h"
#include "data/rewardbench.h"
#include "data/sft.h"
#include "data/table.h"
#include "data/test_files.h"

namespace ballot {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TestFolder;

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), 3) << error.message();
    return error.message();
  }
  return "";
}

TEST(Annotations, RowsComeBackAsTheyWere) {
  TestFolder folder;
  Annotation full;
  full.item_id = "i";
  full.prompt_id = "p";
  full.format = "ranking";
  full.judge = "simulated:careful";
  full.repeat = 2;
  full.shown = {"a", "b", "c"};
  full.ranking = {{"b"}, {"a", "c"}};
  full.probabilities = std::vector<double>{0.25, 0.75};
  full.status = "repaired:case";
  full.transport = "structured";
  full.attempts = 3;
  full.raw = "B > A = C\n";
  full.reasoning = "because";
  full.prompt_tokens = 100;
  full.completion_tokens = 20;
  full.cached_tokens = 64;
  full.cost = 0.001;
  full.seconds = 1.5;
  Annotation lean;
  lean.item_id = "j";
  lean.prompt_id = "p";
  lean.format = "binary_magnitude";
  lean.judge = "j";
  lean.shown = {"a", "b"};
  lean.choice = "b";
  lean.magnitude = 0;
  lean.status = "ok";
  write_annotations(folder / "annotations.parquet", {full, lean});
  for (const auto& path : {folder / "annotations.parquet", folder.path()}) {
    const std::vector<Annotation> back = read_annotations(path);
    ASSERT_EQ(back.size(), 2u);
    EXPECT_EQ(back[0].shown, full.shown);
    EXPECT_EQ(back[0].ranking, full.ranking);
    EXPECT_EQ(back[0].probabilities, full.probabilities);
    EXPECT_EQ(back[0].status, full.status);
    EXPECT_EQ(back[0].transport, full.transport);
    EXPECT_EQ(back[0].attempts, 3);
    EXPECT_EQ(back[0].raw, full.raw);
    EXPECT_EQ(back[0].cached_tokens, 64);
    EXPECT_EQ(back[0].cost, 0.001);
    EXPECT_FALSE(back[0].choice);
    EXPECT_EQ(back[1].choice, "b");
    EXPECT_EQ(back[1].magnitude, 0);
    EXPECT_FALSE(back[1].rating);
    EXPECT_THAT(back[1].ranking, IsEmpty());
    EXPECT_FALSE(back[1].probabilities);
  }
  EXPECT_THAT(error_of([&] { read_annotations(folder / "absent"); }), HasSubstr("no such file"));
}

Preference sample_preference() {
  Preference p;
  p.prompt = {{"system", "s"}, {"user", "q"}};
  p.chosen = "good";
  p.rejected = "";
  p.margin = 2;
  p.pair_id = "pair";
  p.prompt_id = "prompt";
  p.chosen_id = "c";
  p.rejected_id = "r";
  p.chosen_model = "m1";
  p.rejected_model = "m2";
  p.chosen_score = 5;
  p.source_rank_chosen = 1;
  p.source_rank_rejected = 6;
  p.presented_first = "r";
  p.tie = true;
  p.target = 0.5;
  p.weight = 0.25;
  p.status = "ok";
  p.attempts = 2;
  p.split = "held_out";
  p.source = {"lmsys", "x"};
  p.good_natured = false;
  p.format = "single";
  p.judge = "local";
  return p;
}

TEST(Preferences, RowsComeBackAsTheyWere) {
  TestFolder folder;
  const Preference p = sample_preference();
  write_preferences(folder / "p.parquet", {p});
  const std::vector<Preference> back = read_preferences(folder / "p.parquet");
  ASSERT_EQ(back.size(), 1u);
  const Preference& b = back[0];
  EXPECT_EQ(b.prompt, p.prompt);
  EXPECT_EQ(b.chosen, p.chosen);
  EXPECT_EQ(b.rejected, p.rejected);
  EXPECT_EQ(b.margin, p.margin);
  EXPECT_EQ(b.pair_id, p.pair_id);
  EXPECT_EQ(b.prompt_id, p.prompt_id);
  EXPECT_EQ(b.chosen_id, p.chosen_id);
  EXPECT_EQ(b.rejected_id, p.rejected_id);
  EXPECT_EQ(b.rejected_model, p.rejected_model);
  EXPECT_EQ(b.chosen_score, p.chosen_score);
  EXPECT_EQ(b.rejected_score, p.rejected_score);
  EXPECT_EQ(b.source_rank_rejected, 6);
  EXPECT_EQ(b.presented_first, p.presented_first);
  EXPECT_EQ(b.tie, p.tie);
  EXPECT_EQ(b.target, p.target);
  EXPECT_EQ(b.weight, p.weight);
  EXPECT_EQ(b.status, p.status);
  EXPECT_EQ(b.attempts, p.attempts);
  EXPECT_EQ(b.split, p.split);
  EXPECT_EQ(b.source, p.source);
  EXPECT_EQ(b.good_natured, p.good_natured);
  EXPECT_EQ(b.format, p.format);
  EXPECT_EQ(b.judge, p.judge);
}

TEST(Preferences, ThePlainTextAndRewardBenchLayoutsAreWritten) {
  TestFolder folder;
  Preference p = sample_preference();
  p.rejected = "bad";
  EXPECT_THAT(error_of([&] { write_preferences(folder / "t.parquet", {p}, PreferenceLayout::kDpoText); }),
              HasSubstr("prompt prompt is a conversation of 2 turns"));
  EXPECT_FALSE(std::filesystem::exists(folder / "t.parquet"));
  p.prompt = {{"user", "q"}};
  write_preferences(folder / "t.parquet", {p}, PreferenceLayout::kDpoText);
  EXPECT_EQ(read_table((folder / "t.parquet").string()).column("prompt")[0].text, "q");
  const Preference text = read_preferences(folder / "t.parquet")[0];
  EXPECT_TRUE(is_plain_text(text.prompt));
  EXPECT_EQ(text.rejected, "bad");
  write_preferences(folder / "r.parquet", {p}, PreferenceLayout::kRewardBench);
  RejectLog rejects;
  const RewardBenchRow row = read_rewardbench({(folder / "r.parquet").string()}, rejects)[0];
  EXPECT_EQ(row.subset, "single");
  EXPECT_EQ(row.id, "pair");
  EXPECT_EQ(row.prompt, p.prompt);
  EXPECT_EQ(row.chosen_model, "m1");
}

Preference one_preference(const std::string& line) {
  TestFolder folder;
  return read_preferences(folder.write("a.jsonl", line))[0];
}

TEST(TrlLayouts, ExplicitConversations) {
  const Preference p = one_preference(
      R"({"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}],"margin":1.5})");
  EXPECT_EQ(p.prompt, (Conversation{{"user", "q"}}));
  EXPECT_EQ(p.chosen, "a");
  EXPECT_EQ(p.rejected, "b");
  EXPECT_EQ(p.margin, 1.5);
  EXPECT_EQ(p.prompt_id, prompt_id_of(p.prompt));
  EXPECT_EQ(p.chosen_id, completion_id_of(p.prompt_id, "", "a"));
  EXPECT_EQ(p.pair_id, pair_id_of(p.chosen_id, p.rejected_id));
  EXPECT_EQ(p.target, 1);
  EXPECT_EQ(p.weight, 1);
}

TEST(TrlLayouts, ImplicitPromptsAreWhatBothBeginWith) {
  const Preference turns = one_preference(
      R"({"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]})");
  EXPECT_EQ(turns.prompt, (Conversation{{"user", "q"}}));
  EXPECT_EQ(turns.chosen, "a");
  const auto split = [](const char* chosen, const char* rejected) {
    const Preference p = one_preference(Json({{"chosen", chosen}, {"rejected", rejected}}).dump());
    EXPECT_TRUE(is_plain_text(p.prompt));
    return std::vector<std::string>{p.prompt[0].content, p.chosen, p.rejected};
  };
  // The expected values are those of TRL 1.16's extract_prompt.
  EXPECT_THAT(split("The sky is blue.", "The sky is green."), ElementsAre("The sky is", " blue.", " green."));
  EXPECT_THAT(split("abc", "abd"), ElementsAre("ab", "c", "d"));
  EXPECT_THAT(split("same", "same and more"), ElementsAre("sam", "e", "e and more"));
  EXPECT_THAT(split("ab \xC3\xBCx", "ab \xC3\xB6x"),
              ElementsAre("ab", " \xC3\xBCx", " \xC3\xB6x"));  // not inside a character
}

TEST(TrlLayouts, ATextPromptBeforeConversations) {
  const Preference whole = one_preference(
      R"({"prompt":"q","prompt_id":"abc","chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}],"score_chosen":8.5,"score_rejected":3})");
  EXPECT_EQ(whole.prompt, (Conversation{{"user", "q"}}));
  EXPECT_EQ(whole.prompt_id, "abc");
  EXPECT_EQ(whole.chosen_score, 8.5);
  const Preference lean = one_preference(
      R"({"prompt":"q","chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}]})");
  EXPECT_EQ(lean.prompt, (Conversation{{"user", "q"}}));
}

TEST(TrlLayouts, WhatIsNoPreferenceIsRejectedByReason) {
  TestFolder folder;
  const std::string path =
      folder.write("a.jsonl",
                   "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\"}\n"
                   "{\"prompt\":\"q\",\"rejected\":\"b\"}\n"
                   "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":3}\n"
                   "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":[{\"role\":\"assistant\",\"content\":\"b\"}]}\n"
                   "{\"prompt\":[{\"role\":\"user\",\"content\":\"q\"}],\"chosen\":[{\"role\":\"assistant\","
                   "\"content\":\"a\"},{\"role\":\"user\",\"content\":\"x\"}],"
                   "\"rejected\":[{\"role\":\"assistant\",\"content\":\"b\"}]}\n"
                   "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\",\"margin\":\"large\"}\n"
                   "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\",\"target\":1.5}\n"
                   "{\"prompt\":\"q\",\"chosen\":\"a\\u0000\",\"rejected\":\"b\"}\n"
                   "{\"prompt\":\"\",\"chosen\":\"a\",\"rejected\":\"b\"}\n"
                   "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"a\"}\n");
  RejectLog rejects;
  EXPECT_EQ(read_preferences({path}, rejects).size(), 2u);
  std::vector<std::string> reasons;
  for (const Reject& reject : rejects.entries()) reasons.push_back(reject.reason);
  EXPECT_THAT(reasons, ElementsAre("chosen_missing", "rejected_not_text", "layouts_differ", "several_turns",
                                   "margin_not_a_number", "target_out_of_range", "nul_character", "prompt_empty"));
  EXPECT_THAT(rejects.warnings(), ElementsAre(std::pair("chosen_equals_rejected", 1)));
}

TEST(TrlLayouts, AMissingColumnNamesFileAndNearest) {
  TestFolder folder;
  write_table(folder / "p.parquet", {{"prompt", std::vector<std::string>{"q"}},
                                     {"choosen", std::vector<std::string>{"a"}},
                                     {"rejected", std::vector<std::string>{"b"}}});
  EXPECT_THAT(error_of([&] { read_preferences(folder / "p.parquet"); }),
              HasSubstr("p.parquet has no column 'chosen'; did you mean 'choosen'?"));
}

TEST(Sft, MessagesPromptsWithCompletionsAndShareGptAreRead) {
  TestFolder folder;
  RejectLog rejects;
  const std::vector<SftRow> rows = read_sft(
      {folder.write(
          "a.jsonl",
          R"({"id":"x","messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"source":"here"})"
          "\n"
          R"({"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]})"
          "\n"
          R"({"prompt":[{"role":"user","content":"q"}],"completion":[{"role":"assistant","content":"a"}]})"
          "\n"
          R"({"id":4,"prompt":"2+2=","completion":"4"})"
          "\n")},
      rejects);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].messages.size(), 3u);
  EXPECT_EQ(rows[0].source, "here");
  EXPECT_EQ(rows[0].prompt_messages, -1);
  EXPECT_EQ(rows[1].messages, (Conversation{{"user", "q"}, {"assistant", "a"}}));
  EXPECT_EQ(rows[1].id, "2");
  EXPECT_EQ(rows[2].prompt_messages, 1);
  EXPECT_EQ(rows[3].id, "4");
  EXPECT_EQ(rows[3].messages, (Conversation{{"", "2+2="}, {"", "4"}}));
  write_sft(folder / "s.parquet", {rows[0]});
  EXPECT_EQ(read_sft({(folder / "s.parquet").string()}, rejects)[0].messages, rows[0].messages);
}

TEST(SharedData, TheMalformedSftFileGetsItsVerdicts) {
  NEEDS_SHARED_DATA();
  const std::filesystem::path base = testing::shared_data() / "sft";
  const Json expected = Json::parse(read_file(base / "tulu_like_malformed_expected.json"));
  // Line 10, ShareGPT's keys, is kept as the same conversation. Line 11 holds control tokens, which only a tokenizer
  // can tell: filter_test has it.
  const std::map<int, std::string> ours = {{1, ""},
                                           {2, "messages_empty"},
                                           {3, "messages_missing"},
                                           {4, "messages_missing"},
                                           {5, "roles_do_not_alternate"},
                                           {6, "no_answer"},
                                           {7, "content_missing"},
                                           {8, "unknown_role"},
                                           {9, "answer_empty"},
                                           {10, ""},
                                           {11, ""},
                                           {12, "roles_do_not_alternate"},
                                           {13, "invalid_json"},
                                           {14, "messages_not_a_list"},
                                           {15, ""}};
  RejectLog rejects;
  const std::vector<SftRow> rows = read_sft({(base / "tulu_like_malformed.jsonl").string()}, rejects);
  std::map<std::int64_t, std::string> reasons;
  for (const Reject& reject : rejects.entries()) reasons[reject.row] = reject.reason;
  for (const Json& entry : expected) {
    const int line = entry["line"];
    EXPECT_EQ(reasons.contains(line) ? reasons[line] : "", ours.at(line)) << entry["defect"];
    if (line != 11) {
      EXPECT_EQ(ours.at(line).empty(), std::string(entry["verdict"]).starts_with("keep")) << line;
    }
  }
  EXPECT_EQ(rows.size(), 4u);
}

TEST(SharedData, SoundSftRowsAreAllKept) {
  NEEDS_SHARED_DATA();
  RejectLog rejects;
  const auto rows = read_sft({(testing::shared_data() / "sft/tulu_like.jsonl").string()}, rejects);
  EXPECT_EQ(rows.size() + static_cast<std::size_t>(rejects.rejected()), 6408u);
  EXPECT_EQ(rejects.rejected(), 0) << rejects.summary();
}

TEST(SharedData, TheMalformedRewardBenchFileGetsItsVerdicts) {
  NEEDS_SHARED_DATA();
  const std::filesystem::path base = testing::shared_data() / "rewardbench_like";
  const Json expected = Json::parse(read_file(base / "rewardbench_like_malformed_expected.json"));
  const std::map<int, std::string> ours = {{2, "chosen_missing"}, {3, "rejected_empty"}, {5, "prompt_missing"}};
  RejectLog rejects;
  const auto rows = read_rewardbench({(base / "rewardbench_like_malformed.jsonl").string()}, rejects);
  std::map<std::int64_t, std::string> reasons;
  for (const Reject& reject : rejects.entries()) reasons[reject.row] = reject.reason;
  for (const Json& entry : expected) {
    const int line = entry["line"];
    const std::string wanted = ours.contains(line) ? ours.at(line) : "";
    EXPECT_EQ(reasons.contains(line) ? reasons[line] : "", wanted) << entry["defect"];
    EXPECT_EQ(wanted.empty(), std::string(entry["verdict"]).starts_with("keep")) << line;
  }
  EXPECT_EQ(rows.size(), 7u);
  EXPECT_THAT(rejects.warnings(),
              ElementsAre(std::pair("duplicate_id", 1)));  // the unknown subset is the evaluation's to tell
}

TEST(SharedData, RewardBenchIsTheSameFromJsonlAndParquet) {
  NEEDS_SHARED_DATA();
  const std::filesystem::path base = testing::shared_data() / "rewardbench_like";
  RejectLog rejects;
  const auto a = read_rewardbench({(base / "rewardbench_like.jsonl").string()}, rejects);
  const auto b = read_rewardbench({(base / "rewardbench_like.parquet").string()}, rejects);
  ASSERT_EQ(a.size(), 1416u);
  ASSERT_EQ(b.size(), a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].id, b[i].id);
    EXPECT_EQ(a[i].prompt, b[i].prompt);
    EXPECT_EQ(a[i].chosen, b[i].chosen);
    EXPECT_EQ(a[i].rejected, b[i].rejected);
    EXPECT_EQ(a[i].subset, b[i].subset);
  }
}

TEST(SharedData, DialoguesAsTextArePreferences) {
  NEEDS_SHARED_DATA();
  RejectLog rejects;
  const auto rows = read_preferences(
      {(testing::shared_data() / "judgements/pairs/hh_rlhf_harmless_base_test_half.jsonl").string()}, rejects);
  EXPECT_EQ(rows.size(), 1135u);
  EXPECT_TRUE(is_plain_text(rows[0].prompt));
  EXPECT_TRUE(rows[0].prompt[0].content.starts_with("\n\nHuman:"));
}

}  // namespace
}  // namespace ballot
