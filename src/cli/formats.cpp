// `ballot formats`: what there is, how a ballot of one looks, and what asking costs in tokens.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/error.h"
#include "core/parallel.h"
#include "core/terminal.h"
#include "data/ids.h"
#include "data/pool.h"
#include "formats/items.h"
#include "formats/parse.h"
#include "formats/render.h"
#include "text/tokenizer.h"

namespace ballot {
namespace {

constexpr std::size_t kStudysCompletions = 5;
// A pool stands in random order: its first prompts are a sample, and more of them change the mean by little.
constexpr std::size_t kPromptsCounted = 1000;

struct FormatsArguments {
  std::string name, pool, tokenizer, answer;
  std::int64_t ballot = 1;
};

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// Five made-up completions, for where no pool is given.
PoolRow sample_row() {
  PoolRow row;
  row.prompt = {{"user", "Why is the sky blue?"}};
  row.prompt_id = prompt_id_of(row.prompt);
  for (const char* text :
       {"Air scatters the blue part of sunlight more than the red part, so blue light reaches us from all sides.",
        "Because air scatters blue light most.", "It has to do with light.", "The sky mirrors the sea.",
        "Skies are a matter of taste."}) {
    Completion completion;
    completion.text = text;
    completion.source_rank = static_cast<std::int32_t>(row.completions.size() + 1);
    completion.completion_id = completion_id_of(row.prompt_id, "", text);
    row.completions.push_back(std::move(completion));
  }
  return row;
}

std::vector<PoolRow> pool_of(const FormatsArguments& arguments) {
  if (arguments.pool.empty()) return {sample_row()};
  std::vector<PoolRow> pool = read_pool(arguments.pool);
  if (pool.empty()) throw bad_input("{} holds no prompt", arguments.pool);
  return pool;
}

// Tokens of the ballots' text; a server's chat template adds a few a turn.
struct PromptTokens {
  std::size_t prompts = 0, counted = 0;  ///< counted: the first so many; the rest is taken to be like them
  std::int64_t ballots = 0, tokens = 0;  ///< of the whole pool
  std::int64_t system = 0;               ///< of one ballot, the same in all: what a server computes once
  double per_prompt() const { return static_cast<double>(tokens) / static_cast<double>(prompts); }
  bool estimated() const { return counted < prompts; }
};

PromptTokens count_tokens(const Format& format, const std::vector<PoolRow>& pool, const Tokenizer& tokenizer,
                          const Context& context) {
  PromptTokens all;
  all.prompts = pool.size();
  all.counted = std::min(pool.size(), kPromptsCounted);
  ItemOptions options;
  options.seed = static_cast<std::uint64_t>(context.seed);
  const auto length = [&](const std::string& text) { return static_cast<std::int64_t>(tokenizer.encode(text).size()); };
  std::vector<std::int64_t> user(all.counted), ballots(all.counted), system(all.counted);
  parallel_for(all.counted, static_cast<int>(context.threads), [&](std::size_t row) {
    for (const Item& item : items_of(format, pool[row], row, options)) {
      const RenderedBallot ballot = render_ballot(format, item, pool[row]);
      if (ballots[row]++ == 0) system[row] = length(ballot.messages[0].content);
      user[row] += length(ballot.messages[1].content);
    }
  });
  double counted_ballots = 0, counted_tokens = 0;
  for (std::size_t row = 0; row < all.counted; ++row) {
    counted_ballots += static_cast<double>(ballots[row]);
    counted_tokens += static_cast<double>(user[row] + ballots[row] * system[row]);
    if (all.system == 0) all.system = system[row];
  }
  for (const PoolRow& row : pool) all.ballots += static_cast<std::int64_t>(format.ballots(row.completions.size()));
  const double scale = all.estimated() && counted_ballots > 0 ? static_cast<double>(all.ballots) / counted_ballots : 1;
  all.tokens = std::llround(counted_tokens * scale);
  return all;
}

Json to_json(const PromptTokens& tokens) {
  return {{"ballots", tokens.ballots}, {"prompt_tokens", tokens.tokens},    {"per_prompt", tokens.per_prompt()},
          {"system", tokens.system},   {"prompts_counted", tokens.counted}, {"prompts", tokens.prompts}};
}

std::string margin_text(const Format& format, std::size_t shown) {
  return format.margin == MarginRule::kNone
             ? "none"
             : fmt::format("{}, up to {}", to_string(format.margin), format.margin_maximum(shown));
}

CommandResult list_formats(const FormatsArguments& arguments, const Context& context) {
  const bool with_tokens = !arguments.tokenizer.empty();
  const std::vector<PoolRow> pool = pool_of(arguments);
  const std::size_t completions = arguments.pool.empty() ? kStudysCompletions : pool[0].completions.size();
  TextTable table{
      {"format", "in the study", "kind", "shows", "ballots a prompt", "answer", "margin", "a tie is"}, {}, {}};
  std::optional<Tokenizer> tokenizer;
  if (with_tokens) {
    tokenizer = Tokenizer::from_folder(arguments.tokenizer);
    table = {{"format", "ballots", "prompt tokens", "a prompt", "a ballot", "of them system"},
             {},
             {false, true, true, true, true, true}};
  }
  Json json = Json::array();
  bool estimated = false;
  for (const std::string& name : format_names()) {
    const Format format = Format::load(name);
    const std::size_t shown = format.shown(completions);
    json.push_back({{"name", name},
                    {"title", format.title},
                    {"version", format.version},
                    {"hash", format.hash},
                    {"kind", to_string(format.kind)},
                    {"completions", format.completions == 0 ? Json("all") : Json(format.completions)},
                    {"ballots_per_prompt", format.ballots(completions)},
                    {"answer_lines", format.answer_lines(shown)},
                    {"margin", to_string(format.margin)},
                    {"margin_maximum", format.margin_maximum(shown)},
                    {"tie", to_string(format.tie)}});
    if (!with_tokens) {
      table.rows.push_back({name, format.title, to_string(format.kind), std::to_string(shown),
                            std::to_string(format.ballots(completions)), joined(format.answer_lines(shown), " / "),
                            margin_text(format, shown), to_string(format.tie)});
      continue;
    }
    if (format.shown(pool[0].completions.size()) > pool[0].completions.size()) continue;  // it has no ballot here
    const PromptTokens tokens = count_tokens(format, pool, *tokenizer, context);
    estimated = estimated || tokens.estimated();
    json.back()["tokens"] = to_json(tokens);
    table.rows.push_back({name, human_count(tokens.ballots), human_count(tokens.tokens),
                          fmt::format("{:.0f}", tokens.per_prompt()),
                          fmt::format("{:.0f}", static_cast<double>(tokens.tokens) /
                                                    static_cast<double>(std::max<std::int64_t>(tokens.ballots, 1))),
                          std::to_string(tokens.system)});
  }
  std::string text = render_plain(table);
  if (with_tokens) {
    text += fmt::format(
        "\nof {} prompt{}{}; a server's chat template adds a few tokens a turn, and a server that caches "
        "prefixes computes the system turn once\n",
        human_count(static_cast<std::int64_t>(pool.size())), pool.size() == 1 ? "" : "s",
        estimated ? fmt::format(", estimated from the first {}", human_count(kPromptsCounted)) : "");
  } else {
    text += fmt::format(
        "\nfor prompts with {} completions; `ballot formats NAME` shows a ballot. A format is a YAML "
        "file: your own is given by its path.\n",
        completions == kStudysCompletions ? "five" : std::to_string(completions));
  }
  return {Json{{"formats", json}}.dump(), text};
}

// How an answer to a ballot would be read: the label in the letters of the ballot, or why there is none.
CommandResult read_answer(const Format& format, std::size_t shown, const std::string& answer) {
  const Label label = parse_answer(format, shown, {.content = answer});
  const auto letter = [](int place) { return std::string(1, letter_of(place)); };
  Json json{{"status", label.status}, {"usable", label.usable()}, {"evidence", label.evidence}};
  std::string text = fmt::format("status     {}\n", label.status);
  if (!label.evidence.empty()) text += fmt::format("read from  {}\n", printable(label.evidence));
  const auto tell = [&](const char* name, const Json& value) {
    json[name] = value;
    text += fmt::format("{:<11}{}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
  };
  if (label.choice) tell("choice", letter(*label.choice));
  if (label.neither) tell("choice", Json());
  if (label.magnitude) tell("magnitude", *label.magnitude);
  if (label.rating) tell("rating", *label.rating);
  if (!label.ranking.empty()) {
    Json ranking = Json::array();
    for (const std::vector<int>& group : label.ranking) {
      ranking.push_back(Json::array());
      for (const int place : group) ranking.back().push_back(letter(place));
    }
    tell("ranking", ranking);
  }
  return {json.dump(), text};
}

CommandResult show_format(const FormatsArguments& arguments, const Context& context) {
  const Format format = Format::load(arguments.name);
  const std::vector<PoolRow> pool = pool_of(arguments);
  ItemOptions options;
  options.seed = static_cast<std::uint64_t>(context.seed);
  // The ballot asked for, counted through the pool.
  std::optional<Item> wanted;
  std::int64_t before = 0;
  for (std::size_t row = 0; row < pool.size() && !wanted; ++row) {
    const std::vector<Item> items = items_of(format, pool[row], row, options);
    if (arguments.ballot - before <= std::ssize(items))
      wanted = items[static_cast<std::size_t>(arguments.ballot - before - 1)];
    before += std::ssize(items);
  }
  if (!wanted)
    throw Error(ErrorKind::kUsage,
                fmt::format("--ballot {}: there {} {} of '{}'", arguments.ballot, before == 1 ? "is" : "are", before,
                            format.name),
                "ballots count from 1");
  if (!arguments.answer.empty()) return read_answer(format, wanted->shown.size(), arguments.answer);
  const RenderedBallot ballot = render_ballot(format, *wanted, pool[wanted->pool_row]);
  const std::size_t shown = wanted->shown.size();
  Json json{{"name", format.name},
            {"version", format.version},
            {"hash", format.hash},
            {"kind", to_string(format.kind)},
            {"answer_lines", format.answer_lines(shown)},
            {"margin", to_string(format.margin)},
            {"margin_maximum", format.margin_maximum(shown)},
            {"tie", to_string(format.tie)},
            {"schema", format.answer_schema(shown)},
            {"item_id", wanted->item_id},
            {"messages", Json::array()}};
  std::string text = fmt::format("{} (version {}, {}): margin {}, a tie is {}\n", format.name, format.version,
                                 to_string(format.kind), to_string(format.margin), to_string(format.tie));
  for (const Message& message : ballot.messages) {
    json["messages"].push_back({{"role", message.role}, {"content", message.content}});
    std::string shown_text;
    std::size_t begin = 0;
    for (std::size_t end; (end = message.content.find('\n', begin)) != std::string::npos; begin = end + 1)
      shown_text += printable(message.content.substr(begin, end - begin)) + "\n";
    text += fmt::format("\n--- {} ---\n{}{}\n", message.role, shown_text, printable(message.content.substr(begin)));
  }
  if (!arguments.tokenizer.empty()) {
    const PromptTokens tokens = count_tokens(format, pool, Tokenizer::from_folder(arguments.tokenizer), context);
    json["tokens"] = to_json(tokens);
    text += fmt::format(
        "\n{} ballots for {} prompts, {} prompt tokens ({:.0f} a prompt; {} of each ballot are the system turn){}\n",
        human_count(tokens.ballots), pool.size(), human_count(tokens.tokens), tokens.per_prompt(), tokens.system,
        tokens.estimated() ? fmt::format(", estimated from the first {} prompts", tokens.counted) : "");
  }
  return {json.dump(), text};
}

}  // namespace

Command formats_command() {
  return {"formats", "list the formats, show a ballot of one, count what they cost in tokens",
          "  ballot formats\n"
          "  ballot formats ranking\n"
          "  ballot formats mine.yaml --item pool.parquet --ballot 3\n"
          "  ballot formats ranking --answer 'Ranking: C > A = E > B > D'\n"
          "  ballot formats --item pool.parquet --tokenizer MODEL_DIR\n",
          [](CLI::App& app) -> CommandRun {
            auto arguments = std::make_shared<FormatsArguments>();
            app.add_option("NAME", arguments->name, "a format's name or YAML file");
            app.add_option("--item", arguments->pool, "a pool: one of its ballots is shown");
            app.add_option("--ballot", arguments->ballot, "which one, counted from 1 through the pool")
                ->check(CLI::PositiveNumber)
                ->capture_default_str();
            app.add_option("--answer", arguments->answer,
                           "a judge's answer to that ballot: tells how it would be read");
            app.add_option("--tokenizer", arguments->tokenizer,
                           "a model folder: counts the tokens of all ballots of the pool, of one format or of all");
            return [arguments](Context& context) {
              if (arguments->name.empty() && !arguments->answer.empty())
                throw Error(ErrorKind::kUsage, "--answer is read by one format",
                            "name it: ballot formats NAME --answer ...");
              return arguments->name.empty() ? list_formats(*arguments, context) : show_format(*arguments, context);
            };
          }};
}

}  // namespace ballot
