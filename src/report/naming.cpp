#include "report/naming.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ballot {

Naming::Naming(const StudyResults& results) : results_(results), formats_(results.formats) {
  if (!results.placebo.empty()) formats_.push_back("placebo");
}

std::string Naming::format(const std::string& name) const {
  if (name == "source") return "source ranking";
  if (name == "placebo") return (results_.placebo.empty() ? "placebo" : format(results_.placebo)) + " again";
  for (const LabelStats& labels : results_.labels)
    if (labels.format == name && !labels.title.empty()) return labels.title;
  if (name == "binary_magnitude") return "BINARYMAGN";
  std::string title = name;
  std::transform(title.begin(), title.end(), title.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c); });
  return title;
}

std::string Naming::training(const TrainedName& name) const {
  if (name.objective == "sft") return "SFT";
  if (name.format.empty()) return name.objective;
  std::string out = format(name.format);
  if (name.loss != "" && name.loss != "bradley_terry" && name.loss != "sigmoid") out += ", " + name.loss;
  if (name.margin != "none" && !name.margin.empty()) out += ", with margin";
  if (results_.seeds.size() > 1) out += ", seed " + std::to_string(name.seed);
  return out;
}

std::string metric_title(const std::string& metric) {
  static constexpr std::array<std::pair<const char*, const char*>, 14> kTitles = {
      {{"accuracy", "reward accuracy"},
       {"rewards/accuracies", "reward accuracy"},
       {"rewards/margins", "reward margin"},
       {"margin", "reward margin"},
       {"loss", "loss"},
       {"mean_token_accuracy", "token accuracy"},
       {"grad_norm", "gradient norm"},
       {"acc_norm", "accuracy"},
       {"acc", "accuracy"},
       {"exact_match", "exact match"},
       {"inst_level_strict_acc", "instructions, strict"},
       {"inst_level_loose_acc", "instructions, loose"},
       {"prompt_level_strict_acc", "prompts, strict"},
       {"prompt_level_loose_acc", "prompts, loose"}}};
  for (const auto& [name, title] : kTitles)
    if (metric == name) return title;
  return metric;
}

std::string task_title(const std::string& task) {
  std::string out = task.starts_with("leaderboard_") ? task.substr(12) : task;
  std::replace(out.begin(), out.end(), '_', ' ');
  static constexpr std::array<std::pair<const char*, const char*>, 6> kNames = {{{"ifeval", "IFEval"},
                                                                                 {"bbh", "BBH"},
                                                                                 {"math hard", "MATH-hard"},
                                                                                 {"musr", "MuSR"},
                                                                                 {"gpqa", "GPQA"},
                                                                                 {"mmlu pro", "MMLU-Pro"}}};
  for (const auto& [prefix, name] : kNames)
    if (out.starts_with(prefix)) return name + out.substr(std::string(prefix).size());
  return out;
}

}  // namespace ballot
