#include "evaluation/server_address.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "core/version.h"
#include "net/api_request.h"

namespace ballot {
namespace {

constexpr std::string_view kPrefix = "openai:";

}  // namespace

bool names_server(const std::string& model) {
  return model.starts_with(kPrefix);
}

ServerAddress server_address(const std::string& model) {
  const std::string rest = model.substr(kPrefix.size());
  const std::size_t mark = rest.find('#');
  if (mark == std::string::npos || mark + 1 == rest.size())
    throw Error(ErrorKind::kUsage, fmt::format("'{}' names no model of the server", model),
                "openai:URL#MODEL, such as openai:http://127.0.0.1:8000/v1#meta-llama/Llama-3.2-1B");
  const std::string url = rest.substr(0, mark);
  if (url.find(',') != std::string::npos)
    throw Error(ErrorKind::kUsage, fmt::format("'{}': an evaluation asks one server", model),
                "name one address; a balancer in front of several servers is one");
  return {api_base(url), rest.substr(mark + 1)};
}

std::string tokenizer_of(const EvalOptions& options) {
  if (!names_server(options.model)) return options.model;
  if (!options.tokenizer.empty()) return options.tokenizer;
  const std::string name = server_address(options.model).model;
  try {
    find_model(name);
  } catch (const Error&) {
    throw Error(ErrorKind::kUsage,
                fmt::format("'{}' is no model on this machine, so its tokenizer is missing: the server is sent token "
                            "ids, so that BOS and the ends of texts are decided here",
                            name),
                "--tokenizer DIR: the model's folder or one with its tokenizer files, a GGUF file, or a name in the "
                "hub cache");
  }
  return name;
}

std::string server_key(const EvalOptions& options) {
  const bool at_openai = server_address(options.model).base.starts_with("https://api.openai.com/");
  const std::string variable = options.key_env.empty() && at_openai ? "OPENAI_API_KEY" : options.key_env;
  if (variable.empty()) return "";
  const char* key = std::getenv(variable.c_str());
  if (!key || !*key)
    throw Error(ErrorKind::kUsage,
                fmt::format("the server's key is to come from the environment variable {}, which is not set", variable),
                fmt::format("export {}=... (the key itself is never written anywhere)", variable));
  return key;
}

void check_server_options(const EvalOptions& options) {
  const auto only = [](bool given, const char* option, const char* where) {
    if (given) throw wrong_usage("{} is for models {}", option, where);
  };
  if (names_server(options.model)) {
    server_address(options.model);
    server_key(options);
    only(options.tokens_per_batch > 0, "--tokens-per-batch", "that are computed here; --concurrency is a server's");
    only(options.device != "auto", "--device", "that are computed here, and the server has its own");
    only(!options.dtype.empty(), "--dtype", "that are computed here, and the server has its own");
    if (options.concurrency < 0) throw wrong_usage("--concurrency cannot be {}", options.concurrency);
    return;
  }
  const char* where = "on a server: --model openai:URL#MODEL";
  only(!options.tokenizer.empty(), "--tokenizer", where);
  only(!options.key_env.empty(), "--key-env", where);
  only(options.concurrency != 0, "--concurrency", where);
  only(options.server_scores != "prompt", "--server-scores", where);
}

}  // namespace ballot
