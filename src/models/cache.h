// The keys and values of tokens that a model has seen, for generation: a forest that grows at its ends. Sequences that
// share a beginning share its run; each goes on in a run of its own.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace ballot {

class Model;

/// `tokens` at the end of run `run` of a cache. In one call a run occurs once, and after its ancestors.
struct CacheStep {
  std::int32_t run;
  std::vector<std::int32_t> tokens;
};

class KeyValueCache {
 public:
  explicit KeyValueCache(const Model& model);
  ~KeyValueCache();
  KeyValueCache(KeyValueCache&&) noexcept;
  KeyValueCache& operator=(KeyValueCache&&) noexcept;

  /// A new empty run behind all that `parent` holds now (-1: a new beginning). From then on `parent` may not grow.
  std::int32_t add_run(std::int32_t parent);
  /// Cuts a run in two: it keeps its first `tokens` tokens and its number; the rest, with its children, stands behind
  /// it in a new run, whose number is returned. Nothing is copied.
  std::int32_t split(std::int32_t run, std::int64_t tokens);
  /// A run beside `run` that holds the same.
  std::int32_t copy(std::int32_t run);
  /// Forgets a run without children; its number is not used again.
  void release(std::int32_t run);
  std::int64_t length(std::int32_t run) const;  ///< tokens in the run
  std::int64_t path_length(
      std::int32_t run) const;  ///< tokens from the start to the run's end: the next one's position
  std::int64_t tokens() const;  ///< tokens held now, all runs together
  std::int64_t bytes() const;   ///< memory of keys and values

  struct State;
  State& state() { return *state_; }  ///< for attention (models/cache.cpp)

 private:
  std::unique_ptr<State> state_;
};

}  // namespace ballot
