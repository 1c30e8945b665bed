// Every write that matters: a temporary file beside the target, fsync, rename, fsync of the folder. A reader finds the
// old content or the new, never a third. The tests make the n-th write fail (`fail_after_writes`).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace ballot {

/// A file that appears whole under its name at commit(), or not at all.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);  ///< opens `.NAME.tmp-PID` in the same folder (made where missing)
  ~AtomicFile();                                    ///< without commit() the temporary file is removed
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(std::string_view bytes);  ///< throws Error (failed) naming the target and the cause, e.g. a full disk
  void commit();
  const std::filesystem::path& temporary() const { return temporary_; }  ///< for libraries that write by path

 private:
  std::filesystem::path path_, temporary_;
  int descriptor_ = -1;
};

/// The whole content in one call.
void write_file(const std::filesystem::path& path, std::string_view content);
/// Renames a finished temporary file or folder over its final name, with the fsyncs around it.
void commit_path(const std::filesystem::path& temporary, const std::filesystem::path& path);
/// The whole content of a file. Throws Error (input) where it cannot be read.
std::string read_file(const std::filesystem::path& path);
/// Removes what killed processes left in the folder: `.NAME.tmp-PID` where PID lives no more.
void remove_stale_temporaries(const std::filesystem::path& folder);

/// For tests: the n-th write, fsync or rename from now on fails (0: none does).
void fail_after_writes(std::int64_t n);

}  // namespace ballot
