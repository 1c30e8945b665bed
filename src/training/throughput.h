// How fast a training is against what the machine can do: floating-point operations of a step and the measured peak.
#pragma once
#include <cstdint>

namespace ballot {

class Model;
struct TrainingBatch;

/// Multiplications and additions of a step over the batch: forward and backward of every matrix product (6 a weight and
/// token), the projection of scored tokens, and attention over visible pairs. Exact for what is computed; recomputed
/// activations are not counted.
double training_flops(const Model& model, const TrainingBatch& batch);

/// fp32 matrix products of this machine in operations a second, with the threads in use: the best of three products of
/// 1536 x 1536; some 0.2 s.
double measured_peak();

}  // namespace ballot
