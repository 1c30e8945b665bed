#include "judges/reopen_folder.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/atomic_file.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

struct Before {
  std::string key, pool;
  Json limit;
};

std::optional<Before> before(const fs::path& folder) {
  Before result;
  try {
    if (const std::optional<Manifest> manifest = read_manifest(folder)) {
      result.key = manifest->key;
      result.limit = Json::parse(manifest->parameters).value("limit", Json());
      for (const ManifestInput& input : manifest->inputs) result.pool = input.sha256;
      return result;
    }
    if (!fs::exists(folder / "unfinished.json")) return {};
    const Json note = Json::parse(read_file(folder / "unfinished.json"));
    result.key = note.value("key", "");
    result.limit = note.at("parameters").value("limit", Json());
    result.pool = note.at("parameters").value("input pool", "");
    return result;
  } catch (const nlohmann::json::exception&) {
    return {};  // begin_folder says that it is damaged
  }
}

std::int64_t prompts(const Json& limit) {
  const std::int64_t n = limit.is_number_integer() ? limit.get<std::int64_t>() : 0;
  return n == 0 ? std::numeric_limits<std::int64_t>::max() : n;
}

/// Made with the parameters of `now`, its limit and its pool left out.
bool same_but_for_pool_and_limit(const Before& old, const Manifest& now) {
  if (now.inputs.size() != 1) return false;
  Manifest same = now;  // equal keys say that nothing else differs
  Json parameters = Json::parse(now.parameters);
  parameters["limit"] = old.limit;
  same.parameters = parameters.dump();
  same.inputs[0].sha256 = old.pool;
  return make_key(same) == old.key;
}

/// The folder as begun under the parameters of `now`: the note first, so that a process which dies in between leaves a
/// folder that says what it is.
void begin_again(const fs::path& folder, const Manifest& now) {
  Json note;
  note["stage"] = now.stage;
  note["key"] = make_key(now);
  note["parameters"] = Json::parse(now.parameters);
  note["parameters"]["seed"] = now.seed;
  for (const ManifestInput& input : now.inputs) note["parameters"]["input " + input.name] = input.sha256;
  write_file(folder / "unfinished.json", note.dump(2) + "\n");
  fs::remove(folder / "manifest.json");
}

bool holds_nothing(const fs::path& folder) {
  if (!fs::exists(folder)) return true;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename() != ".lock") return false;
  return true;
}

fs::path aside(const fs::path& folder, int n) {
  return folder.string() + fmt::format(".other-{}", n);
}

/// What was moved aside before, and can be gone on with.
std::optional<fs::path> moved_before(const fs::path& folder, const Manifest& now) {
  if (!fs::is_directory(folder.parent_path())) return {};
  const std::string start = folder.filename().string() + ".other-";
  for (const auto& entry : fs::directory_iterator(folder.parent_path())) {
    if (!entry.is_directory() || !entry.path().filename().string().starts_with(start)) continue;
    const std::optional<Before> old = before(entry.path());
    if (old && (old->key == make_key(now) || same_but_for_pool_and_limit(*old, now))) return entry.path();
  }
  return {};
}

}  // namespace

void reopen_folder(const fs::path& folder, const Manifest& now, const std::function<bool()>& pool_has_all) {
  if (!fs::is_directory(folder)) return;
  const std::optional<Before> old = before(folder);
  if (!old || old->key == make_key(now) || !same_but_for_pool_and_limit(*old, now)) return;
  const Json limit = Json::parse(now.parameters).value("limit", Json());
  const bool finished = fs::exists(folder / "manifest.json");
  if (old->pool != now.inputs[0].sha256 ? !pool_has_all() : finished && prompts(limit) <= prompts(old->limit)) return;
  begin_again(folder, now);
}

std::string take_up_folder(const fs::path& folder, const Manifest& now) {
  std::string said;
  if (!holds_nothing(folder)) {
    const std::optional<Before> old = before(folder);
    if (old && (old->key == make_key(now) || same_but_for_pool_and_limit(*old, now))) {
      if (old->key != make_key(now) || fs::exists(folder / "manifest.json")) begin_again(folder, now);
      return "";
    }
    int n = 1;
    while (fs::exists(aside(folder, n))) ++n;
    fs::rename(folder, aside(folder, n));
    said = fmt::format("the answers of {} were given to other parameters: they are kept in {}", folder.string(),
                       aside(folder, n).filename().string());
  }
  if (const std::optional<fs::path> again = moved_before(folder, now)) {
    begin_again(*again, now);
    fs::remove_all(folder);  // at most a lock's file
    fs::rename(*again, folder);
    said += fmt::format("{}the answers kept in {} are taken up again as {}", said.empty() ? "" : "; ",
                        again->filename().string(), folder.string());
  }
  return said;
}

}  // namespace ballot
