// What CPython's str says of characters, as sorted ranges of code points. unicode_tables.cpp and unicode_words.cpp are
// written by tests/oracles/unicode_tables.py; python_unicode.h is what others read.
#pragma once
#include <vector>

namespace ballot::unicode {

struct CharacterRange {
  char32_t first, last;
};
/// Every `step`-th character from first to last has its lower case `delta` further on.
struct LowerRange {
  char32_t first, last;
  int step, delta;
};

extern const std::vector<CharacterRange> kAlphanumeric, kDecimal, kUpper, kLower, kTitle, kCaseIgnorable;
extern const std::vector<LowerRange> kToLower;
extern const std::vector<CharacterRange> kNltkWord;  ///< unicode_words.cpp

}  // namespace ballot::unicode
