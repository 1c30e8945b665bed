// The architectures, each in its own file, and the table of them.
#pragma once
#include <span>
#include <string>

#include "models/transformer.h"

namespace ballot {

const Family& llama_family();   // llama.cpp
const Family& qwen2_family();   // qwen.cpp
const Family& qwen3_family();   // qwen.cpp
const Family& gemma3_family();  // gemma3.cpp
Json gemma3_text_config(const Json& multimodal);

/// By config.json's `architectures`, causal language model or classifier. Throws Error (input) with the nearest and the
/// list.
const Family& family_of_architecture(const std::string& architecture, const std::string& context);
/// By GGUF's `general.architecture`.
const Family& family_of_gguf(const std::string& architecture, const std::string& context);

}  // namespace ballot
