// The part of a judge's answer that is to be read, and a plain copy of it.
//
// Judges think aloud, decorate, and write in many scripts' punctuation; the rules here take that away so that the
// parser (formats/parse.h) meets plain lines. The raw text is kept elsewhere, untouched.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ballot {

/// What is left of an answer once the thinking is cut.
struct AnswerPart {
  std::string text;
  bool unfinished_thinking = false;  ///< a thinking tag was opened and not closed: nothing in it is an answer
};

/// Cuts everything up to the last closing thinking tag (</think>, </thinking>, </reasoning>, </thought>, [/THINK], and
/// the markers before a final channel). The opening tag may stand in the prompt, so that only the closing one is here.
AnswerPart cut_thinking(std::string_view text);

/// The last `characters` code points of a text.
std::string_view tail_of(std::string_view text, std::size_t characters);

struct PlainText {
  struct Line {
    std::string text;
    int paragraph = 0;  ///< lines between blank lines
  };
  std::vector<Line> lines;  ///< without empty ones
  std::string boxed;        ///< inside the last \boxed{}; empty where there is none
  std::string bracketed;    ///< inside the last [[ ]]
};

/// One space between words, no emphasis, code fences, quotes of lines, LaTeX or HTML decoration; compatibility forms of
/// ASCII characters (full-width, mathematical, circled: the part of NFKC that matters to labels), curly quotes, dashes
/// and arrows as ASCII; invisible and control characters left out.
PlainText plain_text(std::string_view text);

}  // namespace ballot
