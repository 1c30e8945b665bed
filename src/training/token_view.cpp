#include "training/token_view.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/preferences.h"
#include "data/rows.h"
#include "data/sft.h"
#include "models/tokenizer_files.h"
#include "training/examples.h"

namespace ballot {
namespace {

/// Do the rows have `chosen`? The first readable row decides.
bool holds_preferences(const std::vector<SourceFile>& files) {
  for (const SourceFile& file : files) {
    RowReader reader(file);
    while (const auto batch = reader.next()) {
      bool seen = false, chosen = false;
      batch->for_each([&](const Row& row) {
        if (seen || !row.reason.empty()) return;
        seen = true;
        chosen = row.value.find("chosen") != nullptr;
      });
      if (seen) return chosen;
    }
  }
  return false;
}

/// The token's text, or its spelling in the vocabulary where it is a part of a character.
std::string text_of(const Tokenizer& tokenizer, TokenId id) {
  std::string text = tokenizer.decode(std::span(&id, 1));
  if (text.empty() || text.find("\xEF\xBF\xBD") != std::string::npos)
    if (const auto spelling = tokenizer.id_to_token(id)) return *spelling;
  return text;
}

Json sequence(const Tokenizer& tokenizer, const char* name, const TokenPrompt& prompt,
              const TokenCompletion& completion) {
  Json tokens = Json::array();
  const auto put = [&](TokenId id, bool scored) {
    tokens.push_back({{"id", id}, {"text", text_of(tokenizer, id)}, {"scored", scored}});
  };
  for (const TokenId id : prompt.ids) put(id, false);
  for (std::size_t i = 0; i < completion.ids.size(); ++i) {
    bool scored = false;
    for (const auto& [begin, end] : completion.scored)
      scored = scored || (std::cmp_greater_equal(i, begin) && std::cmp_less(i, end));
    put(completion.ids[i], scored);
  }
  return {{"name", name}, {"tokens", std::move(tokens)}};
}

}  // namespace

std::string token_view(const std::vector<std::string>& data, const std::string& model, std::int64_t rows) {
  Tokenizer tokenizer = load_tokenizer(model);
  Json view;
  const bool preferences = holds_preferences(resolve_sources(data));
  view["kind"] = preferences ? "preferences" : "sft";
  view["added_chatml"] = !tokenizer.has_chat_template();
  if (!tokenizer.has_chat_template()) {
    const std::vector<std::string> marks = {"<|im_start|>", "<|im_end|>"};
    tokenizer.add_special_tokens(marks);
    tokenizer.set_chat_template(std::string(kChatMlTemplate));
  }
  ExampleOptions options;
  options.split = "all";
  options.max_length = std::int64_t(1) << 40;
  options.file = data.front();
  RejectLog rejects;
  TrainingSet set;
  if (preferences) {
    std::vector<Preference> all = read_preferences(data, rejects);
    if (std::cmp_greater(all.size(), rows)) all.resize(static_cast<std::size_t>(rows));
    set = pair_examples(all, tokenizer, options, rejects);
  } else {
    std::vector<SftRow> all = read_sft(data, rejects);
    if (std::cmp_greater(all.size(), rows)) all.resize(static_cast<std::size_t>(rows));
    set = answer_examples(all, tokenizer, options, rejects);
  }
  view["rows"] = Json::array();
  for (const Example& example : set.examples) {
    const TokenPrompt& prompt = set.prompts[static_cast<std::size_t>(example.prompt)];
    Json row = {{"id", example.id}, {"sequences", Json::array()}};
    for (std::size_t i = 0; i < example.completions.size(); ++i)
      row["sequences"].push_back(sequence(tokenizer,
                                          !preferences ? "answer"
                                          : i == 0     ? "chosen"
                                                       : "rejected",
                                          prompt,
                                          prompt.completions[static_cast<std::size_t>(example.completions[i])]));
    view["rows"].push_back(std::move(row));
  }
  view.update(rejects.to_json());
  return view.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace ballot
