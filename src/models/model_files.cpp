#include "models/model_files.h"

#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/version.h"
#include "models/families.h"
#include "models/gguf.h"
#include "models/safetensors.h"

namespace ballot {

namespace fs = std::filesystem;

fs::path ModelFiles::path() const {
  return gguf ? gguf->path() : folder;
}

ModelFiles find_model_files(const std::string& name) {
  const fs::path path = find_model(name);
  ModelFiles files;
  if (!fs::is_directory(path)) {
    files.gguf = std::make_shared<GgufFile>(path);
    return files;
  }
  if (!fs::exists(path / "config.json")) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.path().extension() == ".gguf") found.push_back(entry.path());
    if (found.size() == 1) {
      files.gguf = std::make_shared<GgufFile>(found.front());
      return files;
    }
    if (found.size() > 1)
      throw Error(ErrorKind::kInput, fmt::format("{} holds {} GGUF files", path.string(), found.size()),
                  "name one of them");
  }
  files.folder = path;
  return files;
}

Json read_json_object(const fs::path& path) {
  Json json;
  try {
    json = Json::parse(read_file(path));
  } catch (const Json::exception& error) {
    throw bad_input("{} is not JSON: {}", path.string(), error.what());
  }
  if (!json.is_object()) throw bad_input("{} is not a JSON object", path.string());
  return json;
}

namespace {

/// A float32 number as the decimal that a person wrote: 1e-5, not 9.999999747378752e-06.
double shortest(double value) {
  return std::stod(fmt::format("{}", static_cast<float>(value)));
}

Json gguf_config(const GgufFile& file) {
  const std::string context = file.path().string();
  const Family& family = family_of_gguf(file.text("general.architecture"), context);
  const std::string a = family.gguf + ".";
  Json config = {{"architectures", {family.architecture}}, {"model_type", family.model_type}};
  const auto embedding = file.tensors().find("token_embd.weight");
  if (embedding == file.tensors().end()) throw bad_input("{} has no tensor 'token_embd.weight'", context);
  config["vocab_size"] = embedding->second.shape[0];
  config["hidden_size"] = file.integer(a + "embedding_length");
  config["intermediate_size"] = file.integer(a + "feed_forward_length");
  config["num_hidden_layers"] = file.integer(a + "block_count");
  const std::int64_t heads = file.integer(a + "attention.head_count");
  if (heads < 1) throw bad_input("{}: {}attention.head_count is {}", context, a, heads);
  config["num_attention_heads"] = heads;
  config["num_key_value_heads"] = file.find_integer(a + "attention.head_count_kv").value_or(heads);
  config["head_dim"] =
      file.find_integer(a + "attention.key_length")
          .value_or(
              file.find_integer(a + "rope.dimension_count").value_or(file.integer(a + "embedding_length") / heads));
  config["max_position_embeddings"] = file.integer(a + "context_length");
  config["rms_norm_eps"] = shortest(file.number(a + "attention.layer_norm_rms_epsilon"));
  config["rope_theta"] = shortest(file.find_number(a + "rope.freq_base").value_or(10000));
  config["rope_scaling"] = nullptr;
  const std::string scaling = file.find_text(a + "rope.scaling.type").value_or("none");
  if (scaling == "linear")
    config["rope_scaling"] = {{"rope_type", "linear"}, {"factor", shortest(file.number(a + "rope.scaling.factor"))}};
  else if (scaling != "none")
    throw bad_input("{}: rope scaling '{}' is not computed here (only: none, linear)", context, scaling);
  config["tie_word_embeddings"] = !file.tensors().contains("output.weight");
  config["initializer_range"] = 0.02;
  config["torch_dtype"] = "float32";
  for (const auto& [key, own] : {std::pair("bos_token_id", "bos_token_id"), std::pair("eos_token_id", "eos_token_id"),
                                 std::pair("padding_token_id", "pad_token_id")})
    if (const auto id = file.find_integer(std::string("tokenizer.ggml.") + key)) config[own] = *id;
  family.complete_gguf_config(file, config);
  return config;
}

}  // namespace

Json model_config(const ModelFiles& files) {
  if (files.gguf) return gguf_config(*files.gguf);
  const fs::path path = files.folder / "config.json";
  if (!fs::exists(path))
    throw Error(ErrorKind::kInput, fmt::format("{} is no model folder: it has no config.json", files.folder.string()),
                "name a Hugging Face model folder, a GGUF file or a hub name");
  const Json config = read_json_object(path);
  if (config.contains("text_config") && config["text_config"].is_object() && config.value("model_type", "") == "gemma3")
    return gemma3_text_config(config);
  return config;
}

Json model_generation_config(const ModelFiles& files, const Json& config) {
  if (!files.gguf) {
    const fs::path path = files.folder / "generation_config.json";
    if (fs::exists(path)) return read_json_object(path);
  }
  Json generation = Json::object();
  for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"})
    if (config.contains(key) && !config[key].is_null()) generation[key] = config[key];
  return generation;
}

std::string architecture_of(const Json& config, const std::string& context) {
  if (!config.contains("architectures") || !config["architectures"].is_array() || config["architectures"].empty() ||
      !config["architectures"][0].is_string())
    throw bad_input("{} names no architecture ('architectures')", context);
  return config["architectures"][0].get<std::string>();
}

std::string inspect_model(const fs::path& path) {
  Json report = Json::object();
  Json tensors = Json::array();
  std::int64_t parameters = 0;
  const auto add = [&](const std::string& name, std::string_view type, const std::vector<std::int64_t>& shape) {
    std::int64_t numbers = 1;
    for (const std::int64_t n : shape) numbers *= n;
    parameters += numbers;
    tensors.push_back({{"name", name}, {"type", type}, {"shape", shape}});
  };
  const bool folder = fs::is_directory(path);
  if (!folder && path.extension() == ".safetensors") {
    const SafetensorsFile file(path);
    report["format"] = "safetensors";
    for (const auto& [name, info] : file.tensors()) add(name, info.dtype, info.shape);
    report["metadata"] = file.metadata();
  } else {
    const ModelFiles files = find_model_files(path.string());
    if (files.gguf) {
      report["format"] = fmt::format("GGUF {}", files.gguf->version());
      for (const auto& [name, tensor] : files.gguf->tensors()) add(name, tensor.type->name, tensor.shape);
    } else {
      report["format"] = "Hugging Face folder";
      std::vector<fs::path> weights;
      for (const auto& entry : fs::directory_iterator(files.folder))
        if (entry.path().extension() == ".safetensors" && entry.path().filename().string().starts_with("model"))
          weights.push_back(entry.path());
      std::sort(weights.begin(), weights.end());
      for (const fs::path& file : weights) {
        const SafetensorsFile open(file);
        for (const auto& [name, info] : open.tensors()) add(name, info.dtype, info.shape);
      }
    }
    const Json config = model_config(files);
    report["architecture"] = architecture_of(config, files.path().string());
    report["config"] = config;
    report["generation_config"] = model_generation_config(files, config);
  }
  report["tensors"] = tensors.size();
  report["parameters"] = parameters;
  Json first = Json::array();
  for (std::size_t i = 0; i < std::min<std::size_t>(tensors.size(), 5); ++i) first.push_back(tensors[i]);
  report["first_tensors"] = first;
  return report.dump();
}

}  // namespace ballot
