#include "text/language.h"

#include "core/error.h"
#include "text/bridge.h"

namespace ballot {

std::string language_of(std::string_view text) {
  BridgeText out;
  if (ballot_language(text.data(), text.size(), out.out()) != 0)
    throw bad_input("cannot tell the language of a text: {}", out.view());
  return out.str();
}

std::string prose_of(std::string_view text) {
  BridgeText out;
  if (ballot_prose(text.data(), text.size(), out.out()) != 0)
    throw bad_input("cannot take the prose out of a text: {}", out.view());
  return out.str();
}

}  // namespace ballot
