#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "models/families.h"
#include "models/gguf.h"
#include "models/model_files.h"

namespace ballot {
namespace {

/// What older files carry along although it follows from the configuration.
std::string without_buffers(const std::string& name) {
  return name.ends_with(".rotary_emb.inv_freq") ? "" : name;
}

}  // namespace

std::unique_ptr<Model> load_model(const std::string& name, const LoadOptions& options) {
  const ModelFiles files = find_model_files(name);
  const std::string context = files.gguf ? files.gguf->path().string() : (files.folder / "config.json").string();
  Json config = model_config(files);
  const Family& family = family_of_architecture(architecture_of(config, context), context);
  std::unique_ptr<Weights> weights;
  if (files.gguf) {
    const ConfigReader fields(config, context);
    weights = open_gguf(files.gguf, family.gguf_rules, fields.integer("num_attention_heads"),
                        fields.integer("num_key_value_heads"));
  } else {
    weights = open_safetensors(files.folder, family.rename ? family.rename : without_buffers);
  }
  Json generation = model_generation_config(files, config);
  ParameterReader reader(*weights, options);
  std::unique_ptr<Transformer> model = family.make(family, std::move(config), context, reader);
  model->generation_config() = std::move(generation);
  return model;
}

std::string model_hash(const Model& model) {
  Hasher hasher;
  for (const auto& [name, tensor] : model.parameters()) {
    const at::Tensor bytes = tensor.detach().cpu().contiguous();
    hasher.field(name);
    hasher.field(std::string_view(static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes()));
  }
  return hasher.hex();
}

}  // namespace ballot
