#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "models/config.h"
#include "models/model.h"
#include "models/safetensors.h"

namespace ballot {
namespace {

const char* torch_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "float32";
    case at::kBFloat16:
      return "bfloat16";
    case at::kDouble:
      return "float64";
    default:
      throw failed("a model of type {} cannot be saved", c10::toString(type));
  }
}

}  // namespace

void save_model(const Model& model, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto parameters = model.parameters();
  Json config = old_spelling(model.config());
  config["architectures"] = {model.shape().architecture};
  config["vocab_size"] = model.shape().vocabulary;
  config["torch_dtype"] = torch_name(parameters.front().second.scalar_type());
  config.erase("quantization_config");  // what was read dequantised is written so
  if (model.shape().architecture.ends_with("ForSequenceClassification") && !model.score_weight().defined())
    throw failed("cannot save a {} without its score", model.shape().architecture);
  Json generation = model.generation_config();
  for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"})
    if (!generation.contains(key) && config.contains(key) && !config[key].is_null()) generation[key] = config[key];
  write_model_weights(folder, parameters);
  write_file(folder / "generation_config.json", generation.dump(2) + "\n");
  write_file(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace ballot
