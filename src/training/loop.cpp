#include "training/loop.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <chrono>
#include <cmath>

#include "compute/communicator.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "models/model.h"
#include "training/checkpoint.h"
#include "training/metrics.h"
#include "training/objective.h"
#include "training/schedule.h"
#include "training/throughput.h"

namespace ballot {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// A step without an explicit --save-every is followed by a checkpoint when the last one is this old.
constexpr double kSecondsBetweenCheckpoints = 600;

/// The interruption that a half-computed step ends with; the weights are still those of the step before.
struct StepInterrupted {};

struct StepWork {
  double loss = 0, flops = 0;
  std::int64_t forest_tokens = 0;
};

StepWork compute_step(const LoopSetup& setup, std::span<const std::int32_t> step, bool untrained, MetricSums& metrics) {
  const bool shared = setup.options.layout == "forest";
  const auto mine = deal_step(setup.set, step, setup.communicator.rank(), setup.communicator.size());
  std::vector<double> counts = setup.objective.counts(setup.set, mine);
  setup.communicator.sum(counts);
  StepWork work;
  for (const auto& part : cut_step(setup.set, mine, setup.budget, shared)) {
    if (interrupt_requested()) throw StepInterrupted{};
    const TrainingBatch batch = make_batch(setup.set, part, shared);
    setup.model.set_gradient_checkpointing(batch.forest.size() > setup.budget.recompute_above);
    const at::Tensor loss = setup.objective.loss(setup.model, batch, counts, untrained, metrics);
    torch::autograd::backward({loss}, {});
    work.loss += loss.item<double>();
    work.forest_tokens += batch.forest.size();
    work.flops += training_flops(setup.model, batch);
  }
  std::vector<double> sums{work.loss, static_cast<double>(work.forest_tokens), work.flops};
  setup.communicator.sum(sums);
  work.loss = sums[0];
  work.forest_tokens = static_cast<std::int64_t>(sums[1]);
  work.flops = sums[2];
  metrics.reduce(setup.communicator);
  std::vector<at::Tensor> gradients;
  for (const auto& [name, parameter] : setup.model.parameters())
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  setup.communicator.sum(gradients);
  return work;
}

Error not_a_number(const LoopSetup& setup, std::int64_t step, double loss, double norm,
                   std::span<const std::int32_t> examples, const std::string& checkpoint) {
  std::string ids;
  for (std::size_t i = 0; i < examples.size() && i < 5; ++i)
    ids += (i ? ", " : "") + setup.set.examples[examples[i]].id;
  if (examples.size() > 5) ids += fmt::format(" and {} more", examples.size() - 5);
  return Error(
      ErrorKind::kFailed,
      fmt::format(
          "step {}: the loss is {} and the gradient's norm {}; examples of the step: {}; last good checkpoint: {}",
          step, loss, norm, ids, checkpoint.empty() ? "none" : checkpoint),
      "look at those examples, or lower --learning-rate; the weights of before the step are not changed");
}

}  // namespace

std::int64_t total_steps(const TrainingOptions& options, const TrainingSet& set) {
  if (options.max_steps) {
    if (*options.max_steps < 1) throw wrong_usage("--max-steps is {}; it must be at least 1", *options.max_steps);
    return *options.max_steps;
  }
  if (options.epochs < 1) throw wrong_usage("--epochs is {}; it must be at least 1", options.epochs);
  const std::int64_t n = static_cast<std::int64_t>(set.examples.size());
  return options.epochs * ((n + options.batch_size - 1) / options.batch_size);
}

double accumulate_gradients(const LoopSetup& setup, std::span<const std::int32_t> step, MetricSums& metrics,
                            std::int64_t& forest_tokens) {
  const StepWork work = compute_step(setup, step, /*untrained=*/false, metrics);
  forest_tokens += work.forest_tokens;
  return work.loss;
}

LoopResult run_loop(const LoopSetup& setup, Progress& progress) {
  const TrainingOptions& options = setup.options;
  const TrainingSet& set = setup.set;
  const std::int64_t total = total_steps(options, set), warmup = warmup_steps(options.warmup_ratio, total);
  AdamW optimiser(setup.model.parameters(), {.beta1 = options.adam_beta1,
                                             .beta2 = options.adam_beta2,
                                             .epsilon = options.adam_epsilon,
                                             .weight_decay = options.weight_decay,
                                             .precision = options.precision,
                                             .seed = static_cast<std::uint64_t>(options.seed),
                                             .moments_folder = setup.moments_folder});
  NamedTensors tensors;
  for (const auto& [name, parameter] : optimiser.parameters()) tensors.emplace_back("weight." + name, parameter);
  for (const auto& entry : optimiser.state()) tensors.push_back(entry);

  Checkpoints checkpoints(setup.out / "checkpoints", setup.key, options.keep);
  CheckpointState state;
  if (const auto found = checkpoints.load(tensors, progress)) state = *found;
  optimiser.put_moments_away();
  MetricsLog log(setup.out, state.step);
  double peak = 0;  // measured once a step takes long enough for it to matter

  LoopResult result;
  progress.start(options.objective, total, "steps");
  if (state.step > 0) progress.update(state.step);
  Clock::time_point saved = Clock::now();
  std::vector<std::vector<std::int32_t>> plan;
  std::int64_t planned_epoch = -1;
  const auto interrupted = [&] {
    if (state.step > 0) checkpoints.save(state, tensors);
    return Error(ErrorKind::kInterrupted,
                 fmt::format("stopped after step {} of {}; the state is saved", state.step, total),
                 "run the same command again to go on");
  };
  // Until a step with a learning rate above 0 (the first of a warm-up has none) the weights are those of the start.
  const auto rate_of = [&](std::int64_t done) {
    return options.learning_rate * learning_rate_factor(options.schedule, done, total, warmup);
  };
  bool untrained = true;
  for (std::int64_t done = 0; done < state.step && untrained; ++done) untrained = rate_of(done) == 0;
  while (state.step < total) {
    const Clock::time_point begin = Clock::now();
    const std::int64_t steps_an_epoch =
        (static_cast<std::int64_t>(set.examples.size()) + options.batch_size - 1) / options.batch_size;
    const std::int64_t epoch = state.step / steps_an_epoch, place = state.step % steps_an_epoch;
    if (epoch != planned_epoch) {
      plan = plan_epoch(set, options.order, options.batch_size, static_cast<std::uint64_t>(options.seed), epoch);
      planned_epoch = epoch;
    }
    const std::vector<std::int32_t>& step = plan[place];
    MetricSums metrics;
    StepWork work;
    optimiser.zero_gradients();
    try {
      work = compute_step(setup, step, untrained, metrics);
    } catch (const StepInterrupted&) {
      throw interrupted();
    }
    const double norm = gradient_norm(optimiser.parameters());
    if (!std::isfinite(work.loss) || !std::isfinite(norm))
      throw not_a_number(setup, state.step + 1, work.loss, norm, step, checkpoints.newest());
    clip_gradients(optimiser.parameters(), norm, options.max_grad_norm);
    const double rate = rate_of(state.step);
    optimiser.step(rate, state.step + 1);
    untrained = untrained && rate == 0;
    optimiser.zero_gradients();

    ++state.step;
    state.forest_tokens += work.forest_tokens;
    for (const std::int32_t example : step) state.num_tokens += set.sequence_tokens(set.examples[example]);
    std::int64_t behind = 0;
    for (std::int64_t s = 0; s <= place; ++s) behind += static_cast<std::int64_t>(plan[s].size());
    StepMetrics line;
    line.step = state.step;
    line.epoch = static_cast<double>(epoch) + static_cast<double>(behind) / static_cast<double>(set.examples.size());
    line.values = {{"loss", work.loss}, {"grad_norm", norm}, {"learning_rate", rate}};
    for (const std::string& name : setup.objective.metric_names()) line.values.emplace_back(name, metrics.value(name));
    line.num_tokens = state.num_tokens;
    line.forest_tokens = state.forest_tokens;
    line.seconds = seconds_since(begin);
    log.add(line);
    if (result.first.empty() && state.step == 1) result.first = line.all();
    result.last = line.all();
    if (peak == 0 && line.seconds > 1) peak = measured_peak();
    std::string note = fmt::format("loss {:.4f}, accuracy {:.3f}, {:.0f} tokens/s", work.loss,
                                   metrics.value(setup.objective.shown_metric()),
                                   static_cast<double>(work.forest_tokens) / line.seconds);
    if (peak > 0) note += fmt::format(", {:.0f}% of peak", 100 * work.flops / line.seconds / peak);
    progress.update(state.step, note);

    const bool due = options.save_every > 0 ? state.step % options.save_every == 0
                                            : seconds_since(saved) >= kSecondsBetweenCheckpoints;
    if (due && state.step < total) {
      checkpoints.save(state, tensors);
      optimiser.put_moments_away();
      saved = Clock::now();
    }
    if (interrupt_requested() && state.step < total) throw interrupted();
  }
  progress.finish(result.last.empty() ? "" : fmt::format("loss {:.4f}", result.last["loss"]));
  if (options.save_every == 0) checkpoints.remove_all();
  result.steps = state.step;
  result.num_tokens = state.num_tokens;
  result.forest_tokens = state.forest_tokens;
  return result;
}

}  // namespace ballot
