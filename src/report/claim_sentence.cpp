#include "report/claim_sentence.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

namespace ballot {
namespace {

using Kind = ClaimSentence::Kind;

/// Words by their beginnings: "improv" is improve, improves, improved, improvement. A blank at the end asks for the
/// whole word.
constexpr std::array kAbove = {"better ",  "beat",    "outperform", "improv", "exceed",    "surpass",
                               "superior", "higher ", "above ",     "ahead ", "stronger ", "gain",
                               "win ",     "wins ",   "help",       "benefi", "boost",     "rais",
                               "increas",  "dominat", "lift",       "leads ", "advantage", "excel"};
constexpr std::array kBelow = {"worse ", "below ", "lower ",  "regress", "underperform", "inferior", "weaker ",
                               "trail",  "lag ",   "lags ",   "lose ",   "loses ",       "hurt",     "harm",
                               "degrad", "reduc",  "decreas", "drops ",  "behind ",      "falls ",   "deteriorat"};
constexpr std::array kMost = {"best ", "highest ", "strongest ", "top ", "winner", "optimal", "most "};
constexpr std::array kLeast = {"worst ", "lowest ", "weakest ", "least ", "poorest "};
constexpr std::array kSame = {"same ",   "equal", "equivalent", "identical",     "on par",    "comparable",
                              "similar", "match", "as good as", "no difference", "no effect", "interchangeable"};
constexpr std::array kNotDistinguished = {"not distinguish", "indistinguishable", "cannot be told apart",
                                          "cannot be distinguished", "are tied "};
constexpr std::array kTrend = {"grow",    "larger model", "bigger model", "with scale",   "with size",
                               "scales ", "scaling ",     "model size",   "smaller model"};
constexpr std::array kCost = {"cheap", "cost", "efficien", "budget", "money", "price", "expensive"};
constexpr std::array kOther = {"consistent",  "always ", "significant", "effective", "recommend",  "prefer ",
                               "preferable",  "reliabl", "robust",      "suggests ", "demonstrat", "crucial",
                               "substantial", "never ",  "clearly ",    "outlier",   "more ",      "less "};
constexpr std::array kNegations = {"not ", "no ", "never ", "neither ", "nor ", "cannot ", "without ", "hardly "};
/// What may follow a comparative that names no second thing: "is better at 3B".
constexpr std::array kOpen = {"at ", "on ", "for ", "in ", "across ", "than all ", "than every ", "than any "};
constexpr std::array kUniversal = {"all ", "every ", "each ", "consistent", "always ", "across "};

/// Lower case, everything but letters, digits, points and underscores as one blank, a blank at both ends: words can be
/// looked for as " word".
std::string plain(const std::string& text) {
  std::string out = " ";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool point = c == '.' && i + 1 < text.size() && std::isdigit(static_cast<unsigned char>(text[i + 1])) != 0;
    if (std::isalnum(c) != 0 || c == '_' || c >= 0x80 || point)
      out += static_cast<char>(std::tolower(c));
    else if (out.back() != ' ')
      out += ' ';
  }
  if (out.back() != ' ') out += ' ';
  return out;
}

struct Place {
  std::size_t at = std::string::npos;
  std::string word;
};

template <class Words>
Place first_of(const std::string& text, const Words& words, std::size_t from = 0) {
  Place out;
  for (const char* word : words)
    if (const std::size_t at = text.find(std::string(" ") + word, from); at < out.at)
      out = {at, word[std::string(word).size() - 1] == ' ' ? std::string(word, std::string(word).size() - 1) : word};
  return out;
}

/// Where names stand, longest first, so that "binary magnitude" is not BINARY.
std::vector<std::pair<std::size_t, std::string>> names_in(std::string text, const Vocabulary& vocabulary) {
  std::vector<std::pair<std::string, std::string>> aliases;
  for (const auto& [name, title] : vocabulary.titles) {
    for (const std::string& alias : {name, title}) aliases.emplace_back(plain(alias), name);
    std::string spaced = name;
    std::replace(spaced.begin(), spaced.end(), '_', ' ');
    aliases.emplace_back(plain(spaced), name);
    if (name == "binary_magnitude") aliases.emplace_back(" magnitude ", name);
  }
  std::sort(aliases.begin(), aliases.end(),
            [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  std::vector<std::pair<std::size_t, std::string>> out;
  for (const auto& [alias, name] : aliases)
    for (std::size_t at = text.find(alias); at != std::string::npos; at = text.find(alias, at + 1)) {
      // "a single seed" is no format.
      const std::string after = text.substr(at + alias.size(), 6);
      if (alias == " single " && (after.starts_with("seed") || after.starts_with("run") || after.starts_with("judge") ||
                                  after.starts_with("model") || after.starts_with("prompt") ||
                                  text.compare(at > 1 ? at - 2 : 0, 2, " a") == 0))
        continue;
      out.emplace_back(at, name);
      std::fill(text.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                text.begin() + static_cast<std::ptrdiff_t>(at + alias.size()) - 1, '#');
    }
  std::sort(out.begin(), out.end());
  return out;
}

/// "3b" of "meta-llama/Llama-3.2-3B".
std::string size_of(const std::string& model) {
  const std::string text = plain(model);
  for (std::size_t i = 1; i + 1 < text.size(); ++i)
    if (text[i] == 'b' && std::isdigit(static_cast<unsigned char>(text[i - 1])) != 0 && text[i + 1] == ' ')
      return text.substr(text.rfind(' ', i) + 1, i - text.rfind(' ', i));
  return "";
}

void read_scope(const std::string& text, const Vocabulary& vocabulary, ClaimSentence& s) {
  bool sized = false;  // a size is named, whether or not there is such a model
  for (std::size_t i = 1; i + 1 < text.size(); ++i)
    sized |= text[i] == 'b' && std::isdigit(static_cast<unsigned char>(text[i - 1])) != 0 && text[i + 1] == ' ';
  for (const std::string& model : vocabulary.models) {
    const std::string size = size_of(model);
    if (text.find(plain(model)) != std::string::npos ||
        (!size.empty() && text.find(" " + size + " ") != std::string::npos))
      s.models.push_back(model);
  }
  if (sized && s.models.empty()) s.models.push_back("(none of this size)");
  // Outcomes by their whole names; else by what stands before the first comma or bracket, longest first, so that "Chat
  // Hard" is not Chat.
  for (const std::string& outcome : vocabulary.outcomes)
    if (text.find(plain(outcome)) != std::string::npos) s.outcomes.push_back(outcome);
  const std::vector<std::string> named = s.outcomes;
  std::erase_if(s.outcomes, [&](const std::string& outcome) {
    return std::any_of(named.begin(), named.end(), [&](const std::string& other) {
      return other.size() > outcome.size() && plain(other).find(plain(outcome)) != std::string::npos;
    });
  });
  if (s.outcomes.empty()) {
    std::map<std::string, std::vector<std::string>> by_key;
    for (const std::string& outcome : vocabulary.outcomes)
      by_key[plain(outcome.substr(0, outcome.find_first_of(",(")))].push_back(outcome);
    for (const auto& [key, outcomes] : by_key)
      if (key != " " && text.find(key) != std::string::npos)
        s.outcomes.insert(s.outcomes.end(), outcomes.begin(), outcomes.end());
  }
  if (!s.outcomes.empty()) return;
  // Groups of outcomes by what they are about.
  const auto has = [&](std::initializer_list<const char*> words) {
    return std::any_of(words.begin(), words.end(),
                       [&](const char* word) { return text.find(word) != std::string::npos; });
  };
  const bool reward = has({" reward", " rm "}),
             policy = has({" polic", " dpo ", " task", " sft ", " leaderboard", " instruct "}),
             agreement = has({" agree", " kappa ", " alpha "});
  const bool every = first_of(text, kUniversal).at != std::string::npos;
  for (const std::string& outcome : vocabulary.outcomes) {
    const std::string name = plain(outcome);
    const bool section = name == " chat " || name == " chat hard " || name == " safety " || name == " reasoning ";
    const bool of_reward = section || name.find(" reward") != std::string::npos;
    const bool of_agreement = name.find(" agree") != std::string::npos || name.find(" source ") != std::string::npos;
    if ((reward && of_reward && (every || !section)) || (agreement && of_agreement) ||
        (policy && !reward && !of_reward && !of_agreement))
      s.outcomes.push_back(outcome);
  }
}

void read_numbers(const std::string& text, ClaimSentence& s) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0 && text[i] != '.') continue;
    std::size_t end = i;
    int points = 0, digits = 0;
    while (end < text.size() && (std::isdigit(static_cast<unsigned char>(text[end])) != 0 ||
                                 (text[end] == '.' && end + 1 < text.size() &&
                                  std::isdigit(static_cast<unsigned char>(text[end + 1])) != 0))) {
      points += text[end] == '.';
      digits += points > 0 && text[end] != '.';
      ++end;
    }
    const auto part_of_a_name = [&](std::size_t at) {
      return at < text.size() &&
             (std::isalpha(static_cast<unsigned char>(text[at])) != 0 || text[at] == '-' || text[at] == '_');
    };
    const bool minus = i > 0 && text[i - 1] == '-' && (i == 1 || text[i - 2] == ' ' || text[i - 2] == '[');
    const bool name = (i > 0 && !minus && part_of_a_name(i - 1)) || (end < text.size() && part_of_a_name(end));
    const bool p_value =
        i >= 2 && (text.compare(i - 2, 2, "p ") == 0 || (i >= 4 && text.compare(i - 4, 4, "p = ") == 0));
    if (points == 1 && !name && !p_value)
      s.numbers.push_back({text.substr(i, end - i), std::atof(text.substr(i, end - i).c_str()), digits});
    i = std::max(i, end);
  }
}

/// Which direction, and which names stand on which side.
void read_relation(const std::string& text, const std::vector<std::pair<std::size_t, std::string>>& names,
                   ClaimSentence& s) {
  const Place above = first_of(text, kAbove), below = first_of(text, kBelow), most = first_of(text, kMost),
              least = first_of(text, kLeast);
  const bool superlative = std::min(most.at, least.at) < std::min(above.at, below.at);
  const Place place = superlative ? (most.at < least.at ? most : least) : (above.at < below.at ? above : below);
  bool up = superlative ? most.at < least.at : above.at < below.at;
  s.word = place.word;
  s.any_policy = text.find(" dpo ") < place.at;
  const bool margin_before = text.find(" margin") < place.at;
  std::vector<std::string> before, after;
  for (const auto& [at, name] : names) (at < place.at ? before : after).push_back(name);
  if (before.empty() && !superlative && !margin_before && !s.any_policy) return;  // kUntraced
  // "is beaten by": the other way round; "better ... by 0.05" is not.
  const std::size_t by = text.find(" by ", place.at);
  if (!superlative && by != std::string::npos && !after.empty() && by - place.at < 20 &&
      std::isdigit(static_cast<unsigned char>(text[by + 4])) == 0 && text[by + 4] != '.')
    up = !up;
  const std::size_t start = place.at > 24 ? place.at - 24 : 0;
  const Place negation = first_of(text.substr(start, place.at - start + 1), kNegations);
  if (negation.at != std::string::npos) up = !up;  // "does not improve" is earned only where it is worse
  s.kind = up ? Kind::kAbove : Kind::kBelow;
  s.margin_itself = margin_before && (before.empty() || text.find(" without ") != std::string::npos);
  s.with_margin = !s.margin_itself && text.find(" margin") != std::string::npos;
  s.left = before;
  s.right = after;
  if (s.margin_itself) s.left.insert(s.left.end(), after.begin(), after.end());
  if (superlative && before.empty()) s.left = after, s.right.clear();
  if (superlative && !before.empty()) {
    s.left = {before.back()};
    s.right.clear();
  }
  // "beats X" where X is nothing that was measured is no claim against everything that was.
  const std::size_t next = text.find(' ', place.at + 1);
  const bool open = first_of(text.substr(next, 12), kOpen).at == 0 || next + 1 >= text.size();
  if (!superlative && after.empty() && !open && !s.margin_itself && !s.any_policy) s.kind = Kind::kUntraced;
  if (s.any_policy && s.right.empty()) s.right = {"sft"};
  if (s.left.empty() && !s.margin_itself && !s.any_policy) s.kind = Kind::kUntraced;
}

}  // namespace

std::vector<std::string> split_sentences(const std::string& text) {
  std::vector<std::string> out(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool mark = text[i] == '.' || text[i] == '!' || text[i] == '?';
    const bool end = text[i] == '\n' ||
                     (mark && (i + 1 == text.size() || std::isspace(static_cast<unsigned char>(text[i + 1])) != 0));
    if (text[i] != '\n') out.back() += text[i];
    if (end) out.emplace_back();
  }
  for (std::string& sentence : out) {
    sentence.erase(0, std::min(sentence.find_first_not_of(" \t#>*-"), sentence.size()));
    while (!sentence.empty() && std::isspace(static_cast<unsigned char>(sentence.back())) != 0) sentence.pop_back();
  }
  std::erase_if(out, [](const std::string& sentence) { return sentence.empty(); });
  return out;
}

ClaimSentence read_sentence(const std::string& sentence, const Vocabulary& vocabulary) {
  ClaimSentence s;
  const std::string text = plain(sentence);
  const auto names = names_in(text, vocabulary);
  for (const auto& [at, name] : names)
    if (std::find(s.mentioned.begin(), s.mentioned.end(), name) == s.mentioned.end()) s.mentioned.push_back(name);
  read_scope(text, vocabulary, s);
  read_numbers(sentence, s);
  const auto found = [&](const auto& words) {
    const Place place = first_of(text, words);
    if (place.at != std::string::npos) s.word = place.word;
    return place.at != std::string::npos;
  };
  if (found(kNotDistinguished)) {
    s.kind = Kind::kNotDistinguished;
    s.left = s.mentioned;
    if (s.mentioned.size() > 1) s.right = s.mentioned;
    return s;
  }
  const bool relation = found(kAbove) || found(kBelow) || found(kMost) || found(kLeast);
  if (found(kTrend) && (relation || found(kOther))) {
    s.kind = Kind::kTrend;
    return s;
  }
  if (found(kCost) && (relation || found(kSame) || found(kCost))) {
    s.kind = Kind::kCost;
    return s;
  }
  if (relation) {
    s.kind = Kind::kUntraced;
    read_relation(text, names, s);
    return s;
  }
  if (found(kSame)) {
    s.kind = s.mentioned.size() > 1 ? Kind::kSame : Kind::kUntraced;
    s.left = s.right = s.mentioned;
    return s;
  }
  if (found(kOther)) s.kind = Kind::kUntraced;
  return s;
}

}  // namespace ballot
