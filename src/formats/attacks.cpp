#include "formats/attacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/atomic_file.h"
#include "core/embedded.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/manifest.h"
#include "core/random.h"
#include "core/strict_yaml.h"
#include "core/suggest.h"
#include "data/ids.h"
#include "data/pool.h"

namespace ballot {

std::span<const EmbeddedFile> embedded_formats_files();

namespace {

const std::vector<std::string> kKinds = {"injection", "distractor"};

std::string text_at(const YamlFile& file, const Json& entry, const std::string& pointer, const std::string& key) {
  if (!entry.contains(key) || !entry[key].is_string() || entry[key].get<std::string>().empty())
    throw wrong_usage("{}: an attack has '{}' as a text", file.place(pointer), key);
  return entry[key].get<std::string>();
}

}  // namespace

void visit_options(OptionVisitor& visit, AttackOptions& o) {
  visit({"attacks", "a YAML file with attacks of your own (default: the set inside)", {}}, o.attacks);
  visit({"kind", "which of them", {"all", "injection", "distractor"}}, o.kind);
}

std::vector<Attack> read_attacks(const std::string& path) {
  const YamlFile file =
      path.empty()
          ? YamlFile::parse(std::string(find_embedded(embedded_formats_files(), "attacks.yaml")), "attacks.yaml")
          : YamlFile::read(path);
  file.check_keys("", {"attacks"});
  if (!file.root().is_object() || !file.root().contains("attacks") || !file.root()["attacks"].is_array())
    throw wrong_usage("{}: a file of attacks has a list 'attacks'", file.name());
  std::vector<Attack> out;
  for (const Json& entry : file.root()["attacks"]) {
    const std::string pointer = fmt::format("/attacks/{}", out.size());
    if (!entry.is_object()) throw wrong_usage("{}: an attack has name, kind and text", file.place(pointer));
    file.check_keys(pointer, {"name", "kind", "text"});
    Attack attack{text_at(file, entry, pointer, "name"), text_at(file, entry, pointer, "kind"),
                  text_at(file, entry, pointer, "text")};
    if (std::find(kKinds.begin(), kKinds.end(), attack.kind) == kKinds.end())
      throw wrong_usage("{}: unknown kind '{}'{}", file.place(pointer + "/kind"), attack.kind,
                        did_you_mean(attack.kind, kKinds));
    out.push_back(std::move(attack));
  }
  if (out.empty()) throw wrong_usage("{} holds no attacks", file.name());
  return out;
}

std::vector<AttackedCompletion> attack_pool(std::vector<PoolRow>& pool, const std::vector<Attack>& attacks,
                                            std::uint64_t seed) {
  std::vector<AttackedCompletion> out;
  for (PoolRow& row : pool) {
    if (row.completions.size() < 2) continue;
    Random random(seed, "attack", hash64(row.prompt_id));
    const Attack& attack = attacks[random.below(attacks.size())];
    Completion& completion = row.completions[1 + random.below(row.completions.size() - 1)];
    const std::string plain = completion.completion_id;
    completion.text += attack.text;
    // Among its fellows the text may not be the only one of its kind: then the twins are told apart by rank.
    int twin = 0;
    for (const Completion& other : row.completions)
      twin += &other < &completion && other.model == completion.model && other.text == completion.text;
    completion.completion_id = completion_id_of(row.prompt_id, completion.model, completion.text, twin);
    out.push_back({row.prompt_id, completion.completion_id, plain, attack.name, attack.kind});
  }
  return out;
}

std::int64_t attack_pool_file(const std::string& pool_path, const std::string& out, const AttackOptions& options,
                              std::int64_t seed, bool force) {
  begin_file(out, force);
  std::vector<Attack> attacks = read_attacks(options.attacks);
  if (options.kind != "all") {
    std::erase_if(attacks, [&](const Attack& attack) { return attack.kind != options.kind; });
    if (attacks.empty()) throw wrong_usage("there is no attack of the kind '{}'", options.kind);
  }
  std::vector<PoolRow> pool = read_pool(pool_path);
  const std::vector<AttackedCompletion> attacked = attack_pool(pool, attacks, static_cast<std::uint64_t>(seed));
  if (attacked.empty()) throw bad_input("no prompt of {} has two completions, so none can be attacked", pool_path);
  std::string lines;
  for (const AttackedCompletion& a : attacked)
    lines += Json({{"prompt_id", a.prompt_id},
                   {"completion_id", a.completion_id},
                   {"plain_completion_id", a.plain_completion_id},
                   {"attack", a.attack},
                   {"kind", a.kind}})
                 .dump() +
             "\n";
  Manifest manifest;
  manifest.stage = "attack";
  Json parameters = Json::parse(options_json(options, true));
  Hasher content;
  for (const Attack& attack : attacks) content.field(attack.name).field(attack.kind).field(attack.text);
  parameters["attacks_sha256"] = content.hex();
  manifest.parameters = parameters.dump();
  manifest.seed = seed;
  manifest.started = utc_now();
  manifest.inputs = {describe_input("pool", pool_path)};
  manifest.facts = Json({{"prompts", pool.size()}, {"attacked", attacked.size()}}).dump();
  write_file(out + ".attacks.jsonl", lines);
  write_pool(out, pool);
  write_manifest(out, manifest);
  return static_cast<std::int64_t>(attacked.size());
}

std::vector<AttackedCompletion> read_attacked_completions(const std::filesystem::path& file) {
  std::istringstream lines(read_file(file));
  std::vector<AttackedCompletion> out;
  std::int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const Json row = Json::parse(line, nullptr, false);
    const auto text = [&](const char* key) {
      if (!row.is_object() || !row.contains(key) || !row[key].is_string())
        throw bad_input("{}, line {}: an attacked completion has '{}' as a text", file.string(), number, key);
      return row[key].get<std::string>();
    };
    out.push_back(
        {text("prompt_id"), text("completion_id"), text("plain_completion_id"), text("attack"), text("kind")});
  }
  return out;
}

}  // namespace ballot
