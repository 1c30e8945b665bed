#include "models/generate.h"

#include <algorithm>
#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "compute/device.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "models/model.h"
#include "models/tokenizer_files.h"
#include "text/prompt_line.h"

namespace ballot {
namespace {

void add_ids(std::set<std::int32_t>& ids, const Json& object, const std::string& source) {
  if (!object.contains("eos_token_id") || object["eos_token_id"].is_null()) return;
  const Json& value = object["eos_token_id"];
  for (const Json& id : value.is_array() ? value : Json::array({value})) {
    if (!id.is_number_integer()) throw bad_input("{}: eos_token_id is neither a number nor a list of them", source);
    ids.insert(id.get<std::int32_t>());
  }
}

/// One answer in the making.
struct Answer {
  std::size_t index;
  std::int32_t sequence;
  Random random;
};

/// Where the first of the stop texts begins, or npos.
std::size_t find_stop(const std::string& text, const std::vector<std::string>& stops) {
  std::size_t first = std::string::npos;
  for (const std::string& stop : stops)
    if (!stop.empty()) first = std::min(first, text.find(stop));
  return first;
}

void check_sampling(const SamplingOptions& sampling) {
  const auto refuse = [](const char* what, auto value) { return wrong_usage("{} cannot be {}", what, value); };
  if (!(sampling.temperature >= 0)) throw refuse("--temperature", sampling.temperature);
  if (sampling.top_k < 0) throw refuse("--top-k", sampling.top_k);
  if (!(sampling.top_p > 0 && sampling.top_p <= 1)) throw refuse("--top-p", sampling.top_p);
  if (!(sampling.min_p >= 0 && sampling.min_p <= 1)) throw refuse("--min-p", sampling.min_p);
  if (!(sampling.repetition_penalty > 0)) throw refuse("--repetition-penalty", sampling.repetition_penalty);
  if (sampling.max_tokens < 1) throw refuse("--max-tokens", sampling.max_tokens);
}

}  // namespace

std::vector<std::int32_t> end_ids(const Model& model, const Tokenizer& tokenizer) {
  std::set<std::int32_t> ids;
  add_ids(ids, model.generation_config(), "generation_config.json");
  add_ids(ids, model.config(), "config.json");
  if (const auto eos = tokenizer.eos_id()) ids.insert(*eos);
  if (const auto im_end = tokenizer.token_to_id("<|im_end|>")) ids.insert(*im_end);
  return {ids.begin(), ids.end()};
}

std::vector<Generation> generate(const Model& model, const Tokenizer& tokenizer,
                                 std::span<const std::vector<std::int32_t>> prompts, const SamplingOptions& sampling,
                                 std::span<const std::uint64_t> seeds, std::int64_t batch_size,
                                 const std::function<void(std::size_t, const Generation&)>& done,
                                 const std::function<bool()>& stop) {
  check_sampling(sampling);
  if (seeds.size() != prompts.size()) throw failed("{} prompts were given {} seeds", prompts.size(), seeds.size());
  const std::vector<std::int32_t> ends = end_ids(model, tokenizer);
  const std::int64_t most = model.shape().max_positions;
  std::vector<Generation> results(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    results[i].prompt_tokens = static_cast<std::int64_t>(prompts[i].size());
    if (results[i].prompt_tokens >= most)
      throw bad_input("prompt {} has {} tokens; the model has room for {} with the answer", i + 1, prompts[i].size(),
                      most);
  }
  Decoder decoder(model);
  std::vector<Answer> active;
  std::size_t next = 0;
  while (next < prompts.size() || !active.empty()) {
    if (stop && stop()) break;
    while (next < prompts.size() && static_cast<std::int64_t>(active.size()) < std::max<std::int64_t>(batch_size, 1)) {
      const std::int32_t sequence = decoder.add(prompts.subspan(next, 1)).front();
      results[next].cached_tokens = decoder.cached_tokens(sequence);
      active.push_back({next, sequence, Random(seeds[next], "generate")});
      ++next;
    }
    std::vector<std::int32_t> sequences;
    for (const Answer& answer : active) sequences.push_back(answer.sequence);
    const at::Tensor logits = decoder.next_logits(sequences);
    std::vector<Answer> going_on;
    for (std::size_t a = 0; a < active.size(); ++a) {
      Answer& answer = active[a];
      Generation& result = results[answer.index];
      const std::int32_t token =
          sample_token(logits[static_cast<std::int64_t>(a)], decoder.tokens(answer.sequence), sampling, answer.random);
      if (std::binary_search(ends.begin(), ends.end(), token)) {
        result.finish_reason = "stop";
      } else {
        result.ids.push_back(token);
        decoder.append(answer.sequence, token);
        if (!sampling.stop.empty()) {
          const std::string text = tokenizer.decode(result.ids, true);
          if (const std::size_t end = find_stop(text, sampling.stop); end != std::string::npos) {
            result.text = text.substr(0, end);
            result.finish_reason = "stop";
          }
        }
        const auto made = static_cast<std::int64_t>(result.ids.size());
        if (result.finish_reason.empty() && (made >= sampling.max_tokens || result.prompt_tokens + made >= most))
          result.finish_reason = "length";
      }
      if (result.finish_reason.empty()) {
        going_on.push_back(std::move(answer));
        continue;
      }
      if (result.text.empty() && find_stop(tokenizer.decode(result.ids, true), sampling.stop) == std::string::npos)
        result.text = tokenizer.decode(result.ids, true);
      decoder.drop(answer.sequence);
      if (done) done(answer.index, result);
    }
    active = std::move(going_on);
  }
  return results;
}

void generate_lines(const GenerateOptions& options, std::istream& in, std::ostream& out, Progress& progress) {
  check_sampling(options.sampling);
  const ComputeChoice compute = choose_compute(options.device, options.dtype);
  progress.say("loading " + options.model);
  LoadOptions load;
  load.requires_grad = false;
  const std::unique_ptr<Model> model = load_model(options.model, load);
  model->set_compute_type(compute.type);
  const Tokenizer tokenizer = load_tokenizer(options.model);
  std::vector<std::vector<std::int32_t>> prompts;
  std::vector<std::uint64_t> seeds;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      prompts.push_back(prompt_line_ids(tokenizer, line, true, true));
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("line {} of the input: {}", number, error.message()), error.next());
    }
    if (prompts.back().empty()) throw bad_input("line {} of the input: it has no token to go on from", number);
    seeds.push_back(hash64(fmt::format("{}/{}", options.seed, seeds.size())));
  }
  progress.start("generate", static_cast<std::int64_t>(prompts.size()), "answers");
  std::vector<std::optional<std::string>> lines(prompts.size());
  std::size_t written = 0, finished = 0;
  generate(
      *model, tokenizer, prompts, options.sampling, seeds, options.batch_size,
      [&](std::size_t index, const Generation& made) {
        const Json answer = {{"text", made.text}, {"ids", made.ids}, {"finish_reason", made.finish_reason}};
        lines[index] = answer.dump(-1, ' ', false, Json::error_handler_t::replace);
        while (written < lines.size() && lines[written]) out << *lines[written++] << "\n";
        out.flush();
        progress.update(static_cast<std::int64_t>(++finished));
      },
      [] { return interrupt_requested(); });
  check_interrupt("give what is missing again");
  progress.finish();
}

}  // namespace ballot
