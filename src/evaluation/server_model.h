// A model behind POST /v1/completions of vLLM, SGLang, llama.cpp or their like, asked with token ids. A server that
// cannot do what the tasks need, or does something else with the ids, is refused before the first question
// (completion_probe.h).
//
//   "prompt"      one request a choice: context and choice as a prompt, whose own log-probabilities are read. Where all
//                 choices of a question are single tokens and the server lists next tokens by id, one request a
//                 question; if the list lacks one of them, choice by choice
//   "next_token"  for servers without those (llama.cpp): one request for each beginning of a choice, whose next tokens
//                 are listed; as exact, and more requests. A list that lacks a choice's token is asked for again,
//                 longer, up to the whole vocabulary
//   answers       one request an answer
#pragma once
#include <memory>
#include <span>

#include "core/progress.h"
#include "evaluation/evaluated_model.h"
#include "evaluation/options.h"
#include "evaluation/questions.h"
#include "evaluation/server_address.h"

namespace ballot {

/// Looks at the server and is ready for these tasks. Throws Error (failed) where it cannot do them. Holds references to
/// the options and the tokenizer.
std::unique_ptr<EvaluatedModel> open_server_model(const EvalOptions& options, std::span<const LoadedTask> tasks,
                                                  const Tokenizer& tokenizer, const QuestionEncoder& encoder,
                                                  Progress& progress);

}  // namespace ballot
