#include "evaluation/ifeval.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/version.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace {

const Json& list_of(const Json& row, const char* column) {
  const auto found = row.find(column);
  if (found == row.end() || !found->is_array())
    throw bad_input("the column '{}' of a row is {}, and a list is wanted", column,
                    found == row.end() ? "missing" : found->dump());
  return *found;
}

/// The answer and its variants, without those that are blank or there already.
std::vector<std::u32string> variants_of(const std::u32string& answer) {
  std::vector<std::u32string> variants;
  const auto add = [&](std::u32string text) {
    if (!is_blank(text) && std::find(variants.begin(), variants.end(), text) == variants.end())
      variants.push_back(std::move(text));
  };
  const auto without_asterisks = [](std::u32string text) {
    std::erase(text, U'*');
    return text;
  };
  add(answer);
  add(without_asterisks(answer));
  const std::u32string_view all = answer;
  const std::size_t first = all.find(U'\n'), last = all.rfind(U'\n');
  // Of a text of one line nothing is left.
  if (first == std::u32string_view::npos) return variants;
  const std::u32string_view parts[] = {all.substr(first + 1), all.substr(0, last),
                                       last > first ? all.substr(first + 1, last - first - 1) : std::u32string_view()};
  for (const std::u32string_view part : parts) add(std::u32string(python_strip(part)));
  for (const std::u32string_view part : parts) add(without_asterisks(std::u32string(python_strip(part))));
  return variants;
}

}  // namespace

IfevalVerdicts ifeval_verdicts(const Json& row, std::string_view answer, const IfevalModels& models) {
  const Json &ids = list_of(row, "instruction_id_list"), &parameters = list_of(row, "kwargs");
  if (ids.size() != parameters.size())
    throw bad_input("a row has {} instructions and the parameters of {}", ids.size(), parameters.size());
  const std::u32string text = decode_utf8(answer);
  const std::vector<std::u32string> variants = variants_of(text);
  IfevalVerdicts verdicts;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!ids[i].is_string()) throw bad_input("an instruction of a row is {}, and a text is wanted", ids[i].dump());
    const std::string id = ids[i];
    bool strict = false, loose = false;
    // The answer itself is the first variant; without any, the instruction is still looked up.
    if (variants.empty()) follows(id, parameters[i], U"x", models);
    for (std::size_t v = 0; v < variants.size() && !loose; ++v) {
      loose = follows(id, parameters[i], variants[v], models);
      if (v == 0) strict = loose;
    }
    verdicts.strict.push_back(strict);
    verdicts.loose.push_back(loose);
  }
  return verdicts;
}

Json ifeval_scores(const Json& row, const std::string& answer, const IfevalModels& models) {
  const IfevalVerdicts verdicts = ifeval_verdicts(row, answer, models);
  const auto all = [](const std::vector<bool>& list) {
    return std::all_of(list.begin(), list.end(), [](bool followed) { return followed; });
  };
  return {{"prompt_level_strict_acc", all(verdicts.strict)},
          {"inst_level_strict_acc", verdicts.strict},
          {"prompt_level_loose_acc", all(verdicts.loose)},
          {"inst_level_loose_acc", verdicts.loose}};
}

Json ifeval_scores(const Json& row, const std::string& answer) {
  static const IfevalModels models(deps_folder());
  return ifeval_scores(row, answer, models);
}

bool is_judged_at_random(const Json& row) {
  const Json &ids = list_of(row, "instruction_id_list"), &parameters = list_of(row, "kwargs");
  for (std::size_t i = 0; i < std::min(ids.size(), parameters.size()); ++i)
    if (ids[i].is_string() && draws_a_parameter(ids[i].get<std::string>(), parameters[i])) return true;
  return false;
}

}  // namespace ballot
