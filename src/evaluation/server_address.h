// `--model openai:URL#MODEL`: which server, which of its models, and whose tokenizer makes the token ids.
#pragma once
#include <string>

#include "evaluation/options.h"

namespace ballot {

struct ServerAddress {
  std::string base;   ///< ".../v1"
  std::string model;  ///< as the server calls it
};

bool names_server(const std::string& model);
/// Throws Error (usage) where the address or the model's name is missing or wrong.
ServerAddress server_address(const std::string& model);
/// The folder, file or name that the tokenizer is loaded from: the model's own, or for a server --tokenizer, else the
/// served model's name where that is a model on this machine (a path, a name in the hub cache). Throws Error (usage).
std::string tokenizer_of(const EvalOptions& options);
/// The key that is sent to the server: of the variable --key-env, for api.openai.com else of OPENAI_API_KEY; empty:
/// none. Throws Error (usage) where that variable is not set.
std::string server_key(const EvalOptions& options);
/// Options that only mean something with a server, or only without one. Throws Error (usage).
void check_server_options(const EvalOptions& options);

}  // namespace ballot
