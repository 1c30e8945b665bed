// `ballot generate`: lines of text or conversations to lines of answers.
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/command.h"
#include "core/error.h"
#include "engine/engine.h"
#include "models/options.h"

namespace ballot {

Command generate_command() {
  return {"generate", "Answers of a model to texts and conversations",
          "  echo '{\"messages\": [{\"role\": \"user\", \"content\": \"What is the capital of France?\"}]}' |\n"
          "      ballot generate --model deps:smollm2-135m --temperature 0 --max-tokens 20\n"
          "  echo '{\"text\": \"Once upon a time\"}' | ballot generate --model deps:smollm2-135m --seed 7\n",
          [](CLI::App& app) -> CommandRun {
            auto options = std::make_shared<GenerateOptions>();
            add_options(app, *options);
            return [options](Context& context) -> CommandResult {
              if (options->model.empty())
                throw Error(ErrorKind::kUsage, "--model is missing", "name a model folder, a GGUF file or a hub name");
              options->seed = context.seed;
              options->device = context.device;
              options->dtype = context.dtype;
              engine().generate(*options, std::cin, std::cout, *context.progress);
              return {"", ""};
            };
          }};
}

}  // namespace ballot
