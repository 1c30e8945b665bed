// TensorBoard's event files, written by hand: records of (length, checksum of the length, bytes, checksum of the
// bytes), each a protocol buffer `Event` with scalar summaries. The checksum is CRC-32C, rotated and offset ("masked")
// as the format of TFRecord files has it. TensorBoard reads every file whose name holds `tfevents` below its --logdir.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballot {

/// CRC-32C (Castagnoli), as in RFC 3720.
std::uint32_t crc32c(std::string_view bytes);
/// One record of the file.
std::string event_record(std::string_view payload);
/// The protocol buffer of a step's scalars. `wall_time`: seconds since 1970.
std::string scalar_event(double wall_time, std::int64_t step,
                         const std::vector<std::pair<std::string, double>>& scalars);

class EventFile {
 public:
  /// Creates `folder/events.out.tfevents.<seconds>.<host>.<process>.0` with the format's version as its first record.
  explicit EventFile(const std::filesystem::path& folder);
  ~EventFile();
  /// Written through at once, so that TensorBoard sees it while the training runs.
  void add(std::int64_t step, const std::vector<std::pair<std::string, double>>& scalars);

 private:
  void append(std::string_view record);
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace ballot
