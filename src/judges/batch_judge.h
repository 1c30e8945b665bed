// A judge that is asked by files: OpenAI's batch format, which vLLM's run_batch and others take as well.
//
// The first run writes DIR/requests-00001.jsonl, ... (one request a line, at most 50,000 lines and 200 MB a file) with
// what the journal lacks. Whoever runs them puts the answers into DIR, in files of any name ending in .jsonl, whole or
// in part, in any order, failures in the same file or in another. The same command again reads the answers found there
// and writes new requests only for what is still to be asked: ballots that stayed unread (the next attempt), and lines
// that came back as an error. Answers are found by custom_id = FORMAT/PROMPT_ID/ITEM_ID[~REPEAT]/ATTEMPT, so reading
// twice changes nothing; of two answers to the same request the first by file name counts.
#pragma once
#include <cstdint>
#include <memory>

#include "judges/judge.h"
#include "judges/server_options.h"

namespace ballot {

struct BatchLimits {
  std::int64_t lines = 50'000;
  std::int64_t bytes = 200'000'000;
};

/// `options.folder` and `options.chat`; its model goes into the requests.
std::unique_ptr<Judge> make_batch_judge(ServerOptions options, BatchLimits limits = {});

}  // namespace ballot
