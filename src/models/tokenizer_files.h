// A model's tokenizer: from its folder, or rebuilt from its GGUF file.
#pragma once
#include <filesystem>
#include <string>

#include "text/tokenizer.h"

namespace ballot {

/// A model folder, a folder with only tokenizer files, a GGUF file, `deps:` or a hub name (core/version.h: find_model).
Tokenizer load_tokenizer(const std::string& model);
/// The tokenizer files of `model` in `folder`: copied byte for byte where there is a folder, written where it is a GGUF
/// file. With another tokenizer than the model's (tokens added), write that one: Tokenizer::save.
void copy_tokenizer_files(const std::string& model, const std::filesystem::path& folder);

}  // namespace ballot
