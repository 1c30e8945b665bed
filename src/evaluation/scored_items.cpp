#include "evaluation/scored_items.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/error.h"
#include "data/ids.h"

namespace ballot {
namespace {

/// What rewardbench leaves of a prompt that is cut (rewardbench/dpo.py: max_prompt_length).
constexpr std::size_t kPromptTokensOfRewardBench = 128;

/// Where an item's completion stands in the set.
struct Place {
  std::int32_t prompt = -1, completion = -1;
};

struct Encoded {
  TrainingSet set;
  std::vector<std::vector<Place>> places;  ///< [items][right, then wrong]; no places: the item is rejected
  std::vector<bool> cut;                   ///< [items]
};

const std::string& completion_of(const RewardItem& item, std::size_t c) {
  return c < item.right.size() ? item.right[c] : item.wrong[c - item.right.size()];
}

/// "chosen", or "chosen[2]" where the row holds several.
std::string field_of(const RewardItem& item, std::size_t c) {
  const bool right = c < item.right.size();
  const std::size_t place = right ? c : c - item.right.size(), of = right ? item.right.size() : item.wrong.size();
  return fmt::format("{}{}", right ? "chosen" : "rejected", of > 1 ? fmt::format("[{}]", place) : "");
}

/// As pairs that hold every completion at least once; completions of a prompt are computed once whatever pairs they are
/// in.
Encoded encode_pairs(const Scorer& scorer, std::span<const RewardItem> items, const std::string& what,
                     RejectLog& rejects) {
  struct Origin {
    std::size_t item, right, wrong;
  };
  std::vector<Origin> origins;
  std::vector<Preference> pairs;
  for (std::size_t i = 0; i < items.size(); ++i)
    for (std::size_t k = 0; k < std::max(items[i].right.size(), items[i].wrong.size()); ++k) {
      const Origin origin{i, std::min(k, items[i].right.size() - 1), std::min(k, items[i].wrong.size() - 1)};
      Preference pair;
      pair.pair_id = std::to_string(origins.size());  // ids of a file may repeat; pairs are told apart by their place
      pair.prompt = items[i].prompt;
      pair.prompt_id = items[i].prompt_id;
      pair.chosen = items[i].right[origin.right];
      pair.rejected = items[i].wrong[origin.wrong];
      pair.chosen_id = completion_id_of(pair.prompt_id, "", pair.chosen);
      pair.rejected_id = completion_id_of(pair.prompt_id, "", pair.rejected);
      pairs.push_back(std::move(pair));
      origins.push_back(origin);
    }
  ExampleOptions options;
  options.max_length = scorer.options().force_truncation ? INT32_MAX : scorer.max_length();
  options.on_control_tokens = "encode";  // as the field's evaluators do
  options.split = "all";
  options.file = what;
  Encoded out;
  RejectLog of_pairs;
  try {
    out.set = pair_examples(pairs, scorer.tokenizer(), options, of_pairs);
  } catch (const Error&) {
    if (of_pairs.entries().empty()) throw;  // else no row is left: told below, with the rows' places
  }
  out.places.resize(items.size());
  out.cut.resize(items.size());
  for (const Example& example : out.set.examples) {
    const Origin& origin = origins[std::stoull(example.id)];
    std::vector<Place>& places = out.places[origin.item];
    places.resize(items[origin.item].right.size() + items[origin.item].wrong.size());
    places[origin.right] = {example.prompt, example.completions[0]};
    places[items[origin.item].right.size() + origin.wrong] = {example.prompt, example.completions[1]};
  }
  // A reject names the pair's number; what the user has is the file's row.
  std::map<std::size_t, bool> told;
  for (Reject reject : of_pairs.entries()) {
    const Origin& origin = origins[static_cast<std::size_t>(reject.row - 1)];
    const RewardItem& item = items[origin.item];
    out.places[origin.item].clear();
    if (std::exchange(told[origin.item], true)) continue;
    if (reject.field == "chosen") reject.field = field_of(item, origin.right);
    if (reject.field == "rejected") reject.field = field_of(item, item.right.size() + origin.wrong);
    reject.file = item.file;
    reject.row = item.row;
    reject.message.resize(reject.message.rfind(" ("));
    rejects.add(reject);
  }
  for (Reject warning : of_pairs.first_warnings()) {
    const RewardItem& item = items[origins[static_cast<std::size_t>(warning.row - 1)].item];
    warning.file = item.file;
    warning.row = item.row;
    for (std::int64_t n = of_pairs.warnings().at(warning.reason); n > 0; --n) rejects.warn(warning);
  }
  return out;
}

/// Texts each on its own, equal ones once: what is the same must score the same.
class SeparateTexts {
 public:
  /// Where the completion stands behind this prompt.
  Place add(std::vector<TokenId> prompt, std::vector<TokenId> completion) {
    const auto [known, fresh] =
        places_.try_emplace({prompt, completion}, Place{static_cast<std::int32_t>(set.prompts.size()), 0});
    if (!fresh) return known->second;
    TokenCompletion one;
    one.scored = {{0, static_cast<std::int32_t>(completion.size())}};
    one.ids = std::move(completion);
    TokenPrompt own;
    own.ids = std::move(prompt);
    own.completions.push_back(std::move(one));
    set.prompts.push_back(std::move(own));
    Example example;  // makes the batches find it
    example.prompt = known->second.prompt;
    example.group = static_cast<std::int32_t>(set.groups++);
    example.completions = {0};
    set.examples.push_back(std::move(example));
    return known->second;
  }
  TrainingSet set;

 private:
  std::map<std::pair<std::vector<TokenId>, std::vector<TokenId>>, Place> places_;
};

/// What is longer than `limit` keeps its last tokens, on its own: a shorter text is no beginning of a longer one.
void cut_left(Encoded& encoded, std::size_t limit) {
  const bool fits = std::all_of(encoded.set.prompts.begin(), encoded.set.prompts.end(), [&](const TokenPrompt& prompt) {
    return std::all_of(prompt.completions.begin(), prompt.completions.end(), [&](const TokenCompletion& completion) {
      return prompt.ids.size() + completion.ids.size() <= limit;
    });
  });
  if (fits) return;
  SeparateTexts shorter;
  for (std::size_t i = 0; i < encoded.places.size(); ++i)
    for (Place& place : encoded.places[i]) {
      const TokenPrompt& prompt = encoded.set.prompts[static_cast<std::size_t>(place.prompt)];
      const TokenCompletion& completion = prompt.completions[static_cast<std::size_t>(place.completion)];
      const bool cut = prompt.ids.size() + completion.ids.size() > limit;
      encoded.cut[i] = encoded.cut[i] || cut;
      std::vector<TokenId> whole = prompt.ids;
      whole.insert(whole.end(), completion.ids.begin(), completion.ids.end());
      std::size_t own = completion.ids.size();
      if (cut) {
        whole.erase(whole.begin(), whole.end() - static_cast<std::ptrdiff_t>(limit));
        own = std::min(own, limit - 1);
      }
      const auto border = whole.end() - static_cast<std::ptrdiff_t>(own);
      place = shorter.add({whole.begin(), border}, {border, whole.end()});
    }
  encoded.set = std::move(shorter.set);
}

struct Parts {
  std::vector<TokenId> prompt, answer;
};

/// The parts of an item's texts by rewardbench's rule (encode_as_rewardbench).
std::vector<Parts> parts_of(const RewardItem& item, const Tokenizer& tokenizer) {
  const std::string head = tokenizer.chat_template().render(item.prompt);
  const std::vector<TokenId> head_ids = tokenizer.encode(head, false);
  std::vector<Parts> out;
  for (std::size_t c = 0; c < item.right.size() + item.wrong.size(); ++c) {
    Conversation conversation = item.prompt;
    conversation.push_back({"assistant", completion_of(item, c)});
    std::string answer = tokenizer.chat_template().render(conversation);
    for (std::size_t at = answer.find(head); !head.empty() && at != std::string::npos; at = answer.find(head, at))
      answer.erase(at, head.size());
    const std::vector<TokenId> whole = tokenizer.encode(head + answer, false);
    std::size_t start = std::min(head_ids.size(), whole.size());
    if (start > 0 && !std::equal(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(start), head_ids.begin()))
      --start;  // the tokens at the border merged
    const auto border = whole.begin() + static_cast<std::ptrdiff_t>(start);
    Parts parts{{*tokenizer.bos_id()}, {border, whole.end()}};
    parts.prompt.insert(parts.prompt.end(), whole.begin(), border);
    parts.answer.push_back(*tokenizer.eos_id());
    out.push_back(std::move(parts));
  }
  return out;
}

/// rewardbench's tokens of an implicit reward (rewardbench/dpo.py, tokenize_row): the user's turn without a generation
/// prompt | everything that follows it in the whole text, from which every occurrence of that turn is taken out; BOS in
/// front, EOS behind, whatever the template wrote. Too long: the prompt keeps its last 128 tokens; still too long: the
/// answers keep their first ones.
Encoded encode_as_rewardbench(const Scorer& scorer, std::span<const RewardItem> items, RejectLog& rejects) {
  const Tokenizer& tokenizer = scorer.tokenizer();
  if (!tokenizer.bos_id() || !tokenizer.eos_id())
    throw Error(ErrorKind::kInput,
                fmt::format("--scored-tokens rewardbench puts BOS in front and EOS behind, and the tokenizer has no {}",
                            tokenizer.bos_id() ? "EOS" : "BOS"),
                "leave it out: --scored-tokens completion");
  const auto limit = static_cast<std::size_t>(scorer.max_length());
  if (limit <= kPromptTokensOfRewardBench)
    throw wrong_usage("--scored-tokens rewardbench leaves {} tokens of a long prompt; --max-length is {}",
                      kPromptTokensOfRewardBench, limit);
  Encoded out;
  SeparateTexts separate;
  out.cut.resize(items.size());
  out.places.resize(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::vector<Parts> texts;
    try {
      texts = parts_of(items[i], tokenizer);
    } catch (const Error& error) {
      rejects.add({items[i].file, items[i].row, "prompt", "template_refused", error.message()});
      continue;
    }
    std::size_t longest = 0;
    for (const Parts& parts : texts) longest = std::max(longest, parts.answer.size());
    for (Parts& parts : texts) {
      if (parts.prompt.size() + longest > limit) {
        out.cut[i] = true;
        if (parts.prompt.size() > kPromptTokensOfRewardBench)
          parts.prompt.erase(parts.prompt.begin(),
                             parts.prompt.end() - static_cast<std::ptrdiff_t>(kPromptTokensOfRewardBench));
        const std::size_t room = limit - kPromptTokensOfRewardBench;
        if (parts.prompt.size() + longest > limit && parts.answer.size() > room) parts.answer.resize(room);
      }
      out.places[i].push_back(separate.add(std::move(parts.prompt), std::move(parts.answer)));
    }
  }
  out.set = std::move(separate.set);
  return out;
}

}  // namespace

ScoredItems score_items(const Scorer& scorer, std::span<const RewardItem> items, const std::string& what,
                        RejectLog& rejects, Progress& progress) {
  Encoded encoded = scorer.options().scored_tokens == "rewardbench" ? encode_as_rewardbench(scorer, items, rejects)
                                                                    : encode_pairs(scorer, items, what, rejects);
  if (std::all_of(encoded.places.begin(), encoded.places.end(), [](const auto& places) { return places.empty(); }))
    throw Error(ErrorKind::kInput, fmt::format("no row of {} can be scored: {}", what, rejects.summary()),
                "longer rows fit with another --max-length, where the model has the positions");
  if (scorer.options().force_truncation) cut_left(encoded, static_cast<std::size_t>(scorer.max_length()));
  ScoredItems out;
  out.first_sample = scorer.first_sample(encoded.set);
  out.truncated = std::count(encoded.cut.begin(), encoded.cut.end(), true);
  const auto scores = scorer.scores(encoded.set, progress);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (encoded.places[i].empty()) continue;
    ItemScores item{i, {}, {}};
    for (std::size_t c = 0; c < encoded.places[i].size(); ++c) {
      const Place place = encoded.places[i][c];
      const double score = scores[static_cast<std::size_t>(place.prompt)][static_cast<std::size_t>(place.completion)];
      if (std::isnan(score))
        throw Error(ErrorKind::kFailed, "the model gives NaN as a score",
                    "its weights are damaged, or training diverged: look at its metrics.jsonl");
      (c < items[i].right.size() ? item.right : item.wrong).push_back(score);
    }
    out.scores.push_back(std::move(item));
  }
  return out;
}

}  // namespace ballot
