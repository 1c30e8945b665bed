// `ballot formats`: what there is, and how a ballot of one looks.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/error.h"
#include "core/terminal.h"
#include "data/ids.h"
#include "data/pool.h"
#include "formats/items.h"
#include "formats/render.h"
#include "text/tokenizer.h"

namespace ballot {
namespace {

constexpr std::size_t kStudysCompletions = 5;

struct FormatsArguments {
  std::string name, pool, tokenizer;
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

CommandResult list_formats() {
  TextTable table{
      {"format", "in the study", "kind", "shows", "ballots a prompt", "answer", "margin", "a tie is"}, {}, {}};
  Json json = Json::array();
  for (const std::string& name : format_names()) {
    const Format format = Format::load(name);
    const std::size_t shown = format.shown(kStudysCompletions);
    table.rows.push_back({name, format.title, to_string(format.kind), std::to_string(shown),
                          std::to_string(format.ballots(kStudysCompletions)), joined(format.answer_lines(shown), " / "),
                          format.margin == MarginRule::kNone
                              ? "none"
                              : fmt::format("{}, up to {}", to_string(format.margin), format.margin_maximum(shown)),
                          to_string(format.tie)});
    json.push_back({{"name", name},
                    {"title", format.title},
                    {"version", format.version},
                    {"hash", format.hash},
                    {"kind", to_string(format.kind)},
                    {"completions", format.completions == 0 ? Json("all") : Json(format.completions)},
                    {"ballots_per_prompt", format.ballots(kStudysCompletions)},
                    {"answer_lines", format.answer_lines(shown)},
                    {"margin", to_string(format.margin)},
                    {"margin_maximum", format.margin_maximum(shown)},
                    {"tie", to_string(format.tie)}});
  }
  return {Json{{"formats", json}}.dump(), render_plain(table) +
                                              "\nfor prompts with five completions; `ballot formats NAME` shows a "
                                              "ballot. A format is a YAML file: your own is given by its path.\n"};
}

CommandResult show_format(const FormatsArguments& arguments, const Context& context) {
  const Format format = Format::load(arguments.name);
  const std::vector<PoolRow> pool =
      arguments.pool.empty() ? std::vector<PoolRow>{sample_row()} : read_pool(arguments.pool);
  if (pool.empty()) throw bad_input("{} holds no prompt", arguments.pool);
  ItemOptions options;
  options.seed = static_cast<std::uint64_t>(context.seed);
  const std::vector<Item> items = items_of(format, pool[0], 0, options);
  if (items.empty()) throw bad_input("the first prompt of {} makes no ballot of '{}'", arguments.pool, format.name);
  const RenderedBallot ballot = render_ballot(format, items[0], pool[0]);
  const std::size_t shown = items[0].shown.size();
  Json json{{"name", format.name},
            {"version", format.version},
            {"hash", format.hash},
            {"kind", to_string(format.kind)},
            {"answer_lines", format.answer_lines(shown)},
            {"margin", to_string(format.margin)},
            {"margin_maximum", format.margin_maximum(shown)},
            {"tie", to_string(format.tie)},
            {"schema", format.answer_schema(shown)},
            {"item_id", items[0].item_id},
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
    // Tokens of the text; a server's chat template adds a few a turn.
    const Tokenizer tokenizer = Tokenizer::from_folder(arguments.tokenizer);
    std::int64_t ballots = 0, tokens = 0,
                 system = static_cast<std::int64_t>(tokenizer.encode(ballot.messages[0].content).size());
    for (std::size_t row = 0; row < pool.size(); ++row)
      for (const Item& item : items_of(format, pool[row], row, options)) {
        for (const Message& message : render_ballot(format, item, pool[row]).messages)
          tokens += static_cast<std::int64_t>(tokenizer.encode(message.content).size());
        ++ballots;
      }
    json["tokens"] = {{"ballots", ballots},
                      {"prompt_tokens", tokens},
                      {"per_prompt", static_cast<double>(tokens) / static_cast<double>(pool.size())},
                      {"system", system}};
    text += fmt::format(
        "\n{} ballots for {} prompts, {} prompt tokens ({:.0f} a prompt; {} of each ballot are the system turn)\n",
        human_count(ballots), pool.size(), human_count(tokens),
        static_cast<double>(tokens) / static_cast<double>(pool.size()), system);
  }
  return {json.dump(), text};
}

}  // namespace

Command formats_command() {
  return {"formats", "list the formats, or show a ballot of one",
          "  ballot formats\n"
          "  ballot formats ranking\n"
          "  ballot formats binary --item pool.parquet --tokenizer MODEL_DIR\n",
          [](CLI::App& app) -> CommandRun {
            auto arguments = std::make_shared<FormatsArguments>();
            app.add_option("NAME", arguments->name, "a format's name or YAML file");
            app.add_option("--item", arguments->pool, "a pool: its first ballot is shown");
            app.add_option("--tokenizer", arguments->tokenizer,
                           "a model folder: counts the tokens of all ballots of the pool");
            return [arguments](Context& context) {
              return arguments->name.empty() ? list_formats() : show_format(*arguments, context);
            };
          }};
}

}  // namespace ballot
