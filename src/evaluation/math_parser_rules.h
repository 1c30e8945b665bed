// The grammar behind parse_math. Every rule gives all places where it can end, the preferred one first, each with the
// tree that the generated parser of the reference would build: it takes the first alternative that lets the whole text
// be read. Results are kept by rule and place, so that the time is polynomial.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "evaluation/math_expression.h"
#include "evaluation/math_lexer.h"

namespace ballot {

struct MathEnd {
  std::size_t at;
  MathPtr node;
};
using MathEnds = std::vector<MathEnd>;

class MathParser {
 public:
  MathParser(MathWords words, bool real) : words_(std::move(words.words)), real_(real) {}
  MathPtr parse();

 private:
  using T = MathToken;
  using Rule = void (MathParser::*)(std::size_t at, MathEnds& out);

  /// The ends of a rule at a place, computed once.
  template <auto kRule>
  const MathEnds& ends(std::size_t at) {
    static const char id = 0;
    return ends_of(&id, kRule, at);
  }
  const MathEnds& ends_of(const char* rule, Rule compute, std::size_t at);
  /// Adds an end unless one is there already. Throws MathUndecided where the trees grow beyond bounds.
  void emit(MathEnds& out, std::size_t at, MathPtr node);
  bool is(std::size_t at, T kind) const { return at < words_.size() && words_[at].kind == kind; }
  bool is_any(std::size_t at, std::initializer_list<T> kinds) const;
  std::string text(std::size_t from, std::size_t to) const;
  /// open, inner, close, where open stands at `at`; `make` of what is inside.
  template <auto kInner, class Make>
  void enclosed(std::size_t at, T open, T close, MathEnds& out, const Make& make) {
    if (!is(at, open)) return;
    for (const MathEnd& inner : ends<kInner>(at + 1))
      if (is(inner.at, close)) emit(out, inner.at + 1, make(inner.node));
  }
  /// part (separator part)*, taken from the left, as long as it goes first.
  template <auto kPart, class IsSeparator, class Combine>
  void chain(std::size_t at, MathEnds& out, const IsSeparator& is_separator, const Combine& combine) {
    std::vector<bool> seen(words_.size() + 1, false);
    const auto go_on = [&](const auto& self, std::size_t place, const MathPtr& left) -> void {
      if (seen[place]) return;
      seen[place] = true;
      if (is_separator(place))
        for (const MathEnd& right : ends<kPart>(place + 1)) self(self, right.at, combine(place, left, right.node));
      emit(out, place, left);
    };
    for (const MathEnd& first : ends<kPart>(at)) go_on(go_on, first.at, first.node);
  }

  // Sets and relations: math_parser.cpp.
  void set_elements_relation(std::size_t at, MathEnds& out);
  void symbol_list(std::size_t at, MathEnds& out);
  template <bool kRelations>
  void semicolon_elements(std::size_t at, MathEnds& out);
  template <bool kRelations>
  void comma_elements(std::size_t at, MathEnds& out);
  template <bool kRelations>
  void element(std::size_t at, MathEnds& out);
  void plus_minus(std::size_t at, MathEnds& out);
  void set_relation(std::size_t at, MathEnds& out);
  void set_difference(std::size_t at, MathEnds& out);
  void set_union(std::size_t at, MathEnds& out);
  void set_intersection(std::size_t at, MathEnds& out);
  void set_group(std::size_t at, MathEnds& out);
  void set_atom(std::size_t at, MathEnds& out);
  void interval(std::size_t at, MathEnds& out);
  void relation(std::size_t at, MathEnds& out);

  // Terms: math_parser_terms.cpp. kFunctions: a function may stand here without brackets around it.
  void expression(std::size_t at, MathEnds& out);
  template <bool kFunctions>
  void product(std::size_t at, MathEnds& out);
  template <bool kFunctions>
  void signed_term(std::size_t at, MathEnds& out);
  template <bool kFunctions>
  void factors(std::size_t at, MathEnds& out);
  template <bool kFunctions>
  void more_factors(std::size_t at, MathEnds& out);
  template <bool kFunctions>
  void postfix(std::size_t at, MathEnds& out);
  template <bool kFunctions>
  void power(std::size_t at, MathEnds& out);
  template <bool kFunctions>
  void component(std::size_t at, MathEnds& out);
  void group(std::size_t at, MathEnds& out);
  void fraction(std::size_t at, MathEnds& out);
  void binomial(std::size_t at, MathEnds& out);
  void matrix(std::size_t at, MathEnds& out);
  void matrix_rows(std::size_t at, MathEnds& out);
  void matrix_row(std::size_t at, MathEnds& out);

  // Atoms and functions: math_parser_atoms.cpp.
  void atom(std::size_t at, MathEnds& out);
  void symbol(std::size_t at, MathEnds& out);
  void subscript(std::size_t at, MathEnds& out);
  void superscript(std::size_t at, MathEnds& out);
  void function(std::size_t at, MathEnds& out);
  void named_function(std::size_t at, const std::string& name, MathEnds& out);
  void many_function(std::size_t at, const std::string& name, MathEnds& out);
  void unknown_function(std::size_t at, MathEnds& out);
  void arguments(std::size_t at, MathEnds& out);
  MathPtr symbol_named(std::string name) const;
  MathPtr symbol_of(const MathWord& word, const std::string& subscript) const;

  std::vector<MathWord> words_;
  bool real_;
  std::map<std::pair<const char*, std::size_t>, MathEnds> known_;
  int depth_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace ballot
