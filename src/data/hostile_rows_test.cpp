// Rows with any value in any place: a reject or a row, never a crash.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/random.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "data/preferences.h"
#include "data/rewardbench.h"
#include "data/sft.h"
#include "data/table.h"
#include "data/test_files.h"

namespace ballot {
namespace {

using testing::TestFolder;

/// Replaces, drops or repeats a value somewhere in the tree.
void disturb(Json& json, Random& random, int depth = 0) {
  static const Json odd[] = {nullptr,
                             true,
                             -1,
                             0,
                             7,
                             8,
                             2.5,
                             1e300,
                             "",
                             " ",
                             "text",
                             "\n\nHuman: \n\nAssistant: ",
                             Json::array(),
                             Json::object(),
                             Json::array({nullptr}),
                             Json::array({Json::object()}),
                             std::string("\0", 1)};
  if (!json.is_structured() || json.empty() || random.below(3) == 0 || depth > 5) {
    json = odd[random.below(std::size(odd))];
    return;
  }
  auto place = json.begin();
  std::advance(place, static_cast<std::ptrdiff_t>(random.below(json.size())));
  if (random.below(6) == 0)
    json.erase(place);
  else if (json.is_array() && random.below(6) == 0)
    json.push_back(*place);
  else
    disturb(*place, random, depth + 1);
}

std::vector<Json> sound_rows() {
  std::vector<Json> rows;
  Json answers = Json::array();
  for (int i = 1; i <= 7; ++i) answers.push_back({{"answer", "a"}, {"model", "m"}, {"rank", i}});
  rows.push_back({{"prompt", "\n\nHuman: q\n\nAssistant: "},
                  {"answers", answers},
                  {"turns", 1},
                  {"num_responses", 7},
                  {"source", {"s"}},
                  {"good_natured", true}});
  const Json ratings = {{"helpfulness", {{"Rating", "3"}}}, {"honesty", {{"Rating", "4"}}}};
  rows.push_back(
      {{"instruction", "q"},
       {"completions", {{{"model", "m"}, {"response", "a"}, {"annotations", ratings}, {"overall_score", 3}}}},
       {"source", "s"}});
  rows.push_back({{"prompt_id", "p"},
                  {"prompt", {{{"role", "user"}, {"content", "q"}}}},
                  {"completions", {{{"completion_id", "c"}, {"text", "a"}, {"model", "m"}, {"source_rank", 1}}}},
                  {"split", "train"}});
  rows.push_back({{"prompt", {{{"role", "user"}, {"content", "q"}}}},
                  {"chosen", {{{"role", "assistant"}, {"content", "a"}}}},
                  {"rejected", {{{"role", "assistant"}, {"content", "b"}}}},
                  {"margin", 1},
                  {"target", 1},
                  {"tie", false},
                  {"source", {"s"}}});
  rows.push_back({{"chosen", "the same a"}, {"rejected", "the same b"}});
  rows.push_back({{"prompt", "q"}, {"response", "a"}, {"helpfulness", 3}});
  rows.push_back({{"context", {{{"role", "user"}, {"content", "q"}}}},
                  {"response1", "a"},
                  {"response2", "b"},
                  {"overall_preference", 2}});
  rows.push_back({{"prompt", "q"}, {"completion", "a"}, {"rank", 1}, {"model", "m"}});
  rows.push_back({{"id", "i"},
                  {"messages", {{{"role", "user"}, {"content", "q"}}, {{"role", "assistant"}, {"content", "a"}}}},
                  {"source", "s"}});
  rows.push_back({{"item_id", "i"},
                  {"prompt_id", "p"},
                  {"format", "ranking"},
                  {"status", "ok"},
                  {"shown", {"a", "b"}},
                  {"ranking", {{"a"}, {"b"}}},
                  {"probabilities", {0.5, 0.5}},
                  {"choice", "a"},
                  {"magnitude", 1},
                  {"rating", 2}});
  return rows;
}

TEST(HostileRows, AreRejectedOrReadByEveryReaderAndLayout) {
  TestFolder folder;
  const std::vector<Json> sound = sound_rows();
  std::int64_t rejected = 0, read = 0;
  for (std::size_t kind = 0; kind < sound.size(); ++kind) {
    std::string text = sound[kind].dump() + "\n";
    for (std::uint64_t i = 0; i < 300; ++i) {
      Json row = sound[kind];
      Random random(kind, "disturb", i);
      for (std::uint64_t n = 1 + random.below(3); n > 0; --n) disturb(row, random);
      text += row.dump() + "\n";
    }
    const std::string path = folder.write("rows.jsonl", text);
    const auto reading = [&](const std::function<void(RejectLog&)>& body) {
      RejectLog rejects;
      try {
        body(rejects);
        ++read;
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kInput) << error.message();
      }
      rejected += rejects.rejected();
    };
    for (const char* layout : {"auto", "nectar", "ultrafeedback", "helpsteer", "preferences", "table", "ballot"})
      reading([&](RejectLog& rejects) {
        PoolOptions options;
        options.layout = layout;
        make_pool({path}, folder / "pool.parquet", options, 0, 1, rejects, silent_progress());
        read_pool(folder / "pool.parquet");
      });
    reading([&](RejectLog& rejects) { read_preferences({path}, rejects); });
    reading([&](RejectLog& rejects) { read_sft({path}, rejects); });
    reading([&](RejectLog& rejects) { read_rewardbench({path}, rejects); });
    reading([&](RejectLog& rejects) { read_table(path, rejects); });
    reading([&](RejectLog&) { read_annotations(path); });
    reading([&](RejectLog&) { read_pool(path); });
  }
  EXPECT_GT(rejected, 10'000);
  EXPECT_GT(read, 20);
}

}  // namespace
}  // namespace ballot
