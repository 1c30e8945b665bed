// Rows for training_bench: prompts with five completions and the ten pairs of each, all pairs of a prompt beside each
// other; from a file of ranked completions (`prompt`, `answers` with `answer` and `rank`) or of generated words with
// the lengths that such data have.
#pragma once
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/json.h"
#include "core/random.h"

namespace ballot::bench {

struct RankedPrompt {
  std::string prompt;
  std::vector<std::string> completions;  ///< five, best first
  std::size_t characters() const {
    std::size_t sum = prompt.size();
    for (const std::string& completion : completions) sum += completion.size();
    return sum;
  }
};

/// Words without meaning, lengths with: a prompt of some 50 words, completions log-normal around 100.
inline std::vector<RankedPrompt> generated_prompts(std::size_t count) {
  static constexpr const char* kWords[] = {"river", "lantern", "seven", "because", "window", "the",   "measure",
                                           "carry", "under",   "quiet", "an",      "north",  "baker", "and",
                                           "glass", "of",      "write", "to",      "map",    "in",    "orchard"};
  Random random(1, "training_bench");
  const auto text = [&](double words) {
    std::string out = "The";
    for (int i = 1; i < words; ++i) out += std::string(" ") + kWords[random.below(std::size(kWords))];
    return out + ".";
  };
  std::vector<RankedPrompt> prompts(count);
  for (RankedPrompt& prompt : prompts) {
    prompt.prompt = text(30 + static_cast<double>(random.below(40)));
    for (int i = 0; i < 5; ++i)
      prompt.completions.push_back(text(std::clamp(100 * std::exp(0.7 * random.normal()), 8.0, 700.0)));
  }
  return prompts;
}

/// Places 1, 3, 4, 6 and 7 of each row of seven; those whose length lies nearest the mean come first, so that a few of
/// them stand for the file.
inline std::vector<RankedPrompt> read_prompts(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw bad_input("{} cannot be read", path.string());
  std::vector<RankedPrompt> prompts;
  double mean = 0;
  for (std::string line; std::getline(file, line);) {
    const Json row = Json::parse(line);
    std::vector<Json> answers(row.at("answers").begin(), row.at("answers").end());
    if (answers.size() != 7) continue;
    std::stable_sort(answers.begin(), answers.end(), [](const Json& a, const Json& b) {
      return a.at("rank").get<double>() < b.at("rank").get<double>();
    });
    RankedPrompt prompt{row.at("prompt"), {}};
    if (const auto at = prompt.prompt.find("Human: "); at != std::string::npos) prompt.prompt.erase(0, at + 7);
    if (const auto at = prompt.prompt.rfind("\n\nAssistant:"); at != std::string::npos) prompt.prompt.erase(at);
    if (prompt.prompt.find("\n\nAssistant:") != std::string::npos) continue;  // several turns
    for (const int place : {0, 2, 3, 5, 6}) prompt.completions.push_back(answers[place].at("answer"));
    mean += static_cast<double>(prompt.characters());
    prompts.push_back(std::move(prompt));
  }
  if (prompts.empty()) throw bad_input("{} holds no row of seven answers", path.string());
  mean /= static_cast<double>(prompts.size());
  std::stable_sort(prompts.begin(), prompts.end(), [&](const RankedPrompt& a, const RankedPrompt& b) {
    return std::abs(static_cast<double>(a.characters()) - mean) < std::abs(static_cast<double>(b.characters()) - mean);
  });
  return prompts;
}

inline Json message(const char* role, const std::string& text) {
  return Json::array({{{"role", role}, {"content", text}}});
}

/// Ten pairs a prompt, the better first, margin the distance of the places.
inline void write_pairs(const std::filesystem::path& path, const std::vector<RankedPrompt>& prompts,
                        std::size_t count) {
  std::ofstream file(path);
  for (std::size_t p = 0; p < count; ++p)
    for (std::size_t i = 0; i < 5; ++i)
      for (std::size_t j = i + 1; j < 5; ++j)
        file << Json{{"prompt", message("user", prompts[p].prompt)},
                     {"chosen", message("assistant", prompts[p].completions[i])},
                     {"rejected", message("assistant", prompts[p].completions[j])},
                     {"margin", static_cast<double>(j - i)}}
                    .dump()
             << "\n";
}

/// The best completion of each prompt.
inline void write_answers(const std::filesystem::path& path, const std::vector<RankedPrompt>& prompts,
                          std::size_t count) {
  std::ofstream file(path);
  for (std::size_t p = 0; p < count; ++p)
    file << Json{{"prompt", message("user", prompts[p].prompt)},
                 {"completion", message("assistant", prompts[p].completions[0])}}
                .dump()
         << "\n";
}

}  // namespace ballot::bench
