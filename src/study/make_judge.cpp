#include "study/make_judge.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "engine/engine.h"
#include "judges/batch_judge.h"
#include "judges/openai_judge.h"
#include "judges/priced.h"
#include "judges/simulated.h"
#include "local_judge/options.h"

namespace ballot {

namespace {

std::unique_ptr<Judge> judge_of_kind(const JudgeSpec& spec, const Sampling& sampling, Progress& progress,
                                     const std::string& device, const std::string& dtype) {
  if (spec.kind == "simulated") return make_simulated_judge(spec.name);
  if (spec.kind == "local") {
    LocalJudgeOptions options;
    options.model = spec.name;
    options.sampling = sampling;
    options.device = device;
    options.dtype = dtype;
    return engine().local_judge(options, progress);
  }
  if (spec.kind == "openai") return make_openai_judge(server_options_of(spec, sampling));
  if (spec.kind == "batch") return make_batch_judge(server_options_of(spec, sampling));
  throw wrong_usage("there are no judges of kind '{}'", spec.kind);
}

}  // namespace

std::unique_ptr<Judge> make_judge(const JudgeSpec& spec, const Sampling& sampling, Progress& progress,
                                  const std::string& device, const std::string& dtype) {
  const std::optional<Price> price = price_of(spec);
  std::unique_ptr<Judge> judge = judge_of_kind(spec, sampling, progress, device, dtype);
  return price ? with_price(std::move(judge), *price) : std::move(judge);
}

}  // namespace ballot
