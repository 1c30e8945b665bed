// internal to report: what a sentence claims, read from its words. No grammar: the words that set one thing above
// another, the names before and after them, and what limits the claim (outcomes, models). What cannot be read so is
// kUntraced where it uses such a word, and the linter refuses it.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace ballot {

/// What the evidence calls things.
struct Vocabulary {
  std::map<std::string, std::string> titles;  ///< name -> title
  std::vector<std::string> outcomes, models;
};

struct QuotedNumber {
  std::string text;
  double value = 0;
  int digits = 0;  ///< behind the point
};

struct ClaimSentence {
  enum class Kind { kNone, kAbove, kBelow, kSame, kNotDistinguished, kTrend, kCost, kUntraced };
  Kind kind = Kind::kNone;
  std::string word;                           ///< the word that makes it a claim
  std::vector<std::string> left, right;       ///< names; an empty right: everything else
  std::vector<std::string> mentioned;         ///< all names in it
  std::vector<std::string> outcomes, models;  ///< empty: all
  bool with_margin = false;                   ///< about trainings with margin
  bool margin_itself = false;                 ///< about what the margin does
  bool any_policy = false;                    ///< left is "DPO", whatever the format
  std::vector<QuotedNumber> numbers;
};

/// Sentences of a text: at a point, question or exclamation mark before a blank, at line ends; Markdown's list and
/// heading marks are taken off.
std::vector<std::string> split_sentences(const std::string& text);
ClaimSentence read_sentence(const std::string& sentence, const Vocabulary& vocabulary);

}  // namespace ballot
