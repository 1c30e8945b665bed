#include "formats/hub_card.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "core/error.h"
#include "core/strict_yaml.h"
#include "core/version.h"

namespace ballot {
namespace {

// Plain where YAML reads it back as the same text, else quoted as JSON does, which YAML knows.
std::string scalar(const Json& value) {
  if (!value.is_string()) return value.dump();
  static const std::regex plain(R"(^[A-Za-z][A-Za-z0-9_./*+-]*$)"),
      word("^(true|false|yes|no|on|off|null|y|n)$", std::regex::icase);
  const std::string text = value;
  return std::regex_match(text, plain) && !std::regex_match(text, word) ? text : value.dump();
}

void write_yaml(const Json& json, std::size_t indent, std::string& out) {
  const std::string blanks(indent, ' ');
  const auto below = [&](const Json& value) {
    if (value.is_object() && !value.empty()) {
      out += "\n";
      write_yaml(value, indent + 2, out);
    } else if (value.is_array() && !value.empty()) {
      out += "\n";
      write_yaml(value, indent, out);  // a list stands under its key without indent, as the hub's own writer has it
    } else {
      out += " " + scalar(value) + "\n";
    }
  };
  if (json.is_array()) {
    for (const Json& item : json) {
      if (!item.is_object() || item.empty()) {
        out += blanks + "- " + scalar(item) + "\n";
        continue;
      }
      std::string inner;
      write_yaml(item, indent + 2, inner);
      out += blanks + "- " + inner.substr(indent + 2);
    }
    return;
  }
  for (const auto& [key, value] : json.items()) {
    out += blanks + key + ":";
    below(value);
  }
}

std::string size_category(std::int64_t rows) {
  static const std::pair<std::int64_t, const char*> limits[] = {{1'000, "n<1K"},          {10'000, "1K<n<10K"},
                                                                {100'000, "10K<n<100K"},  {1'000'000, "100K<n<1M"},
                                                                {10'000'000, "1M<n<10M"}, {100'000'000, "10M<n<100M"}};
  for (const auto& [limit, word] : limits)
    if (rows < limit) return word;
  return "100M<n<1B";
}

std::string header(const HubCard& card) {
  Json yaml = {{"pretty_name", card.title}};
  const std::string licence = licence_of(card);
  yaml["license"] = licence;
  if (licence == "other") yaml["license_name"] = "see-sources";
  if (!card.languages.empty()) yaml["language"] = card.languages;
  std::int64_t most = 0;
  for (const HubConfig& config : card.configs) {
    std::int64_t rows = 0;
    for (const HubSplit& split : config.splits) rows += split.rows;
    most = std::max(most, rows);
  }
  yaml["size_categories"] = {size_category(most)};
  yaml["task_categories"] = {"text-generation"};
  yaml["tags"] = {"preference", "reward-modeling", "dpo", "trl", "annotation-formats", "ballot"};
  Json configs = Json::array(), infos = Json::array();
  for (const HubConfig& config : card.configs) {
    Json one = {{"config_name", config.name}};
    if (&config == &card.configs.front()) one["default"] = true;
    Json splits = Json::array();
    std::int64_t bytes = 0;
    for (const HubSplit& split : config.splits) {
      one["data_files"].push_back(
          {{"split", split.name}, {"path", fmt::format("data/{}/{}-*", config.name, split.name)}});
      splits.push_back({{"name", split.name}, {"num_bytes", split.memory_bytes}, {"num_examples", split.rows}});
      bytes += split.memory_bytes;
    }
    configs.push_back(std::move(one));
    infos.push_back({{"config_name", config.name},
                     {"features", Json::parse(config.features)},
                     {"splits", std::move(splits)},
                     {"download_size", config.file_bytes},
                     {"dataset_size", bytes}});
  }
  yaml["configs"] = std::move(configs);
  yaml["dataset_info"] = std::move(infos);
  return "---\n" + yaml_of(yaml) + "---\n";
}

// What stands in a table's cell stays there.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find_first_of("|\n\r`<>", at)) != std::string::npos; ++at) {
    if (text[at] == '|') {
      text.replace(at, 1, "\\|");
      ++at;
    } else {
      text[at] = text[at] == '<' ? '(' : text[at] == '>' ? ')' : ' ';
    }
  }
  return text;
}

// A code span in a cell: what it holds is no markup, but for the bar and its own end.
std::string code(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '|' || c == '`' || c == '\n'; }, ' ');
  return "`" + text + "`";
}

std::string row(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& text : cells) line += " " + text + " |";
  return line + "\n";
}

template <class Counts>
std::string counts_text(const Counts& counts) {
  std::string text;
  for (const auto& [word, n] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", n, word);
  return text.empty() ? "none" : text;
}

}  // namespace

std::string yaml_of(const Json& json) {
  std::string out;
  write_yaml(json, 0, out);
  return out;
}

std::string licence_of(const HubCard& card) {
  std::set<std::string> all(card.licences.begin(), card.licences.end());
  if (all.empty())
    for (const HubSource& source : card.sources) all.insert(source.licence);
  if (all.empty() || all.contains("")) return "unknown";
  return all.size() == 1 ? *all.begin() : "other";
}

std::string licence_in_card(const std::string& card) {
  if (!card.starts_with("---\n")) return "";
  const std::size_t end = card.find("\n---", 4);
  if (end == std::string::npos) return "";
  try {
    const YamlFile yaml = YamlFile::parse(card.substr(4, end - 3), "card");
    if (!yaml.root().is_object()) return "";
    std::string licence;
    for (const char* key : {"license", "license_name"}) {
      const Json value = yaml.root().value(key, Json());
      for (const Json& one : value.is_array() ? value : Json::array({value}))
        if (one.is_string()) licence += (licence.empty() ? "" : ", ") + one.get<std::string>();
    }
    return licence;
  } catch (const Error&) {
    return "";  // somebody else's card, which is not ours to judge: its licence is not known
  }
}

std::string card_text(const HubCard& card) {
  std::string text = header(card);
  text += fmt::format("\n# {}\n\n", card.title);
  text +=
      "Preferences (chosen over rejected) for the same pairs of completions, asked for in several annotation formats "
      "of one\n"
      "judge. Each format is a configuration; rows of all of them align by `pair_id`. The configuration `annotations` "
      "holds\n"
      "every ballot as it was answered.\n\n"
      "```python\nfrom datasets import load_dataset\n\n";
  text += fmt::format("rows = load_dataset(\"PATH\", \"{}\", split=\"{}\")\n```\n\n", card.configs.front().name,
                      card.configs.front().splits.front().name);
  text +=
      "`prompt`, `chosen` and `rejected` are lists of messages, so that TRL trains from a configuration unchanged; its "
      "reward\n"
      "trainer reads `margin`, too.\n\n## Formats\n\n";
  text += row({"configuration", "format", "answer", "margin", "a tie is", "format file"});
  text += row({"---", "---", "---", "---", "---", "---"});
  for (const HubCard::Format& f : card.formats)
    text += row({cell(f.config), cell(f.title), code(f.answer), f.margin, f.tie,
                 fmt::format("[formats/{0}.yaml](formats/{0}.yaml) ({1})", f.config, f.hash.substr(0, 12))});
  text += "\n## Rows\n\n";
  text += row({"configuration", "pairs", "of", "ties", "ties decided by coin or id", "left out", "ballots"});
  text += row({"---", "---:", "---:", "---:", "---:", "---", "---"});
  for (const HubCard::Format& f : card.formats)
    text += row({cell(f.config), std::to_string(f.summary.pairs), std::to_string(f.summary.possible),
                 std::to_string(f.summary.ties), std::to_string(f.summary.decided), counts_text(f.summary.dropped),
                 counts_text(f.statuses)});
  text += "\nSplits: ";
  std::string splits;
  for (const HubConfig& config : card.configs)
    for (const HubSplit& split : config.splits)
      splits += fmt::format("{}`{}`/`{}` {}", splits.empty() ? "" : ", ", config.name, split.name, split.rows);
  text += splits + ". Whole prompts are held out, the same ones in every configuration.\n\n## Recipe\n\n";
  for (std::size_t i = 0; i < card.recipe.size(); ++i) text += fmt::format("{}. {}\n", i + 1, card.recipe[i]);
  text += fmt::format("\nMade with Ballot {}; the same inputs and seeds give the same rows.\n", version());
  text +=
      "\n## Columns\n\n"
      "| column | |\n| --- | --- |\n"
      "| `prompt`, `chosen`, `rejected` | messages: `role`, `content` |\n"
      "| `margin` | by how much the chosen one is better; 0 where the format has none |\n"
      "| `tie` | the judge gave none the preference; then the direction is a coin's or an id's, or the letter of a "
      "label that "
      "calls both equal |\n"
      "| `target`, `weight` | probability that the chosen one is better, weight of the row |\n"
      "| `chosen_score`, `rejected_score` | where the format scores completions |\n"
      "| `source_rank_chosen`, `source_rank_rejected` | in the source's own ranking; 1 is best |\n"
      "| `presented_first` | which one the judge saw first |\n"
      "| `pair_id`, `prompt_id`, `chosen_id`, `rejected_id`, `id` | follow from content alone |\n"
      "| `status`, `attempts` | how the answer was read, and after how many tries |\n"
      "| `judge`, `format`, `source`, `good_natured`, `split` | |\n";
  text += "\n## Sources and licences\n\n";
  text += row({"source", "licence"});
  text += row({"---", "---"});
  for (const HubSource& source : card.sources)
    text += row({cell(source.name), source.licence.empty() ? "not stated where it was read" : cell(source.licence)});
  if (!card.licences.empty())
    text += fmt::format("\nAs given by who made this folder: {}.\n", fmt::join(card.licences, ", "));
  text += fmt::format(
      "\nPrompts and completions carry the terms of their sources{}; labels carry those of the judge.\n",
      licence_of(card) == "unknown" ? ", which are not all known here: find them out before you publish this folder"
                                    : "");
  return text;
}

}  // namespace ballot
