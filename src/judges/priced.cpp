#include "judges/priced.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/suggest.h"

namespace ballot {
namespace {

class Priced : public Judge {
 public:
  Priced(std::unique_ptr<Judge> judge, const Price& price) : judge_(std::move(judge)), price_(price) {}
  std::string name() const override { return judge_->name(); }
  Json fingerprint() const override {
    Json json = judge_->fingerprint();
    json["price"] = {{"prompt", price_.prompt},
                     {"cached", price_.cached ? Json(*price_.cached) : Json()},
                     {"completion", price_.completion}};
    return json;
  }
  bool whole_prompts() const override { return judge_->whole_prompts(); }
  std::string prepare(const Format& format, const JudgeSetup& setup) override {
    JudgeSetup with_cost = setup;
    if (setup.spent)
      with_cost.spent = [price = price_, spent = setup.spent](SpentTokens tokens) {
        tokens.cost += cost_of(price, tokens.prompt_tokens, tokens.cached_tokens, tokens.completion_tokens);
        spent(tokens);
      };
    return judge_->prepare(format, with_cost);
  }
  Json counters() const override { return judge_->counters(); }
  bool answers_later() const override { return judge_->answers_later(); }
  std::string ask_later() override { return judge_->ask_later(); }
  void answer(const Format& format, std::span<const BallotRequest> requests,
              const std::function<void(std::size_t, BallotAnswer)>& done, const std::function<bool()>& stop) override {
    judge_->answer(
        format, requests,
        [&](std::size_t i, BallotAnswer answer) {
          answer.cost += cost_of(price_, answer.prompt_tokens, answer.cached_tokens, answer.completion_tokens);
          done(i, std::move(answer));
        },
        stop);
  }

 private:
  std::unique_ptr<Judge> judge_;
  Price price_;
};

}  // namespace

double cost_of(const Price& price, std::int64_t prompt_tokens, std::int64_t cached_tokens,
               std::int64_t completion_tokens) {
  const std::int64_t cached = std::min(cached_tokens, prompt_tokens);
  return (price.prompt * static_cast<double>(prompt_tokens - cached) +
          price.cached.value_or(price.prompt) * static_cast<double>(cached) +
          price.completion * static_cast<double>(completion_tokens)) /
         1e6;
}

std::optional<Price> price_of(const JudgeSpec& spec) {
  const Json mapping = Json::parse(spec.json);
  if (!mapping.contains("price") || mapping["price"].is_null()) return {};
  const Json& list = mapping["price"];
  const std::vector<std::string> keys = {"prompt", "cached", "completion"};
  if (!list.is_object())
    throw wrong_usage("the judge's price is {}; wanted {{prompt, cached, completion}}, per million tokens",
                      list.dump());
  Price price;
  for (const auto& [key, value] : list.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      throw wrong_usage("the judge's price: unknown key '{}'{}", key, did_you_mean(key, keys));
    if (!value.is_number() || value.get<double>() < 0)
      throw wrong_usage("the judge's price: {} is {}; wanted a number of 0 or more, per million tokens", key,
                        value.dump());
    if (key == "prompt") price.prompt = value;
    if (key == "cached") price.cached = value;
    if (key == "completion") price.completion = value;
  }
  return price;
}

std::unique_ptr<Judge> with_price(std::unique_ptr<Judge> judge, const Price& price) {
  return std::make_unique<Priced>(std::move(judge), price);
}

}  // namespace ballot
