#include "evaluation/ifeval_language.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "evaluation/python_random.h"
#include "evaluation/python_unicode.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

// langdetect's constants.
constexpr std::size_t kMostCharacters = 10000;
constexpr int kTrials = 7, kMostIterations = 1000;
constexpr double kSmoothing = 0.5, kSmoothingWidth = 0.05, kBaseFrequency = 10000;
constexpr double kSure = 0.99999, kReported = 0.1;

/// A profile: {"freq": {gram: count}, "n_words": [number of grams of 1, 2, 3 characters], "name": language}. Read
/// event by event: Json's objects look through all their keys for each new one, and here are thousands.
struct Profile : nlohmann::json_sax<Json> {
  std::string name;
  std::vector<std::pair<std::string, double>> counts;
  std::vector<double> totals;

  bool key(std::string& text) override {
    key_ = text;
    return true;
  }
  bool number_unsigned(std::uint64_t n) override { return number(static_cast<double>(n)); }
  bool number_integer(std::int64_t n) override { return number(static_cast<double>(n)); }
  bool number_float(double n, const std::string&) override { return number(n); }
  bool string(std::string& text) override {
    if (depth_ == 1 && key_ == "name") name = text;
    return true;
  }
  bool start_object(std::size_t) override {
    ++depth_;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool binary(Json::binary_t&) override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool number(double n) {
    if (depth_ == 2) counts.emplace_back(key_, n);
    if (depth_ == 1 && key_ == "n_words") totals.push_back(n);
    return true;
  }
  std::string key_;
  int depth_ = 0;
};

std::uint64_t gram_key(std::u32string_view gram) {
  std::uint64_t key = 0;
  for (const char32_t c : gram) key = key << 21 | c;
  return key;
}

bool is_mail_letter(char32_t c) {
  return c == '-' || c == '_' || (c < 0x80 && is_python_alphanumeric(c));
}
bool is_mail_character(char32_t c) {
  return c == '.' || is_mail_letter(c);
}
bool is_url_character(char32_t c) {
  return is_mail_character(c) || std::u32string_view(U"?&~;+=/#").find(c) != std::u32string_view::npos;
}

template <class Of>
std::size_t run_of(std::u32string_view text, std::size_t at, std::size_t most, Of of) {
  std::size_t length = 0;
  while (length < most && at + length < text.size() && of(text[at + length])) ++length;
  return length;
}

std::u32string without_urls(std::u32string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::u32string_view rest = text.substr(at);
    const std::size_t scheme = rest.starts_with(U"http://") ? 7 : rest.starts_with(U"https://") ? 8 : 0;
    const std::size_t length = scheme == 0 ? 0 : run_of(text, at + scheme, 2076, is_url_character);
    out += length > 0 ? U' ' : text[at];
    at += length > 0 ? scheme + length : 1;
  }
  return out;
}

std::u32string without_mail(std::u32string_view text) {
  std::u32string out;
  std::size_t copied = 0;
  for (std::size_t at = text.find(U'@'); at != std::u32string_view::npos; at = text.find(U'@', at + 1)) {
    std::size_t begin = at;
    while (begin > copied && at - begin < 64 && is_mail_character(text[begin - 1])) --begin;
    // At least two characters behind it, of which the first is no point.
    const std::size_t first = run_of(text, at + 1, 255, is_mail_letter);
    const std::size_t second = run_of(text, at + 1 + first, 255, is_mail_character);
    if (begin == at || first == 0 || first + second < 2) continue;
    out += text.substr(copied, begin - copied);
    out += U' ';
    copied = at + 1 + first + second;
  }
  return out += text.substr(copied);
}

std::u32string unescaped(std::string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\\' && at + 5 < text.size() && text[at + 1] == 'u') {
      out += static_cast<char32_t>(std::stoul(std::string(text.substr(at + 2, 4)), nullptr, 16));
      at += 6;
    } else {
      out += static_cast<char32_t>(static_cast<unsigned char>(text[at++]));
    }
  }
  return out;
}

}  // namespace

LanguageDetector::LanguageDetector(const fs::path& folder) {
  const fs::path profiles = folder / "profiles";
  if (!fs::is_directory(profiles))
    throw Error(ErrorKind::kInput, "cannot tell languages: " + profiles.string() + " is not there",
                "run `make setup`, which fetches it");
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(profiles))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::tuple<std::uint64_t, std::uint32_t, double>> all;
  for (const fs::path& file : files) {
    Profile profile;
    if (!Json::sax_parse(read_file(file), &profile) || profile.name.empty() || profile.totals.size() != 3)
      throw bad_input("{} is no profile of a language", file.string());
    const auto language = static_cast<std::uint32_t>(names_.size());
    names_.push_back(profile.name);
    for (const auto& [text, count] : profile.counts) {
      const std::u32string gram = decode_utf8(text);
      if (gram.empty() || gram.size() > 3) continue;
      all.emplace_back(gram_key(gram), language, 1.0 * count / profile.totals[gram.size() - 1]);
    }
  }
  std::sort(all.begin(), all.end());
  grams_.reserve(all.size());
  for (const auto& [key, language, share] : all) {
    Grams& grams = grams_.try_emplace(key, Grams{std::uint32_t(shares_.size()), 0}).first->second;
    shares_.emplace_back(language, share);
    grams.end = static_cast<std::uint32_t>(shares_.size());
  }
  read_messages(folder / "messages.properties");
}

void LanguageDetector::read_messages(const fs::path& file) {
  const std::string text = read_file(file);
  std::vector<std::pair<std::string, std::u32string>> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (const std::size_t equals = line.find('='); equals != std::string_view::npos) {
      std::string_view value = line.substr(equals + 1);
      while (value.ends_with('\r') || value.ends_with(' ')) value.remove_suffix(1);
      lines.emplace_back(line.substr(0, equals), unescaped(value));
    }
    at = end + 1;
  }
  std::vector<std::pair<std::string, std::u32string>> marked;
  for (const auto& [key, value] : lines) {
    if (key == "NGram.LATIN1_EXCLUDE") no_letters_ = value;
    if (key == "TO_NORMALIZE_VI_CHARS") vowels_ = value;
    if (key == "DMARK_CLASS") marks_ = value;
    if (key.starts_with("NORMALIZED_VI_CHARS_")) marked.emplace_back(key, value);
    if (key.starts_with("NGram.KANJI_"))
      for (const char32_t c : value) ideographs_[c] = value.front();
  }
  std::sort(marked.begin(), marked.end());  // by the number of the mark, as marks_ is
  for (const auto& [key, value] : marked) marked_vowels_.push_back(value);
  const bool whole = !no_letters_.empty() && marks_.size() == marked_vowels_.size() &&
                     std::all_of(marked_vowels_.begin(), marked_vowels_.end(),
                                 [&](const std::u32string& list) { return list.size() == vowels_.size(); });
  if (!whole) throw bad_input("{} lacks characters that langdetect treats alike", file.string());
}

std::u32string LanguageDetector::prepared(std::u32string_view given) const {
  std::u32string text = without_mail(without_urls(given)), joined;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t vowel = vowels_.find(text[at]);
    const std::size_t mark = vowel == std::u32string::npos || at + 1 == text.size() ? vowel : marks_.find(text[at + 1]);
    if (vowel != std::u32string::npos && at + 1 < text.size() && mark != std::u32string::npos) {
      joined += marked_vowels_[mark][vowel];
      ++at;
    } else {
      joined += text[at];
    }
  }
  joined.resize(std::min(joined.size(), kMostCharacters));
  text.clear();
  char32_t before = 0;
  std::size_t latin = 0, others = 0;
  for (const char32_t c : joined) {
    if (c != ' ' || before != ' ') {
      text += c;
      latin += c >= 'A' && c <= 'z';
      others += c >= 0x300;
    }
    before = c;
  }
  if (latin * 2 < others) std::erase_if(text, [](char32_t c) { return c >= 'A' && c <= 'z'; });
  return text;
}

char32_t LanguageDetector::normalised(char32_t c) const {
  const auto within = [c](char32_t first, char32_t last) { return c >= first && c <= last; };
  if (c <= 0x7F) return within('A', 'Z') || within('a', 'z') ? c : U' ';
  if (within(0x80, 0xFF)) return no_letters_.find(c) == std::u32string::npos ? c : U' ';
  if (c == 0x219) return 0x15F;  // Romanian: with comma as with cedilla
  if (c == 0x21B) return 0x163;
  if (within(0x2000, 0x206F)) return U' ';
  if (c == 0x6CC) return 0x64A;  // Farsi yeh as Arabic yeh
  if (within(0x1EA0, 0x1EFF)) return 0x1EC3;
  if (within(0x3040, 0x309F)) return 0x3042;
  if (within(0x30A0, 0x30FF)) return 0x30A2;
  if (within(0x3100, 0x312F) || within(0x31A0, 0x31BF)) return 0x3105;
  if (within(0x4E00, 0x9FFF)) {
    const auto found = ideographs_.find(c);
    return found == ideographs_.end() ? c : found->second;
  }
  if (within(0xAC00, 0xD7AF)) return 0xAC00;
  return c;
}

std::vector<LanguageDetector::Grams> LanguageDetector::features(std::u32string_view text) const {
  std::vector<Grams> result;
  std::u32string gram = U" ";
  bool capitals = false;  // the word has two capital letters in a row: its grams are not asked
  for (const char32_t raw : text) {
    const char32_t c = normalised(raw), last = gram.back();
    bool skipped = false;
    if (last == ' ') {
      gram.erase(0, gram.size() - 1);
      capitals = false;
      skipped = c == ' ';
    } else if (gram.size() >= 3) {
      gram.erase(0, 1);
    }
    if (!skipped) {
      gram += c;
      capitals = is_python_upper(c) && (capitals || is_python_upper(last));
    }
    if (capitals) continue;
    for (std::size_t n = 1; n <= gram.size(); ++n) {
      const std::u32string_view part = std::u32string_view(gram).substr(gram.size() - n);
      if (part == U" ") continue;
      if (const auto found = grams_.find(gram_key(part)); found != grams_.end()) result.push_back(found->second);
    }
  }
  return result;
}

std::optional<std::vector<LanguageDetector::Language>> LanguageDetector::probabilities(std::u32string_view text,
                                                                                       std::uint32_t seed) const {
  const std::vector<Grams> grams = features(prepared(text));
  if (grams.empty()) return std::nullopt;
  PythonRandom random(seed);
  std::vector<double> mean(names_.size());
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> probability(names_.size(), 1.0 / static_cast<double>(names_.size()));
    const double weight = (kSmoothing + random.gauss() * kSmoothingWidth) / kBaseFrequency;
    for (int i = 0;; ++i) {
      const Grams gram = grams[random.below(static_cast<std::uint32_t>(grams.size()))];
      std::uint32_t share = gram.begin;
      for (std::uint32_t language = 0; language < probability.size(); ++language) {
        const bool has = share < gram.end && shares_[share].first == language;
        probability[language] *= has ? weight + shares_[share++].second : weight;
      }
      if (i % 5 != 0) continue;
      double sum = 0, most = 0;
      for (const double p : probability) sum += p;
      for (double& p : probability) most = std::max(most, p /= sum);
      if (most > kSure || i >= kMostIterations) break;
    }
    for (std::size_t language = 0; language < mean.size(); ++language)
      mean[language] += probability[language] / kTrials;
  }
  std::vector<Language> result;
  for (std::size_t language = 0; language < mean.size(); ++language)
    if (mean[language] > kReported) result.push_back({names_[language], mean[language]});
  std::stable_sort(result.begin(), result.end(),
                   [](const Language& a, const Language& b) { return a.probability > b.probability; });
  return result;
}

std::optional<std::string> LanguageDetector::detect(std::u32string_view text) const {
  const auto seed = static_cast<std::uint32_t>(hash64("language\n" + encode_utf8(text)));
  const auto found = probabilities(text, seed);
  if (!found) return std::nullopt;
  return found->empty() ? "unknown" : found->front().name;
}

}  // namespace ballot
