// The vocabulary change before training: tokens added to the tokenizer, rows added to embedding and head.
#pragma once
#include <cstdint>

#include "models/model.h"
#include "text/tokenizer.h"

namespace ballot {

struct VocabularyChange {
  std::int32_t im_start = -1, im_end = -1, bos = -1, eos = -1, pad = -1;  ///< ids after the change
  std::int64_t added_tokens = 0;                                          ///< new in the tokenizer
  std::int64_t rows_before = 0, rows = 0;                                 ///< of the embedding
  std::int64_t new_rows() const { return rows - rows_before; }
};

/// The study's rule (training.md §3): adds `<|im_start|>`, `<|im_end|>` and, where the tokenizer names no pad token,
/// `<|pad|>`; BOS and EOS stay the base's, else they become the two ChatML tokens; gives the tokenizer the ChatML
/// template; resizes to a multiple of 64, never to fewer rows; writes the ids into config and generation_config (which
/// ends on `<|im_end|>` and EOS).
VocabularyChange add_chatml(Model& model, Tokenizer& tokenizer, std::uint64_t seed = 0);

/// Embedding and head with at least `rows` rows, rounded up to a multiple. Old rows stay as they are, bit for bit. New
/// ones are drawn from N(mean, 1e-9 covariance) of the old (the head's from its own; exactly the mean where that
/// covariance is not positive definite), or, without `mean`, from N(0, initializer_range).
void resize_embeddings(Model& model, std::int64_t rows, std::int64_t multiple_of = 64, bool mean = true,
                       std::uint64_t seed = 0);

/// A reward head as transformers begins one: [1, h] from N(0, initializer_range).
at::Tensor initial_score_weight(const ModelShape& shape, std::uint64_t seed);

}  // namespace ballot
