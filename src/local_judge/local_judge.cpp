#include "local_judge/local_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "compute/device.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/random.h"
#include "core/version.h"
#include "formats/parse.h"
#include "local_judge/label_path.h"
#include "models/generate.h"
#include "models/model.h"
#include "models/tokenizer_files.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// A new cache after so many prompts, which gives back what it keeps a prompt; the system turn is then computed again.
constexpr int kPromptsPerCache = 256;

std::string short_name(const std::string& model) {
  if (model.starts_with("deps:")) return model.substr(5);
  const fs::path path = fs::path(model).has_filename() ? fs::path(model) : fs::path(model).parent_path();
  return path.extension() == ".gguf" ? path.stem().string() : path.filename().string();
}

/// The length of what two token sequences begin with.
std::size_t common_prefix(const std::vector<TokenId>& a, const std::vector<TokenId>& b) {
  const std::size_t n = std::min(a.size(), b.size());
  return static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(n), b.begin()).first - a.begin());
}

class LocalJudge : public Judge {
 public:
  LocalJudge(const LocalJudgeOptions& options, Progress& progress)
      : options_(options), tokenizer_(load_tokenizer(options.model)) {
    const ComputeChoice choice = choose_compute(options.device, options.dtype);
    if (!tokenizer_.has_chat_template())
      throw Error(
          ErrorKind::kInput,
          fmt::format("the model {} has no chat template, and a judge reads its ballots through one", options.model),
          "take an instruct model, or put chat_template.jinja into its folder");
    progress.say(fmt::format("loading the judge {}", short_name(options.model)));
    LoadOptions load;
    load.parameters = name_of(choice.type);
    load.requires_grad = false;
    model_ = load_model(options.model, load);
    if (model_->score_weight().defined())
      throw Error(ErrorKind::kInput, fmt::format("{} is a reward model; a judge needs one that writes", options.model),
                  "");
    const std::vector<TokenId> ends = end_ids(*model_, tokenizer_);
    if (ends.empty()) throw bad_input("the model {} names no token that ends a text", options.model);
    end_ = ends.front();
    look_at_template();
    const Sampling& s = options_.sampling;
    if (!(s.temperature >= 0) || s.top_k < 0 || !(s.top_p > 0 && s.top_p <= 1) || !(s.min_p >= 0 && s.min_p <= 1) ||
        !(s.repetition_penalty > 0))
      throw wrong_usage(
          "temperature >= 0, top_k >= 0, 0 < top_p <= 1, 0 <= min_p <= 1 and repetition_penalty > 0 are wanted");
    fingerprint_ = {{"kind", "local"},
                    {"version", 1},
                    {"model", model_hash(*model_)},
                    {"tokenizer", tokenizer_.fingerprint()},
                    {"dtype", name_of(choice.type)},
                    {"system_turn", system_turn_ ? "own" : "in the user turn"},
                    {"temperature", s.temperature},
                    {"top_k", s.top_k},
                    {"top_p", s.top_p},
                    {"min_p", s.min_p},
                    {"repetition_penalty", s.repetition_penalty}};
  }

  std::string name() const override { return "local:" + short_name(options_.model); }
  Json fingerprint() const override { return fingerprint_; }
  bool whole_prompts() const override { return true; }

  void answer(const Format& format, std::span<const BallotRequest> requests,
              const std::function<void(std::size_t, BallotAnswer)>& done, const std::function<bool()>& stop) override {
    for (std::size_t begin = 0; begin < requests.size();) {
      if (stop()) return;
      std::size_t end = begin + 1;
      while (end < requests.size() && requests[end].item->prompt_id == requests[begin].item->prompt_id) ++end;
      answer_prompt(format, requests.subspan(begin, end - begin), begin, done);
      begin = end;
    }
  }

 private:
  /// One ballot on its way to a label.
  struct Ballot {
    std::vector<TokenId> ids;
    Label label;
    BallotAnswer answer;
    Random random{0, "local judge"};
  };
  /// A question to the model: the words of a step behind a label so far. For a magnitude there is one for each letter.
  struct Question {
    std::size_t ballot;
    Label so_far;
    LabelStep step;
    const TokenStep* tokens;
    std::vector<double> log_probabilities;  ///< of the words, at temperature 1
    std::vector<std::pair<Fork, at::Tensor>> logits;
  };

  void look_at_template() {
    variables_ = {{"enable_thinking", false}};  // a label is asked for at once; templates without the switch ignore it
    // A template that writes today's date would give other tokens tomorrow: it gets the date of the study's models
    // instead.
    if (tokenizer_.chat_template().depends_on_date()) variables_["date_string"] = "26 Jul 2024";
    const Conversation with_system = {{"system", "a"}, {"user", "b"}};
    try {
      tokenizer_.conversation_ids(with_system, true, &variables_);
    } catch (const Error& error) {
      log_info("{}: its template refuses a system turn ({}); it stands at the top of the user turn instead",
               options_.model, error.message());
      system_turn_ = false;
    }
  }

  /// A special token's text inside a ballot would become that token and could end the turn: an invisible character
  /// breaks it up.
  std::string without_control_tokens(std::string text) const {
    while (const std::optional<std::string> special = tokenizer_.find_special(text)) {
      if (special->size() < 2) break;
      const std::size_t at = text.find(*special);
      std::size_t inside = at + 1;
      while (inside < text.size() && (static_cast<unsigned char>(text[inside]) & 0xC0) == 0x80) ++inside;
      text.insert(inside, "\u200b");
      log_warning("a ballot holds the text of the special token {}; the judge sees it broken up", *special);
    }
    return text;
  }

  std::vector<TokenId> ids_of(const Conversation& messages) const {
    Conversation safe;
    for (const Message& message : messages) safe.push_back({message.role, without_control_tokens(message.content)});
    if (!system_turn_ && safe.size() > 1 && safe[0].role == "system") {
      safe[1].content = safe[0].content + "\n\n" + safe[1].content;
      safe.erase(safe.begin());
    }
    return tokenizer_.conversation_ids(safe, true, &variables_);
  }

  /// What all ballots of the format begin with stands in the cache from here on, computed alone, so that its bits are
  /// always the same.
  void prime(const std::string& system, const std::vector<TokenId>& ids) {
    if (decoder_ && system == primed_system_ && prompts_ < kPromptsPerCache) return;
    decoder_.emplace(*model_);
    primed_system_ = system;
    prompts_ = 0;
    const std::vector<TokenId> other = ids_of({{"system", system}, {"user", "\n"}});
    primed_ = common_prefix(ids, other);
    if (primed_ < 2) return;
    const std::vector<TokenId> prefix(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(primed_));
    decoder_->next_logits(decoder_->add({&prefix, 1}));  // the sequence stays: it holds the beginning
  }

  void answer_prompt(const Format& format, std::span<const BallotRequest> requests, std::size_t first,
                     const std::function<void(std::size_t, BallotAnswer)>& done) {
    const Clock::time_point began = Clock::now();
    const std::size_t shown = requests[0].item->shown.size();
    std::vector<Ballot> ballots(requests.size());
    std::vector<std::size_t> open;
    const std::int64_t room = model_->shape().max_positions - kAnswerTokens;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      Ballot& ballot = ballots[i];
      ballot.ids = ids_of(requests[i].messages);
      ballot.random = Random(requests[i].seed, "local judge");
      if (static_cast<std::int64_t>(ballot.ids.size()) > room) {
        ballot.answer.error =
            fmt::format("the ballot has {} tokens; the judge has room for {}", ballot.ids.size(), room);
        ballot.answer.permanent = true;
        continue;
      }
      ballot.answer.prompt_tokens = static_cast<std::int64_t>(ballot.ids.size());
      open.push_back(i);
    }
    if (!open.empty()) {
      prime(requests[0].messages[0].content, ballots[open[0]].ids);
      ++prompts_;
      count_cached(ballots, open);
      label_ballots(format, shown, ballots, open);
      decoder_->forget_unused();
    }
    const double seconds =
        std::chrono::duration<double>(Clock::now() - began).count() / static_cast<double>(requests.size());
    for (std::size_t i = 0; i < requests.size(); ++i) {
      BallotAnswer& answer = ballots[i].answer;
      answer.seconds = seconds;
      if (answer.error.empty()) {
        answer.content = answer_of(format, ballots[i].label);
        answer.completion_tokens = static_cast<std::int64_t>(tokenizer_.encode(answer.content).size());
        answer.transport = "structured";
      }
      done(first + i, std::move(answer));
    }
  }

  /// Prompt tokens that were computed for another ballot already: the system turn, then what an earlier ballot of the
  /// prompt has.
  void count_cached(std::vector<Ballot>& ballots, const std::vector<std::size_t>& open) const {
    for (std::size_t i = 0; i < open.size(); ++i) {
      std::size_t most = primed_;
      for (std::size_t j = 0; j < i; ++j)
        most = std::max(most, common_prefix(ballots[open[i]].ids, ballots[open[j]].ids));
      ballots[open[i]].answer.cached_tokens = static_cast<std::int64_t>(most);
    }
  }

  void label_ballots(const Format& format, std::size_t shown, std::vector<Ballot>& ballots,
                     const std::vector<std::size_t>& open) {
    for (;;) {
      std::vector<Question> questions;
      for (const std::size_t i : open) ask(format, shown, i, ballots[i].label, questions);
      if (questions.empty()) return;
      compute(ballots, questions);
      for (std::size_t q = 0; q < questions.size();) {
        // The questions of one ballot: one, or one a letter for a magnitude, of which the chosen letter's counts.
        std::size_t end = q + 1;
        while (end < questions.size() && questions[end].ballot == questions[q].ballot) ++end;
        decide(format, shown, std::span(questions).subspan(q, end - q), ballots[questions[q].ballot]);
        q = end;
      }
    }
  }

  /// The next questions of a ballot. A magnitude is asked behind every letter: the label's distribution needs all of
  /// them.
  void ask(const Format& format, std::size_t shown, std::size_t ballot, const Label& label,
           std::vector<Question>& questions) {
    const std::optional<LabelStep> step = next_step(format, shown, label);
    if (!step) return;
    if (format.fields[step->field].kind != FieldKind::kMagnitude) {
      questions.push_back({ballot, label, *step, &tokens_of(*step), {}, {}});
      return;
    }
    for (int letter = 0; letter < static_cast<int>(shown); ++letter) {
      Label other = label;
      other.choice = letter;
      const LabelStep behind = *next_step(format, shown, other);
      questions.push_back({ballot, other, behind, &tokens_of(behind), {}, {}});
    }
  }

  const TokenStep& tokens_of(const LabelStep& step) {
    std::string key = step.text;
    for (const std::string& word : step.words) key += "\n" + word;
    const auto found = token_steps_.find(key);
    return found != token_steps_.end() ? found->second
                                       : token_steps_.emplace(key, in_tokens(tokenizer_, step, end_)).first->second;
  }

  /// The logits at every fork of every question's words, in one batch, and the words' log-probabilities from them.
  void compute(const std::vector<Ballot>& ballots, std::vector<Question>& questions) {
    std::vector<std::vector<TokenId>> sequences;
    std::vector<std::pair<std::size_t, Fork>> asked;
    for (std::size_t q = 0; q < questions.size(); ++q)
      for (Fork& fork : forks_of(*questions[q].tokens)) {
        std::vector<TokenId> ids = ballots[questions[q].ballot].ids;
        ids.insert(ids.end(), questions[q].tokens->context.begin(), questions[q].tokens->context.end());
        ids.insert(ids.end(), fork.beginning.begin(), fork.beginning.end());
        sequences.push_back(std::move(ids));
        asked.emplace_back(q, std::move(fork));
      }
    const std::vector<std::int32_t> numbers = decoder_->add(sequences);
    const at::Tensor logits = decoder_->next_logits(numbers);
    for (const std::int32_t number : numbers) decoder_->drop(number);
    for (std::size_t i = 0; i < asked.size(); ++i)
      questions[asked[i].first].logits.emplace_back(std::move(asked[i].second), logits[static_cast<std::int64_t>(i)]);
    for (Question& question : questions) {
      question.log_probabilities.assign(question.tokens->words.size(), 0);
      for (const auto& [fork, row] : question.logits) {
        const std::vector<double> log_p = candidate_log_probabilities(row, fork.tokens);
        for (std::size_t w = 0; w < question.tokens->words.size(); ++w) {
          const std::vector<TokenId>& word = question.tokens->words[w];
          if (word.size() <= fork.beginning.size() ||
              !std::equal(fork.beginning.begin(), fork.beginning.end(), word.begin()))
            continue;
          const auto token = std::find(fork.tokens.begin(), fork.tokens.end(), word[fork.beginning.size()]);
          question.log_probabilities[w] += log_p[static_cast<std::size_t>(token - fork.tokens.begin())];
        }
      }
      for (const double log_p : question.log_probabilities)
        if (std::isnan(log_p))
          throw failed("the judge's logits are not numbers: its weights or its arithmetic are damaged");
    }
  }

  void decide(const Format& format, std::size_t shown, std::span<Question> questions, Ballot& ballot) {
    const FieldKind kind = format.fields[questions[0].step.field].kind;
    std::vector<double> probabilities;
    for (const Question& question : questions)
      for (const double log_p : question.log_probabilities) probabilities.push_back(std::exp(log_p));
    if (kind == FieldKind::kMagnitude) {
      const std::vector<double> letters = ballot.answer.probabilities;
      const std::size_t steps = questions[0].step.words.size();
      for (std::size_t i = 0; i < probabilities.size(); ++i) probabilities[i] *= letters.at(i / steps);
    }
    if (format.kind != FormatKind::kListwise) ballot.answer.probabilities = std::move(probabilities);
    for (Question& question : questions) {
      if (kind == FieldKind::kMagnitude && question.so_far.choice != ballot.label.choice) continue;
      take_word(format, shown, question.step, draw(question, ballot), ballot.label);
    }
  }

  /// The word that the sampling fields choose: token by token, everything but the allowed ones masked.
  std::size_t draw(const Question& question, Ballot& ballot) const {
    SamplingOptions sampling;
    sampling.temperature = options_.sampling.temperature;
    sampling.top_k = options_.sampling.top_k;
    sampling.top_p = options_.sampling.top_p;
    sampling.min_p = options_.sampling.min_p;
    sampling.repetition_penalty = options_.sampling.repetition_penalty;
    std::vector<TokenId> beginning;
    const std::vector<std::vector<TokenId>>& words = question.tokens->words;
    for (;;) {
      const auto fork = std::find_if(question.logits.begin(), question.logits.end(),
                                     [&](const auto& f) { return f.first.beginning == beginning; });
      if (fork != question.logits.end()) {
        at::Tensor masked = at::full_like(fork->second, -std::numeric_limits<float>::infinity());
        for (const TokenId token : fork->first.tokens) masked[token] = fork->second[token];
        std::vector<TokenId> history = ballot.ids;
        history.insert(history.end(), question.tokens->context.begin(), question.tokens->context.end());
        beginning.push_back(sample_token(masked, history, sampling, ballot.random));
      } else {  // one way on
        for (const std::vector<TokenId>& word : words)
          if (word.size() > beginning.size() && std::equal(beginning.begin(), beginning.end(), word.begin())) {
            beginning.push_back(word[beginning.size()]);
            break;
          }
      }
      const auto word = std::find(words.begin(), words.end(), beginning);
      if (word != words.end()) return static_cast<std::size_t>(word - words.begin());
    }
  }

  static constexpr std::int64_t kAnswerTokens = 128;  // room for the longest answer line, a ranking of 26

  LocalJudgeOptions options_;
  Tokenizer tokenizer_;
  std::unique_ptr<Model> model_;
  std::optional<Decoder> decoder_;
  std::map<std::string, TokenStep> token_steps_;
  std::string primed_system_;
  std::size_t primed_ = 0;
  int prompts_ = 0;
  TokenId end_ = 0;
  bool system_turn_ = true;
  Json variables_, fingerprint_;
};

}  // namespace

std::unique_ptr<Judge> make_local_judge(const LocalJudgeOptions& options, Progress& progress) {
  return std::make_unique<LocalJudge>(options, progress);
}

}  // namespace ballot
