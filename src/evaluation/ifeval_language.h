// Which language a text is in, as the Python package langdetect 1.0.9 says, which IFEval asks (Nakatani Shuyo's method:
// character n-grams and a naive Bayes that draws n-grams until it is sure). The draws are random; given the same seed,
// the probabilities are those of langdetect, draw by draw. langdetect is usually not seeded, so its verdict on a text
// of few words changes from run to run; here the seed follows from the text, and the verdict from the text alone.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ballot {

class LanguageDetector {
 public:
  struct Language {
    std::string name;  ///< "en", "zh-cn"
    double probability = 0;
  };

  /// `folder`: langdetect's `profiles` (one file a language) and `messages.properties` (characters that count as
  /// others). Throws Error (input) where they are not there or not in their form.
  explicit LanguageDetector(const std::filesystem::path& folder);

  /// Languages of at least 10%, the most probable first. Nothing where the text has no n-gram of any language (blank,
  /// digits, signs).
  std::optional<std::vector<Language>> probabilities(std::u32string_view text, std::uint32_t seed) const;
  /// The first of them by the seed that the text gives; "unknown" where there is none of 10%.
  std::optional<std::string> detect(std::u32string_view text) const;
  const std::vector<std::string>& languages() const { return names_; }

 private:
  struct Grams {
    std::uint32_t begin = 0, end = 0;  ///< in shares_
  };
  std::u32string prepared(std::u32string_view text) const;
  std::vector<Grams> features(std::u32string_view text) const;
  char32_t normalised(char32_t c) const;
  void read_messages(const std::filesystem::path& file);

  std::vector<std::string> names_;
  std::unordered_map<std::uint64_t, Grams> grams_;  ///< by up to three characters of 21 bits
  std::vector<std::pair<std::uint32_t, double>> shares_;
  std::unordered_map<char32_t, char32_t> ideographs_;
  std::u32string no_letters_, vowels_, marks_;
  std::vector<std::u32string> marked_vowels_;  ///< [mark][vowel]
};

}  // namespace ballot
