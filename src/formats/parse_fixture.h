// What tables of answers and their readings share: a ballot's answer as a short word.
#pragma once
#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <string>

#include "formats/parse.h"

namespace ballot {

inline const Format& format(const std::string& name) {
  static const std::map<std::string, Format> formats = [] {
    std::map<std::string, Format> all;
    for (const std::string& each : format_names()) all.emplace(each, Format::load(each));
    return all;
  }();
  return formats.at(name);
}

inline std::size_t shown(const Format& f) {
  return f.kind == FormatKind::kListwise ? 5 : f.completions;
}

// "B", "A2", "4", "CAEBD", "C(AE)BD"; else the status.
inline std::string read(const std::string& name, const JudgeText& said, const ParseOptions& options = {}) {
  const Format& f = format(name);
  const Label label = parse_answer(f, shown(f), said, options);
  if (!label.usable()) {
    EXPECT_FALSE(label.choice || label.neither || label.magnitude || label.rating || !label.ranking.empty())
        << "a label without a usable status";
    return label.status;
  }
  std::string text;
  if (label.choice) text += letter_of(*label.choice);
  if (label.neither) text += '=';
  if (label.magnitude) text += std::to_string(*label.magnitude);
  if (label.rating) text += std::to_string(*label.rating);
  for (const std::vector<int>& group : label.ranking) {
    if (group.size() > 1) text += '(';
    for (const int place : group) text += letter_of(place);
    if (group.size() > 1) text += ')';
  }
  if (label.status != "ok") text += " " + label.status.substr(label.status.find(':') + 1);
  return text;
}

inline std::string read(const std::string& name, const std::string& content) {
  return read(name, JudgeText{content, {}, "stop"});
}

struct Row {
  const char *format, *text, *wanted;
};

inline void check(std::initializer_list<Row> rows) {
  for (const Row& row : rows)
    EXPECT_EQ(read(row.format, std::string(row.text)), row.wanted) << row.format << ": " << row.text;
}

}  // namespace ballot
