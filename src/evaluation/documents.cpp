#include "evaluation/documents.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/suggest.h"
#include "core/version.h"
#include "data/rows.h"
#include "data/sources.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

/// How the leaderboard's datasets lie in the folder of --data.
struct LocalLayout {
  std::string dataset, folder, example;
  std::vector<std::string> columns;
  bool gated = false;
};
const std::vector<LocalLayout>& local_layouts() {
  static const std::vector<LocalLayout> layouts = {
      {"SaylorTwift/bbh", "bbh", "bbh/{}.json", {"input", "target"}},
      {"DigitalLearningGmbH/MATH-lighteval",
       "math_hard",
       "math_hard/*.jsonl",
       {"problem", "level", "type", "solution"}},
      {"TIGER-Lab/MMLU-Pro", "mmlu_pro", "mmlu_pro/*{}*.jsonl", {"question", "options", "answer"}},
      {"TAUR-Lab/MuSR", "musr", "musr/{}*.jsonl", {"narrative", "question", "choices", "answer_choice"}},
      {"wis-k/instruction-following-eval",
       "ifeval",
       "ifeval/input_data.jsonl",
       {"key", "prompt", "instruction_id_list", "kwargs"}},
      {"Idavidrein/gpqa",
       "gpqa",
       "gpqa/{}.csv",
       {"Question", "Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"},
       true}};
  return layouts;
}

const LocalLayout* local_layout(const std::string& dataset) {
  for (const LocalLayout& layout : local_layouts())
    if (layout.dataset == dataset) return &layout;
  return nullptr;
}

/// MATH's configurations by the word in its `type` column.
std::string math_type(const std::string& configuration) {
  static const std::map<std::string, std::string> types = {{"algebra", "Algebra"},
                                                           {"counting_and_probability", "Counting & Probability"},
                                                           {"geometry", "Geometry"},
                                                           {"intermediate_algebra", "Intermediate Algebra"},
                                                           {"number_theory", "Number Theory"},
                                                           {"prealgebra", "Prealgebra"},
                                                           {"precalculus", "Precalculus"}};
  const auto found = types.find(configuration);
  return found == types.end() ? configuration : found->second;
}

bool has_data_suffix(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.starts_with(".") || name.ends_with(".manifest.json") || name.ends_with(".rejects.jsonl")) return false;
  for (const char* suffix : {".parquet", ".jsonl", ".json", ".csv", ".tsv", ".jsonl.gz", ".jsonl.zst"})
    if (name.ends_with(suffix)) return true;
  return false;
}

/// Data files of a folder (not below it) whose name fits, by name.
template <class Fits>
std::vector<fs::path> files_in(const fs::path& folder, const Fits& fits) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.is_regular_file() && has_data_suffix(entry.path()) && fits(entry.path().filename().string()))
      found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

/// The name up to its first point or to its shard number: "test" of test-00000-of-00001.parquet.
std::string stem_of(const std::string& name) {
  std::string stem = name.substr(0, name.find('.'));
  if (const std::size_t shard = stem.find("-0000"); shard != std::string::npos) stem.resize(shard);
  return stem;
}

/// The files of a split in a folder that is laid out as hub datasets are.
std::vector<fs::path> files_of_hub_folder(const fs::path& folder, const std::optional<std::string>& configuration,
                                          const std::string& split) {
  const auto of_split = [&](const std::string& name) { return stem_of(name) == split; };
  std::vector<fs::path> places;
  if (configuration) {
    places = {folder / *configuration, folder / "data" / *configuration};
    // One file a configuration: all its rows are one split.
    for (const fs::path& place : {folder, folder / "data"}) {
      const auto whole = files_in(place, [&](const std::string& name) { return stem_of(name) == *configuration; });
      if (!whole.empty()) return whole;
      const auto pair = files_in(place, [&](const std::string& name) {
        return stem_of(name) == *configuration + "_" + split || stem_of(name) == *configuration + "-" + split;
      });
      if (!pair.empty()) return pair;
    }
  } else {
    places = {folder, folder / "data", folder / "default"};
  }
  for (const fs::path& place : places) {
    auto found = files_in(place, of_split);
    if (found.empty() && fs::is_directory(place / split))
      found = files_in(place / split, [](const auto&) { return true; });
    if (!found.empty()) return found;
  }
  // A dataset of one file is its train split.
  if (split == "train")
    for (const fs::path& place : places) {
      auto found = files_in(place, [](const auto&) { return true; });
      if (found.size() == 1) return found;
    }
  return {};
}

std::vector<fs::path> files_of_short_name(const LocalLayout& layout, const DatasetName& dataset,
                                          const std::string& split, const fs::path& data) {
  const fs::path folder = data / layout.folder;
  if (!fs::is_directory(folder)) return {};
  const std::string configuration = dataset.name.value_or("");
  if (layout.folder == "bbh" || layout.folder == "gpqa")
    return files_in(folder, [&](const std::string& name) { return stem_of(name) == configuration; });
  if (layout.folder == "musr")
    return files_in(folder, [&](const std::string& name) { return name.starts_with(split); });
  if (layout.folder == "ifeval")
    return files_in(folder,
                    [&](const std::string& name) { return stem_of(name) == "input_data" || stem_of(name) == split; });
  // MATH and MMLU-Pro: any file with the columns; the split is in the name where there is more than the test's.
  std::vector<fs::path> found;
  for (const fs::path& file : files_in(folder, [](const auto&) { return true; })) {
    const std::string name = stem_of(file.filename().string());
    const auto says = [&](const char* word) { return name.find(word) != std::string::npos; };
    const std::string its = says("validation") || says("dev") ? "validation" : says("train") ? "train" : "test";
    if (its != split) continue;
    RowReader rows(inspect_source(file, file.string()), {});
    bool fits = false;
    if (const auto batch = rows.next()) {
      bool first = true;
      batch->for_each([&](const Row& row) {
        if (!first || !row.reason.empty()) return;
        first = false;
        fits = std::all_of(layout.columns.begin(), layout.columns.end(),
                           [&](const std::string& column) { return row.value.find(column) != nullptr; });
      });
    }
    if (fits) found.push_back(file);
  }
  return found;
}

std::string with_name(const std::string& pattern, const std::string& name) {
  const std::size_t at = pattern.find("{}");
  return at == std::string::npos ? pattern : pattern.substr(0, at) + name + pattern.substr(at + 2);
}

/// The paths that `data_files` gives for a split; throws Error (usage) where it is none of its forms.
std::vector<std::string> data_files_of(const DatasetName& dataset, const std::string& split) {
  const Json files = dataset.kwargs->is_object() ? dataset.kwargs->value("data_files", Json()) : Json();
  const auto list = [](const Json& value) {
    std::vector<std::string> paths;
    for (const Json& path : value.is_array() ? value : Json::array({value})) {
      if (!path.is_string()) throw wrong_usage("data_files wants names of files, found {}", path.dump());
      paths.push_back(path.get<std::string>());
    }
    return paths;
  };
  if (files.is_object()) {
    if (files.contains(split)) return list(files[split]);
    std::vector<std::string> splits;
    for (const auto& [name, value] : files.items()) splits.push_back(name);
    throw wrong_usage("data_files has no split '{}'{}", split, did_you_mean(split, splits));
  }
  if (files.is_null()) throw wrong_usage("dataset_path is '{}', and dataset_kwargs names no data_files", dataset.path);
  if (split != "train") throw wrong_usage("data_files without splits are the split 'train'; '{}' is asked for", split);
  return list(files);
}

bool is_local_kind(const std::string& path) {
  return path == "json" || path == "csv" || path == "parquet";
}

/// A whole JSON file: a list of rows, or an object with the rows under `field`.
Json rows_of_json(const fs::path& path, const std::string& field) {
  Json whole;
  try {
    whole = Json::parse(read_file(path));
  } catch (const nlohmann::json::exception& error) {
    if (field.empty()) return {};
    throw bad_input("cannot read {}: {}", path.string(), error.what());
  }
  if (!field.empty()) {
    if (!whole.is_object() || !whole.contains(field))
      throw bad_input("cannot read {}: it has no field '{}'", path.string(), field);
    whole = whole[field];
  } else if (whole.is_object() && whole.contains("examples") && whole["examples"].is_array()) {
    whole = whole["examples"];  // BIG-Bench-Hard's layout
  }
  return whole.is_array() ? whole : Json();
}

/// What the harness's reader of CSV (pandas) takes for a missing value, quoted or not.
bool is_missing(const std::string& text) {
  static const std::set<std::string> words = {"",     "#N/A",   "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN",
                                              "-nan", "1.#IND", "1.#QNAN",  "<NA>", "N/A",     "NA",       "NULL",
                                              "NaN",  "None",   "n/a",      "nan",  "null"};
  return words.contains(text);
}

/// CSV has only text; a column whose every value is a number is one, with whole numbers beside missing values as
/// fractions, as the harness's reader has it.
void type_columns(Documents& documents) {
  const auto as_number = [](const std::string& text) -> Json {
    std::int64_t whole = 0;
    auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (error == std::errc() && stop == text.data() + text.size()) return whole;
    double number = 0;
    auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (wrong == std::errc() && end == text.data() + text.size() &&
        text.find_first_of("0123456789") != std::string::npos)
      return number;
    return nullptr;
  };
  for (const std::string& column : documents.columns) {
    for (Json& row : documents.rows)
      if (Json& value = row[column]; value.is_string() && is_missing(value.get_ref<const std::string&>()))
        value = nullptr;
    bool numbers = true, whole = true, any = false;
    for (const Json& row : documents.rows) {
      const Json& value = row[column];
      if (value.is_null()) {
        whole = false;
        continue;
      }
      const Json number = value.is_string() ? as_number(value.get_ref<const std::string&>()) : Json();
      any = true;
      if (number.is_null()) numbers = false;
      if (!number.is_number_integer()) whole = false;
      if (!numbers) break;
    }
    if (!numbers || !any) continue;
    for (Json& row : documents.rows)
      if (Json& value = row[column]; value.is_string()) {
        const Json number = as_number(value.get_ref<const std::string&>());
        value = whole ? number : Json(number.get<double>());
      }
  }
}

void read_file_into(const fs::path& path, const std::string& field, Documents& documents, RejectLog& rejects) {
  documents.files.push_back(path);
  if (path.extension() == ".json")
    if (const Json rows = rows_of_json(path, field); rows.is_array()) {
      std::int64_t number = 0;
      for (const Json& row : rows) {
        ++number;
        if (row.is_object())
          documents.add(row, number);
        else
          rejects.add({path.string(), number, "", "not_an_object", "a row must be an object"});
      }
      return;
    }
  const SourceFile source = inspect_source(path, path.string());
  const bool csv = source.kind == FileKind::kCsv;
  Documents part;
  for_each_row({source}, rejects,
               [&](const SourceFile&, std::int64_t number, const Value& value) { part.add(to_json(value), number); });
  if (csv) {
    part.complete();
    type_columns(part);
  }
  for (std::size_t i = 0; i < part.rows.size(); ++i) documents.add(std::move(part.rows[i]), part.numbers[i]);
}

}  // namespace

void Documents::add(Json row, std::int64_t number) {
  for (const auto& [name, value] : row.items())
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
  rows.push_back(std::move(row));
  numbers.push_back(number);
}

void Documents::complete() {
  for (Json& row : rows) {
    bool same = row.size() == columns.size();
    std::size_t i = 0;
    for (auto item = row.begin(); same && item != row.end(); ++item, ++i) same = item.key() == columns[i];
    if (same) continue;
    Json whole = Json::object();
    for (const std::string& column : columns) whole[column] = row.contains(column) ? std::move(row[column]) : Json();
    row = std::move(whole);
  }
}

SplitFiles find_split(const DatasetName& dataset, const std::string& split, const fs::path& data) {
  SplitFiles found;
  if (is_local_kind(dataset.path)) {
    for (const std::string& name : data_files_of(dataset, split)) {
      std::vector<fs::path> places = {name};
      if (fs::path(name).is_relative()) {
        places = {dataset.folder / name};
        if (!data.empty()) places.push_back(data / name);
        places.emplace_back(name);
      }
      const auto there =
          std::find_if(places.begin(), places.end(), [](const fs::path& p) { return fs::is_regular_file(p); });
      if (there == places.end()) {
        found.files.clear();
        found.missing = name;
        return found;
      }
      found.files.push_back(*there);
    }
    return found;
  }
  const LocalLayout* layout = local_layout(dataset.path);
  if (layout) found.needed = layout->columns;
  const std::string owner_name = dataset.path, name = owner_name.substr(owner_name.rfind('/') + 1);
  if (!data.empty() && layout) {
    found.files = files_of_short_name(*layout, dataset, split, data);
    if (!found.files.empty() && layout->folder == "math_hard" && dataset.name)
      found.filter = {"type", math_type(*dataset.name)};
  }
  std::vector<fs::path> folders;
  if (!data.empty()) {
    folders = {data / owner_name, data / name};
    std::string flat = "datasets--" + owner_name;
    if (const std::size_t slash = flat.find('/'); slash != std::string::npos) flat.replace(slash, 1, "--");
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(data / flat / "snapshots", ignored))
      folders.push_back(entry.path());
    folders.push_back(data / flat);
  }
  if (const fs::path cached = hub_snapshot("datasets", owner_name); !cached.empty()) folders.push_back(cached);
  for (const fs::path& folder : folders)
    if (found.files.empty() && fs::is_directory(folder)) found.files = files_of_hub_folder(folder, dataset.name, split);
  if (!found.files.empty()) return found;
  const bool by_split = layout && (layout->folder == "musr" || layout->folder == "mmlu_pro");
  found.missing = layout ? with_name(layout->example, by_split ? split : dataset.name.value_or(""))
                         : owner_name + "/" + split + ".jsonl";
  found.gated = layout && layout->gated;
  return found;
}

Error missing_data(const DatasetName& dataset, const std::string& split, const SplitFiles& found) {
  if (is_local_kind(dataset.path))
    return Error(ErrorKind::kInput, fmt::format("the data file {} is not there", found.missing),
                 "it is looked for beside the task file, in the folder of --data and in the current folder");
  return Error(
      ErrorKind::kInput,
      fmt::format("no rows of {}{}, split {}: {} is not there", dataset.path,
                  dataset.name ? " (" + *dataset.name + ")" : std::string(), split, found.missing),
      fmt::format("put the file into a folder and give --data FOLDER, or have the dataset in the local hub cache{}; "
                  "nothing is fetched here",
                  found.gated ? " (it is gated: accept its terms on the hub first)" : ""));
}

Documents read_split(const DatasetName& dataset, const std::string& split, const fs::path& data, RejectLog& rejects) {
  const SplitFiles found = find_split(dataset, split, data);
  if (found.files.empty()) throw missing_data(dataset, split, found);
  const std::string field =
      dataset.kwargs->is_object() && dataset.kwargs->contains("field") && (*dataset.kwargs)["field"].is_string()
          ? (*dataset.kwargs)["field"].get<std::string>()
          : "";
  Documents documents;
  for (const fs::path& file : found.files) read_file_into(file, field, documents, rejects);
  documents.complete();
  if (documents.rows.empty()) {
    std::string names;
    for (const fs::path& file : found.files) names += (names.empty() ? "" : ", ") + file.string();
    throw bad_input("{} has no rows that can be read ({})", names, rejects.summary());
  }
  for (const std::string& column : found.needed)
    if (std::find(documents.columns.begin(), documents.columns.end(), column) == documents.columns.end())
      throw bad_input("{} has no column '{}'{}", found.files.front().string(), column,
                      did_you_mean(column, documents.columns));
  if (found.filter) {
    Documents kept;
    kept.columns = documents.columns;
    kept.files = documents.files;
    for (std::size_t i = 0; i < documents.rows.size(); ++i)
      if (documents.rows[i][found.filter->first] == found.filter->second) {
        kept.rows.push_back(std::move(documents.rows[i]));
        kept.numbers.push_back(documents.numbers[i]);
      }
    if (kept.rows.empty())
      throw bad_input("{} has no row whose {} is '{}'", found.files.front().string(), found.filter->first,
                      found.filter->second);
    return kept;
  }
  return documents;
}

}  // namespace ballot
