#include "models/generate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "core/error.h"
#include "core/progress.h"
#include "models/cache.h"
#include "models/golden_test_files.h"
#include "models/model.h"
#include "models/tokenizer_files.h"

namespace ballot {
namespace {

using Ids = std::vector<std::int32_t>;
using ::testing::HasSubstr;

std::string folder(const std::string& name) {
  return golden("models/" + name).string();
}

at::Tensor last_logits(const Model& model, const Ids& ids) {
  Forest forest;
  forest.add_run(-1, ids);
  const at::NoGradGuard no_gradients;
  return model.hidden_states(forest)[-1].unsqueeze(0).mm(model.head_weight().t())[0];
}

double apart(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

class DecoderOf : public ::testing::TestWithParam<const char*> {};

TEST_P(DecoderOf, EveryStepEqualsTheWholeSequenceAnew) {
  const auto model = load_model(folder(GetParam()));
  const Ids ids = golden_json("models/" + std::string(GetParam()) + "/expected.json")["input_ids"][0].get<Ids>();
  // Some share beginnings, one is the beginning of another, two are equal, one has a single token.
  const std::vector<Ids> prompts = {
      {ids.begin(), ids.begin() + 12}, {ids.begin(), ids.begin() + 5}, {ids[3]}, {ids.begin(), ids.begin() + 12}, [&] {
        Ids x(ids.begin(), ids.begin() + 9);
        x.push_back(44);
        return x;
      }()};
  Decoder decoder(*model);
  std::vector<std::int32_t> sequences = decoder.add(prompts);
  for (int step = 0; step < 12; ++step) {
    const at::Tensor logits = decoder.next_logits(sequences);
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      EXPECT_LT(apart(logits[static_cast<std::int64_t>(s)], last_logits(*model, decoder.tokens(sequences[s]))), 3e-5)
          << step << " " << s;
      decoder.append(sequences[s], ids[(step + 5 * s) % ids.size()]);
    }
    if (step == 4) sequences.push_back(decoder.fork(sequences[1]));
    if (step == 5) {
      decoder.drop(sequences[0]);
      sequences.erase(sequences.begin());
    }
    if (step == 6) {
      // Joins while others are under way: its beginning ends within what is there already.
      const std::vector<Ids> late = {{ids.begin(), ids.begin() + 3}, {ids.begin(), ids.begin() + 11}};
      for (const std::int32_t s : decoder.add(late)) sequences.push_back(s);
    }
    if (step == 7) decoder.append(sequences[2], Ids{9, 8, 7});
  }
}

TEST_P(DecoderOf, AskingTwiceComputesOnce) {
  const auto model = load_model(folder(GetParam()));
  Decoder decoder(*model);
  const auto sequences = decoder.add(std::vector<Ids>{{5, 6, 7}});
  const at::Tensor first = decoder.next_logits(sequences);
  EXPECT_EQ(decoder.computed_tokens(), 3);
  EXPECT_TRUE(at::equal(decoder.next_logits(sequences), first));
  EXPECT_EQ(decoder.computed_tokens(), 3);
}

INSTANTIATE_TEST_SUITE_P(Tiny, DecoderOf,
                         ::testing::Values("tiny_llama", "tiny_llama_switches", "tiny_qwen3", "tiny_gemma3"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Decoder, SharedBeginningsAreComputedOnce) {
  const auto model = load_model(folder("tiny_llama"));
  Ids beginning(50, 7);
  std::vector<Ids> prompts;
  for (int i = 0; i < 10; ++i) {
    prompts.push_back(beginning);
    prompts.back().push_back(20 + i);
    prompts.back().push_back(40 + i);
  }
  Decoder decoder(*model);
  decoder.next_logits(decoder.add(prompts));
  EXPECT_EQ(decoder.computed_tokens(), 50 + 20);
  // What comes later finds it, too, even where it shares less.
  decoder.next_logits(decoder.add(std::vector<Ids>{Ids(30, 7)}));
  EXPECT_EQ(decoder.computed_tokens(), 50 + 20 + 1);
}

TEST(Decoder, AnEmptyPromptIsAnError) {
  const auto model = load_model(folder("tiny_llama"));
  Decoder decoder(*model);
  EXPECT_THROW(decoder.add(std::vector<Ids>{{}}), Error);
}

TEST(Cache, ReleasedRunsGiveTheirMemoryBack) {
  const auto model = load_model(folder("tiny_llama"));
  KeyValueCache cache(*model);
  const std::int32_t prompt = cache.add_run(-1);
  model->hidden_states(std::vector<CacheStep>{{prompt, {5, 6, 7}}}, cache);
  const std::int32_t answer = cache.add_run(prompt);
  model->hidden_states(std::vector<CacheStep>{{answer, {8}}}, cache);
  EXPECT_EQ(cache.path_length(answer), 4);
  EXPECT_EQ(cache.tokens(), 4);
  EXPECT_THROW(cache.release(prompt), Error);
  cache.release(answer);
  cache.release(prompt);
  EXPECT_EQ(cache.bytes(), 0);
}

at::Tensor row(std::vector<double> values) {
  return at::tensor(values, at::kDouble);
}

/// How often each token is drawn in many draws.
std::vector<double> shares(const std::vector<double>& logits, const SamplingOptions& sampling,
                           const Ids& history = {}) {
  std::vector<double> count(logits.size());
  Random random(1, "test");
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) count[sample_token(row(logits), history, sampling, random)] += 1.0 / kDraws;
  return count;
}

SamplingOptions plain() {
  return {.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .repetition_penalty = 1, .stop = {}};
}

TEST(Sampling, DrawsByTheSoftmax) {
  const auto found = shares({std::log(0.5), std::log(0.3), std::log(0.2)}, plain());
  EXPECT_NEAR(found[0], 0.5, 0.015);
  EXPECT_NEAR(found[1], 0.3, 0.015);
}

TEST(Sampling, TemperatureSharpensAndZeroTakesTheFirstOfTheLargest) {
  SamplingOptions sampling = plain();
  sampling.temperature = 0.5;
  EXPECT_NEAR(shares({std::log(0.5), std::log(0.3), std::log(0.2)}, sampling)[0], 0.25 / 0.38, 0.015);
  sampling.temperature = 0;
  Random random(1, "test");
  EXPECT_EQ(sample_token(row({1, 3, 3, 2}), {}, sampling, random), 1);
}

TEST(Sampling, TopKKeepsTiesOfTheLast) {
  SamplingOptions sampling = plain();
  sampling.top_k = 2;
  const auto found = shares({3, 2, 2, 1}, sampling);
  EXPECT_GT(found[1], 0);
  EXPECT_GT(found[2], 0);
  EXPECT_EQ(found[3], 0);
}

TEST(Sampling, TopPDropsTheTailThatFitsOutside) {
  SamplingOptions sampling = plain();
  sampling.top_p = 0.79;  // .2 fits into the .21 that may go; .2 + .3 does not
  auto found = shares({std::log(0.5), std::log(0.3), std::log(0.2)}, sampling);
  EXPECT_EQ(found[2], 0);
  EXPECT_NEAR(found[1], 0.375, 0.015);
  sampling.top_p = 0.001;  // the most probable one always stays
  found = shares({std::log(0.5), std::log(0.3), std::log(0.2)}, sampling);
  EXPECT_NEAR(found[0], 1, 1e-9);
}

TEST(Sampling, MinPIsRelativeToTheLargest) {
  SamplingOptions sampling = plain();
  sampling.min_p = 0.5;
  const auto found = shares({std::log(0.5), std::log(0.3), std::log(0.2)}, sampling);
  EXPECT_GT(found[1], 0);
  EXPECT_EQ(found[2], 0);
}

TEST(Sampling, PenaltyDividesPositiveAndMultipliesNegativeLogits) {
  SamplingOptions sampling = plain();
  sampling.temperature = 0;
  sampling.repetition_penalty = 2;
  Random random(1, "test");
  EXPECT_EQ(sample_token(row({3, 2, -1}), Ids{0, 0}, sampling, random), 1);
  EXPECT_EQ(sample_token(row({-1, -1.5, -9}), Ids{0}, sampling, random), 1);
  EXPECT_EQ(sample_token(row({3, 1, -1}), Ids{0, 0, 0}, sampling, random), 0);  // once, however often it was there
}

TEST(Sampling, NotANumberIsAnError) {
  Random random(1, "test");
  EXPECT_THROW(sample_token(row({1, std::nan("")}), {}, plain(), random), Error);
}

TEST(Sampling, CandidatesProbabilitiesSumToOne) {
  const auto found = candidate_log_probabilities(row({1, 5, 2, 9}), Ids{0, 2});
  EXPECT_NEAR(found[0], -std::log(1 + std::exp(1.0)), 1e-12);
  EXPECT_NEAR(std::exp(found[0]) + std::exp(found[1]), 1, 1e-12);
  EXPECT_THROW(candidate_log_probabilities(row({1}), Ids{1}), Error);
}

class Generating : public ::testing::Test {
 protected:
  Generating() : model_(load_model(folder("tiny_llama"))), tokenizer_(load_tokenizer(folder("tiny_llama"))) {}
  std::unique_ptr<Model> model_;
  Tokenizer tokenizer_;
};

TEST_F(Generating, GreedyAnswersEqualTheNaiveLoop) {
  SamplingOptions sampling = plain();
  sampling.temperature = 0;
  sampling.max_tokens = 12;
  const std::vector<Ids> prompts = {{5, 6, 7}, {5, 6, 9, 10}, {50}};
  const auto made = generate(*model_, tokenizer_, prompts, sampling, std::vector<std::uint64_t>{1, 2, 3});
  const auto ends = end_ids(*model_, tokenizer_);
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    Ids ids = prompts[p], answer;
    while (answer.size() < 12) {
      const auto token = static_cast<std::int32_t>(last_logits(*model_, ids).argmax().item<std::int64_t>());
      if (std::find(ends.begin(), ends.end(), token) != ends.end()) break;
      ids.push_back(token);
      answer.push_back(token);
    }
    EXPECT_EQ(made[p].ids, answer);
    EXPECT_EQ(made[p].finish_reason, answer.size() == 12 ? "length" : "stop");
    EXPECT_EQ(made[p].prompt_tokens, static_cast<std::int64_t>(prompts[p].size()));
  }
  EXPECT_EQ(made[1].cached_tokens, 2);
}

TEST_F(Generating, TheSeedAloneDecidesNotTheCompany) {
  SamplingOptions sampling;
  sampling.max_tokens = 10;
  std::vector<Ids> prompts;
  std::vector<std::uint64_t> seeds;
  for (int i = 0; i < 9; ++i) {
    prompts.push_back({3 + i % 4, 9, 11});
    seeds.push_back(100 + i);
  }
  const auto together = generate(*model_, tokenizer_, prompts, sampling, seeds, 16);
  const auto few = generate(*model_, tokenizer_, prompts, sampling, seeds, 2);
  bool differ = false;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    EXPECT_EQ(together[i].ids, few[i].ids) << i;
    differ |= together[i].ids != together[0].ids;
  }
  EXPECT_TRUE(differ);
}

TEST_F(Generating, StopTextsEndTheAnswerBeforeThem) {
  SamplingOptions sampling = plain();
  sampling.temperature = 0;
  sampling.max_tokens = 12;
  const std::vector<Ids> prompts = {{50, 51, 52}};
  const std::vector<std::uint64_t> seeds = {1};
  const std::string whole = generate(*model_, tokenizer_, prompts, sampling, seeds)[0].text;
  ASSERT_GT(whole.size(), 4u);
  sampling.stop = {whole.substr(3, 2)};
  const Generation cut = generate(*model_, tokenizer_, prompts, sampling, seeds)[0];
  EXPECT_EQ(cut.text, whole.substr(0, whole.find(sampling.stop[0])));
  EXPECT_EQ(cut.finish_reason, "stop");
}

TEST_F(Generating, EndIdsComeFromEverywhere) {
  EXPECT_EQ(end_ids(*model_, tokenizer_), (Ids{0, 2}));
}

TEST_F(Generating, APromptWithoutRoomForAnAnswerIsAnError) {
  const std::int64_t room = model_->shape().max_positions;
  const std::vector<Ids> prompts = {Ids(room, 5)};
  EXPECT_THROW(generate(*model_, tokenizer_, prompts, plain(), std::vector<std::uint64_t>{1}), Error);
  const std::vector<Ids> nearly = {Ids(room - 2, 5)};
  const auto made = generate(*model_, tokenizer_, nearly, plain(), std::vector<std::uint64_t>{1});
  EXPECT_LE(made[0].ids.size(), 2u);
}

TEST_F(Generating, LinesInAndLinesOutInTheirOrder) {
  GenerateOptions options;
  options.model = folder("tiny_llama");
  options.sampling.max_tokens = 5;
  options.batch_size = 2;
  std::istringstream in(
      "{\"text\": \"abc\"}\n\n{\"messages\": [{\"role\": \"user\", \"content\": \"Why?\"}]}\n{\"text\": \"b\"}\n");
  std::ostringstream out;
  generate_lines(options, in, out, silent_progress());
  std::istringstream lines(out.str());
  std::string line;
  int count = 0;
  for (; std::getline(lines, line); ++count) {
    const Json answer = Json::parse(line);
    EXPECT_TRUE(answer["text"].is_string());
    EXPECT_TRUE(answer["finish_reason"] == "stop" || answer["finish_reason"] == "length");
  }
  EXPECT_EQ(count, 3);
}

TEST_F(Generating, ABadLineIsNamed) {
  GenerateOptions options;
  options.model = folder("tiny_llama");
  std::istringstream in("{\"text\": \"abc\"}\n{\"txt\": \"abc\"}\n");
  std::ostringstream out;
  try {
    generate_lines(options, in, out, silent_progress());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("line 2"));
  }
}

TEST(Smollm2, KnowsTheCapitalOfFrance) {
  if (smollm2_gguf().empty()) GTEST_SKIP() << "SmolLM2 is not among the fetched parts";
  const auto model = load_model(smollm2_gguf().string(), {.requires_grad = false});
  const Tokenizer tokenizer = load_tokenizer(smollm2_gguf().string());
  const std::vector<Message> messages = {{"user", "What is the capital of France?"}};
  const std::vector<Ids> prompts = {tokenizer.conversation_ids(messages, true)};
  SamplingOptions sampling;
  sampling.temperature = 0;
  sampling.max_tokens = 20;
  const Generation answer = generate(*model, tokenizer, prompts, sampling, std::vector<std::uint64_t>{0})[0];
  EXPECT_EQ(answer.text, "The capital of France is Paris.");
  EXPECT_EQ(answer.finish_reason, "stop");
}

}  // namespace
}  // namespace ballot
