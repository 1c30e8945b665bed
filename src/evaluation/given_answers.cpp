#include "evaluation/given_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/jsonl.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

/// 7 and "7" are the same key.
std::string key_of(const char* name, const Json& value) {
  return fmt::format("{} {}", name, value.is_string() ? value.get<std::string>() : value.dump());
}

/// The answer of a line: `response`, or what a samples file has.
const Json* response_of(const Json& line) {
  if (const auto found = line.find("response"); found != line.end()) return &*found;
  const auto list = line.find("filtered_resps");
  if (list == line.end() || !list->is_array() || list->empty()) return nullptr;
  const Json& first = list->front();
  return first.is_array() && !first.empty() ? &first.front() : &first;
}

/// samples_<task>_<date>.jsonl
std::string task_of(const fs::path& file) {
  const std::string stem = file.stem().string();
  const std::size_t date = stem.rfind('_');
  return stem.starts_with("samples_") && date > 8 && date != std::string::npos ? stem.substr(8, date - 8) : "";
}

}  // namespace

GivenAnswers::GivenAnswers(const fs::path& path, RejectLog& rejects) : path_(path) {
  if (!fs::exists(path))
    throw Error(ErrorKind::kInput, fmt::format("cannot read the answers {}: no such file or folder", path.string()),
                "--responses wants JSONL lines of `doc_id` or `key`, and `response`, or a folder of samples files");
  if (fs::is_directory(path)) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(path))
      if (entry.path().extension() == ".jsonl" && !task_of(entry.path()).empty()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) read(file, task_of(file), rejects);
  } else {
    read(path, task_of(path), rejects);
  }
  if (answers_.empty())
    throw Error(ErrorKind::kInput, fmt::format("{} holds no answer ({})", path.string(), rejects.summary()),
                "a line is an object with `doc_id` or `key`, and `response`");
}

void GivenAnswers::read(const fs::path& path, const std::string& task, RejectLog& rejects) {
  read_jsonl(path, rejects, [&](std::int64_t row, const Json& line) {
    const auto bad = [&](const char* field, const char* reason, const std::string& message) {
      rejects.add({path.string(), row, field, reason, message});
    };
    const char* name = line.contains("doc_id") ? "doc_id" : "key";
    if (!line.contains(name)) return bad("doc_id", "missing_field", "the answer names neither doc_id nor key");
    const Json& id = line[name];
    if (!id.is_number_integer() && !id.is_string())
      return bad(name, "wrong_type", fmt::format("{} must be a whole number or a text, found {}", name, id.dump()));
    const Json* response = response_of(line);
    if (!response || !response->is_string())
      return bad("response", response ? "wrong_type" : "missing_field", "the answer must be a text");
    std::string its_task = task;
    if (line.contains("task")) {
      if (!line["task"].is_string()) return bad("task", "wrong_type", "task must be a text");
      its_task = line["task"];
    }
    without_task_ = without_task_ || its_task.empty();
    const auto [place, fresh] =
        answers_.try_emplace({its_task, key_of(name, id)}, Answer{*response, path.string(), row, false});
    if (!fresh)
      bad(name, "duplicate_answer",
          fmt::format("a second answer to {} (the first is line {})", key_of(name, id), place->second.row));
  });
}

std::vector<std::string> GivenAnswers::take(LoadedTask& task, bool only_task) {
  if (!only_task && without_task_)
    throw Error(
        ErrorKind::kUsage,
        fmt::format("{} has answers that do not say whose they are, and several tasks are asked for", path_.string()),
        "give each line a `task`, or ask for one task at a time");
  std::vector<Question> questions;
  std::vector<std::string> texts;
  const std::size_t all = task.questions.size();
  for (Question& question : task.questions) {
    std::vector<std::string> keys = {key_of("doc_id", question.doc_id)};
    if (question.row->is_object() && question.row->contains("key"))
      keys.push_back(key_of("key", (*question.row)["key"]));
    Answer* found = nullptr;
    for (const std::string& name : {task.config.task, std::string()})
      for (const std::string& key : keys)
        if (const auto place = answers_.find({name, key}); !found && place != answers_.end()) found = &place->second;
    if (!found) continue;
    found->used = true;
    texts.push_back(found->text);
    questions.push_back(std::move(question));
  }
  if (questions.empty())
    throw Error(ErrorKind::kInput, fmt::format("{} answers no row of the task '{}'", path_.string(), task.config.task),
                "`doc_id` counts the rows from 0; `key` is the row's column of that name; `task` is the task's name");
  if (questions.size() < all)
    task.notes.push_back(fmt::format("{} of {} rows have no answer in {} and are left out", all - questions.size(), all,
                                     path_.string()));
  task.questions = std::move(questions);
  return texts;
}

void GivenAnswers::reject_unused(RejectLog& rejects) const {
  for (const auto& [place, answer] : answers_)
    if (!answer.used)
      rejects.add({answer.file, answer.row, "", "unknown_row",
                   fmt::format("no row that was asked for has {}{}", place.second,
                               place.first.empty() ? "" : " in the task " + place.first)});
}

}  // namespace ballot
