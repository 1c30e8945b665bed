#include "study/make_judge.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "engine/engine.h"
#include "judges/simulated.h"
#include "local_judge/options.h"

namespace ballot {

std::unique_ptr<Judge> make_judge(const JudgeSpec& spec, const Sampling& sampling, Progress& progress) {
  if (spec.kind == "simulated") return make_simulated_judge(spec.name);
  if (spec.kind == "local") {
    LocalJudgeOptions options;
    options.model = spec.name;
    options.sampling = sampling;
    return engine().local_judge(options, progress);
  }
  throw Error(ErrorKind::kUsage, fmt::format("judges of kind '{}' are not in this version of Ballot", spec.kind),
              "simulated:NAME and local:MODEL_DIR are");
}

}  // namespace ballot
