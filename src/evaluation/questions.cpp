#include "evaluation/questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/suggest.h"
#include "evaluation/generative_scores.h"
#include "evaluation/python_literal.h"
#include "evaluation/python_text.h"
#include "text/chat_template.h"
#include "text/jinja.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

constexpr std::uint32_t kFewshotSeed = 1234;  // the harness's default
constexpr const char* kGpqa = "Idavidrein/gpqa";

/// A turn, and what stands behind it where turns are written as plain text.
struct Turn {
  std::string role, content, delimiter;
};

/// Fields of the few-shot rows, or of the evaluated ones.
struct RowFields {
  RowField text, target, choice;
  std::string target_delimiter, fewshot_delimiter;
};

const std::string& question_text(const Json& value, const std::string& task) {
  if (!value.is_string())
    throw bad_input("the task '{}': doc_to_text gives {}, and a text is wanted", task, value.dump());
  return value.get_ref<const std::string&>();
}

/// The answer of an example as text.
std::string answer_text(const Json& answer, const std::vector<std::string>& choices, const std::string& task) {
  if (answer.is_number_integer() && !choices.empty()) {
    const auto index = answer.get<std::int64_t>(), count = static_cast<std::int64_t>(choices.size());
    if (index >= count || index < -count)
      throw bad_input("the task '{}': the answer of a few-shot example is {}, and it has {} choices", task, index,
                      count);
    return choices[static_cast<std::size_t>(index < 0 ? index + count : index)];
  }
  const Json& text = answer.is_array() && !answer.empty() ? answer[0] : answer;
  if (!text.is_string())
    throw bad_input("the task '{}': the answer of a few-shot example is {}, and a text is wanted", task, answer.dump());
  return text.get<std::string>();
}

class Prompts {
 public:
  Prompts(const TaskConfig& config, const ChatTemplate* chat, bool multi_turn, LoadedTask& task)
      : config_(config), chat_(chat), multi_turn_(multi_turn), task_(task) {}

  std::vector<Turn> example(const Json& row, const RowFields& fields) const {
    const std::string question = question_text(fields.text.value(row), config_.task);
    const std::vector<std::string> choices =
        fields.choice.given() ? choices_of(fields.choice, row) : std::vector<std::string>();
    const Json answer = target_of(fields.target, row, fields.choice.given());
    if (answer.is_null() || answer == Json("")) return {{"user", question, ""}};
    return {{"user", question, fields.target_delimiter},
            {"assistant", answer_text(answer, choices, config_.task), fields.fewshot_delimiter}};
  }

  std::string context(const std::string& description, const std::vector<Turn>& examples, const std::string& question) {
    std::vector<Turn> turns;
    if (!description.empty()) turns.push_back({"system", description, ""});
    turns.insert(turns.end(), examples.begin(), examples.end());
    turns.push_back({"user", question, ""});
    if (!chat_) {
      std::string text;
      for (const Turn& turn : turns) text += turn.content + turn.delimiter;
      return text;
    }
    std::vector<Message> messages;
    for (const Turn& turn : turns)
      if (multi_turn_ || turn.role == "system") messages.push_back({turn.role, turn.content});
    if (!multi_turn_) {
      messages.push_back({"user", ""});
      for (const Turn& turn : turns)
        if (turn.role != "system") messages.back().content += turn.content + turn.delimiter;
    }
    return render(messages, description);
  }

 private:
  /// A template that refuses the system turn is asked again without it, as the harness does; that is told.
  std::string render(const std::vector<Message>& messages, const std::string& description) {
    std::string text;
    try {
      text = chat_->render(messages, true);
    } catch (const Error& error) {
      if (description.empty()) throw;
      note("the chat template refuses a system turn, so the task's description is left out");
      return chat_->render(std::vector<Message>(messages.begin() + 1, messages.end()), true);
    }
    if (!description.empty() && text.find(std::string(python_strip(description))) == std::string::npos)
      note("the chat template swallows the system turn: the task's description does not reach the model");
    return text;
  }

  void note(const std::string& text) {
    if (std::find(task_.notes.begin(), task_.notes.end(), text) == task_.notes.end()) task_.notes.push_back(text);
  }

  const TaskConfig& config_;
  const ChatTemplate* chat_;
  bool multi_turn_;
  LoadedTask& task_;
};

/// Chooses the examples of each row.
class Sampler {
 public:
  Sampler(const TaskConfig& config, std::vector<Json> pool, std::int64_t count)
      : config_(config), pool_(std::move(pool)), count_(static_cast<std::size_t>(count)), random_(kFewshotSeed) {
    // The harness leaves the row itself out only where examples come from the split that is evaluated.
    leave_out_ = config.fewshot.split == config.test_split;
  }

  std::vector<std::size_t> sample(const Json& row) {
    std::vector<std::size_t> chosen;
    if (config_.fewshot.sampler == "first_n") {
      for (std::size_t i = 0; i < pool_.size() && chosen.size() < count_; ++i)
        if (!leave_out_ || pool_[i] != row) chosen.push_back(i);
    } else if (!leave_out_ && count_ <= pool_.size()) {
      chosen = random_.sample(pool_.size(), count_);
    } else if (count_ + 1 <= pool_.size()) {
      for (const std::size_t i : random_.sample(pool_.size(), count_ + 1))
        if (pool_[i] != row && chosen.size() < count_) chosen.push_back(i);
      if (chosen.size() < count_) chosen = resample(row);
    }
    if (chosen.size() < count_)
      throw Error(
          ErrorKind::kInput,
          fmt::format("the task '{}' wants {} few-shot examples, and there are {}", config_.task, count_, pool_.size()),
          "give --fewshot-data DIR, or fewer with --num-fewshot N");
    return chosen;
  }

  const Json& row(std::size_t i) const { return pool_[i]; }
  bool same_for_all() const { return config_.fewshot.sampler == "first_n" && !leave_out_; }

 private:
  std::vector<std::size_t> resample(const Json& row) {
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < pool_.size(); ++i)
      if (pool_[i] != row) others.push_back(i);
    if (others.size() < count_) return {};
    std::vector<std::size_t> chosen;
    for (const std::size_t i : random_.sample(others.size(), count_)) chosen.push_back(others[i]);
    return chosen;
  }

  const TaskConfig& config_;
  std::vector<Json> pool_;
  std::size_t count_;
  PythonRandom random_;
  bool leave_out_ = false;
};

void process(Documents& documents, const Json& function, const ShuffleSource& shuffle, const std::string& where) {
  if (function.is_null()) return;
  const NativeFunction& native = native_function(function, where);
  if (!native.of_documents) throw wrong_usage("{}: the function '{}' is not one of a data set", where, native.name);
  native.of_documents(documents, shuffle);
}

std::vector<Json> fewshot_pool(const TaskConfig& config, const FewshotSource& source, const Documents& evaluated,
                               const TaskSettings& settings, const std::string& where, RejectLog& rejects,
                               std::vector<fs::path>& files) {
  std::vector<Json> pool;
  if (source.kind == FewshotSource::Kind::kSamples) {
    // A function that returns a literal list of rows: the list is read from its source.
    Json samples = config.fewshot.samples;
    if (is_function(samples))
      samples =
          find_python_literal(read_file(samples["file"].get<std::string>()), samples["function"].get<std::string>());
    if (!samples.is_array()) throw wrong_usage("{}: the few-shot samples are no list of rows", where);
    pool.assign(samples.begin(), samples.end());
  } else if (source.split == config.evaluated_split() && settings.fewshot_data.empty()) {
    pool = evaluated.rows;
  } else {
    if (source.files.files.empty())
      throw Error(ErrorKind::kInput,
                  fmt::format("the task '{}' wants few-shot examples: {}", config.task,
                              missing_data(config.dataset, source.split, source.files).message()),
                  "give the examples' folder with --fewshot-data DIR, or do without them: --num-fewshot 0");
    Documents documents;
    DatasetName dataset = config.dataset;
    Json names = Json::array();
    for (const fs::path& file : source.files.files) names.push_back(fs::absolute(file).string());
    dataset.path = "json";
    dataset.kwargs = Json{{"data_files", {{source.split, names}}}};
    if (config.dataset.kwargs->is_object() && config.dataset.kwargs->contains("field"))
      (*dataset.kwargs)["field"] = (*config.dataset.kwargs)["field"];
    documents = read_split(dataset, source.split, {}, rejects);
    files.insert(files.end(), documents.files.begin(), documents.files.end());
    process(documents, config.fewshot.process_docs, settings.shuffle, where);
    pool = std::move(documents.rows);
  }
  if (!config.fewshot.indices.empty()) {
    std::vector<Json> chosen;
    for (const std::int64_t i : config.fewshot.indices) {
      if (i >= static_cast<std::int64_t>(pool.size()))
        throw wrong_usage("{}: fewshot_indices names example {}, and there are {}", where, i, pool.size());
      chosen.push_back(pool[static_cast<std::size_t>(i)]);
    }
    pool = std::move(chosen);
  }
  return pool;
}

/// Indices of the right choices.
std::vector<std::int64_t> gold_of(const Json& target, const std::vector<std::string>& choices) {
  const auto one = [&](const Json& value) -> std::int64_t {
    if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
    if (value.is_number()) {
      const double number = value.get<double>();
      const bool index = number >= 0 && number < static_cast<double>(choices.size()) && number == std::floor(number);
      return index ? static_cast<std::int64_t>(number) : Question::kNoGold;
    }
    if (!value.is_string()) return Question::kNoGold;
    const auto found = std::find(choices.begin(), choices.end(), value.get_ref<const std::string&>());
    return found == choices.end() ? Question::kNoGold : found - choices.begin();
  };
  std::vector<std::int64_t> gold;
  for (const Json& value : target.is_array() ? target : Json::array({target})) gold.push_back(one(value));
  if (gold.empty()) gold.push_back(Question::kNoGold);
  return gold;
}

std::string cluster_column(const TaskConfig& config) {
  if (!config.cluster_column.empty()) return config.cluster_column;
  // Several questions are asked about one story; the three GPQA sets share questions.
  if (config.dataset.path == "TAUR-Lab/MuSR") return "narrative";
  if (config.dataset.path == kGpqa) return "Question";
  return "";
}

RowField field_of(const Json& value, const Documents& documents, const std::string& where, const char* name) {
  return RowField(value, documents.columns, fmt::format("{}: {}", where, name));
}

}  // namespace

std::int64_t shots_of(const TaskConfig& config, const TaskSettings& settings) {
  if (config.num_fewshot && *config.num_fewshot == 0) return 0;
  return settings.num_fewshot ? *settings.num_fewshot : config.num_fewshot.value_or(0);
}

bool is_confidential(const TaskConfig& config) {
  return config.dataset.path == kGpqa;
}

FewshotSource fewshot_source(const TaskConfig& config, std::int64_t num_fewshot, const TaskSettings& settings) {
  FewshotSource source;
  if (num_fewshot == 0) return source;
  if (!config.fewshot.split && !config.fewshot.samples->is_null()) {
    source.kind = FewshotSource::Kind::kSamples;
    return source;
  }
  source.kind = FewshotSource::Kind::kSplit;
  source.split = config.fewshot.split      ? *config.fewshot.split
                 : config.training_split   ? *config.training_split
                 : config.validation_split ? *config.validation_split
                                           : config.evaluated_split();
  if (!settings.fewshot_data.empty()) {
    // A file of examples, a folder laid out as --data is, or a folder with a file named by the task or the split.
    const fs::path& given = settings.fewshot_data;
    if (fs::is_regular_file(given)) {
      source.files.files = {given};
      return source;
    }
    if (config.dataset.path != "json" && config.dataset.path != "csv" && config.dataset.path != "parquet")
      source.files = find_split(config.dataset, source.split, given);
    for (const std::string& stem : {config.task, source.split})
      for (const char* suffix : {".jsonl", ".json", ".parquet", ".csv"})
        if (source.files.files.empty() && fs::is_regular_file(given / (stem + suffix)))
          source.files.files = {given / (stem + suffix)};
    if (!source.files.files.empty()) return source;
  }
  source.files = find_split(config.dataset, source.split, settings.data);
  return source;
}

LoadedTask load_task(const TaskFile& file, const TaskSettings& settings, const ChatTemplate* chat, RejectLog& rejects) {
  LoadedTask task;
  task.file = file;
  task.config = task_config(file);
  const TaskConfig& config = task.config;
  const std::string where = file.path.string();
  Documents documents = read_split(config.dataset, config.evaluated_split(), settings.data, rejects);
  task.data_files = documents.files;
  process(documents, config.process_docs, settings.shuffle, where);
  task.documents = static_cast<std::int64_t>(documents.rows.size());
  task.num_fewshot = shots_of(config, settings);
  if (settings.num_fewshot && *settings.num_fewshot != task.num_fewshot)
    task.notes.push_back("the task fixes its number of few-shot examples at 0; --num-fewshot does not change it");
  const RowFields fields{field_of(config.doc_to_text, documents, where, "doc_to_text"),
                         field_of(config.doc_to_target, documents, where, "doc_to_target"),
                         field_of(config.doc_to_choice, documents, where, "doc_to_choice"), config.target_delimiter,
                         ""};
  const RowFields fewshot{field_of(config.fewshot.doc_to_text, documents, where, "doc_to_text"),
                          field_of(config.fewshot.doc_to_target, documents, where, "doc_to_target"),
                          field_of(config.fewshot.doc_to_choice, documents, where, "doc_to_choice"),
                          config.fewshot.target_delimiter, config.fewshot.fewshot_delimiter};
  const RowField description(config.description.empty() ? Json() : Json(config.description), documents.columns,
                             where + ": description");
  const std::string column = cluster_column(config);
  if (!column.empty() &&
      std::find(documents.columns.begin(), documents.columns.end(), column) == documents.columns.end())
    throw wrong_usage("{}: metadata.cluster names the column '{}'{}", where, column,
                      did_you_mean(column, documents.columns));

  Prompts prompts(config, chat, settings.multi_turn, task);
  const FewshotSource source = fewshot_source(config, task.num_fewshot, settings);
  std::optional<Sampler> sampler;
  if (task.num_fewshot > 0)
    sampler.emplace(config, fewshot_pool(config, source, documents, settings, where, rejects, task.data_files),
                    task.num_fewshot);
  const auto examples_of = [&](const Json& row) {
    std::vector<Turn> turns;
    if (sampler)
      for (const std::size_t i : sampler->sample(row))
        for (Turn& turn : prompts.example(sampler->row(i), fewshot)) turns.push_back(std::move(turn));
    return turns;
  };
  std::optional<std::vector<Turn>> shared;
  if (!sampler || sampler->same_for_all()) shared = examples_of({});

  const std::string file_name = documents.files.empty() ? where : documents.files.front().string();
  const auto rows = settings.limit > 0 ? std::min(settings.limit, task.documents) : task.documents;
  std::string first_problem;
  const bool generates = is_generative(config);
  for (std::int64_t i = 0; i < rows; ++i) {
    Question question;
    question.doc_id = i;
    question.row = std::move(documents.rows[static_cast<std::size_t>(i)]);
    // Drawn before anything can go wrong with the row, so that a bad row does not move the draws of the others.
    const std::vector<Turn> examples = shared ? *shared : examples_of(question.row);
    Reject problem{file_name, documents.numbers[static_cast<std::size_t>(i)], "", "", ""};
    try {
      const std::string text = question_text(fields.text.value(question.row), config.task);
      if (!generates) question.choices = choices_of(fields.choice, question.row);
      question.target = target_of(fields.target, question.row, !generates);
      if (!generates) question.gold = gold_of(question.target, question.choices);
      question.cluster = column.empty() ? sha256_hex(text) : sha256_hex(python_str((*question.row)[column]));
      question.context =
          prompts.context(python_str(description.given() ? description.value(question.row) : Json("")), examples, text);
      if (question.choices.empty() && !generates)
        problem.field = "doc_to_choice", problem.reason = "empty_choices", problem.message = "the row has no choices";
      else if (std::find(question.choices.begin(), question.choices.end(), "") != question.choices.end())
        problem.field = "doc_to_choice", problem.reason = "empty_choice", problem.message = "a choice is empty";
    } catch (const Error& error) {
      problem.reason = "field_not_usable";
      problem.message = error.message();
    }
    if (!problem.reason.empty()) {
      if (first_problem.empty()) first_problem = problem.message;
      rejects.add(std::move(problem));
      continue;
    }
    for (const std::string& choice : question.choices)
      question.continuations.push_back((chat ? "" : config.target_delimiter) + choice);
    if (task.questions.empty()) task.several_golds = question.target->is_array();
    task.questions.push_back(std::move(question));
  }
  if (task.questions.empty())
    throw bad_input("the task '{}': no row of {} can be used; the first: {}", config.task, file_name, first_problem);
  return task;
}

}  // namespace ballot
