#include "evaluation/server_choices.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/interrupt.h"
#include "evaluation/completion_request.h"

namespace ballot {
namespace {

/// Few, as a killed run loses what is in flight; enough to keep a server busy (several requests each).
constexpr std::size_t kQuestionsAtATime = 16;

/// A choice with the ids that a server is sent for it: the last `length` of them are the choice's.
struct Choice {
  std::size_t question, index;  ///< the question counts over all questions
  std::vector<TokenId> ids;
  std::size_t length = 0;
};

/// The log-probabilities of what follows a beginning, and who wants to know which: choice and token.
struct Beginning {
  std::vector<std::pair<std::size_t, TokenId>> wanted;
  std::int64_t count = 0;  ///< how long a list is asked for
};

class ServerChoices : public ChoiceBatches {
 public:
  ServerChoices(CompletionClient& client, ServerScoring& scoring, std::span<const EncodedQuestion> questions)
      : client_(client), scoring_(scoring), questions_(questions) {}

  std::vector<QuestionRange> cut() const override {
    std::vector<QuestionRange> ranges;
    for (std::size_t begin = 0; begin < questions_.size(); begin += kQuestionsAtATime)
      ranges.push_back({begin, std::min(begin + kQuestionsAtATime, questions_.size())});
    return ranges;
  }

  std::vector<std::vector<ChoiceScore>> score(QuestionRange range, const Refused& refused) override {
    check_interrupt("what is computed is kept: run the same command again to go on");
    choices_.clear();
    refused_.clear();
    std::vector<std::size_t> by_list, by_prompt;
    for (std::size_t q = range.begin; q < range.end; ++q) {
      const std::size_t first = choices_.size();
      for (std::size_t c = 0; c < questions_[q].continuations.size(); ++c) choices_.push_back(choice_of(q, c));
      const bool listed = scoring_.by_next_token || letters(first);
      std::vector<std::size_t>& way = listed ? by_list : by_prompt;
      way.resize(way.size() + choices_.size() - first);
      std::iota(way.end() - static_cast<std::ptrdiff_t>(choices_.size() - first), way.end(), first);
    }
    scores_.assign(choices_.size(), {0, true});
    std::vector<std::size_t> unlisted = ask_lists(by_list);
    by_prompt.insert(by_prompt.end(), unlisted.begin(), unlisted.end());
    ask_prompts(by_prompt);
    check_interrupt("what is computed is kept: run the same command again to go on");

    std::vector<std::vector<ChoiceScore>> scores(range.end - range.begin);
    for (std::size_t i = 0; i < choices_.size(); ++i) scores[choices_[i].question - range.begin].push_back(scores_[i]);
    for (const auto& [question, why] : refused_) {
      scores[question - range.begin].clear();
      refused(question, why);
    }
    return scores;
  }

 private:
  /// The last max_length + 1 ids, as a model here reads them.
  Choice choice_of(std::size_t question, std::size_t index) const {
    const EncodedQuestion& encoded = questions_[question];
    Choice choice{question, index, encoded.context, encoded.continuations[index].size()};
    choice.ids.insert(choice.ids.end(), encoded.continuations[index].begin(), encoded.continuations[index].end());
    const auto most = static_cast<std::size_t>(scoring_.max_length) + 1;
    if (choice.ids.size() > most)
      choice.ids.erase(choice.ids.begin(), choice.ids.end() - static_cast<std::ptrdiff_t>(most));
    return choice;
  }

  /// The choices from `first` on are different single tokens behind the same context, and a list may hold them all.
  bool letters(std::size_t first) const {
    std::set<TokenId> ids;
    for (std::size_t i = first; i < choices_.size(); ++i) {
      if (choices_[i].length != 1) return false;
      ids.insert(choices_[i].ids.back());
    }
    return static_cast<std::int64_t>(ids.size()) <= scoring_.probe.next_tokens && ids.size() == choices_.size() - first;
  }

  void refuse(std::size_t choice, const std::string& why) { refused_.emplace(choices_[choice].question, why); }

  /// By lists of next tokens. Returns the choices that are to be asked for by their prompts instead.
  std::vector<std::size_t> ask_lists(const std::vector<std::size_t>& choices) {
    std::map<std::vector<TokenId>, Beginning> beginnings;
    for (const std::size_t i : choices) {
      const Choice& choice = choices_[i];
      const auto context = choice.ids.end() - static_cast<std::ptrdiff_t>(choice.length);
      for (auto token = context; token != choice.ids.end(); ++token)
        beginnings[{choice.ids.begin(), token}].wanted.emplace_back(i, *token);
    }
    std::vector<std::pair<std::vector<TokenId>, Beginning>> open(beginnings.begin(), beginnings.end());
    for (auto& [ids, beginning] : open) beginning.count = scoring_.probe.next_tokens;
    std::set<std::size_t> unlisted;
    while (!open.empty()) {
      std::vector<bool> again(open.size(), false);
      client_.ask(
          open.size(),
          [&](std::size_t k) { return next_tokens_request(scoring_.model, open[k].first, open[k].second.count); },
          [&](std::size_t k, const CompletionReply& reply) {
            check_model(reply, scoring_);
            check_prompt_count(reply, open[k].first.size());
            const NextTokens next = next_tokens(reply);
            if (next.log_probabilities.empty())
              throw CompletionProblem("no_list", "the reply lists no next tokens by their ids");
            again[k] = !read_list(open[k].second, next, unlisted);
            scoring_.tokens += static_cast<std::int64_t>(open[k].first.size());
          },
          [&](std::size_t k, const std::string& why) {
            for (const auto& [choice, token] : open[k].second.wanted) refuse(choice, why);
          });
      if (interrupt_requested()) return {};
      std::vector<std::pair<std::vector<TokenId>, Beginning>> longer;
      for (std::size_t k = 0; k < open.size(); ++k)
        if (again[k]) {
          open[k].second.count = std::min(scoring_.vocabulary, std::max<std::int64_t>(open[k].second.count * 16, 1024));
          longer.push_back(std::move(open[k]));
        }
      open = std::move(longer);
    }
    return {unlisted.begin(), unlisted.end()};
  }

  /// Adds what the list says. False where it lacks a token and a longer list is to be asked for.
  bool read_list(const Beginning& beginning, const NextTokens& next, std::set<std::size_t>& unlisted) {
    std::vector<ChoiceScore> found;
    bool whole = true;
    for (const auto& [choice, token] : beginning.wanted) {
      const std::optional<double> number = next.of(token);
      whole = whole && number;
      found.push_back({number.value_or(0), number.value_or(0) >= next.largest});
    }
    if (!whole && !scoring_.by_next_token) {  // letters: one beginning a question
      for (const auto& [choice, token] : beginning.wanted) unlisted.insert(choice);
      return true;
    }
    if (!whole) {
      if (beginning.count < scoring_.vocabulary) return false;
      for (const auto& [choice, token] : beginning.wanted)
        refuse(choice, "the server's list of all next tokens lacks one of a choice");
      return true;
    }
    for (std::size_t k = 0; k < found.size(); ++k) {
      ChoiceScore& score = scores_[beginning.wanted[k].first];
      score.log_likelihood += found[k].log_likelihood;
      score.greedy = score.greedy && found[k].greedy;
    }
    return true;
  }

  void ask_prompts(const std::vector<std::size_t>& choices) {
    client_.ask(
        choices.size(),
        [&](std::size_t k) { return scores_request(scoring_.model, choices_[choices[k]].ids, scoring_.probe.scores); },
        [&](std::size_t k, const CompletionReply& reply) {
          const Choice& choice = choices_[choices[k]];
          check_model(reply, scoring_);
          const std::vector<PromptToken> tokens = prompt_tokens(reply, choice.ids, scoring_.probe.scores);
          ChoiceScore score{0, true};
          for (std::size_t t = tokens.size() - choice.length; t < tokens.size(); ++t) {
            score.log_likelihood += *tokens[t].log_probability;
            score.greedy = score.greedy && tokens[t].greedy;
          }
          scores_[choices[k]] = score;
          scoring_.tokens += static_cast<std::int64_t>(choice.ids.size());
        },
        [&](std::size_t k, const std::string& why) { refuse(choices[k], why); });
  }

  CompletionClient& client_;
  ServerScoring& scoring_;
  std::span<const EncodedQuestion> questions_;
  // of one batch
  std::vector<Choice> choices_;
  std::vector<ChoiceScore> scores_;
  std::map<std::size_t, std::string> refused_;
};

}  // namespace

void check_model(const CompletionReply& reply, const ServerScoring& scoring) {
  if (reply.model.empty() || reply.model == scoring.probe.model || reply.model == scoring.model) return;
  throw Error(
      ErrorKind::kFailed,
      fmt::format("the server now answers as the model {}; this evaluation is of {}", reply.model, scoring.model),
      "serve that model again and give the same command: what was answered is kept");
}

std::unique_ptr<ChoiceBatches> server_choices(CompletionClient& client, ServerScoring& scoring,
                                              std::span<const EncodedQuestion> questions) {
  return std::make_unique<ServerChoices>(client, scoring, questions);
}

}  // namespace ballot
