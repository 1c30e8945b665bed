#include "models/weights.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/json.h"
#include "models/gguf.h"
#include "models/safetensors.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

class SafetensorsWeights : public Weights {
 public:
  SafetensorsWeights(const fs::path& folder, Rename rename) : folder_(folder) {
    std::map<std::string, std::string> expected;  // what the index promises
    for (const std::string& name : files(expected)) {
      files_.emplace_back(folder / name);
      for (const auto& [stored, info] : files_.back().tensors()) {
        const std::string own = rename ? rename(stored) : stored;
        if (own.empty()) continue;
        if (!place_.try_emplace(own, files_.size() - 1, stored).second)
          throw bad_input("{} holds tensor '{}' twice (in {} too)", folder.string(), own, name);
      }
    }
    for (const auto& [name, file] : expected) {
      bool found = false;
      for (const SafetensorsFile& open : files_)
        found |= open.path().filename() == file && open.tensors().contains(name);
      if (!found)
        throw bad_input("{}: tensor '{}' is not in {}, where the index says it is", folder.string(), name, file);
    }
  }

  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const auto& [name, place] : place_) all.push_back(name);
    return all;
  }
  bool has(const std::string& name) const override { return place_.contains(name); }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    const auto& [file, stored] = place_.at(name);
    return files_[file].tensors().at(stored).shape;
  }
  at::Tensor read(const std::string& name, at::ScalarType type) const override {
    const auto& [file, stored] = place_.at(name);
    return files_[file].read(stored, type);
  }
  std::string source() const override { return folder_.string(); }

 private:
  std::vector<std::string> files(std::map<std::string, std::string>& expected) const {
    const fs::path index = folder_ / "model.safetensors.index.json";
    if (fs::exists(index)) {
      std::set<std::string> names;
      Json json;
      try {
        json = Json::parse(read_file(index));
      } catch (const Json::exception& error) {
        throw bad_input("{} is not JSON: {}", index.string(), error.what());
      }
      if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
        throw bad_input("{} has no weight_map", index.string());
      for (const auto& [tensor, file] : json["weight_map"].items()) {
        if (!file.is_string()) throw bad_input("{}: the file of tensor '{}' is not a text", index.string(), tensor);
        const std::string name = file.get<std::string>();
        if (name.find('/') != std::string::npos || name.find('\0') != std::string::npos)
          throw bad_input("{}: '{}' is not the name of a file in the same folder", index.string(), name);
        if (!fs::exists(folder_ / name))
          throw Error(ErrorKind::kInput,
                      fmt::format("{} is not there, but {} says that it holds '{}'", (folder_ / name).string(),
                                  index.filename().string(), tensor),
                      "download the model again, whole");
        names.insert(name);
        expected[tensor] = name;
      }
      return {names.begin(), names.end()};
    }
    if (fs::exists(folder_ / "model.safetensors")) return {"model.safetensors"};
    bool pickled = false;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().filename().string();
      pickled |= name.ends_with(".bin") || name.ends_with(".pt") || name.ends_with(".pth");
    }
    throw Error(ErrorKind::kInput, fmt::format("{} holds no model.safetensors", folder_.string()),
                pickled ? "its weights are pickled, which Ballot never opens: save the model as safetensors first"
                        : "name a model folder, a GGUF file or a hub name");
  }

  fs::path folder_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, std::pair<std::size_t, std::string>> place_;
};

class GgufWeights : public Weights {
 public:
  GgufWeights(std::shared_ptr<const GgufFile> file, const GgufRules& rules, std::int64_t heads,
              std::int64_t key_value_heads)
      : file_(std::move(file)), rules_(rules), heads_(heads), key_value_heads_(key_value_heads) {
    for (const auto& [stored, tensor] : file_->tensors()) {
      if (stored == "rope_freqs.weight") continue;  // read into the configuration
      if (!place_.try_emplace(own_name(stored), stored).second)
        throw bad_input("{} holds tensor '{}' twice", file_->path().string(), own_name(stored));
    }
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> all;
    for (const auto& [name, stored] : place_) all.push_back(name);
    return all;
  }
  bool has(const std::string& name) const override { return place_.contains(name); }
  std::vector<std::int64_t> shape(const std::string& name) const override {
    return file_->tensors().at(place_.at(name)).shape;
  }
  at::Tensor read(const std::string& name, at::ScalarType type) const override {
    at::Tensor tensor = file_->read(place_.at(name));
    if (rules_.permuted_heads) {
      if (name.find("self_attn.q_proj.") != std::string::npos) tensor = unpermuted(tensor, heads_);
      if (name.find("self_attn.k_proj.") != std::string::npos) tensor = unpermuted(tensor, key_value_heads_);
    }
    if (rules_.norm_offset != 0 && name.ends_with("norm.weight")) tensor = tensor - rules_.norm_offset;
    return tensor.to(type);
  }
  std::string source() const override { return file_->path().string(); }

 private:
  std::string own_name(const std::string& stored) const {
    if (stored == "token_embd.weight") return "model.embed_tokens.weight";
    if (stored == "output_norm.weight") return "model.norm.weight";
    if (stored == "output.weight") return "lm_head.weight";
    if (stored.starts_with("blk.")) {
      const std::size_t dot = stored.find('.', 4), last = stored.rfind('.');
      if (dot != std::string::npos && last > dot) {
        const std::string part = stored.substr(dot + 1, last - dot - 1);
        for (const auto& [own, theirs] : rules_.layer_names)
          if (theirs == part) return "model.layers." + stored.substr(4, dot - 4) + "." + own + stored.substr(last);
      }
    }
    return stored;  // superfluous: the model says so
  }
  /// Rows of each head from interleaved pairs (x0 y0 x1 y1 ...) to halves (x0 x1 ... y0 y1 ...).
  static at::Tensor unpermuted(const at::Tensor& tensor, std::int64_t heads) {
    const std::int64_t rows = tensor.size(0);
    if (rows % (2 * heads) != 0) return tensor;  // its shape is wrong, and the model says so
    return tensor.view({heads, rows / heads / 2, 2, -1}).transpose(1, 2).reshape(tensor.sizes());
  }

  std::shared_ptr<const GgufFile> file_;
  GgufRules rules_;
  std::int64_t heads_, key_value_heads_;
  std::map<std::string, std::string> place_;
};

}  // namespace

std::unique_ptr<Weights> open_safetensors(const fs::path& folder, Rename rename) {
  return std::make_unique<SafetensorsWeights>(folder, rename);
}

std::unique_ptr<Weights> open_gguf(std::shared_ptr<const GgufFile> file, const GgufRules& rules, std::int64_t heads,
                                   std::int64_t key_value_heads) {
  return std::make_unique<GgufWeights>(std::move(file), rules, heads, key_value_heads);
}

}  // namespace ballot
