#include "core/options.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace ballot {
namespace {

struct Sample {
  double learning_rate = 1e-6;
  std::int64_t batch_size = 64;
  std::string ties = "random";
  std::optional<std::int64_t> max_steps;
  std::vector<std::int64_t> positions = {0, 2};
  std::int64_t threads = 2;
};

void visit_options(OptionVisitor& visit, Sample& o) {
  visit({"learning-rate", "peak"}, o.learning_rate);
  visit({"batch-size", "pairs"}, o.batch_size);
  visit({"ties", "what a tie becomes", {"random", "drop"}}, o.ties);
  visit({"max-steps", "stop early"}, o.max_steps);
  visit({"positions", "places"}, o.positions);
  visit({"threads", "cores", {}, false}, o.threads);
}

Sample read(const std::string& text) {
  const Json json = Json::parse(text);
  OptionsFromJson visitor(json, "study.yaml: dpo");
  Sample sample;
  visit_options(visitor, sample);
  visitor.check_unknown();
  return sample;
}

std::string message_of(const std::string& text) {
  try {
    read(text);
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

TEST(Options, WrittenIsRead) {
  EXPECT_EQ(options_json(Sample(), true),
            R"({"learning_rate":1e-06,"batch_size":64,"ties":"random","max_steps":null,"positions":[0,2]})");
  const Sample sample = read(R"({"learning_rate": 2e-5, "max-steps": 3, "positions": [1]})");
  EXPECT_DOUBLE_EQ(sample.learning_rate, 2e-5);
  EXPECT_EQ(sample.max_steps, 3);
  EXPECT_EQ(sample.positions, std::vector<std::int64_t>{1});
}

TEST(Options, MistakesAreNamed) {
  EXPECT_EQ(message_of(R"({"ties": "randon"})"),
            "study.yaml: dpo: ties: unknown value 'randon'; did you mean 'random'? (one of: random, drop)");
  EXPECT_EQ(message_of(R"({"batch_size": "many"})"),
            "study.yaml: dpo: batch_size: found \"many\", wanted a whole number");
  EXPECT_NE(message_of(R"({"batchsize": 3})").find("did you mean 'batch_size'?"), std::string::npos);
}

}  // namespace
}  // namespace ballot
