#include "evaluation/encoded_questions.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "evaluation/python_text.h"

namespace ballot {

QuestionEncoder::QuestionEncoder(const Tokenizer& tokenizer, std::string bos)
    : tokenizer_(tokenizer), bos_(std::move(bos)) {
  if (bos_ == "on" && !tokenizer.bos_id())
    throw Error(ErrorKind::kUsage, "--bos on: the tokenizer has no BOS token", "use --bos auto or off");
  const auto prefix = tokenizer.bos_id() ? tokenizer.bos_id() : tokenizer.eos_id();
  if (!prefix) return;
  prefix_ = *prefix;
  prefix_text_ = tokenizer.decode(std::vector<TokenId>{prefix_});
}

std::int64_t QuestionEncoder::leading_bos(const EncodedQuestion& question) const {
  if (!tokenizer_.bos_id()) return 0;
  std::int64_t count = 0;
  while (count < static_cast<std::int64_t>(question.context.size()) &&
         question.context[static_cast<std::size_t>(count)] == *tokenizer_.bos_id())
    ++count;
  return count;
}

std::vector<EncodedQuestion> QuestionEncoder::encode(std::span<const Question> questions) const {
  // All texts of all questions at once, so that the tokenizer can use every core: first the context, then the context
  // with each continuation.
  struct Place {
    std::size_t question;
    std::int64_t choice;  ///< -1: the context
  };
  std::vector<std::string> with_special, without_special;
  std::vector<Place> with_place, without_place;
  std::vector<EncodedQuestion> encoded(questions.size());
  const auto add = [&](std::string text, Place place, bool special) {
    const bool has_prefix = !prefix_text_.empty() && text.starts_with(prefix_text_);
    const bool with = special && !has_prefix && bos_ == "auto";
    (with ? with_special : without_special).push_back(std::move(text));
    (with ? with_place : without_place).push_back(place);
  };
  for (std::size_t q = 0; q < questions.size(); ++q) {
    const Question& question = questions[q];
    encoded[q].continuations.resize(question.continuations.size());
    if (question.context.empty()) {
      if (prefix_ < 0)
        throw bad_input("a question has no text before its answer, and the tokenizer has no BOS or EOS to begin with");
      for (std::size_t c = 0; c < question.continuations.size(); ++c)
        add(question.continuations[c], {q, static_cast<std::int64_t>(c)}, false);
      continue;
    }
    const std::size_t space = trailing_space(question.context);
    const std::string context = question.context.substr(0, question.context.size() - space);
    add(context, {q, -1}, true);
    for (std::size_t c = 0; c < question.continuations.size(); ++c)
      add(question.context + question.continuations[c], {q, static_cast<std::int64_t>(c)}, true);
  }
  const auto take = [&](const std::vector<std::string>& texts, const std::vector<Place>& places, bool special) {
    std::vector<std::vector<TokenId>> ids = tokenizer_.encode_batch(texts, special);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const bool has_prefix = !prefix_text_.empty() && texts[i].starts_with(prefix_text_);
      if (bos_ == "on" && !has_prefix && !questions[places[i].question].context.empty())
        ids[i].insert(ids[i].begin(), *tokenizer_.bos_id());
      EncodedQuestion& question = encoded[places[i].question];
      (places[i].choice < 0 ? question.context : question.continuations[static_cast<std::size_t>(places[i].choice)]) =
          std::move(ids[i]);
    }
  };
  take(with_special, with_place, true);
  take(without_special, without_place, false);
  for (std::size_t q = 0; q < questions.size(); ++q) {
    if (questions[q].context.empty()) {
      // A continuation that begins with the prefix itself is not given it twice; all of them share one context.
      encoded[q].context = {prefix_};
      for (std::vector<TokenId>& ids : encoded[q].continuations)
        if (!ids.empty() && ids.front() == prefix_) ids.erase(ids.begin());
      continue;
    }
    for (std::vector<TokenId>& ids : encoded[q].continuations)
      ids.erase(ids.begin(),
                ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), encoded[q].context.size())));
  }
  return encoded;
}

std::vector<std::vector<TokenId>> QuestionEncoder::encode_prompts(std::span<const Question> questions) const {
  std::vector<std::string> with_special, without_special;
  std::vector<std::size_t> with_place, without_place;
  for (std::size_t q = 0; q < questions.size(); ++q) {
    const bool has_prefix = !prefix_text_.empty() && questions[q].context.starts_with(prefix_text_);
    const bool with = bos_ == "auto" && !has_prefix;
    (with ? with_special : without_special).push_back(questions[q].context);
    (with ? with_place : without_place).push_back(q);
  }
  std::vector<std::vector<TokenId>> prompts(questions.size());
  const auto take = [&](const std::vector<std::string>& texts, const std::vector<std::size_t>& places, bool special) {
    std::vector<std::vector<TokenId>> ids = tokenizer_.encode_batch(texts, special);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const bool has_prefix = !prefix_text_.empty() && texts[i].starts_with(prefix_text_);
      if (bos_ == "on" && !has_prefix) ids[i].insert(ids[i].begin(), *tokenizer_.bos_id());
      if (ids[i].empty() && prefix_ >= 0) ids[i] = {prefix_};
      prompts[places[i]] = std::move(ids[i]);
    }
  };
  take(with_special, with_place, true);
  take(without_special, without_place, false);
  return prompts;
}

std::vector<TokenId> model_input(const EncodedQuestion& question, std::size_t choice, std::int64_t max_length) {
  const std::vector<TokenId>& continuation = question.continuations[choice];
  std::vector<TokenId> ids = question.context;
  ids.insert(ids.end(), continuation.begin(), continuation.end());
  if (static_cast<std::int64_t>(ids.size()) > max_length + 1)
    ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(max_length + 1));
  ids.pop_back();
  return ids;
}

bool is_truncated(const EncodedQuestion& question, std::int64_t max_length) {
  return std::any_of(question.continuations.begin(), question.continuations.end(), [&](const auto& continuation) {
    return static_cast<std::int64_t>(question.context.size() + continuation.size()) > max_length + 1;
  });
}

}  // namespace ballot
