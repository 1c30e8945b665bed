// From what a user names as a SOURCE to the files that hold its rows.
//
// A source is a file, a folder of shards, or a hub dataset (owner/name[/folder][@revision]) in the local hub cache.
// What a file is, is read from its first bytes: Parquet, gzip, zstd; else CSV or TSV by its name, else JSONL.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace ballot {

enum class FileKind { kJsonl, kParquet, kCsv };
enum class Compression { kNone, kGzip, kZstd };

struct SourceFile {
  std::filesystem::path path;
  std::string name;  ///< as messages and rejects files show it: the path as given, or inside the folder given
  FileKind kind = FileKind::kJsonl;
  Compression compression = Compression::kNone;
};

/// What the file's first bytes and its name say. Throws Error (input) where it cannot be read or a .parquet file is
/// none.
SourceFile inspect_source(const std::filesystem::path& path, std::string name);

/// The files of the sources in a fixed order (as given, shards of a folder by name). `split` keeps those of one split
/// ("train": train-00000-of-00004.parquet, train.jsonl, train/0.parquet). Throws Error (input) where nothing is there,
/// (usage) where a folder holds several splits and none was asked for.
std::vector<SourceFile> resolve_sources(const std::vector<std::string>& sources, const std::string& split = "");

}  // namespace ballot
