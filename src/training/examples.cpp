#include "training/examples.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/hash.h"
#include "core/parallel.h"
#include "data/ids.h"
#include "data/preferences.h"
#include "training/encode.h"

namespace ballot {
namespace {

/// What became of a row before it is put among the others.
struct Outcome {
  Reject reject;  ///< reason empty: the row stays
  Example example;
  std::vector<Reject> warnings;
};

/// The rows of one prompt with what they share, made independently of all other prompts.
struct Group {
  std::vector<std::size_t> rows;
  std::vector<TokenPrompt> prompts;
  std::vector<Outcome> outcomes;
};

class GroupBuilder {
 public:
  GroupBuilder(Group& group, const ConversationEncoder& encoder, const ExampleOptions& options)
      : group_(group), encoder_(encoder), options_(options) {}

  /// The completion's whole sequence, encoded once a text.
  const EncodedCompletion& completion(const Conversation& prompt, const std::string& text) {
    auto [found, fresh] = encoded_.try_emplace(text);
    if (fresh) {
      if (!prompt_) prompt_ = encoder_.prompt(prompt);
      found->second = encoder_.completion(prompt, *prompt_, text);
    }
    return found->second;
  }
  std::size_t prompt_size() const { return prompt_->ids.size(); }

  /// The place of a completion below the prompt's first `begin` tokens; both are made where they are new.
  std::pair<std::int32_t, std::int32_t> place(const std::string& prompt_id, std::size_t begin,
                                              const std::string& completion_id, const std::string& text) {
    const EncodedCompletion& encoded = encoded_.at(text);
    auto [prompt, fresh_prompt] = prompts_.try_emplace(begin, static_cast<std::int32_t>(group_.prompts.size()));
    if (fresh_prompt) {
      group_.prompts.push_back({prompt_id, {encoded.ids.begin(), encoded.ids.begin() + begin}, {}});
      longest_.push_back(0);
    }
    TokenPrompt& tree = group_.prompts[prompt->second];
    auto [known, fresh] = completions_.try_emplace({begin, text}, static_cast<std::int32_t>(tree.completions.size()));
    if (fresh) {
      TokenCompletion completion;
      completion.completion_id = completion_id;
      completion.ids.assign(encoded.ids.begin() + begin, encoded.ids.end());
      longest_[prompt->second] = std::max(longest_[prompt->second], completion.ids.size());
      tree.completions.push_back(std::move(completion));
    }
    return {prompt->second, known->second};
  }

  /// Cuts what is longer than max_length, after every row of the group has its place. A prompt is cut once for all its
  /// completions, so that they still share it; completions that are the same tokens now become one.
  void finish() {
    const std::size_t limit = static_cast<std::size_t>(options_.max_length);
    std::vector<std::vector<std::int32_t>> place(group_.prompts.size());
    for (std::size_t p = 0; p < group_.prompts.size(); ++p) {
      TokenPrompt& prompt = group_.prompts[p];
      if (options_.truncate == "prompt_left" && prompt.ids.size() + longest_[p] > limit)
        prompt.ids.erase(prompt.ids.begin(), prompt.ids.end() - static_cast<std::ptrdiff_t>(limit - longest_[p]));
      std::vector<TokenCompletion> kept;
      std::map<std::string, std::int32_t> known;
      for (TokenCompletion& completion : prompt.completions) {
        if (options_.truncate == "completion_right" && prompt.ids.size() + completion.ids.size() > limit)
          completion.ids.resize(limit - prompt.ids.size());
        completion.scored = {{0, static_cast<std::int32_t>(completion.ids.size())}};
        completion.content = content_hash(prompt.ids, completion);
        const auto [found, fresh] = known.try_emplace(completion.content, static_cast<std::int32_t>(kept.size()));
        place[p].push_back(found->second);
        if (fresh) kept.push_back(std::move(completion));
      }
      prompt.completions = std::move(kept);
    }
    for (Outcome& outcome : group_.outcomes)
      for (std::int32_t& c : outcome.example.completions) c = place[outcome.example.prompt][c];
  }

 private:
  Group& group_;
  const ConversationEncoder& encoder_;
  const ExampleOptions& options_;
  std::optional<EncodedPrompt> prompt_;
  std::map<std::string, EncodedCompletion> encoded_;
  std::map<std::size_t, std::int32_t> prompts_;
  std::map<std::pair<std::size_t, std::string>, std::int32_t> completions_;
  std::vector<std::size_t> longest_;
};

/// Whether a sequence of `begin` prompt tokens and `length` completion tokens stays; fills reason and message where
/// not.
bool fits(std::size_t begin, std::size_t length, const ExampleOptions& options, const std::string& field,
          Outcome& outcome) {
  const std::size_t limit = static_cast<std::size_t>(options.max_length);
  const auto refuse = [&](const char* reason, std::string message) {
    outcome.reject.field = field;
    outcome.reject.reason = reason;
    outcome.reject.message = std::move(message);
    return false;
  };
  if (length == 0) return refuse("empty_completion", "no token is left of the completion behind the prompt");
  if (begin == 0)
    return refuse("empty_prompt", "no token stands before the completion, so its first one cannot be predicted");
  if (begin + length <= limit) return true;
  if (options.truncate == "drop")
    return refuse("too_long", fmt::format("prompt and completion have {} tokens, more than {}", begin + length, limit));
  if (options.truncate == "completion_right") {
    if (begin >= limit)
      return refuse("prompt_too_long", fmt::format("the prompt alone has {} tokens of {}", begin, limit));
    outcome.warnings.push_back(
        {{}, 0, field, "completion_truncated", fmt::format("{} of {} tokens are left", limit - begin, length)});
    return true;
  }
  if (length >= limit)
    return refuse("completion_too_long", fmt::format("the completion alone has {} tokens of {}", length, limit));
  outcome.warnings.push_back({{},
                              0,
                              "prompt",
                              "prompt_truncated",
                              fmt::format("prompt and completion have {} tokens of {}", begin + length, limit)});
  return true;
}

/// Puts the groups together in the order of the data and tells the RejectLog what happened, row by row.
TrainingSet assemble(std::vector<Group>& groups, std::size_t rows, const ExampleOptions& options, RejectLog& rejects) {
  TrainingSet set;
  std::vector<std::pair<std::size_t, std::size_t>> where(rows, {groups.size(), 0});  // of each row: group, place in it
  std::vector<std::int32_t> first_prompt(groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (std::size_t i = 0; i < groups[g].rows.size(); ++i) where[groups[g].rows[i]] = {g, i};
  std::vector<std::int32_t> group_number(groups.size(), -1);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto [g, i] = where[row];
    if (g == groups.size()) continue;  // of another split
    Outcome& outcome = groups[g].outcomes[i];
    const auto complete = [&](Reject& entry) {
      entry.file = options.file;
      entry.row = static_cast<std::int64_t>(row) + 1;
      entry.message += fmt::format(" ({})", outcome.example.id);
    };
    if (!outcome.reject.reason.empty()) {
      complete(outcome.reject);
      rejects.add(outcome.reject);
      continue;
    }
    for (Reject& warning : outcome.warnings) {
      complete(warning);
      rejects.warn(warning);
    }
    if (group_number[g] < 0) {
      group_number[g] = static_cast<std::int32_t>(set.groups++);
      first_prompt[g] = static_cast<std::int32_t>(set.prompts.size());
      for (TokenPrompt& prompt : groups[g].prompts) set.prompts.push_back(std::move(prompt));
    }
    outcome.example.prompt += first_prompt[g];
    outcome.example.group = group_number[g];
    set.examples.push_back(std::move(outcome.example));
  }
  if (set.examples.empty())
    throw Error(ErrorKind::kInput, fmt::format("no row of {} can be trained on: {}", options.file, rejects.summary()),
                "see the rejects file; longer rows fit with another --max-length or --truncate");
  return set;
}

void check(const ExampleOptions& options) {
  if (options.max_length < 2)
    throw wrong_usage("--max-length is {}; a prompt and a completion need two tokens", options.max_length);
}

/// Rows by what `key` says of them, in the order of first appearance.
template <class Rows, class Key>
std::vector<Group> group_by(const Rows& rows, Key key) {
  std::vector<Group> groups;
  std::unordered_map<std::string, std::size_t> known;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::optional<std::string> name = key(rows[row], row);
    if (!name) continue;
    const auto [found, fresh] = known.try_emplace(*name, groups.size());
    if (fresh) groups.emplace_back();
    groups[found->second].rows.push_back(row);
  }
  for (Group& group : groups) group.outcomes.resize(group.rows.size());
  return groups;
}

void refuse(Outcome& outcome, const std::string& field, const std::string& reason, std::string message) {
  outcome.reject.field = field;
  outcome.reject.reason = reason;
  outcome.reject.message = std::move(message);
}

void build_pairs(Group& group, const std::vector<Preference>& rows, const ConversationEncoder& encoder,
                 const ExampleOptions& options) {
  GroupBuilder builder(group, encoder, options);
  for (std::size_t i = 0; i < group.rows.size(); ++i) {
    const Preference& row = rows[group.rows[i]];
    Outcome& outcome = group.outcomes[i];
    outcome.example.id = row.pair_id;
    const EncodedCompletion& chosen = builder.completion(row.prompt, row.chosen);
    const EncodedCompletion& rejected = builder.completion(row.prompt, row.rejected);
    if (!chosen.reason.empty()) {
      refuse(outcome, chosen.in_prompt ? "prompt" : "chosen", chosen.reason, chosen.message);
      continue;
    }
    if (!rejected.reason.empty()) {
      refuse(outcome, "rejected", rejected.reason, rejected.message);
      continue;
    }
    const std::size_t begin = std::min(chosen.begin, rejected.begin);
    if (!fits(begin, chosen.ids.size() - begin, options, "chosen", outcome)) continue;
    if (!fits(begin, rejected.ids.size() - begin, options, "rejected", outcome)) continue;
    if (begin < builder.prompt_size())
      outcome.warnings.push_back({{},
                                  0,
                                  "prompt",
                                  "prompt_not_a_prefix",
                                  fmt::format("the last {} tokens of the prompt change once the completion is there",
                                              builder.prompt_size() - begin)});
    if (chosen.ids == rejected.ids)
      outcome.warnings.push_back({{}, 0, "chosen", "identical_completions", "chosen and rejected are the same tokens"});
    const auto [prompt, chosen_place] = builder.place(row.prompt_id, begin, row.chosen_id, row.chosen);
    const auto [same_prompt, rejected_place] = builder.place(row.prompt_id, begin, row.rejected_id, row.rejected);
    outcome.example.prompt = prompt;
    outcome.example.completions = {chosen_place, rejected_place};
    outcome.example.margin = row.margin;
    outcome.example.target = row.target;
    outcome.example.weight = row.weight;
  }
  builder.finish();
}

}  // namespace

std::int64_t TokenCompletion::scored_tokens() const {
  std::int64_t count = 0;
  for (const auto& [begin, end] : scored) count += end - begin;
  return count;
}

std::int64_t TrainingSet::completions() const {
  std::int64_t count = 0;
  for (const TokenPrompt& prompt : prompts) count += static_cast<std::int64_t>(prompt.completions.size());
  return count;
}

std::int64_t TrainingSet::sequence_tokens(const Example& example) const {
  const TokenPrompt& prompt = prompts[example.prompt];
  std::int64_t count = 0;
  for (const std::int32_t c : example.completions)
    count += static_cast<std::int64_t>(prompt.ids.size() + prompt.completions[c].ids.size());
  return count;
}

TrainingSet pair_examples(const std::vector<Preference>& rows, const Tokenizer& tokenizer,
                          const ExampleOptions& options, RejectLog& rejects) {
  check(options);
  std::vector<Group> groups =
      group_by(rows, [&](const Preference& row, std::size_t number) -> std::optional<std::string> {
        if (options.split != "all" && row.split != options.split) {
          rejects.filter({options.file, static_cast<std::int64_t>(number) + 1, "split", "other_split", row.split});
          return std::nullopt;
        }
        return prompt_id_of(row.prompt);
      });
  const ConversationEncoder encoder(tokenizer, options.on_control_tokens == "reject");
  parallel_for(groups.size(), options.threads, [&](std::size_t g) { build_pairs(groups[g], rows, encoder, options); });
  return assemble(groups, rows.size(), options, rejects);
}

TrainingSet answer_examples(const std::vector<SftRow>& rows, const Tokenizer& tokenizer, const ExampleOptions& options,
                            RejectLog& rejects) {
  check(options);
  std::vector<Group> groups =
      group_by(rows, [](const SftRow&, std::size_t number) { return std::optional(std::to_string(number)); });
  const ConversationEncoder encoder(tokenizer, options.on_control_tokens == "reject");
  parallel_for(groups.size(), options.threads, [&](std::size_t g) {
    const SftRow& row = rows[groups[g].rows[0]];
    Outcome& outcome = groups[g].outcomes[0];
    outcome.example.id = row.id;
    EncodedAnswers answers = encoder.answers(row);
    if (!answers.reason.empty()) return refuse(outcome, answers.field, answers.reason, answers.message);
    const std::size_t limit = static_cast<std::size_t>(options.max_length),
                      begin = static_cast<std::size_t>(answers.scored.front().first);
    if (!fits(begin, answers.ids.size() - begin, options, "messages", outcome)) return;
    if (answers.prompt_changed)
      outcome.warnings.push_back(
          {{}, 0, "prompt", "prompt_not_a_prefix", "the end of the prompt changes once the completion is there"});
    std::size_t cut = 0;
    if (answers.ids.size() > limit && options.truncate == "prompt_left") cut = answers.ids.size() - limit;
    if (answers.ids.size() > limit && options.truncate == "completion_right") answers.ids.resize(limit);
    TokenCompletion completion;
    completion.completion_id = row.id;
    completion.ids.assign(answers.ids.begin() + begin, answers.ids.end());
    const std::int32_t end = static_cast<std::int32_t>(completion.ids.size());
    for (const auto& [from, to] : answers.scored)
      if (from - static_cast<std::int32_t>(begin) < end)
        completion.scored.emplace_back(from - begin, std::min(end, static_cast<std::int32_t>(to - begin)));
    TokenPrompt prompt{row.id, {answers.ids.begin() + cut, answers.ids.begin() + begin}, {}};
    completion.content = content_hash(prompt.ids, completion);
    prompt.completions.push_back(std::move(completion));
    outcome.example.completions = {0};
    groups[g].prompts.push_back(std::move(prompt));
  });
  return assemble(groups, rows.size(), options, rejects);
}

TrainingSet ranking_examples(const std::vector<Annotation>& annotations, const std::vector<PoolRow>& pool, bool ratings,
                             const Tokenizer& tokenizer, const ExampleOptions& options, RejectLog& rejects) {
  check(options);
  std::unordered_map<std::string, const PoolRow*> prompts;
  for (const PoolRow& row : pool) prompts[row.prompt_id] = &row;
  std::vector<Group> groups =
      group_by(annotations, [&](const Annotation& row, std::size_t number) -> std::optional<std::string> {
        const std::int64_t place = static_cast<std::int64_t>(number) + 1;
        if (!row.usable() || (ratings ? !row.rating.has_value() : row.ranking.empty())) {
          rejects.filter({options.file, place, ratings ? "rating" : "ranking", "unusable", row.status});
          return std::nullopt;
        }
        const auto found = prompts.find(row.prompt_id);
        if (found == prompts.end()) {
          rejects.add({options.file, place, "prompt_id", "unknown_prompt",
                       fmt::format("the pool has no prompt {}", row.prompt_id)});
          return std::nullopt;
        }
        if (options.split != "all" && found->second->split != options.split) {
          rejects.filter({options.file, place, "split", "other_split", found->second->split});
          return std::nullopt;
        }
        return row.prompt_id;
      });
  const ConversationEncoder encoder(tokenizer, options.on_control_tokens == "reject");
  parallel_for(groups.size(), options.threads, [&](std::size_t g) {
    Group& group = groups[g];
    const PoolRow& source = *prompts.at(annotations[group.rows[0]].prompt_id);
    std::unordered_map<std::string, const Completion*> texts;
    for (const Completion& completion : source.completions) texts[completion.completion_id] = &completion;
    GroupBuilder builder(group, encoder, options);
    // One beginning for all completions of a ballot, so that they hang below one prompt.
    const auto add = [&](Outcome& outcome, const std::vector<const Completion*>& shown) {
      std::size_t begin = SIZE_MAX;
      for (const Completion* completion : shown) {
        const EncodedCompletion& encoded = builder.completion(source.prompt, completion->text);
        if (!encoded.reason.empty())
          return refuse(outcome, encoded.in_prompt ? "prompt" : "completion", encoded.reason, encoded.message), false;
        begin = std::min(begin, encoded.begin);
      }
      for (const Completion* completion : shown)
        if (!fits(begin, builder.completion(source.prompt, completion->text).ids.size() - begin, options, "completion",
                  outcome))
          return false;
      for (const Completion* completion : shown) {
        const auto [prompt, place] =
            builder.place(source.prompt_id, begin, completion->completion_id, completion->text);
        outcome.example.prompt = prompt;
        outcome.example.completions.push_back(place);
      }
      return true;
    };
    for (std::size_t i = 0; i < group.rows.size(); ++i) {
      const Annotation& row = annotations[group.rows[i]];
      Outcome& outcome = group.outcomes[i];
      outcome.example.id = row.item_id;
      std::vector<const Completion*> shown;
      const auto look_up = [&](const std::string& id) {
        const auto found = texts.find(id);
        if (found == texts.end())
          return refuse(outcome, "shown", "unknown_completion", fmt::format("the pool has no completion {}", id)),
                 false;
        shown.push_back(found->second);
        return true;
      };
      if (ratings) {
        if (row.shown.size() != 1) {
          refuse(outcome, "shown", "not_pointwise",
                 fmt::format("{} completions are shown; ratings are of one", row.shown.size()));
        } else if (look_up(row.shown[0]) && add(outcome, shown)) {
          outcome.example.ratings = {static_cast<double>(*row.rating)};
        }
        continue;
      }
      std::int32_t place = 0;
      for (const auto& ids : row.ranking) {
        outcome.example.ranking.emplace_back();
        for (const std::string& id : ids) {
          if (!look_up(id)) break;
          outcome.example.ranking.back().push_back(place++);
        }
        if (!outcome.reject.reason.empty()) break;
      }
      if (outcome.reject.reason.empty()) add(outcome, shown);
    }
    builder.finish();
  });
  return assemble(groups, annotations.size(), options, rejects);
}

std::vector<std::string> lint(const TrainingSet& set, std::span<const std::int32_t> examples,
                              const Tokenizer& tokenizer, std::span<const TokenId> end_ids, bool reward) {
  std::vector<std::string> findings;
  std::int64_t two_bos = 0, unscored = 0, identical = 0, pad_ends = 0, sequences = 0;
  bool turn_end = false;
  const auto is_end = [&](TokenId id) { return std::find(end_ids.begin(), end_ids.end(), id) != end_ids.end(); };
  for (const std::int32_t index : examples) {
    const Example& example = set.examples[index];
    const TokenPrompt& prompt = set.prompts[example.prompt];
    if (prompt.ids.size() > 1 && tokenizer.bos_id() && prompt.ids[0] == *tokenizer.bos_id() &&
        prompt.ids[1] == *tokenizer.bos_id())
      ++two_bos;
    for (const std::int32_t c : example.completions) {
      const TokenCompletion& completion = prompt.completions[c];
      ++sequences;
      if (completion.scored_tokens() == 0) ++unscored;
      for (const auto& [begin, end] : completion.scored)
        for (std::int32_t i = begin; i < end; ++i) turn_end |= is_end(completion.ids[i]);
      if (reward && tokenizer.pad_id() && !completion.ids.empty() && completion.ids.back() == *tokenizer.pad_id())
        ++pad_ends;
    }
    if (example.completions.size() == 2 &&
        prompt.completions[example.completions[0]].ids == prompt.completions[example.completions[1]].ids)
      ++identical;
  }
  if (two_bos)
    findings.push_back(
        fmt::format("two_bos: {} of {} prompts begin with the BOS token twice; the chat template writes one already",
                    two_bos, examples.size()));
  if (!turn_end)
    findings.push_back(
        "no_turn_end: no completion holds a token that ends a text, so the model would not learn to stop; does the "
        "chat template end a turn?");
  if (unscored)
    findings.push_back(fmt::format("nothing_scored: {} of {} sequences have no scored token", unscored, sequences));
  if (identical)
    findings.push_back(fmt::format("identical: in {} of {} pairs chosen and rejected are the same tokens", identical,
                                   examples.size()));
  if (pad_ends)
    findings.push_back(fmt::format(
        "ends_in_pad: {} of {} sequences end in the pad token; others (transformers) read the score one token early",
        pad_ends, sequences));
  return findings;
}

}  // namespace ballot
