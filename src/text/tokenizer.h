// Tokenizers: text to token ids and back, exactly as the Hugging Face `tokenizers` library does it (the same library,
// behind the bridge). A tokenizer comes from a model folder (tokenizer.json, tokenizer_config.json,
// chat_template.jinja), or from the parts of a GGUF file, which are first written as tokenizer.json, so that there is
// one path.
//
// Text that equals a special token ("<|im_end|>") becomes that token, as in the library by default: find_special tells
// where a text from outside holds one. Ids are int32. Const functions may be called from many threads.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "text/chat_template.h"
#include "text/message.h"

namespace ballot {

using TokenId = std::int32_t;

/// What a GGUF file says of its tokenizer (`tokenizer.ggml.*`, `tokenizer.chat_template`).
struct TokenizerParts {
  std::string model;  ///< "gpt2": byte-level BPE; "llama": BPE over U+2581 with byte fallback
  std::string
      architecture;  ///< `general.architecture` ("llama", "gemma3"): Gemma's vocabularies are spelled differently
  std::string pre;   ///< how text is split before BPE: "smollm", "llama-bpe", "qwen2", "gpt-2" or "default"
  std::vector<std::string> tokens;        ///< by id
  std::vector<std::int32_t> token_types;  ///< 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
  std::vector<std::string> merges;        ///< "left right"; "gpt2" only
  std::vector<float> scores;              ///< by id; "llama" only
  std::optional<TokenId> bos, eos, pad, unk;
  std::optional<bool> add_bos, add_eos;  ///< put there when special tokens are asked for
  std::optional<bool> add_space_prefix;  ///< "llama" only; default true
  std::string chat_template;             ///< may be empty
};

/// Token ids with the bytes of the text that each covers: [begin, end).
struct TokenSpans {
  std::vector<TokenId> ids;
  std::vector<std::pair<std::size_t, std::size_t>> bytes;
};

class Tokenizer {
 public:
  /// A folder with tokenizer.json, or that file itself. Throws Error (input) where it is missing or not a tokenizer.
  static Tokenizer from_folder(const std::filesystem::path& path);
  /// The texts of tokenizer.json and tokenizer_config.json (may be empty), and a chat template that wins over the
  /// config's.
  static Tokenizer from_json(std::string_view tokenizer_json, std::string_view tokenizer_config = {},
                             std::string_view chat_template = {});
  static Tokenizer from_parts(const TokenizerParts& parts);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// `add_special`: with BOS, EOS or whatever the tokenizer puts around a text. Throws Error (input) where it is not
  /// UTF-8.
  std::vector<TokenId> encode(std::string_view text, bool add_special = false) const;
  std::vector<std::vector<TokenId>> encode_batch(std::span<const std::string> texts, bool add_special = false,
                                                 int threads = 0) const;
  TokenSpans encode_spans(std::string_view text, bool add_special = false) const;
  /// Throws Error (input) on an id that the tokenizer does not have.
  std::string decode(std::span<const TokenId> ids, bool skip_special = false) const;

  std::optional<TokenId> token_to_id(std::string_view token) const;
  /// The token as the vocabulary spells it (byte-level alphabet, U+2581 for space), or none.
  std::optional<std::string> id_to_token(TokenId id) const;
  /// Tokens with the added ones: one more than the largest id.
  std::int64_t size() const;

  /// Marks of the tokenizer's configuration. pad is none where the tokenizer names none; nothing is guessed.
  std::optional<TokenId> bos_id() const, eos_id() const, pad_id() const, unk_id() const;
  void set_bos(std::string_view token), set_eos(std::string_view token), set_pad(std::string_view token);

  /// Added tokens marked as special, by id.
  const std::vector<std::pair<TokenId, std::string>>& special_tokens() const;
  bool is_special(TokenId id) const;
  /// The first special token whose text occurs in `text` (by place), or none.
  std::optional<std::string> find_special(std::string_view text) const;
  /// Adds tokens at the end of the vocabulary and marks them as special; one that is there keeps its id. Returns how
  /// many are new.
  int add_special_tokens(std::span<const std::string> tokens);

  /// Throws Error (input) where the tokenizer has none; has_chat_template asks.
  const ChatTemplate& chat_template() const;
  bool has_chat_template() const;
  void set_chat_template(std::string source);
  /// The ids of a conversation: the template's text, encoded without special tokens (the template writes them itself).
  std::vector<TokenId> conversation_ids(std::span<const Message> messages, bool add_generation_prompt = false,
                                        const Json* variables = nullptr) const;

  /// Writes tokenizer.json, tokenizer_config.json, special_tokens_map.json and chat_template.jinja so that transformers
  /// 4 and 5 read them.
  void save(const std::filesystem::path& folder) const;
  /// The text of tokenizer.json.
  std::string to_json() const;
  /// A hash of everything that changes ids or templates; goes into keys and manifests.
  std::string fingerprint() const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ballot
