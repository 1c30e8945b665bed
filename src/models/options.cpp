#include "models/options.h"

namespace ballot {

void visit_options(OptionVisitor& visit, SamplingOptions& o) {
  visit({"temperature", "0: always the most probable token"}, o.temperature);
  visit({"top-k", "draw among so many tokens (0: all)"}, o.top_k);
  visit({"top-p", "draw among the tokens that have this share of the probability"}, o.top_p);
  visit({"min-p", "leave out tokens below this share of the most probable one's probability"}, o.min_p);
  visit({"repetition-penalty", "divide the logits of tokens that were there already (1: no penalty)"},
        o.repetition_penalty);
  visit({"max-tokens", "of one answer"}, o.max_tokens);
  visit({"stop", "texts that end an answer"}, o.stop);
}

void visit_options(OptionVisitor& visit, GenerateOptions& o) {
  visit({"model", "model folder, GGUF file, deps: or hub name"}, o.model);
  visit_options(visit, o.sampling);
  OptionInfo batch{"batch-size", "answers made at a time"};
  visit(batch, o.batch_size);
}

}  // namespace ballot
