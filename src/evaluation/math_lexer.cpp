#include "evaluation/math_lexer.h"

#include <algorithm>
#include <map>

namespace ballot {
namespace {

using T = MathToken;

struct Group {
  MathToken kind;
  std::string_view words;  ///< separated by blanks
};

// In the order of the grammar, which decides between words of equal length.
constexpr Group kGroups[] = {
    {T::kTranspose, "^T ^{T} ^{\\top} '"},
    {T::kDegree, "^\\circ ^\\degree ^\\circle ^° ^{\\circ} ^{\\degree} ^{\\circle} ^{°}"},
    {T::kSkip,
     "\\, \\thinspace \\: \\medspace \\; \\thickspace \\quad \\qquad \\! \\negthinspace \\negmedspace \\negthickspace "
     "\\$ \\vrule \\vcenter \\vbox \\vskip \\vspace \\hfil"},
    {T::kAdd, "+ ∔ ⊕ ⊞"},
    {T::kSubtract, "- − ∸"},
    {T::kMultiply, "* × ⋅ ⋄ ⊡ ∗ ⋆ ∘ ∙ ⊗ ⊠ ⋈ ⋉ ⋊"},
    {T::kDivide, "/ ÷ ∕ \\over"},
    {T::kLeftParenthesis, "("},
    {T::kRightParenthesis, ")"},
    {T::kLeftParenthesisVisual, "\\("},
    {T::kRightParenthesisVisual, "\\)"},
    {T::kLeftGroup, "\\lgroup"},
    {T::kRightGroup, "\\rgroup"},
    {T::kLeftBrace, "{"},
    {T::kRightBrace, "}"},
    {T::kLeftBraceVisual, "\\{"},
    {T::kRightBraceVisual, "\\}"},
    {T::kLeftBraceCommand, "\\lbrace"},
    {T::kRightBraceCommand, "\\rbrace"},
    {T::kLeftBracket, "["},
    {T::kRightBracket, "]"},
    {T::kLeftBrack, "\\lbrack"},
    {T::kRightBrack, "\\rbrack"},
    {T::kPhantom, "\\phantom"},
    {T::kBoxed, "\\boxed"},
    {T::kBar, "|"},
    {T::kLeftVert, "\\lvert"},
    {T::kRightVert, "\\rvert"},
    {T::kVert, "\\vert"},
    {T::kNorm, "\\|"},
    {T::kLeftAngle, "\\langle"},
    {T::kRightAngle, "\\rangle"},
    {T::kLeftFloor, "\\lfloor"},
    {T::kRightFloor, "\\rfloor"},
    {T::kLeftCorner, "\\llcorner"},
    {T::kRightCorner, "\\lrcorner"},
    {T::kLeftCeil, "\\lceil"},
    {T::kRightCeil, "\\rceil"},
    {T::kUpperLeftCorner, "\\ulcorner"},
    {T::kUpperRightCorner, "\\urcorner"},
    {T::kUnknownRule,
     "\\lim \\to \\rightarrow \\Rightarrow \\longrightarrow \\Longrightarrow \\int \\sum \\prod \\xrightarrow "
     "\\xRightarrow <-> <=> \\leftrightarrow \\Leftrightarrow \\partial \\variable"},
    {T::kModulo, "\\mod"},
    {T::kFunction,
     "\\log \\ln \\exp \\sin \\cos \\tan \\csc \\sec \\cot \\Gamma \\gamma \\arcsin \\arccos \\arctan \\arccsc "
     "\\arcsec \\arccot \\sinh \\cosh \\tanh \\arsinh \\arcosh \\artanh \\arcsinh \\arccosh \\arctanh \\floor \\ceil "
     "\\det"},
    {T::kFunctionName,
     "arsinh arcsinh arcosh arccosh artanh arctanh floor ceil eye cols rows norm rank trace tr rref nullspace eig "
     "eigen diagonalize eigenvals eigenvalues eigenvects eigenvectors svd SVD"},
    {T::kManyFunctionName, "gcd lcm zeros ones diag hstack vstack orth ortho orthogonal orthogonalize"},
    {T::kManyFunction, "\\gcd \\lcm \\max \\min"},
    {T::kSquareRoot, "\\sqrt"},
    {T::kMultiply, "\\times \\cdot"},
    {T::kDivide, "\\div"},
    {T::kFraction, "\\frac \\dfrac \\tfrac \\cfrac"},
    {T::kBinomial, "\\binom \\tbinom \\dbinom"},
    {T::kChoose, "\\choose"},
    {T::kOperatorName, "\\operatorname"},
    {T::kUnknownRule, "matrix pmatrix bmatrix vmatrix"},
    {T::kMatrixBegin, "\\begin{matrix} \\begin{pmatrix} \\begin{bmatrix}"},
    {T::kMatrixEnd, "\\end{matrix} \\end{pmatrix} \\end{bmatrix}"},
    {T::kArrayEnd, "\\end{array}"},
    {T::kDeterminantBegin, "\\begin{vmatrix}"},
    {T::kDeterminantEnd, "\\end{vmatrix}"},
    {T::kColumn, "&"},
    {T::kRow, "\\\\"},
    {T::kUnderscore, "_"},
    {T::kCaret, "^"},
    {T::kColon, ":"},
    {T::kSemicolon, ";"},
    {T::kComma, ","},
    {T::kPeriod, "."},
    {T::kE, "e \\exponentialE"},
    {T::kCapitalE, "E"},
    {T::kIn, "\\in"},
    {T::kAssign, "= ≡ ≣ ≟ ≎ ≏ ≐ ≑ ≒ ≓ ≔ ≕ ≖ ≗"},
    {T::kEqual, "== \\equiv"},
    {T::kApproximately, "~= ≈ ≊ ≋ ≃ ≅ \\approx"},
    {T::kLess, "< ≪ ≺ ⋖ \\lt"},
    {T::kLessEqual, "\\leq \\le \\leqslant ≤ ≦ ≲ ≾ <="},
    {T::kGreater, "> ≫ ≻ ⋗ \\gt"},
    {T::kGreaterEqual, "\\geq \\ge \\geqslant ≥ ≧ ≳ ≿ >="},
    {T::kUnequal, "!= !== \\ne \\neq \\not\\equiv ≠ ≁ ≄ ≇ ≉ ≢"},
    {T::kFactorial, "!"},
    {T::kGreek,
     "\\alpha α \\beta β \\gamma γ \\Gamma Γ \\delta δ \\Delta Δ \\epsilon ε \\varepsilon ϵ \\zeta ζ \\eta η \\theta θ "
     "\\Theta Θ \\vartheta ϑ \\iota ι \\kappa κ \\lambda λ \\Lambda Λ \\mu μ \\nu ν \\xi ξ \\Xi Ξ \\omicron ο \\pi π "
     "\\Pi Π \\varpi ϖ \\rho ρ \\varrho ϱ \\sigma σ \\Sigma Σ \\varsigma ς \\tau τ \\upsilon υ \\Upsilon Υ \\phi φ "
     "\\Phi Φ \\varphi ϕ \\chi χ \\psi ψ \\Psi Ψ \\omega ω \\Omega Ω"},
    {T::kOtherSymbol,
     "\\Bbbk \\wp \\nabla \\bigstar \\angle \\nexists \\diagdown \\measuredangle \\eth ℵ ℶ ℷ ℸ \\diagup "
     "\\sphericalangle \\clubsuit \\varnothing \\Diamond \\complement \\diamondsuit \\imath \\Finv \\triangledown "
     "\\heartsuit \\jmath \\Game \\triangle \\spadesuit \\ell \\hbar \\vartriangle \\hslash \\blacklozenge \\lozenge "
     "\\blacksquare \\mho \\blacktriangle \\sharp \\prime \\Im \\flat \\square \\backprime \\Re \\natural \\surd "
     "\\circledS"},
    {T::kInfinity, "\\infty \\$\\infty \\infty\\% \\infty%"},
    {T::kNaturals, "\\mathbb{N} ℕ"},
    {T::kIntegers, "\\mathbb{Z} ℤ"},
    {T::kRationals, "\\mathbb{Q} ℚ"},
    {T::kReals, "\\mathbb{R} ℝ"},
    {T::kComplexes, "\\mathbb{C} ℂ"},
    {T::kPrimes, "\\mathbb{P} ℙ"},
    {T::kUnion, "\\cup ∪"},
    {T::kIntersection, "\\cap ∩"},
    {T::kSetMinus, "\\setminus ∖"},
    {T::kPlusMinus, "\\pm ± ∓ \\mp"},
    {T::kEmptySet, "\\emptyset ∅ \\{\\} \\lbrace\\rbrace"},
    {T::kSuperset, "\\supseteq ⊇"},
    {T::kSubset, "\\subseteq ⊆"},
    {T::kNotIn, "\\notin ∉"},
};

constexpr std::string_view kAccents =
    "\\acute \\bar \\overline \\breve \\check \\widecheck \\dot \\ddot \\grave \\hat \\tilde \\widetilde \\vec "
    "\\overrightarrow \\bm \\boldsymbol \\text \\textit \\textbf \\textnormal \\mathbb \\mathbin \\mathbf \\mathcal "
    "\\mathclap \\mathclose \\mathellipsis \\mathfrak \\mathinner \\mathit \\mathnormal \\mathop \\mathopen \\mathord "
    "\\mathpunct \\mathrel \\mathring \\mathrlap \\mathrm \\mathscr \\mathsf \\mathsterling \\mathtt \\mbox";

template <class Take>
void each_word(std::string_view words, const Take& take) {
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    take(words.substr(at, end - at));
    at = end + 1;
  }
}

struct Literals {
  std::map<std::string_view, MathToken> kinds;
  std::size_t longest = 0;
};
const Literals& literals() {
  static const Literals table = [] {
    Literals out;
    for (const Group& group : kGroups)
      each_word(group.words, [&](std::string_view word) {
        out.kinds.emplace(word, group.kind);  // the first of equals stays
        out.longest = std::max(out.longest, word.size());
      });
    return out;
  }();
  return table;
}
const std::vector<std::string_view>& accents() {
  static const std::vector<std::string_view> words = [] {
    std::vector<std::string_view> out;
    each_word(kAccents, [&](std::string_view word) { out.push_back(word); });
    return out;
  }();
  return words;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  MathWords words() {
    MathWords out;
    while (at_ < text_.size()) {
      if (is_blank(text_[at_])) {
        ++at_;
        continue;
      }
      best_ = 0;
      literal();
      number();
      differential();
      accent();
      array();
      if (best_ == 0 && is_letter(text_[at_])) offer(1, MathToken::kLetter);
      if (best_ == 0) {
        out.complete = false;
        break;
      }
      // A Greek letter or symbol takes one blank with it, which is no part of its name.
      if (kind_ != MathToken::kSkip) out.words.push_back({kind_, std::string(text_.substr(at_, best_))});
      at_ += best_;
    }
    return out;
  }

 private:
  char at(std::size_t offset) const { return at_ + offset < text_.size() ? text_[at_ + offset] : '\0'; }
  void offer(std::size_t length, MathToken kind) {
    if (length > best_) best_ = length, kind_ = kind;
  }

  void literal() {
    const auto& table = literals();
    for (std::size_t length = std::min(table.longest, text_.size() - at_); length > 0; --length) {
      const auto found = table.kinds.find(text_.substr(at_, length));
      if (found == table.kinds.end()) continue;
      offer(length, found->second);
      break;
    }
    // \gamma is a function's name, but with a blank behind it, which makes it longer, a letter.
    if (kind_ == MathToken::kFunction && best_ == 6 && at(6) == ' ' &&
        (text_.substr(at_, 6) == "\\gamma" || text_.substr(at_, 6) == "\\Gamma"))
      kind_ = MathToken::kGreek;
  }

  std::size_t digits(std::size_t from) const {
    std::size_t end = from;
    while (is_digit(at(end))) ++end;
    return end;
  }

  void number() {
    std::size_t end = digits(0);
    if (at(end) == '.' && is_digit(at(end + 1)))
      end = digits(end + 1);
    else if (end == 0)
      return;
    offer(end, MathToken::kNumber);
    std::size_t exponent = end;
    if (at(exponent) == 'E') {
      ++exponent;
      if (at(exponent) == '+' || at(exponent) == '-') ++exponent;
      if (is_digit(at(exponent))) offer(digits(exponent), MathToken::kScientific);
    }
    const std::size_t sign = end + (is_blank(at(end)) ? 1 : 0);
    if (at(sign) == '%') offer(sign + 1, MathToken::kPercentNumber);
    if (at(sign) == '\\' && at(sign + 1) == '%') offer(sign + 2, MathToken::kPercentNumber);
  }

  void differential() {
    if (at(0) != 'd') return;
    std::size_t end = 1;
    while (is_blank(at(end))) ++end;
    if (is_letter(at(end))) {
      offer(end + 1, MathToken::kDifferential);
    } else if (at(end) == '\\' && is_letter(at(end + 1))) {
      ++end;
      while (is_letter(at(end))) ++end;
      offer(end, MathToken::kDifferential);
    }
  }

  void accent() {
    if (at(0) != '\\') return;
    for (const std::string_view word : accents()) {
      if (!text_.substr(at_).starts_with(word)) continue;
      std::size_t brace = word.size() + (is_blank(at(word.size())) ? 1 : 0);
      if (at(brace) != '{') continue;
      const std::size_t close = text_.find('}', at_ + brace);
      if (close != std::string_view::npos) offer(close + 1 - at_, MathToken::kAccent);
    }
  }

  void array() {
    constexpr std::string_view kBegin = "\\begin{array}{";
    if (!text_.substr(at_).starts_with(kBegin)) return;
    std::size_t end = kBegin.size();
    while (at(end) == 'c' || at(end) == 'l' || at(end) == 'r') ++end;
    if (at(end) == '}') offer(end + 1, MathToken::kArrayBegin);
  }

  std::string_view text_;
  std::size_t at_ = 0, best_ = 0;
  MathToken kind_ = MathToken::kSkip;
};

}  // namespace

MathWords math_words(std::string_view latex) {
  return Lexer(latex).words();
}

}  // namespace ballot
