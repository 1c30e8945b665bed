#include "training/checkpoint.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "models/safetensors.h"

namespace ballot {

namespace fs = std::filesystem;

Checkpoints::Checkpoints(fs::path folder, std::string key, std::int64_t keep)
    : folder_(std::move(folder)), key_(std::move(key)), keep_(keep) {
  if (keep_ < 1) throw wrong_usage("--keep is {}; at least one checkpoint is kept", keep_);
  if (fs::exists(folder_)) remove_stale_temporaries(folder_);
}

std::vector<fs::path> Checkpoints::folders() const {
  std::vector<fs::path> found;
  if (!fs::exists(folder_)) return found;
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.is_directory() && entry.path().filename().string().starts_with("step-")) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::string Checkpoints::newest() const {
  const auto found = folders();
  return found.empty() ? "" : found.back().filename().string();
}

void Checkpoints::save(const CheckpointState& state, const NamedTensors& tensors) {
  const std::string name = fmt::format("step-{:08d}", state.step);
  const fs::path path = folder_ / name, temporary = folder_ / fmt::format(".{}.tmp-{}", name, ::getpid());
  if (fs::exists(path)) return;
  fs::remove_all(temporary);
  fs::create_directories(temporary);
  try {
    write_safetensors(temporary / "tensors.safetensors", tensors);
    Json json;
    json["step"] = state.step;
    json["num_tokens"] = state.num_tokens;
    json["forest_tokens"] = state.forest_tokens;
    json["key"] = key_;
    json["tensors_sha256"] = sha256_file(temporary / "tensors.safetensors");
    write_file(temporary / "state.json", json.dump(2) + "\n");
    commit_path(temporary, path);
  } catch (const Error&) {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    throw;
  }
  keep_the_last();
}

void Checkpoints::keep_the_last() const {
  const std::vector<fs::path> all = folders();
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep_) < all.size(); ++i) fs::remove_all(all[i]);
}

std::optional<CheckpointState> Checkpoints::load(const NamedTensors& tensors, Progress& progress) {
  keep_the_last();  // a process that was killed while it did so may have left one half removed
  const std::vector<fs::path> all = folders();
  for (auto path = all.rbegin(); path != all.rend(); ++path) {
    try {
      const Json json = Json::parse(read_file(*path / "state.json"));
      if (json.at("key") != key_) throw bad_input("it belongs to another training");
      const fs::path file = *path / "tensors.safetensors";
      if (json.at("tensors_sha256") != sha256_file(file)) throw bad_input("its tensors are not what their hash says");
      const SafetensorsFile stored(file);
      const at::NoGradGuard no_grad;
      for (const auto& [name, tensor] : tensors) {
        const at::Tensor value = stored.read(name);
        if (value.sizes() != tensor.sizes() || value.scalar_type() != tensor.scalar_type())
          throw bad_input("{} has another shape or type", name);
        tensor.copy_(value);
      }
      progress.say(
          fmt::format("going on after step {} ({})", json.at("step").get<std::int64_t>(), path->filename().string()));
      return CheckpointState{json.at("step"), json.at("num_tokens"), json.at("forest_tokens")};
    } catch (const Error& error) {
      progress.say(fmt::format("the checkpoint {} is passed over: {}", path->filename().string(), error.message()));
    } catch (const nlohmann::json::exception& error) {
      progress.say(fmt::format("the checkpoint {} is passed over: {}", path->filename().string(), error.what()));
    }
    fs::remove_all(*path);  // its name is needed when the step is reached again
  }
  return std::nullopt;
}

void Checkpoints::remove_all() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

}  // namespace ballot
