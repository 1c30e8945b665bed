#include "text/tiny_tokenizer.h"

#include <algorithm>

namespace ballot {
namespace {

void append_utf8(std::string& text, unsigned code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else {
    text += static_cast<char>(0xC0 | code >> 6);
    text += static_cast<char>(0x80 | (code & 0x3F));
  }
}

/// GPT-2's alphabet: printable bytes stand for themselves, the others for U+0100 and on.
std::string byte_spelled(unsigned byte) {
  const auto is_printable = [](unsigned b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; };
  unsigned code = byte;
  if (!is_printable(byte)) {
    code = 256;
    for (unsigned other = 0; other < byte; ++other) code += is_printable(other) ? 0 : 1;
  }
  std::string text;
  append_utf8(text, code);
  return text;
}

std::string spelled(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) text += byte_spelled(static_cast<unsigned char>(byte));
  return text;
}

}  // namespace

TokenizerParts tiny_tokenizer_parts(const std::string& pre) {
  TokenizerParts parts;
  parts.model = "gpt2";
  parts.architecture = "llama";
  parts.pre = pre;
  parts.tokens = {"<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>"};
  parts.token_types = {3, 3, 3, 4};
  parts.bos = 1;
  parts.eos = 2;
  parts.pad = parts.unk = 0;
  parts.add_bos = false;
  parts.chat_template = kChatMlTemplate;
  for (unsigned byte = 0; byte < 256; ++byte) parts.tokens.push_back(byte_spelled(byte));
  const std::pair<const char*, const char*> merges[] = {
      {"h", "e"},    {"l", "l"},     {"he", "ll"}, {"hell", "o"}, {" ", "w"},   {"o", "r"},   {" w", "or"},
      {" wor", "l"}, {" worl", "d"}, {"t", "h"},   {"th", "e"},   {" ", "the"}, {"\n", "\n"}, {"1", "2"},
      {"u", "s"},    {"us", "e"},    {"use", "r"}, {"a", "s"},    {"as", "s"}};
  for (const auto& [left, right] : merges) {
    parts.merges.push_back(spelled(left) + " " + spelled(right));
    const std::string whole = spelled(left) + spelled(right);
    if (std::find(parts.tokens.begin(), parts.tokens.end(), whole) == parts.tokens.end()) parts.tokens.push_back(whole);
  }
  while (parts.tokens.size() < 300) parts.tokens.push_back("<unused" + std::to_string(parts.tokens.size()) + ">");
  parts.token_types.resize(parts.tokens.size(), 1);
  return parts;
}

}  // namespace ballot
