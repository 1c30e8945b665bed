// The words of an answer in LaTeX, as the grammar of math_verify's parser cuts them (latex2sympy2_extended 1.11.0,
// PS.g4): the longest word that fits at each place, and of equally long ones the first of the list. Blanks are dropped.
// What is no word of that grammar ends the reading there, as it does there.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ballot {

enum class MathToken {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,  // with \times, \cdot, \div and their like
  kColon,
  kModulo,
  kLeftParenthesis,
  kRightParenthesis,
  kLeftParenthesisVisual,
  kRightParenthesisVisual,  // \( \)
  kLeftGroup,
  kRightGroup,  // \lgroup
  kLeftBrace,
  kRightBrace,
  kLeftBraceVisual,
  kRightBraceVisual,  // \{ \}
  kLeftBraceCommand,
  kRightBraceCommand,  // \lbrace
  kLeftBracket,
  kRightBracket,
  kLeftBrack,
  kRightBrack,  // \lbrack
  kPhantom,
  kBoxed,
  kBar,
  kLeftVert,
  kRightVert,
  kVert,
  kNorm,
  kLeftAngle,
  kRightAngle,
  kLeftFloor,
  kRightFloor,
  kLeftCorner,
  kRightCorner,
  kLeftCeil,
  kRightCeil,
  kUpperLeftCorner,
  kUpperRightCorner,
  kFunction,          // \sin, \log...: one argument
  kFunctionName,      // floor, rank... inside \operatorname
  kManyFunction,      // \gcd, \lcm, \max, \min
  kManyFunctionName,  // gcd, lcm... inside \operatorname
  kSquareRoot,
  kFraction,
  kBinomial,
  kChoose,
  kOperatorName,
  kMatrixBegin,
  kMatrixEnd,
  kArrayBegin,
  kArrayEnd,
  kDeterminantBegin,
  kDeterminantEnd,
  kColumn,
  kRow,  // & and two backslashes
  kUnderscore,
  kCaret,
  kSemicolon,
  kComma,
  kPeriod,
  kDifferential,
  kE,
  kCapitalE,
  kLetter,
  kNumber,
  kScientific,
  kPercentNumber,
  kIn,
  kAssign,
  kEqual,
  kApproximately,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kUnequal,
  kFactorial,
  kTranspose,
  kDegree,
  kGreek,
  kOtherSymbol,
  kInfinity,
  kAccent,
  kNaturals,
  kIntegers,
  kRationals,
  kReals,
  kComplexes,
  kPrimes,
  kEmptySet,
  kUnion,
  kIntersection,
  kSetMinus,
  kPlusMinus,
  kSuperset,
  kSubset,
  kNotIn,
  kUnknownRule,  // a word that the grammar has, in rules that are not read here (\int, \sum, \lim, \xrightarrow...)
  kSkip,
};

struct MathWord {
  MathToken kind;
  std::string text;
};

struct MathWords {
  std::vector<MathWord> words;
  bool complete = true;  ///< false: what follows the last word is no word
};
MathWords math_words(std::string_view latex);

}  // namespace ballot
