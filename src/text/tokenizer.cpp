#include "text/tokenizer.h"

#include <algorithm>
#include <bitset>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/parallel.h"
#include "text/bridge.h"

namespace ballot {
namespace {

/// A mark of tokenizer_config.json: a text, or an object that holds it, or nothing.
std::string token_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string())
    return value["content"].get<std::string>();
  return {};
}

/// The field as it is, or as 4.x wrote several: a list of {name, template}, of which "default" counts.
std::string template_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return {};
  for (const Json& entry : value)
    if (entry.value("name", "") == "default") return entry.value("template", "");
  return {};
}

Json parse(std::string_view text, std::string_view what) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw bad_input("{} is not a JSON object", what);
  return json;
}

constexpr std::string_view kMarks[] = {"bos_token", "eos_token", "unk_token", "pad_token"};

}  // namespace

struct Tokenizer::State {
  BallotTokenizer* handle = nullptr;
  Json config = Json::object();                          // tokenizer_config.json as it was read
  std::map<std::string, std::string> marks;              // of kMarks, those that there are
  std::vector<std::string> additional;                   // special tokens that the configuration lists
  std::vector<std::pair<TokenId, std::string>> special;  // by id
  std::optional<std::string> template_source;
  std::optional<ChatTemplate> chat_template;
  mutable std::mutex mutex;
  mutable std::string fingerprint;

  ~State() { ballot_tokenizer_free(handle); }

  void changed() {
    fingerprint.clear();
    special.clear();
    BridgeText added;
    if (ballot_tokenizer_added_tokens(handle, added.out()) != 0)
      throw failed("cannot list the added tokens: {}", added.view());
    for (const Json& token : Json::parse(added.view()))
      if (token["special"].get<bool>())
        special.emplace_back(token["id"].get<TokenId>(), token["content"].get<std::string>());
    chat_template.reset();
    if (template_source) chat_template.emplace(*template_source, marks);
  }
  std::optional<TokenId> id_of(std::string_view token) const {
    const std::int64_t id = ballot_tokenizer_token_to_id(handle, token.data(), token.size());
    return id < 0 ? std::nullopt : std::optional(static_cast<TokenId>(id));
  }
  std::optional<TokenId> mark(const char* name) const {
    const auto found = marks.find(name);
    return found == marks.end() ? std::nullopt : id_of(found->second);
  }
  void set_mark(const char* name, std::string_view token) {
    if (!id_of(token)) throw bad_input("cannot make '{}' the {} of a tokenizer that does not have it", token, name);
    marks[name] = token;
    changed();
  }
};

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::from_folder(const std::filesystem::path& path) {
  const bool is_folder = std::filesystem::is_directory(path);
  const std::filesystem::path folder = is_folder ? path : path.parent_path();
  const std::filesystem::path file = is_folder ? path / "tokenizer.json" : path;
  if (!std::filesystem::exists(file)) {
    const bool has_model = std::filesystem::exists(folder / "tokenizer.model");
    throw Error(
        ErrorKind::kInput, fmt::format("cannot load a tokenizer: there is no {}", file.string()),
        has_model
            ? "the folder has only SentencePiece's tokenizer.model; save it with transformers' fast tokenizer first"
            : "name a folder that holds tokenizer.json");
  }
  const auto optional = [&](const char* name) {
    const std::filesystem::path sibling = folder / name;
    return std::filesystem::exists(sibling) ? read_file(sibling) : std::string();
  };
  std::string config = optional("tokenizer_config.json");
  // 4.x kept the marks in a file of their own, too; the configuration wins.
  if (const std::string map = optional("special_tokens_map.json"); !map.empty()) {
    Json merged = parse(map, (folder / "special_tokens_map.json").string());
    const Json stated = config.empty() ? Json::object() : parse(config, (folder / "tokenizer_config.json").string());
    for (const auto& [key, value] : stated.items())
      if (!value.is_null()) merged[key] = value;
    config = merged.dump();
  }
  try {
    return from_json(read_file(file), config, optional("chat_template.jinja"));
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("cannot load the tokenizer of {}: {}", file.string(), error.message()),
                error.next());
  }
}

Tokenizer Tokenizer::from_json(std::string_view tokenizer_json, std::string_view tokenizer_config,
                               std::string_view chat_template) {
  auto state = std::make_unique<State>();
  BridgeText error;
  if (ballot_tokenizer_new(tokenizer_json.data(), tokenizer_json.size(), &state->handle, error.out()) != 0)
    throw bad_input("not a tokenizer.json: {}", error.view());
  if (!tokenizer_config.empty()) state->config = parse(tokenizer_config, "tokenizer_config.json");
  for (const std::string_view name : kMarks) {
    const auto found = state->config.find(name);
    if (found == state->config.end()) continue;
    if (std::string text = token_text(*found); !text.empty()) state->marks[std::string(name)] = std::move(text);
  }
  for (const char* field : {"additional_special_tokens", "extra_special_tokens"}) {  // 4.x, 5.x
    const auto found = state->config.find(field);
    if (found == state->config.end() || !found->is_array()) continue;
    for (const Json& token : *found)
      if (std::string text = token_text(token); !text.empty()) state->additional.push_back(std::move(text));
  }
  if (!chat_template.empty()) {
    state->template_source = chat_template;
  } else if (state->config.contains("chat_template")) {
    if (std::string text = template_text(state->config["chat_template"]); !text.empty())
      state->template_source = std::move(text);
  }
  // The configuration may name special tokens that tokenizer.json does not mark as such (transformers adds them when it
  // loads).
  std::vector<std::string> named = state->additional;
  for (const auto& [name, token] : state->marks) named.push_back(token);
  Json missing = Json::array();
  for (const std::string& token : named)
    if (!state->id_of(token)) missing.push_back(token);
  if (!missing.empty()) {
    const std::string tokens = missing.dump();
    if (ballot_tokenizer_add_special(state->handle, tokens.data(), tokens.size(), error.out()) != 0)
      throw bad_input("cannot add the special tokens that the configuration names: {}", error.view());
  }
  state->changed();
  return Tokenizer(std::move(state));
}

Tokenizer Tokenizer::from_parts(const TokenizerParts& parts) {
  Json json = {{"model", parts.model},   {"architecture", parts.architecture}, {"pre", parts.pre},
               {"tokens", parts.tokens}, {"token_types", parts.token_types},   {"merges", parts.merges},
               {"scores", parts.scores}};
  const auto put = [&json](const char* name, const auto& value) {
    if (value) json[name] = *value;
  };
  put("bos", parts.bos);
  put("eos", parts.eos);
  put("unk", parts.unk);
  put("add_bos", parts.add_bos);
  put("add_eos", parts.add_eos);
  put("add_space_prefix", parts.add_space_prefix);
  std::string text;
  try {
    text = json.dump();
  } catch (const Json::exception& error) {
    throw bad_input("cannot build the tokenizer: a token is not UTF-8 ({})", error.what());
  }
  BridgeText out;
  if (ballot_tokenizer_json_from_parts(text.data(), text.size(), out.out()) != 0)
    throw bad_input("cannot build the tokenizer from its parts: {}", out.view());
  Json config = Json::object();
  const auto name = [&](const char* field, const std::optional<TokenId>& id) {
    if (!id) return;
    if (*id < 0 || static_cast<std::size_t>(*id) >= parts.tokens.size())
      throw bad_input("cannot build the tokenizer: {} is id {} of {} tokens", field, *id, parts.tokens.size());
    config[field] = parts.tokens[static_cast<std::size_t>(*id)];
  };
  name("bos_token", parts.bos);
  name("eos_token", parts.eos);
  name("unk_token", parts.unk);
  name("pad_token", parts.pad);
  return from_json(out.view(), config.dump(), parts.chat_template);
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, bool add_special) const {
  BridgeIds ids;
  BridgeText error;
  if (ballot_tokenizer_encode(state_->handle, text.data(), text.size(), add_special, ids.out(), error.out()) != 0)
    throw bad_input("cannot tokenise a text: {}", error.view());
  std::vector<TokenId> result(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) result[i] = static_cast<TokenId>(ids[i]);
  return result;
}

std::vector<std::vector<TokenId>> Tokenizer::encode_batch(std::span<const std::string> texts, bool add_special,
                                                          int threads) const {
  std::vector<std::vector<TokenId>> result(texts.size());
  parallel_for(texts.size(), threads, [&](std::size_t i) { result[i] = encode(texts[i], add_special); });
  return result;
}

TokenSpans Tokenizer::encode_spans(std::string_view text, bool add_special) const {
  BridgeIds ids, spans;
  BridgeText error;
  if (ballot_tokenizer_encode_spans(state_->handle, text.data(), text.size(), add_special, ids.out(), spans.out(),
                                    error.out()) != 0)
    throw bad_input("cannot tokenise a text: {}", error.view());
  TokenSpans result;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    result.ids.push_back(static_cast<TokenId>(ids[i]));
    result.bytes.emplace_back(spans[2 * i], spans[2 * i + 1]);
  }
  return result;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::vector<std::uint32_t> numbers(ids.begin(), ids.end());  // a negative id becomes one that is too large
  BridgeText out;
  if (ballot_tokenizer_decode(state_->handle, numbers.data(), numbers.size(), skip_special, out.out()) != 0)
    throw bad_input("cannot turn token ids into text: {}", out.view());
  return out.str();
}

std::optional<TokenId> Tokenizer::token_to_id(std::string_view token) const {
  return state_->id_of(token);
}

std::optional<std::string> Tokenizer::id_to_token(TokenId id) const {
  BridgeText out;
  if (ballot_tokenizer_id_to_token(state_->handle, static_cast<std::uint32_t>(id), out.out()) != 0) return std::nullopt;
  return out.str();
}

std::int64_t Tokenizer::size() const {
  return ballot_tokenizer_size(state_->handle);
}

std::optional<TokenId> Tokenizer::bos_id() const {
  return state_->mark("bos_token");
}
std::optional<TokenId> Tokenizer::eos_id() const {
  return state_->mark("eos_token");
}
std::optional<TokenId> Tokenizer::pad_id() const {
  return state_->mark("pad_token");
}
std::optional<TokenId> Tokenizer::unk_id() const {
  return state_->mark("unk_token");
}
void Tokenizer::set_bos(std::string_view token) {
  state_->set_mark("bos_token", token);
}
void Tokenizer::set_eos(std::string_view token) {
  state_->set_mark("eos_token", token);
}
void Tokenizer::set_pad(std::string_view token) {
  state_->set_mark("pad_token", token);
}

const std::vector<std::pair<TokenId, std::string>>& Tokenizer::special_tokens() const {
  return state_->special;
}

bool Tokenizer::is_special(TokenId id) const {
  const auto found = std::lower_bound(state_->special.begin(), state_->special.end(), id,
                                      [](const auto& entry, TokenId wanted) { return entry.first < wanted; });
  return found != state_->special.end() && found->first == id;
}

std::optional<std::string> Tokenizer::find_special(std::string_view text) const {
  std::bitset<256> first_bytes;
  for (const auto& [id, token] : state_->special)
    if (!token.empty()) first_bytes.set(static_cast<unsigned char>(token[0]));
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (!first_bytes.test(static_cast<unsigned char>(text[place]))) continue;
    const std::string* longest = nullptr;
    for (const auto& [id, token] : state_->special)
      if (!token.empty() && text.compare(place, token.size(), token) == 0 &&
          (!longest || token.size() > longest->size()))
        longest = &token;
    if (longest) return *longest;
  }
  return std::nullopt;
}

int Tokenizer::add_special_tokens(std::span<const std::string> tokens) {
  const auto contains = [](const std::vector<std::string>& list, const std::string& token) {
    return std::find(list.begin(), list.end(), token) != list.end();
  };
  std::vector<std::string> distinct;
  int added = 0;
  for (const std::string& token : tokens) {
    if (token.empty()) throw wrong_usage("cannot add an empty special token");
    if (contains(distinct, token)) continue;
    distinct.push_back(token);
    added += state_->id_of(token) ? 0 : 1;
  }
  const std::string text = Json(distinct).dump();
  BridgeText error;
  if (ballot_tokenizer_add_special(state_->handle, text.data(), text.size(), error.out()) != 0)
    throw failed("cannot add special tokens: {}", error.view());
  for (const std::string& token : distinct)
    if (!contains(state_->additional, token)) state_->additional.push_back(token);
  state_->changed();
  return added;
}

const ChatTemplate& Tokenizer::chat_template() const {
  if (!state_->chat_template)
    throw Error(ErrorKind::kInput, "this tokenizer has no chat template, and a conversation needs one",
                "put a chat_template.jinja into the model's folder, or use a model that has one");
  return *state_->chat_template;
}

bool Tokenizer::has_chat_template() const {
  return state_->chat_template.has_value();
}

void Tokenizer::set_chat_template(std::string source) {
  state_->template_source = std::move(source);
  state_->changed();
}

std::vector<TokenId> Tokenizer::conversation_ids(std::span<const Message> messages, bool add_generation_prompt,
                                                 const Json* variables) const {
  return encode(
      chat_template().render(messages, {.add_generation_prompt = add_generation_prompt, .variables = variables}),
      false);
}

std::string Tokenizer::to_json() const {
  BridgeText out;
  if (ballot_tokenizer_to_json(state_->handle, out.out()) != 0)
    throw failed("cannot write tokenizer.json: {}", out.view());
  return out.str();
}

std::string Tokenizer::fingerprint() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->fingerprint.empty()) {
    Hasher hasher;
    hasher.field(to_json()).field(state_->template_source.value_or(""));
    for (const auto& [name, token] : state_->marks) hasher.field(name).field(token);
    state_->fingerprint = hasher.hex();
  }
  return state_->fingerprint;
}

void Tokenizer::save(const std::filesystem::path& folder) const {
  // What the class of the original tokenizer needed is left out: the file is read by the plain class of 4.x and 5.x,
  // for which tokenizer.json alone says what is added around a text.
  static constexpr std::string_view kLeftOut[] = {"added_tokens_decoder",
                                                  "auto_map",
                                                  "backend",
                                                  "extra_special_tokens",
                                                  "is_local",
                                                  "legacy",
                                                  "name_or_path",
                                                  "processor_class",
                                                  "sp_model_kwargs",
                                                  "tokenizer_file",
                                                  "add_bos_token",
                                                  "add_eos_token",
                                                  "chat_template",
                                                  "use_default_system_prompt"};
  Json config = Json::object(), map = Json::object();
  for (const auto& [key, value] : state_->config.items())
    if (std::find(std::begin(kLeftOut), std::end(kLeftOut), key) == std::end(kLeftOut)) config[key] = value;
  for (const auto& [name, token] : state_->marks) config[name] = map[name] = token;
  if (!state_->additional.empty())
    config["additional_special_tokens"] = map["additional_special_tokens"] = state_->additional;
  config["clean_up_tokenization_spaces"] = false;  // true would take spaces out of decoded text
  config["tokenizer_class"] = "PreTrainedTokenizerFast";
  if (state_->template_source) config["chat_template"] = *state_->template_source;

  write_file(folder / "tokenizer.json", to_json());
  write_file(folder / "tokenizer_config.json", config.dump(2) + "\n");
  write_file(folder / "special_tokens_map.json", map.dump(2) + "\n");
  if (state_->template_source) write_file(folder / "chat_template.jinja", *state_->template_source);
}

}  // namespace ballot
