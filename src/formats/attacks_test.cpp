#include "formats/attacks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "data/pool.h"
#include "formats/sample_pool.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

TEST(Attacks, TheSetInsideHasBothKindsAndDistinctNames) {
  std::set<std::string> names, kinds;
  for (const Attack& attack : read_attacks()) {
    EXPECT_TRUE(names.insert(attack.name).second) << attack.name;
    kinds.insert(attack.kind);
    EXPECT_TRUE(attack.text.starts_with("\n\n")) << attack.name << " runs into the completion's last line";
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"distractor", "injection"}));
  EXPECT_GE(names.size(), 12u);
}

TEST(Attacks, OneCompletionAPromptIsAttackedAndNeverTheBest) {
  const std::vector<PoolRow> plain = sample_pool(40);
  std::vector<PoolRow> pool = plain;
  const std::vector<AttackedCompletion> attacked = attack_pool(pool, read_attacks(), 3);
  ASSERT_EQ(attacked.size(), 40u);
  std::set<std::size_t> places;
  for (std::size_t p = 0; p < pool.size(); ++p)
    for (std::size_t c = 0; c < 5; ++c) {
      const Completion &before = plain[p].completions[c], &after = pool[p].completions[c];
      if (after.completion_id != attacked[p].completion_id) {
        EXPECT_EQ(before, after);
        continue;
      }
      places.insert(c);
      EXPECT_EQ(before.completion_id, attacked[p].plain_completion_id);
      EXPECT_TRUE(after.text.starts_with(before.text) && after.text.size() > before.text.size());
      EXPECT_EQ(after.source_rank, before.source_rank);
    }
  EXPECT_EQ(places, (std::set<std::size_t>{1, 2, 3, 4}));
}

TEST(Attacks, AFileSaysWhichCompletionBecameWhich) {
  const fs::path folder = fs::temp_directory_path() / ("ballot-attacks-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  write_pool(folder / "pool.parquet", sample_pool(6));
  const std::string out = (folder / "attacked.parquet").string();
  AttackOptions options;
  options.kind = "injection";
  EXPECT_EQ(attack_pool_file((folder / "pool.parquet").string(), out, options, 0, false), 6);
  EXPECT_THROW(attack_pool_file((folder / "pool.parquet").string(), out, options, 0, false), Error);
  const auto attacked = read_attacked_completions(out + ".attacks.jsonl");
  ASSERT_EQ(attacked.size(), 6u);
  for (const AttackedCompletion& a : attacked) EXPECT_EQ(a.kind, "injection");
  EXPECT_EQ(read_pool(out).size(), 6u);
  write_file(folder / "mine.yaml", "attacks:\n  - {name: a, kind: injektion, text: b}\n");
  try {
    read_attacks((folder / "mine.yaml").string());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("injection"));
    EXPECT_THAT(error.what(), testing::HasSubstr(":2:"));
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace ballot
