#include "models/batch.h"

#include <algorithm>
#include <set>

#include "compute/attention.h"
#include "compute/layers.h"
#include "core/error.h"
#include "models/cache_state.h"

namespace ballot {

Batch::Batch(const Forest& forest)
    : ids_(forest.tokens), positions_(forest.positions), own_forest_(std::make_unique<Forest>(forest)) {
  forest_ = own_forest_.get();
  for (const std::int64_t position : positions_) longest_ = std::max(longest_, position + 1);
}

Batch::Batch(std::span<const CacheStep> steps, KeyValueCache& cache)
    : cache_(&cache), steps_(steps.begin(), steps.end()) {
  auto& runs = cache.state().runs;
  std::set<std::int32_t> on_path;
  for (const CacheStep& step : steps_) {
    if (step.run < 0 || step.run >= static_cast<std::int32_t>(runs.size()) || runs[step.run].released)
      throw failed("a step of generation names run {}, which the cache does not hold", step.run);
    for (std::int32_t r = step.run; r >= 0; r = runs[r].parent) on_path.insert(r);
  }
  // Parents before children; numbers alone do not say so once a run was split.
  std::map<std::int32_t, int> ancestors;
  for (const std::int32_t run : on_path)
    for (std::int32_t r = runs[run].parent; r >= 0; r = runs[r].parent) ++ancestors[run];
  runs_.assign(on_path.begin(), on_path.end());
  std::stable_sort(runs_.begin(), runs_.end(),
                   [&](std::int32_t a, std::int32_t b) { return ancestors[a] < ancestors[b]; });
  std::map<std::int32_t, std::int32_t> place;
  for (const std::int32_t r : runs_) {
    AttentionPlan::Run run;
    run.parent = runs[r].parent < 0 ? -1 : place.at(runs[r].parent);
    run.source = static_cast<std::int32_t>(plan_runs_.size());
    run.key_end = runs[r].length;
    run.position = runs[r].position;
    place[r] = run.source;
    plan_runs_.push_back(run);
  }
  for (const CacheStep& step : steps_) {
    AttentionPlan::Run& run = plan_runs_[place.at(step.run)];
    if (run.query_end > run.query_begin) throw failed("a step of generation names run {} twice", step.run);
    if (run.parent >= 0) {
      // Tokens put behind a run in the same step come after it, and its children start where it ends.
      const AttentionPlan::Run& parent = plan_runs_[run.parent];
      run.position = parent.position + (parent.key_end - parent.key_begin);
      runs[step.run].position = run.position;
    }
    run.query_begin = static_cast<std::int64_t>(ids_.size());
    for (const std::int32_t id : step.tokens) {
      ids_.push_back(id);
      positions_.push_back(run.position + run.key_end);
      ++run.key_end;
      longest_ = std::max(longest_, positions_.back() + 1);
    }
    run.query_end = static_cast<std::int64_t>(ids_.size());
  }
}

Batch::~Batch() = default;

std::shared_ptr<const RotaryTable> Batch::rotary(const std::vector<double>& frequencies) {
  auto& table = tables_[&frequencies];
  if (!table) table = rotary_table(positions_, frequencies);
  return table;
}

std::shared_ptr<const AttentionPlan> Batch::plan(std::int64_t window) {
  if (window >= longest_) window = 0;
  auto& made = plans_[window];
  if (!made)
    made = forest_ ? std::make_shared<AttentionPlan>(*forest_, window)
                   : std::make_shared<AttentionPlan>(plan_runs_, window);
  return made;
}

at::Tensor Batch::attend(std::int64_t layer, const at::Tensor& q_THD, const at::Tensor& k_TGD, const at::Tensor& v_TGD,
                         double scale, std::int64_t window) {
  if (forest_) return attention(q_THD, k_TGD, v_TGD, plan(window), scale);
  const auto type = q_THD.scalar_type(), wide = type == at::kDouble ? at::kDouble : at::kFloat;
  KeyValueCache::State& state = cache_->state();
  std::int64_t from = 0;
  const at::Tensor keys = k_TGD.to(wide), values = v_TGD.to(wide);
  for (const CacheStep& step : steps_) {
    const auto n = static_cast<std::int64_t>(step.tokens.size());
    if (n > 0) state.append(step.run, layer, keys.narrow(0, from, n), values.narrow(0, from, n));
    from += n;
  }
  std::vector<KeysAndValues> sources;
  for (const std::int32_t r : runs_) {
    const auto& held = state.runs[r].layers[layer];
    if (held.keys.defined())
      sources.push_back({held.keys.const_data_ptr(), held.values.const_data_ptr(), held.keys.stride(0)});
    else
      sources.push_back({nullptr, nullptr, 0});
  }
  return cached_attention(q_THD.to(wide), sources, k_TGD.size(1), *plan(window), scale).to(type);
}

void Batch::finish() {
  for (const CacheStep& step : steps_)
    cache_->state().runs[step.run].length += static_cast<std::int64_t>(step.tokens.size());
}

}  // namespace ballot
