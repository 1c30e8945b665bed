#include "data/sources.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <regex>
#include <set>

#include "core/error.h"
#include "core/suggest.h"
#include "core/version.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

bool ends_with_any(const std::string& text, std::initializer_list<const char*> ends) {
  return std::any_of(ends.begin(), ends.end(), [&](const char* end) { return text.ends_with(end); });
}

/// The name without what says how it is compressed, in lower case.
std::string plain_name(const fs::path& path) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char* end : {".gz", ".zst", ".zstd"})
    if (name.ends_with(end)) name.resize(name.size() - std::strlen(end));
  return name;
}

bool is_data_file(const fs::path& path) {
  const std::string name = plain_name(path);
  if (name.starts_with(".") || name == "manifest.json" || ends_with_any(name, {".manifest.json", ".rejects.jsonl"}))
    return false;
  return ends_with_any(name, {".parquet", ".jsonl", ".ndjson", ".csv", ".tsv"});
}

/// The split that a shard belongs to by its name, as hub datasets are laid out; empty where the name says none.
std::string split_of(const fs::path& relative) {
  static const std::regex shard(R"(^(.+)-\d{5}-of-\d{5}.*)");
  static const std::regex known(
      R"(^((train|test|validation|valid|val|dev|eval|filtered|raw)(_[a-z0-9]+)?)([.\-].*)?$)");
  const std::string name = plain_name(relative);
  std::smatch match;
  if (std::regex_match(name, match, shard)) return match[1];
  if (std::regex_match(name, match, known)) return match[1];
  for (const fs::path& part : relative.parent_path())
    if (const std::string folder = part.string(); std::regex_match(folder, match, known)) return match[1];
  return "";
}

/// Data files below a folder, by relative path. Links are followed; in a hub snapshot, which is made of links into the
/// repository's blobs, one that leaves `boundary` is refused.
std::vector<fs::path> data_files(const fs::path& folder, const fs::path& boundary) {
  std::vector<fs::path> found;
  for (auto entry = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied);
       entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry->path().filename().string().starts_with(".") && entry->is_directory()) {
      entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file() || !is_data_file(entry->path())) continue;
    if (!boundary.empty()) {
      const std::string real = fs::canonical(entry->path()).string();
      if (!real.starts_with(fs::canonical(boundary).string() + "/"))
        throw bad_input("cannot read {}: it is a link that leaves its repository", entry->path().string());
    }
    found.push_back(entry->path().lexically_relative(folder));
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<SourceFile> folder_files(const fs::path& folder, const std::string& given, const std::string& split,
                                     const fs::path& boundary) {
  std::vector<fs::path> files = data_files(folder, boundary);
  if (files.empty())
    throw Error(ErrorKind::kInput, fmt::format("{} holds no data files", given),
                "wanted: .parquet, .jsonl, .csv, or .jsonl.gz and .jsonl.zst");
  std::set<std::string> splits;
  for (const fs::path& file : files) splits.insert(split_of(file));
  std::vector<std::string> named;
  for (const std::string& name : splits)
    if (!name.empty()) named.push_back(name);
  if (!split.empty() && !(named.empty() && split == "train")) {
    std::erase_if(files, [&](const fs::path& file) { return split_of(file) != split; });
    if (files.empty())
      throw Error(ErrorKind::kInput,
                  named.empty() ? fmt::format("{} has no split '{}': its files are not named by splits", given, split)
                                : fmt::format("{} has no split '{}'{}", given, split, did_you_mean(split, named)));
  } else if (named.size() > 1) {
    std::string list;
    for (const std::string& name : named) list += (list.empty() ? "" : ", ") + name;
    throw Error(ErrorKind::kUsage, fmt::format("{} has several splits: {}", given, list),
                "choose one with --split NAME, or name the files");
  }
  std::vector<SourceFile> sources;
  for (const fs::path& file : files)
    sources.push_back(inspect_source(folder / file, (fs::path(given) / file).string()));
  return sources;
}

std::vector<SourceFile> hub_files(const fs::path& snapshot, const std::string& inside, const std::string& given,
                                  const std::string& split) {
  const fs::path boundary = snapshot.parent_path().parent_path(), place = snapshot / inside;
  for (const fs::path& part : fs::path(inside))
    if (part == "..") throw bad_input("cannot read {}: it leaves its repository", given);
  if (fs::is_directory(place)) return folder_files(place, given, split, boundary);
  if (fs::is_regular_file(place)) {
    if (!fs::canonical(place).string().starts_with(fs::canonical(boundary).string() + "/"))
      throw bad_input("cannot read {}: it is a link that leaves its repository", given);
    return {inspect_source(place, given)};
  }
  std::vector<std::string> there;
  for (const auto& entry : fs::directory_iterator(snapshot)) there.push_back(entry.path().filename().string());
  throw Error(ErrorKind::kInput,
              fmt::format("cannot read {}: the local copy of the dataset has no '{}'{}", given, inside,
                          did_you_mean(inside, there)),
              "name a folder or file that is in it");
}

Error no_such_source(const std::string& given) {
  const fs::path path(given);
  std::string hint;
  std::error_code ignored;
  std::vector<std::string> neighbours;
  for (const auto& entry : fs::directory_iterator(path.has_parent_path() ? path.parent_path() : ".", ignored))
    neighbours.push_back(entry.path().filename().string());
  if (const std::string near = nearest(path.filename().string(), neighbours); !near.empty())
    hint = fmt::format("; did you mean '{}'?", (path.parent_path() / near).string());
  return Error(ErrorKind::kInput, fmt::format("cannot read {}: no such file or folder{}", given, hint),
               "name a file, a folder of shards, or a hub dataset (owner/name) that is in the local hub cache");
}

}  // namespace

SourceFile inspect_source(const fs::path& path, std::string name) {
  SourceFile file;
  file.path = path;
  file.name = std::move(name);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw bad_input("cannot read {}: {}", file.name, std::strerror(errno));
  std::array<unsigned char, 4> magic{};
  const ssize_t n = ::read(descriptor, magic.data(), magic.size());
  const int cause = errno;
  ::close(descriptor);
  if (n < 0) throw bad_input("cannot read {}: {}", file.name, std::strerror(cause));
  const bool named_parquet = plain_name(path).ends_with(".parquet");
  if (n == 4 && std::memcmp(magic.data(), "PAR1", 4) == 0) {
    file.kind = FileKind::kParquet;
    return file;
  }
  if (named_parquet)
    throw bad_input("cannot read {}: {}", file.name,
                    n == 0 ? "it is empty" : "it does not begin as a Parquet file does (bad magic bytes)");
  if (n >= 2 && magic[0] == 0x1f && magic[1] == 0x8b) file.compression = Compression::kGzip;
  if (n == 4 && magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd)
    file.compression = Compression::kZstd;
  if (ends_with_any(plain_name(path), {".csv", ".tsv"})) file.kind = FileKind::kCsv;
  return file;
}

std::vector<SourceFile> resolve_sources(const std::vector<std::string>& sources, const std::string& split) {
  static const std::regex hub_name(R"(^([\w.\-]+/[\w.\-]+)((?:/[\w.\-]+)*)(?:@([\w.\-/]+))?$)");
  std::vector<SourceFile> files;
  for (const std::string& source : sources) {
    std::error_code ignored;
    std::vector<SourceFile> found;
    std::smatch match;
    if (fs::is_directory(source, ignored)) {
      found = folder_files(source, source, split, {});
    } else if (fs::exists(source, ignored)) {
      found.push_back(inspect_source(source, source));
    } else if (std::regex_match(source, match, hub_name)) {
      const fs::path snapshot =
          match[3].matched ? hub_snapshot("datasets", match[1], match[3]) : hub_snapshot("datasets", match[1]);
      if (snapshot.empty()) throw no_such_source(source);
      // datasets--owner--name/snapshots/<commit>; a folder or file in it is one of its configurations.
      const std::string inside = match[2].length() > 0 ? match[2].str().substr(1) : "";
      found = hub_files(snapshot, inside, source, split);
    } else {
      throw no_such_source(source);
    }
    files.insert(files.end(), found.begin(), found.end());
  }
  if (files.empty()) throw wrong_usage("no source was named");
  return files;
}

}  // namespace ballot
