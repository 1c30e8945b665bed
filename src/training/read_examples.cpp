#include "training/read_examples.h"

#include <fmt/format.h>

#include <algorithm>

#include "compute/device.h"
#include "core/error.h"
#include "data/annotations.h"
#include "data/pool.h"
#include "data/preferences.h"
#include "data/sft.h"
#include "training/losses.h"

namespace ballot {
namespace {

bool has_conversations(const std::vector<Preference>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const Preference& row) { return !is_plain_text(row.prompt); });
}
bool has_conversations(const std::vector<SftRow>& rows) {
  return std::any_of(rows.begin(), rows.end(),
                     [](const SftRow& row) { return !row.messages.empty() && row.messages[0].role != kPlainTextRole; });
}

void need_template(const Tokenizer& tokenizer, const std::string& model) {
  if (tokenizer.has_chat_template()) return;
  throw Error(ErrorKind::kInput, fmt::format("{} has no chat template, and the data are conversations", model),
              "none is guessed: train from a model with one (`ballot sft` gives ChatML), or put chat_template.jinja "
              "into the model's folder");
}

}  // namespace

bool takes_annotations(const TrainingOptions& o) {
  return o.objective == "reward" && !o.loss.empty() && (o.loss[0] == "plackett_luce" || o.loss[0] == "regression");
}

TrainingSet read_examples(const TrainingOptions& o, const Tokenizer& tokenizer, RejectLog& rejects,
                          Progress& progress) {
  ExampleOptions example_options{.max_length = o.max_length,
                                 .truncate = o.truncate,
                                 .on_control_tokens = o.on_control_tokens,
                                 .split = o.split,
                                 .file = {},
                                 .threads = compute_threads()};
  for (const std::string& data : o.data) example_options.file += (example_options.file.empty() ? "" : ", ") + data;
  if (o.objective == "sft") {
    const std::vector<SftRow> rows = read_sft(o.data, rejects);
    if (has_conversations(rows)) need_template(tokenizer, o.model);
    progress.say(fmt::format("tokenising {} rows", human_count(static_cast<std::int64_t>(rows.size()))));
    return answer_examples(rows, tokenizer, example_options, rejects);
  }
  if (takes_annotations(o)) {
    std::vector<Annotation> rows;
    for (const std::string& data : o.data)
      for (Annotation& row : read_annotations(data)) rows.push_back(std::move(row));
    need_template(tokenizer, o.model);
    return ranking_examples(rows, read_pool(o.pool), o.loss[0] == "regression", tokenizer, example_options, rejects);
  }
  const std::vector<Preference> rows = read_preferences(o.data, rejects);
  if (has_conversations(rows)) need_template(tokenizer, o.model);
  progress.say(fmt::format("tokenising {} pairs", human_count(static_cast<std::int64_t>(rows.size()))));
  TrainingSet set = pair_examples(rows, tokenizer, example_options, rejects);
  std::vector<double> margins;
  for (const Example& example : set.examples) margins.push_back(o.margin == "column" ? example.margin : 0);
  margins = scale_margins(std::move(margins), o.margin_scale);
  if (o.margin == "column" && std::all_of(margins.begin(), margins.end(), [](double m) { return m == 0; }))
    progress.say("every margin in the data is 0: the margin changes nothing");
  const bool soft = std::find(o.loss.begin(), o.loss.end(), "soft") != o.loss.end();
  std::int64_t soft_targets = 0;
  for (std::size_t i = 0; i < set.examples.size(); ++i) {
    set.examples[i].margin = margins[i];
    soft_targets += set.examples[i].target != 1;
  }
  if (soft_targets && !soft)
    progress.say(fmt::format("{} pairs have a target other than 1, which only --loss soft uses", soft_targets));
  return set;
}

}  // namespace ballot
