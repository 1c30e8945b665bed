#include "data/ids.h"

#include <algorithm>

#include "core/hash.h"

namespace ballot {
namespace {
// 96 bits: at ten million rows the chance of one collision is below 1e-14, and an id still fits a line.
constexpr std::size_t kIdDigits = 24;
}  // namespace

std::string prompt_id_of(const Conversation& prompt) {
  Hasher hasher;
  hasher.field("prompt");
  for (const Message& message : prompt) hasher.field(message.role).field(message.content);
  return hasher.hex(kIdDigits);
}

std::string completion_id_of(const std::string& prompt_id, const std::string& model, const std::string& text,
                             int twin) {
  return Hasher().field("completion").field(prompt_id).field(model).field(text).field(twin).hex(kIdDigits);
}

std::string pair_id_of(const std::string& a, const std::string& b) {
  return Hasher().field("pair").field(std::min(a, b)).field(std::max(a, b)).hex(kIdDigits);
}

std::string item_id_of(const std::string& format, const std::string& prompt_id,
                       std::vector<std::string> completion_ids) {
  std::sort(completion_ids.begin(), completion_ids.end());
  Hasher hasher;
  hasher.field("item").field(format).field(prompt_id);
  for (const std::string& id : completion_ids) hasher.field(id);
  return hasher.hex(kIdDigits);
}

}  // namespace ballot
