// Where a model's files are and what its configuration says, before any tensor is read.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "core/json.h"

namespace ballot {

class GgufFile;

/// A model as it lies on disk: a Hugging Face folder or a GGUF file.
struct ModelFiles {
  std::filesystem::path folder;          ///< empty for a GGUF file
  std::shared_ptr<const GgufFile> gguf;  ///< null for a folder
  std::filesystem::path path() const;
};
/// By find_model (core/version.h); a folder that holds one GGUF file and no config.json stands for that file.
ModelFiles find_model_files(const std::string& name);
/// A JSON file that must be an object. Throws Error (input).
Json read_json_object(const std::filesystem::path& path);
/// config.json, with a multimodal one reduced to its text part; for a GGUF file the same made from its keys.
Json model_config(const ModelFiles& files);
/// generation_config.json, or what the GGUF file says of end and beginning; an empty object where there is nothing.
Json model_generation_config(const ModelFiles& files, const Json& config);
/// `architectures[0]`. Throws Error (input) where there is none.
std::string architecture_of(const Json& config, const std::string& context);
/// Sizes, types and parameters, a few tensors, for `ballot inspect`: the text of a JSON object.
std::string inspect_model(const std::filesystem::path& path);

}  // namespace ballot
