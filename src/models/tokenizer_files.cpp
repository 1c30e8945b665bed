#include "models/tokenizer_files.h"

#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/version.h"
#include "models/gguf.h"
#include "models/model_files.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

template <class T>
std::vector<T> array(const GgufFile& file, const std::string& key, bool required) {
  const Json& values = file.values();
  const auto found = values.find(key);
  if (found == values.end()) {
    if (required) throw bad_input("{} holds no tokenizer: key '{}' is missing", file.path().string(), key);
    return {};
  }
  try {
    return found->get<std::vector<T>>();
  } catch (const Json::exception&) {
    throw bad_input("{}: key '{}' is not a list of the kind that a tokenizer has", file.path().string(), key);
  }
}

std::optional<TokenId> id(const GgufFile& file, const std::string& key) {
  const auto value = file.find_integer("tokenizer.ggml." + key);
  // 2^32 - 1 stands for none in some files.
  if (!value || *value < 0 || *value > INT32_MAX) return std::nullopt;
  return static_cast<TokenId>(*value);
}

std::optional<bool> flag(const GgufFile& file, const std::string& key) {
  const auto found = file.values().find("tokenizer.ggml." + key);
  if (found == file.values().end() || !found->is_boolean()) return std::nullopt;
  return found->get<bool>();
}

Tokenizer from_gguf(const GgufFile& file) {
  TokenizerParts parts;
  parts.model = file.text("tokenizer.ggml.model");
  parts.pre = file.find_text("tokenizer.ggml.pre").value_or("default");
  parts.tokens = array<std::string>(file, "tokenizer.ggml.tokens", true);
  parts.token_types = array<std::int32_t>(file, "tokenizer.ggml.token_type", false);
  parts.merges = array<std::string>(file, "tokenizer.ggml.merges", false);
  parts.scores = array<float>(file, "tokenizer.ggml.scores", false);
  parts.bos = id(file, "bos_token_id");
  parts.eos = id(file, "eos_token_id");
  parts.pad = id(file, "padding_token_id");
  parts.unk = id(file, "unknown_token_id");
  parts.add_bos = flag(file, "add_bos_token");
  parts.add_eos = flag(file, "add_eos_token");
  parts.add_space_prefix = flag(file, "add_space_prefix");
  parts.chat_template = file.find_text("tokenizer.chat_template").value_or("");
  return Tokenizer::from_parts(parts);
}

}  // namespace

Tokenizer load_tokenizer(const std::string& model) {
  const ModelFiles files = find_model_files(model);
  return files.gguf ? from_gguf(*files.gguf) : Tokenizer::from_folder(files.folder);
}

void copy_tokenizer_files(const std::string& model, const fs::path& folder) {
  const ModelFiles files = find_model_files(model);
  fs::create_directories(folder);
  if (files.gguf) {
    from_gguf(*files.gguf).save(folder);
    return;
  }
  bool any = false;
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
        "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json"}) {
    if (!fs::exists(files.folder / name)) continue;
    any = true;
    if (!fs::exists(folder / name) || !fs::equivalent(files.folder / name, folder / name))
      write_file(folder / name, read_file(files.folder / name));
  }
  if (!any) throw bad_input("{} holds no tokenizer files", files.folder.string());
}

}  // namespace ballot
