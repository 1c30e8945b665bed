#include "evaluation/local_model.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "compute/device.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "models/generate.h"
#include "models/model.h"

namespace ballot {
namespace {

constexpr std::int64_t kDefaultTokensPerBatch = 4096;
constexpr std::int64_t kAnswersAtATime = 16;

class LocalChoices : public ChoiceBatches {
 public:
  LocalChoices(const Model& model, std::span<const EncodedQuestion> questions, std::int64_t max_length,
               std::int64_t tokens, std::int64_t& computed)
      : scorer_(model, questions, max_length), tokens_(tokens), computed_(computed) {}

  std::vector<QuestionRange> cut() const override { return scorer_.cut(tokens_); }

  std::vector<std::vector<ChoiceScore>> score(QuestionRange range, const Refused&) override {
    check_interrupt("what is computed is kept: run the same command again to go on");
    const std::int64_t before = scorer_.computed_tokens();
    auto scores = scorer_.score(range);
    computed_ += scorer_.computed_tokens() - before;
    return scores;
  }

 private:
  ChoiceScorer scorer_;
  std::int64_t tokens_;
  std::int64_t& computed_;
};

class LocalModel : public EvaluatedModel {
 public:
  LocalModel(const EvalOptions& options, const Tokenizer& tokenizer, Progress& progress)
      : options_(options), tokenizer_(tokenizer), compute_(choose_compute(options.device, options.dtype)) {
    progress.say(fmt::format("loading {}", options.model));
    LoadOptions load;
    load.requires_grad = false;
    model_ = load_model(options.model, load);
    if (model_->score_weight().defined())
      throw Error(ErrorKind::kInput,
                  fmt::format("{} is a reward model ({}): it has no head that gives probabilities of tokens",
                              options.model, model_->shape().architecture),
                  "give the model that it was trained from; reward models are for `ballot rewardbench`");
    model_->set_compute_type(compute_.type);
    max_length_ = options.max_length > 0 ? options.max_length : model_->shape().max_positions;
    if (options.max_length > model_->shape().max_positions)
      progress.say(fmt::format("--max-length {} is more than the model's {}", options.max_length,
                               model_->shape().max_positions));
  }

  std::int64_t max_length() const override { return max_length_; }

  std::unique_ptr<ChoiceBatches> choices(std::span<const EncodedQuestion> questions) override {
    return std::make_unique<LocalChoices>(*model_, questions, max_length_, tokens_per_batch(), computed_);
  }

  double repetition_penalty() const override {
    const Json& own = model_->generation_config();
    return own.is_object() && own.contains("repetition_penalty") && own["repetition_penalty"].is_number()
               ? own["repetition_penalty"].get<double>()
               : 1;
  }

  void answer(std::span<const std::vector<TokenId>> prompts, const SamplingOptions& rules,
              std::span<const std::uint64_t> seeds, const std::function<void(std::size_t, const JournalAnswer&)>& done,
              const Refused&) override {
    generate(
        *model_, tokenizer_, prompts, rules, seeds, kAnswersAtATime,
        [&](std::size_t index, const Generation& made) {
          computed_ += made.prompt_tokens - made.cached_tokens + static_cast<std::int64_t>(made.ids.size());
          done(index, {made.text, made.finish_reason == "length"});
        },
        [] { return interrupt_requested(); });
  }

  std::int64_t computed_tokens() const override { return computed_; }

  void describe(RunFacts& facts) const override {
    facts.model_name = options_.model;
    facts.model_hash = model_hash(*model_);
    facts.dtype = compute_.type == ComputeType::kBFloat16 ? "bfloat16" : "float32";
    for (const auto& [name, tensor] : model_->parameters()) facts.parameters += tensor.numel();
    facts.tokens_per_batch = tokens_per_batch();
  }

 private:
  std::int64_t tokens_per_batch() const {
    return options_.tokens_per_batch > 0 ? options_.tokens_per_batch : kDefaultTokensPerBatch;
  }

  const EvalOptions& options_;
  const Tokenizer& tokenizer_;
  ComputeChoice compute_;
  std::unique_ptr<Model> model_;
  std::int64_t max_length_ = 0, computed_ = 0;
};

}  // namespace

std::unique_ptr<EvaluatedModel> load_local_model(const EvalOptions& options, const Tokenizer& tokenizer,
                                                 Progress& progress) {
  return std::make_unique<LocalModel>(options, tokenizer, progress);
}

}  // namespace ballot
