// `ballot tokenize`: lines of text or conversations to lines of token ids.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "cli/command.h"
#include "core/error.h"
#include "core/version.h"
#include "engine/engine.h"
#include "text/prompt_line.h"

namespace ballot {
namespace {

struct TokenizeOptions {
  std::string model;
  bool no_special = false;
  bool add_generation_prompt = false;
};

/// A folder's tokenizer needs no engine; a GGUF file's is rebuilt there.
Tokenizer open_tokenizer(const std::string& model) {
  const std::filesystem::path path = find_model(model);
  if (std::filesystem::is_directory(path) && std::filesystem::exists(path / "tokenizer.json"))
    return Tokenizer::from_folder(path);
  if (!std::filesystem::is_directory(path) && path.filename() == "tokenizer.json") return Tokenizer::from_folder(path);
  return engine().load_tokenizer(model);
}

CommandResult tokenize(const TokenizeOptions& options) {
  if (options.model.empty())
    throw Error(ErrorKind::kUsage, "--model is missing",
                "name a folder with tokenizer files, a GGUF file or a hub name");
  const Tokenizer tokenizer = open_tokenizer(options.model);
  std::string line;
  for (std::size_t number = 1; std::getline(std::cin, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    std::vector<TokenId> ids;
    try {
      ids = prompt_line_ids(tokenizer, line, !options.no_special, options.add_generation_prompt);
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("line {} of the input: {}", number, error.message()), error.next());
    }
    fmt::print("{{\"ids\": [{}]}}\n", fmt::join(ids, ", "));
  }
  if (std::cin.bad()) throw failed("cannot read stdin");
  return {"", ""};
}

}  // namespace

Command tokenize_command() {
  return {"tokenize", "Token ids of texts and conversations",
          "  echo '{\"text\": \"Hello\"}' | ballot tokenize --model deps:smollm2-135m\n"
          "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}' |\n"
          "      ballot tokenize --model deps:smollm2-135m --add-generation-prompt\n",
          [](CLI::App& app) -> CommandRun {
            auto options = std::make_shared<TokenizeOptions>();
            app.add_option("--model", options->model, "folder with tokenizer files, GGUF file, deps: or hub name");
            app.add_flag("--no-special", options->no_special,
                         "without the tokens that the tokenizer puts around a text (BOS, EOS)");
            app.add_flag("--add-generation-prompt", options->add_generation_prompt,
                         "end a conversation with the head of the assistant's turn");
            return [options](Context&) -> CommandResult { return tokenize(*options); };
          }};
}

}  // namespace ballot
