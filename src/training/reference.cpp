#include "training/reference.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/interrupt.h"
#include "data/table.h"
#include "models/model.h"
#include "training/forward.h"

namespace ballot {

namespace fs = std::filesystem;

double ReferenceTable::at(const TokenCompletion& completion) const {
  const auto found = entries_.find(completion.content);
  if (found == entries_.end())
    throw failed("the reference log-probability of completion {} is missing (model {})", completion.completion_id,
                 model_);
  return found->second.logp;
}

void ReferenceTable::set(const TokenCompletion& completion, double logp) {
  entries_[completion.content] = {completion.completion_id, logp, completion.scored_tokens()};
}

void ReferenceTable::read(const fs::path& file) {
  const Table table = read_table(file.string());
  const auto &id = table.column("completion_id"), &logp = table.column("logp"), &tokens = table.column("tokens"),
             &model = table.column("model"), &content = table.column("content");
  for (std::int64_t row = 0; row < table.rows; ++row) {
    if (model[row].text != model_) continue;
    if (content[row].missing || !logp[row].number || !std::isfinite(*logp[row].number) || !tokens[row].number)
      throw Error(ErrorKind::kInput, fmt::format("{}, row {}: no log-probability", file.string(), row + 1),
                  "remove the file; it is computed again");
    entries_.try_emplace(content[row].text,
                         Entry{id[row].text, *logp[row].number, static_cast<std::int64_t>(*tokens[row].number)});
  }
}

void ReferenceTable::read_cache(const fs::path& folder) {
  if (!fs::exists(folder)) return;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".parquet" && !entry.path().filename().string().starts_with("."))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) read(file);
}

void ReferenceTable::write(const fs::path& file, const TrainingSet& set) const {
  std::vector<std::string> ids, models, contents;
  std::vector<double> logps;
  std::vector<std::int64_t> tokens;
  std::unordered_map<std::string, bool> written;
  for (const TokenPrompt& prompt : set.prompts)
    for (const TokenCompletion& completion : prompt.completions) {
      if (!written.try_emplace(completion.content, true).second) continue;
      ids.push_back(completion.completion_id);
      logps.push_back(at(completion));
      tokens.push_back(completion.scored_tokens());
      models.push_back(model_);
      contents.push_back(completion.content);
    }
  write_table(file,
              {{"completion_id", ids}, {"logp", logps}, {"tokens", tokens}, {"model", models}, {"content", contents}});
}

std::int64_t complete_reference(ReferenceTable& table, const Model& reference, const TrainingSet& set,
                                const MicrobatchBudget& budget, Progress& progress) {
  // What is missing, as a set of its own: one example a prompt, so that the cut into batches is the one of training.
  TrainingSet missing;
  for (const TokenPrompt& prompt : set.prompts) {
    TokenPrompt wanted{prompt.prompt_id, prompt.ids, {}};
    for (const TokenCompletion& completion : prompt.completions)
      if (!table.has(completion)) wanted.completions.push_back(completion);
    if (wanted.completions.empty()) continue;
    for (std::size_t c = 0; c < wanted.completions.size(); ++c) {
      Example example;
      example.prompt = example.group = static_cast<std::int32_t>(missing.prompts.size());
      example.completions = {static_cast<std::int32_t>(c)};
      missing.examples.push_back(std::move(example));
    }
    missing.prompts.push_back(std::move(wanted));
  }
  missing.groups = static_cast<std::int64_t>(missing.prompts.size());
  if (missing.examples.empty()) return 0;
  std::vector<std::int32_t> all(missing.examples.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int32_t>(i);

  const at::NoGradGuard no_grad;
  progress.start("reference log-probabilities", static_cast<std::int64_t>(all.size()), "completions");
  std::int64_t tokens = 0, done = 0;
  for (const auto& part : cut_step(missing, all, budget, /*shared=*/true)) {
    check_interrupt();
    const TrainingBatch batch = make_batch(missing, part, /*shared=*/true);
    const at::Tensor logp_C = completion_log_probabilities(reference, batch);
    for (std::size_t c = 0; c < batch.completions.size(); ++c) {
      const double logp = logp_C.data_ptr<double>()[c];
      if (!std::isfinite(logp))
        throw failed("the reference gives completion {} the log-probability {}", batch.completions[c]->completion_id,
                     logp);
      table.set(*batch.completions[c], logp);
    }
    tokens += batch.forest.size();
    done += static_cast<std::int64_t>(part.size());
    progress.update(done);
  }
  progress.finish(fmt::format("{} tokens", human_count(tokens)));
  return tokens;
}

}  // namespace ballot
