// Options of generation, as plain structs.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"

namespace ballot {

/// How the next token is drawn, in the order in which it is applied: penalty, temperature, top_k, top_p, min_p.
struct SamplingOptions {
  double temperature = 0.4;  ///< 0: the most probable token
  std::int64_t top_k = 40;   ///< 0: all
  double top_p = 0.95;
  double min_p = 0;
  double repetition_penalty = 1.0;  ///< over prompt and answer; 1: none
  std::int64_t max_tokens = 256;    ///< of one answer
  std::vector<std::string> stop;    ///< texts that end an answer; they are not part of it
};

inline void visit_options(OptionVisitor& visit, SamplingOptions& o) {
  visit({"temperature", "0: always the most probable token", {}}, o.temperature);
  visit({"top-k", "draw among so many tokens (0: all)", {}}, o.top_k);
  visit({"top-p", "draw among the tokens that have this share of the probability", {}}, o.top_p);
  visit({"min-p", "leave out tokens below this share of the most probable one's", {}}, o.min_p);
  visit({"repetition-penalty", "for tokens that were there already (1: none)", {}}, o.repetition_penalty);
  visit({"max-tokens", "of one answer", {}}, o.max_tokens);
  visit({"stop", "texts that end an answer", {}}, o.stop);
}

/// `ballot generate`.
struct GenerateOptions {
  std::string model;
  SamplingOptions sampling;
  std::int64_t batch_size = 16;  ///< answers made at a time
  std::int64_t seed = 0;
  std::string device = "auto", dtype;
};

inline void visit_options(OptionVisitor& visit, GenerateOptions& o) {
  visit({"model", "model folder, GGUF file, deps: or hub name", {}}, o.model);
  visit_options(visit, o.sampling);
  visit({"batch-size", "answers made at a time", {}}, o.batch_size);
}

}  // namespace ballot
