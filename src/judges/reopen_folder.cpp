#include "judges/reopen_folder.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

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

}  // namespace

void reopen_folder(const fs::path& folder, const Manifest& now, const std::function<bool()>& pool_has_all) {
  if (!fs::is_directory(folder)) return;
  const std::optional<Before> old = before(folder);
  if (!old || now.inputs.size() != 1 || old->key == make_key(now)) return;
  Manifest same = now;  // but for the limit and the pool: equal keys say that nothing else differs
  Json parameters = Json::parse(now.parameters);
  const Json limit = parameters.value("limit", Json());
  parameters["limit"] = old->limit;
  same.parameters = parameters.dump();
  same.inputs[0].sha256 = old->pool;
  if (make_key(same) != old->key) return;
  const bool finished = fs::exists(folder / "manifest.json");
  if (old->pool != now.inputs[0].sha256 ? !pool_has_all() : finished && prompts(limit) <= prompts(old->limit)) return;
  fs::remove(folder / "unfinished.json");
  fs::remove(folder / "manifest.json");
}

}  // namespace ballot
