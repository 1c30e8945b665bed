// How fast a training is against what the machine can do: floating-point operations of a batch and the measured peak.
//
//     T tokens of the forest    N scored tokens    C completions    h hidden    V vocabulary rows    H heads    D their
//     size
#pragma once
#include <cstdint>
#include <vector>

namespace ballot {

class Model;
struct Forest;
struct TrainingBatch;

/// What of a model the count needs.
struct FlopsShape {
  std::int64_t matrices = 0;          ///< numbers in the layers' matrices: without embedding, head and score
  std::int64_t heads_by_width = 0;    ///< H D
  std::vector<std::int64_t> windows;  ///< one entry a layer: how many keys a token sees at most; 0: all
  std::int64_t hidden = 0, vocabulary = 0;
  bool reward = false;  ///< a score at each completion's end instead of the vocabulary projection
};
FlopsShape flops_shape(const Model& model);

/// Multiplications and additions of one forward pass: 2 a matrix entry and token, 2 h V a scored position (2 h a
/// completion of a reward model), 4 H D a visible (query, key) pair of every layer.
double forward_flops(const FlopsShape& shape, const Forest& forest, std::int64_t scored_positions);
double forward_flops(const FlopsShape& shape, const TrainingBatch& batch);
/// Forward and backward: three times that. Exact for what is computed; layers that are computed twice count once.
double training_flops(const Model& model, const TrainingBatch& batch);

/// fp32 matrix products of this machine in operations a second, with the threads in use: the best of three products of
/// 1536 x 1536; some 0.2 s.
double measured_peak();

}  // namespace ballot
