#include "formats/hub_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <unordered_map>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/manifest.h"
#include "core/version.h"
#include "data/annotations.h"
#include "data/hub_files.h"
#include "formats/hub_card.h"
#include "text/language.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAnnotationsConfig = "annotations";
const std::vector<std::string> kSplits = {"train", "held_out"};

std::size_t bytes_of(const Preference& p) {
  std::size_t bytes = p.chosen.size() + p.rejected.size() + 400;
  for (const Message& message : p.prompt) bytes += message.content.size();
  return bytes;
}
std::size_t bytes_of(const Annotation& a) {
  return a.raw.size() + a.reasoning.size() + 300;
}

// Writes the rows of every split in shards; tells what the card says of them.
template <class Row, class SplitOf, class Write>
HubConfig write_config(const fs::path& folder, const std::string& name, const std::vector<Row>& rows,
                       std::int64_t shard_bytes, const SplitOf& split_of, const Write& write) {
  HubConfig config;
  config.name = name;
  for (const std::string& split : kSplits) {
    std::vector<Row> of_split;
    std::size_t bytes = 0;
    for (const Row& row : rows)
      if (split_of(row) == split) {
        bytes += bytes_of(row);
        of_split.push_back(row);
      }
    // A configuration without rows still has its first split, so that it loads as what it is: empty.
    if (of_split.empty() && !(rows.empty() && split == kSplits.front())) continue;
    HubSplit counted;
    counted.name = split;
    const std::size_t shards = std::clamp<std::size_t>(
        (bytes + static_cast<std::size_t>(shard_bytes) - 1) / static_cast<std::size_t>(shard_bytes), 1,
        std::max<std::size_t>(of_split.size(), 1));
    for (std::size_t shard = 0; shard < shards; ++shard) {
      const fs::path path = folder / "data" / name / fmt::format("{}-{:05}-of-{:05}.parquet", split, shard, shards);
      const auto at = [&](std::size_t s) {
        return of_split.begin() + static_cast<std::ptrdiff_t>(of_split.size() * s / shards);
      };
      write(path, std::vector<Row>(at(shard), at(shard + 1)));
      const HubFile file = describe_hub_file(path);
      counted.rows += file.rows;
      counted.memory_bytes += file.memory_bytes;
      config.file_bytes += file.file_bytes;
      config.features = file.features;
    }
    config.splits.push_back(counted);
  }
  return config;
}

// The licence that a source's own folder states: its card stands beside the file, a folder or two above it, or at the
// top of a hub repository.
std::string licence_beside(const fs::path& file) {
  fs::path folder = file.parent_path();
  for (int up = 0; up < 3; ++up, folder = folder / "..") {
    const fs::path card = (folder.empty() ? fs::path(".") : folder) / "README.md";
    std::error_code ignored;
    if (!fs::is_regular_file(card, ignored)) continue;
    if (const std::string licence = licence_in_card(read_file(card)); !licence.empty()) return licence;
  }
  return "";
}

std::vector<HubSource> sources_of(const std::optional<Manifest>& pool) {
  std::vector<HubSource> sources;
  if (!pool) return {{"a pool without a manifest", ""}};
  for (const ManifestInput& input : pool->inputs) {
    if (input.name != "source") continue;
    HubSource source;
    std::error_code ignored;
    static const std::regex hub_file(R"(^([\w.\-]+/[\w.\-]+)(@[\w.\-]+)?/.+)");
    std::smatch match;
    fs::path snapshot;
    if (!fs::exists(input.path, ignored) && std::regex_match(input.path, match, hub_file))
      snapshot = hub_snapshot("datasets", match[1]);
    if (!snapshot.empty()) {
      source.name = match[1];
      source.licence = licence_beside(snapshot / "README.md");
    } else {
      source.name = fs::path(input.path).filename().string();  // where it lies is nobody's business
      source.licence = licence_beside(input.path);
    }
    const bool known = std::any_of(sources.begin(), sources.end(), [&](const HubSource& other) {
      return other.name == source.name && other.licence == source.licence;
    });
    if (!known) sources.push_back(std::move(source));
  }
  if (sources.empty()) sources.push_back({"a pool without sources", ""});
  return sources;
}

// The languages that at least one prompt in fifty is written in, of the first thousand (a pool stands in random order).
std::vector<std::string> languages_of(const std::vector<PoolRow>& pool) {
  std::map<std::string, std::size_t> counts;
  const std::size_t looked_at = std::min<std::size_t>(pool.size(), 1000);
  for (std::size_t i = 0; i < looked_at; ++i)
    if (!pool[i].prompt.empty()) ++counts[language_of(pool[i].prompt.back().content)];
  counts.erase("und");
  std::vector<std::string> languages;
  for (const auto& [language, n] : counts)
    if (n * 50 >= looked_at) languages.push_back(language);
  return languages;
}

std::string words(const Json& value) {
  if (value.is_string()) return value;
  if (!value.is_array()) return value.dump();
  std::string list;
  for (const Json& one : value) list += (list.empty() ? "" : ", ") + words(one);
  return list.empty() ? "all that the layout says" : list;
}

// Chosen parameters of a stage: whole manifests name endpoints and paths.
std::string settings(const Manifest& manifest, const std::vector<std::string>& wanted) {
  const Json parameters = Json::parse(manifest.parameters);
  std::string text = fmt::format("seed {}", manifest.seed);
  for (const std::string& key : wanted) {
    const Json* from = &parameters;
    if (!parameters.contains(key) && parameters.contains("sampling")) from = &parameters["sampling"];
    if (!from->contains(key) && parameters.contains("judge")) from = &parameters["judge"];
    if (from->contains(key) && !(*from)[key].is_null()) text += fmt::format(", {} {}", key, words((*from)[key]));
  }
  return text;
}

std::vector<std::string> recipe_of(const std::optional<Manifest>& pool, const std::vector<HubInput>& inputs,
                                   const HubFolderOptions& options) {
  std::vector<std::string> steps;
  if (pool) {
    const Json facts = Json::parse(pool->facts);
    steps.push_back(fmt::format("Pool: {} prompts with {} completions ({}; layout {}).",
                                facts.value("prompts", std::int64_t{0}), facts.value("completions", std::int64_t{0}),
                                settings(*pool, {"positions", "prompts", "held_out"}), facts.value("layout", "?")));
  } else {
    steps.push_back("Pool: made elsewhere; it has no manifest.");
  }
  for (const HubInput& input : inputs) {
    const std::optional<Manifest> manifest = read_manifest(input.path);
    steps.push_back(fmt::format("Labels `{}`: {} ballots by the judge `{}` ({}).", input.name,
                                input.labels->rows.size(), input.set->summary.judge,
                                manifest ? settings(*manifest, {"presentation", "repeats", "temperature", "top_k",
                                                                "top_p", "repetition_penalty", "max_tokens"})
                                         : std::string("made elsewhere; there is no manifest")));
  }
  steps.push_back(fmt::format("Preferences: seed {}, ties `{}`, pairs `{}`, labels as `{}`.", options.seed,
                              options.preferences.ties, options.preferences.pairs, options.preferences.labels));
  return steps;
}

}  // namespace

void write_hub_folder(const fs::path& folder, const std::vector<PoolRow>& pool, const std::vector<HubInput>& inputs,
                      const HubFolderOptions& options) {
  std::unordered_map<std::string, std::string> split_of_prompt;
  for (const PoolRow& row : pool) split_of_prompt[row.prompt_id] = row.split;
  const std::optional<Manifest> made = read_manifest(options.pool);
  HubCard card;
  card.title = fs::absolute(folder).lexically_normal().filename().string();
  if (card.title.empty()) card.title = fs::absolute(folder).lexically_normal().parent_path().filename().string();
  card.licences = options.licences;
  card.languages = languages_of(pool);
  card.sources = sources_of(made);
  card.recipe = recipe_of(made, inputs, options);
  std::vector<Annotation> ballots;
  for (const HubInput& input : inputs) {
    if (input.name == kAnnotationsConfig)
      throw wrong_usage("a format cannot be called '{}' in a dataset folder: its ballots are", kAnnotationsConfig);
    const Format& format = input.labels->format;
    card.configs.push_back(write_config(
        folder, input.name, input.set->rows, options.shard_bytes, [](const Preference& p) { return p.split; },
        write_hub_preferences));
    write_file(folder / "formats" / (input.name + ".yaml"), format.resolved);
    HubCard::Format about;
    about.config = input.name;
    about.title = format.title;
    const std::size_t shown = input.labels->rows.empty() ? 0 : input.labels->rows.front().shown.size();
    about.answer = fmt::format("{}", fmt::join(format.answer_lines(shown), " / "));
    about.margin = format.margin == MarginRule::kNone
                       ? "none"
                       : fmt::format("{}, up to {}", to_string(format.margin), format.margin_maximum(shown));
    about.tie = to_string(format.tie);
    about.hash = format.hash;
    about.summary = input.set->summary;
    std::map<std::string, std::int64_t> statuses;
    for (const Annotation& a : input.labels->rows) ++statuses[a.status];
    about.statuses.assign(statuses.begin(), statuses.end());
    card.formats.push_back(std::move(about));
    ballots.insert(ballots.end(), input.labels->rows.begin(), input.labels->rows.end());
  }
  card.configs.push_back(write_config(
      folder, kAnnotationsConfig, ballots, options.shard_bytes,
      [&](const Annotation& a) { return split_of_prompt.at(a.prompt_id); },
      [](const fs::path& path, const std::vector<Annotation>& rows) { write_annotations(path, rows); }));
  write_file(folder / "README.md", card_text(card));
}

void make_manifest_public(const fs::path& folder) {
  Json manifest = Json::parse(read_manifest_text(folder));
  manifest.erase("host");
  for (Json& input : manifest["inputs"]) {
    const fs::path path(input["path"].get<std::string>());
    input["path"] = path.has_filename() ? path.filename().string() : path.parent_path().filename().string();
  }
  write_file(manifest_path(folder), manifest.dump(2) + "\n");
}

}  // namespace ballot
