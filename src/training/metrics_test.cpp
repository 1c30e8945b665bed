#include "training/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "compute/communicator.h"
#include "core/atomic_file.h"
#include "training/event_file.h"
#include "training/training_test_files.h"

namespace ballot {
namespace {

TEST(Crc32c, GivesThePublishedValues) {  // RFC 3720, appendix B.4
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(crc32c(""), 0u);
}

// The same event as TensorBoard's own writer serialises it: wall time 1.5, step 300, loss 0.25.
TEST(EventFile, ARecordIsLengthChecksumsAndAProtocolBuffer) {
  const std::string event = scalar_event(1.5, 300, {{"loss", 0.25}});
  const std::string expected(
      "\x09\x00\x00\x00\x00\x00\x00\xf8\x3f\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15\x00\x00\x80\x3e", 27);
  EXPECT_EQ(event, expected);
  const std::string record = event_record(event);
  std::uint64_t length;
  std::memcpy(&length, record.data(), 8);
  EXPECT_EQ(length, event.size());
  EXPECT_EQ(record.size(), event.size() + 16);
  EXPECT_EQ(record.substr(12, event.size()), event);
}

TEST(MetricSums, AreMeansOverAllThatWasAdded) {
  MetricSums sums;
  sums.add("accuracy", 3, 4);
  sums.add("accuracy", 0, 2);
  sums.minimum("min", 2);
  sums.minimum("min", -1);
  sums.maximum("max", 2);
  sums.maximum("max", 5);
  sums.reduce(*single_process());
  EXPECT_DOUBLE_EQ(sums.value("accuracy"), 0.5);
  EXPECT_EQ(sums.value("min"), -1);
  EXPECT_EQ(sums.value("max"), 5);
  EXPECT_TRUE(std::isnan(sums.value("other")));
}

TEST(MetricsLog, ForgetsWhatLiesBehindTheCheckpoint) {
  const TemporaryFolder folder;
  {
    MetricsLog log(folder.path(), 0);
    for (int step = 1; step <= 4; ++step) {
      StepMetrics line;
      line.step = step;
      line.values = {{"loss", 1.0 / step}};
      line.num_tokens = 10 * step;
      log.add(line);
    }
  }
  std::string text = read_file(folder.path() / "metrics.jsonl");
  text.resize(text.size() - 7);  // the process died while it wrote
  write_file(folder.path() / "metrics.jsonl", text);
  EXPECT_EQ(read_metrics(folder.path() / "metrics.jsonl").size(), 3u);
  MetricsLog again(folder.path(), 2);
  const auto lines = read_metrics(folder.path() / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1]["step"], 2);
  EXPECT_EQ(lines[1]["loss"], 0.5);
  EXPECT_TRUE(lines[1]["num_tokens"].is_number_integer());
  int events = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path() / "runs"))
    events += entry.is_regular_file();
  EXPECT_EQ(events, 1);
}

}  // namespace
}  // namespace ballot
