#include "models/cache.h"

#include <algorithm>

#include "core/error.h"
#include "models/cache_state.h"
#include "models/model.h"

namespace ballot {

KeyValueCache::KeyValueCache(const Model& model) : state_(std::make_unique<State>()) {
  state_->layers = model.shape().layers;
  state_->groups = model.shape().key_value_heads;
  state_->dim = model.shape().head_dim;
}
KeyValueCache::~KeyValueCache() = default;
KeyValueCache::KeyValueCache(KeyValueCache&&) noexcept = default;
KeyValueCache& KeyValueCache::operator=(KeyValueCache&&) noexcept = default;

std::int32_t KeyValueCache::add_run(std::int32_t parent) {
  const auto known = static_cast<std::int32_t>(state_->runs.size());
  if (parent < -1 || parent >= known || (parent >= 0 && state_->runs[parent].released))
    throw failed("cannot add a run to a cache below run {}: there is none", parent);
  State::Run run;
  run.parent = parent;
  if (parent >= 0) {
    run.position = path_length(parent);
    ++state_->runs[parent].children;
  }
  run.layers.resize(state_->layers);
  state_->runs.push_back(std::move(run));
  return known;
}

std::int32_t KeyValueCache::split(std::int32_t number, std::int64_t tokens) {
  if (tokens < 0 || tokens > length(number)) throw failed("cannot cut run {} of a cache at token {}", number, tokens);
  const auto rest_number = static_cast<std::int32_t>(state_->runs.size());
  for (State::Run& child : state_->runs)
    if (!child.released && child.parent == number) child.parent = rest_number;
  State::Run& run = state_->runs[number];
  State::Run rest;
  rest.parent = number;
  rest.children = run.children;
  rest.position = run.position + tokens;
  rest.length = run.length - tokens;
  for (State::Layer& layer : run.layers) {
    rest.layers.emplace_back();
    if (!layer.keys.defined()) continue;
    if (rest.length > 0)
      rest.layers.back() = {layer.keys.narrow(0, tokens, rest.length), layer.values.narrow(0, tokens, rest.length)};
    layer =
        tokens > 0 ? State::Layer{layer.keys.narrow(0, 0, tokens), layer.values.narrow(0, 0, tokens)} : State::Layer{};
  }
  run.length = tokens;
  run.children = 1;
  state_->runs.push_back(std::move(rest));
  return rest_number;
}

std::int32_t KeyValueCache::copy(std::int32_t number) {
  const std::int32_t twin = add_run(state_->runs.at(number).parent);
  const State::Run& run = state_->runs[number];
  State::Run& other = state_->runs[twin];
  other.position = run.position;
  other.length = run.length;
  for (std::size_t i = 0; i < run.layers.size(); ++i)
    if (run.layers[i].keys.defined() && run.length > 0)
      other.layers[i] = {run.layers[i].keys.narrow(0, 0, run.length).clone(),
                         run.layers[i].values.narrow(0, 0, run.length).clone()};
  return twin;
}

void KeyValueCache::release(std::int32_t run) {
  State::Run& released = state_->runs.at(run);
  if (released.children > 0 || released.released)
    throw failed("cannot release run {} of a cache: others stand on it", run);
  released.released = true;
  released.layers.clear();
  if (released.parent >= 0) --state_->runs[released.parent].children;
}

std::int64_t KeyValueCache::length(std::int32_t run) const {
  return state_->runs.at(run).length;
}
std::int64_t KeyValueCache::path_length(std::int32_t run) const {
  return state_->runs.at(run).position + state_->runs.at(run).length;
}
std::int64_t KeyValueCache::tokens() const {
  std::int64_t sum = 0;
  for (const State::Run& run : state_->runs) sum += run.released ? 0 : run.length;
  return sum;
}
std::int64_t KeyValueCache::bytes() const {
  std::int64_t sum = 0;
  for (const State::Run& run : state_->runs)
    for (const State::Layer& layer : run.layers)
      if (layer.keys.defined()) sum += static_cast<std::int64_t>(layer.keys.nbytes() + layer.values.nbytes());
  return sum;
}

void KeyValueCache::State::append(std::int32_t number, std::int64_t layer, const at::Tensor& keys_nGD,
                                  const at::Tensor& values_nGD) {
  Run& run = runs[number];
  Layer& held = run.layers[layer];
  const std::int64_t needed = run.length + keys_nGD.size(0), capacity = held.keys.defined() ? held.keys.size(0) : 0;
  if (needed > capacity) {
    // A prompt gets what it needs, an answer that grows token by token twice that each time.
    const std::int64_t room = run.length == 0 ? needed : std::max<std::int64_t>(2 * needed, 16);
    for (auto [tensor, fresh] : {std::pair(&held.keys, &keys_nGD), std::pair(&held.values, &values_nGD)}) {
      at::Tensor larger = at::empty({room, groups, dim}, fresh->options());
      if (run.length > 0) larger.narrow(0, 0, run.length).copy_(tensor->narrow(0, 0, run.length));
      *tensor = larger;
    }
  }
  held.keys.narrow(0, run.length, keys_nGD.size(0)).copy_(keys_nGD);
  held.values.narrow(0, run.length, values_nGD.size(0)).copy_(values_nGD);
}

}  // namespace ballot
