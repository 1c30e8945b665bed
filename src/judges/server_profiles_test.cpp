// Servers that differ as the real ones do, written from their own request classes and documentation: each refuses or
// ignores what it does not know and answers errors in its own body. A run against each must end with every ballot
// answered, by the structured form that this server understands.
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "core/error.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "formats/sample_pool.h"
#include "judges/annotate.h"
#include "judges/chat_server_for_tests.h"
#include "judges/openai_judge.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

/// The fields that a strict server takes; the first other one of a body, or "".
std::string unknown_field(const Json& body, const std::set<std::string>& known) {
  for (const auto& [key, value] : body.items())
    if (!known.contains(key)) return key;
  return "";
}

ChatServerOptions server_like(const std::string& profile) {
  ChatServerOptions options;
  options.unreadable_share = 1;  // so that only the structured form gives labels
  const auto format_type = [](const Json& body) {
    return body.contains("response_format") ? body["response_format"].value("type", "") : "";
  };
  if (profile == "openai") {
    options.refuses = [](const Json& body, std::string& reply) {
      const std::string field =
          unknown_field(body, {"model", "messages", "max_completion_tokens", "temperature", "top_p", "presence_penalty",
                               "frequency_penalty", "seed", "n", "stream", "stream_options", "response_format",
                               "logprobs", "top_logprobs"});
      reply =
          R"({"error": {"message": "Unrecognized request argument", "type": "invalid_request_error", "param": null, "code": null}})";
      return field.empty() ? 0 : 400;
    };
    options.constrains = [=](const Json& body) {
      return format_type(body) == "json_schema" && body["response_format"]["json_schema"].contains("schema");
    };
  } else if (profile == "vllm") {  // guided_json is taken and ignored
    options.constrains = [=](const Json& body) {
      return format_type(body) == "json_schema" || body.contains("structured_outputs");
    };
  } else if (profile == "vllm_legacy") {
    options.constrains = [](const Json& body) { return body.contains("guided_json"); };
  } else if (profile == "sglang") {
    options.constrains = [=](const Json& body) { return format_type(body) == "json_schema"; };
  } else if (profile == "tgi") {  // sampling fields that it lacks are ignored; its errors are plain text in JSON
    options.refuses = [=](const Json& body, std::string& reply) {
      reply = R"({"error": "Input validation error: grammar is not valid", "error_type": "validation"})";
      const std::string type = format_type(body);
      return type.empty() || type == "json" ? 0 : 422;
    };
    options.constrains = [=](const Json& body) {
      return format_type(body) == "json" && body["response_format"].contains("value");
    };
  } else if (profile == "llama_cpp") {  // its relative in Python answers OpenAI's form with a 500
    options.refuses = [=](const Json& body, std::string& reply) {
      reply =
          R"({"error": {"message": "[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be 'text' or 'json_object'\"}]", "type": "internal_server_error", "param": null, "code": null}})";
      return format_type(body) == "json_schema" ? 500 : 0;
    };
    options.constrains = [=](const Json& body) {
      return format_type(body) == "json_object" && body["response_format"].contains("schema");
    };
  }
  return options;
}

TEST(ServerProfiles, EachKindOfServerIsAskedInItsOwnForm) {
  const fs::path folder = fs::temp_directory_path() / ("ballot_profiles_test_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  write_pool(folder / "pool.parquet", sample_pool(2));
  const auto run = [&](const std::string& server_profile, const std::string& judge_profile, const std::string& out) {
    const ChatServer server(server_like(server_profile));
    ServerOptions options;
    options.chat.model = "m";
    options.chat.profile = profile_of(judge_profile);
    options.endpoints = {{server.url(), "", 0}};
    options.first_wait = 0.01;
    AnnotateOptions annotate_options;
    annotate_options.format = "binary";
    const auto judge = make_openai_judge(options);
    return annotate(folder / "pool.parquet", folder / out, *judge, annotate_options, 7, false, silent_progress());
  };
  for (const std::string profile : {"vllm", "vllm_legacy", "sglang", "llama_cpp", "tgi", "openai"}) {
    const AnnotateSummary summary = run(profile, profile, profile);
    EXPECT_EQ(summary.usable, 20) << profile;
    EXPECT_EQ(summary.structured, 20) << profile;
    EXPECT_EQ(summary.attempts.at(3), 20) << profile;
  }
  // llama.cpp asked in vLLM's words: the probe finds the form that works.
  EXPECT_EQ(run("llama_cpp", "vllm", "mixed").usable, 20);
  // OpenAI asked in vLLM's words refuses the first question, and the run ends before anything is spent.
  EXPECT_THROW(run("openai", "vllm", "refused"), Error);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace ballot
