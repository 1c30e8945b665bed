// A judge behind one or more OpenAI-compatible servers (vLLM, SGLang, llama.cpp, TGI, OpenAI).
//
//   - Requests leave in the order given (depth first by prefix); all ballots of a prompt go to the same endpoint, whose
//     prefix cache then holds what they share. An endpoint with nothing to do takes from the longest queue's end.
//   - How many are in flight adapts to what each server bears (judges/endpoint.h); limits by requests and tokens a
//     minute hold for all endpoints together.
//   - A try that fails (cut off, timed out, 5xx, no answer in a 200) is made again with the same seed, up to six times;
//     "not now" (429, 503, no connection) counts as none. When no endpoint has answered for as long as the total
//     time-out, the judge gives up with an Error; the journal has what came.
//   - What a failed try cost is told (JudgeSetup::spent): by the server's own count, else estimated.
//   - An answer by another model than the one that the journal was begun with is not taken.
//   - Answers are streamed where the judge thinks (reasoning: on, or seen by the probe): a stream that falls silent or
//     repeats itself is ended, and what came of it is kept.
//   - A ballot too long for free text is asked once more in short form: structured, without thinking, 512 tokens. What
//     is too long even so has no answer and is not asked again.
#pragma once
#include <memory>

#include "judges/judge.h"
#include "judges/server_options.h"

namespace ballot {

std::unique_ptr<Judge> make_openai_judge(ServerOptions options);

}  // namespace ballot
