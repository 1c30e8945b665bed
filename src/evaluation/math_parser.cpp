#include "evaluation/math_parser.h"

#include <algorithm>

#include "evaluation/math_evaluate.h"
#include "evaluation/math_parser_rules.h"

namespace ballot {
namespace {

using T = MathToken;

constexpr std::size_t kMaxWords = 1500;
constexpr int kMaxDepth = 2500;
constexpr std::int64_t kMaxSteps = 1'000'000;

MathPtr list_of(std::vector<MathPtr> args) {
  return math_node(MathKind::kList, std::move(args));
}

MathPtr appended(const MathPtr& left, const MathPtr& right) {
  if (left->kind == MathKind::kFailed || right->kind == MathKind::kFailed) return math_failed();
  std::vector<MathPtr> args = left->args;
  args.insert(args.end(), right->args.begin(), right->args.end());
  return list_of(std::move(args));
}

std::vector<MathPtr> flattened(const MathNode& lists) {
  std::vector<MathPtr> out;
  for (const MathPtr& list : lists.args) out.insert(out.end(), list->args.begin(), list->args.end());
  return out;
}

/// `lists`: a list of lists, of what stood between semicolons and commas. One element is itself.
MathPtr element_or_set(const MathPtr& lists) {
  if (lists->kind == MathKind::kFailed) return lists;
  if (lists->args.size() == 1) {
    const auto& elements = lists->args[0]->args;
    return elements.size() == 1 ? elements[0] : math_set(elements);
  }
  if (std::all_of(lists->args.begin(), lists->args.end(), [](const MathPtr& list) { return list->args.size() == 1; }))
    return math_set(flattened(*lists));
  std::vector<MathPtr> tuples;
  for (const MathPtr& list : lists->args) tuples.push_back(math_node(MathKind::kTuple, list->args));
  return math_set(std::move(tuples));
}

MathPtr set_of_tuple(const MathPtr& node) {
  return node->kind == MathKind::kTuple ? math_set(node->args) : node;
}

bool only_symbols(const MathNode& node) {
  return is_expression_of_symbols(node);
}

const char* relation_name(T kind) {
  switch (kind) {
    case T::kAssign:
    case T::kEqual:
      return "=";
    case T::kLess:
      return "<";
    case T::kLessEqual:
      return "<=";
    case T::kGreater:
      return ">";
    case T::kGreaterEqual:
      return ">=";
    case T::kUnequal:
      return "!=";
    default:
      return nullptr;
  }
}

MathPtr relation_node(const char* name, MathPtr left, MathPtr right) {
  // A chain: 1 < x < 2 is 1 < x and x < 2.
  if (left->kind == MathKind::kRelation)
    return math_node(MathKind::kAnd, {left, math_node(MathKind::kRelation, {left->args[1], std::move(right)}, name)});
  if (left->kind == MathKind::kAnd) {
    std::vector<MathPtr> args = left->args;
    args.push_back(math_node(MathKind::kRelation, {args.back()->args[1], std::move(right)}, name));
    return math_node(MathKind::kAnd, std::move(args));
  }
  return math_node(MathKind::kRelation, {std::move(left), std::move(right)}, name);
}

/// "1,234.50", with blanks around: no list of numbers. A leading zero makes the first comma a point.
std::optional<MathPtr> number_with_thousands(std::string_view latex) {
  std::string digits;
  for (const char c : latex)
    if (c != ' ' && c != '\t') digits += c;
  const bool negative = digits.starts_with('-');
  std::size_t at = negative ? 1 : 0;
  const auto run = [&] {
    const std::size_t from = at;
    while (at < digits.size() && digits[at] >= '0' && digits[at] <= '9') ++at;
    return at - from;
  };
  if (const std::size_t first = run(); first < 1 || first > 3) return std::nullopt;
  if (at >= digits.size() || digits[at] != ',') return std::nullopt;
  while (at < digits.size() && digits[at] == ',') {
    ++at;
    if (run() != 3) return std::nullopt;
  }
  if (at < digits.size() && digits[at] == '.') {
    ++at;
    if (run() == 0) return std::nullopt;
  }
  if (at != digits.size() || latex.find_first_of(" \t") != std::string_view::npos) {
    // Blanks are allowed around it only.
    const std::size_t from = latex.find_first_not_of(" \t"), to = latex.find_last_not_of(" \t");
    if (at != digits.size() || latex.substr(from, to - from + 1) != digits) return std::nullopt;
  }
  if (digits.starts_with('0')) std::replace(digits.begin(), digits.end(), ',', '.');
  if (std::count(digits.begin(), digits.end(), '.') > 1) return math_failed();
  std::erase(digits, ',');
  return math_number(Rational::from_decimal(digits), digits.find('.') != std::string::npos);
}

MathPtr make_interval(bool left_open, bool right_open, const MathPtr& from, const MathPtr& to) {
  if (from->kind == MathKind::kFailed || to->kind == MathKind::kFailed) return math_failed();
  if (has_kind(*from, MathKind::kMatrix) || has_kind(*to, MathKind::kMatrix) || !may_be_real(*from) ||
      !may_be_real(*to))
    return math_failed();
  const std::optional<int> order = compare_constants(*from, *to);
  // Ends in the wrong order are two numbers and no interval.
  if (order && ((left_open && right_open && *order >= 0) || (!left_open && !right_open && *order > 0)))
    return math_node(MathKind::kTuple, {from, to});
  if (order && *order > 0) return math_node(MathKind::kNamedSet, {}, "Empty");
  if (order && *order == 0)
    return left_open || right_open ? math_node(MathKind::kNamedSet, {}, "Empty") : math_set({to});
  auto node = std::make_shared<MathNode>();
  node->kind = MathKind::kInterval;
  node->args = {from, to};
  node->left_open = left_open || is_infinite(*from);
  node->right_open = right_open || is_infinite(*to);
  return node;
}

}  // namespace

const MathEnds& MathParser::ends_of(const char* rule, Rule compute, std::size_t at) {
  const auto key = std::pair{rule, at};
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  if (++depth_ > kMaxDepth || ++steps_ > kMaxSteps) throw MathUndecided();
  MathEnds out;
  (this->*compute)(at, out);
  --depth_;
  return known_[key] = std::move(out);
}

void MathParser::emit(MathEnds& out, std::size_t at, MathPtr node) {
  for (const MathEnd& end : out)
    if (end.at == at) return;
  // A tree holds its arguments once more, so this bounds the memory too.
  steps_ += static_cast<std::int64_t>(1 + out.size() / 8 + node->args.size());
  if (steps_ > kMaxSteps) throw MathUndecided();
  out.push_back({at, std::move(node)});
}

bool MathParser::is_any(std::size_t at, std::initializer_list<T> kinds) const {
  return at < words_.size() && std::find(kinds.begin(), kinds.end(), words_[at].kind) != kinds.end();
}

std::string MathParser::text(std::size_t from, std::size_t to) const {
  std::string out;
  for (std::size_t i = from; i < to; ++i) out += words_[i].text;
  return out;
}

MathPtr MathParser::parse() {
  const auto whole = [&](const MathEnds& found) -> MathPtr {
    for (const MathEnd& end : found)
      if (end.at == words_.size()) return end.node;
    return nullptr;
  };
  if (const MathPtr node = whole(ends<&MathParser::set_elements_relation>(0))) return node;
  if (const MathPtr lists = whole(ends<&MathParser::semicolon_elements<true>>(0))) return element_or_set(lists);
  if (const MathPtr node = whole(ends<&MathParser::set_relation>(0))) return node;
  return math_failed();
}

/// a = 1, 2 is a = {1, 2}; a = 1, b = 2 is none of these.
void MathParser::set_elements_relation(std::size_t at, MathEnds& out) {
  for (const MathEnd& left : ends<&MathParser::symbol_list>(at)) {
    if (!is_any(left.at, {T::kIn, T::kAssign})) continue;
    for (const MathEnd& right : ends<&MathParser::semicolon_elements<false>>(left.at + 1))
      emit(out, right.at, math_node(MathKind::kRelation, {left.node, element_or_set(right.node)}, "="));
  }
}

void MathParser::symbol_list(std::size_t at, MathEnds& out) {
  if (is(at, T::kLeftParenthesis)) {
    const auto go_on = [&](const auto& self, std::size_t place, const std::vector<MathPtr>& so_far) -> void {
      for (const MathEnd& next : ends<&MathParser::symbol>(place)) {
        std::vector<MathPtr> list = so_far;
        list.push_back(next.node);
        if (is(next.at, T::kComma)) self(self, next.at + 1, list);
        if (is(next.at, T::kRightParenthesis))
          emit(out, next.at + 1, list.size() == 1 ? list[0] : math_node(MathKind::kTuple, list));
      }
    };
    go_on(go_on, at + 1, {});
  }
  for (const MathEnd& one : ends<&MathParser::symbol>(at)) emit(out, one.at, one.node);
}

template <bool kRelations>
void MathParser::semicolon_elements(std::size_t at, MathEnds& out) {
  MathEnds flat;
  chain<&MathParser::comma_elements<kRelations>>(
      at, flat, [&](std::size_t place) { return is(place, T::kSemicolon); },
      [](std::size_t, const MathPtr& left, const MathPtr& right) {
        // The first is a list of elements still; a list of lists begins with the second.
        if (left->kind == MathKind::kFailed || right->kind == MathKind::kFailed) return math_failed();
        std::vector<MathPtr> lists = left->name == "lists" ? left->args : std::vector<MathPtr>{left};
        lists.push_back(right);
        return math_node(MathKind::kList, std::move(lists), "lists");
      });
  for (const MathEnd& end : flat)
    emit(out, end.at,
         end.node->kind == MathKind::kFailed || end.node->name == "lists"
             ? end.node
             : math_node(MathKind::kList, {end.node}, "lists"));
}

template <bool kRelations>
void MathParser::comma_elements(std::size_t at, MathEnds& out) {
  chain<&MathParser::element<kRelations>>(
      at, out, [&](std::size_t place) { return is(place, T::kComma); },
      [](std::size_t, const MathPtr& left, const MathPtr& right) { return appended(left, right); });
}

template <bool kRelations>
void MathParser::element(std::size_t at, MathEnds& out) {
  for (const MathEnd& end : ends<&MathParser::plus_minus>(at)) emit(out, end.at, end.node);
  for (const MathEnd& end : ends<&MathParser::set_atom>(at)) emit(out, end.at, list_of({end.node}));
  if constexpr (kRelations) {
    for (const MathEnd& end : ends<&MathParser::relation>(at)) emit(out, end.at, list_of({end.node}));
  } else {
    for (const MathEnd& end : ends<&MathParser::expression>(at)) emit(out, end.at, list_of({end.node}));
  }
}

void MathParser::plus_minus(std::size_t at, MathEnds& out) {
  for (const MathEnd& left : ends<&MathParser::expression>(at)) {
    if (!is(left.at, T::kPlusMinus)) continue;
    for (const MathEnd& right : ends<&MathParser::expression>(left.at + 1))
      emit(out, right.at, list_of({math_add(left.node, right.node), math_add(left.node, math_negative(right.node))}));
  }
  if (is(at, T::kPlusMinus))
    for (const MathEnd& right : ends<&MathParser::expression>(at + 1))
      emit(out, right.at, list_of({math_negative(right.node), right.node}));
}

void MathParser::set_relation(std::size_t at, MathEnds& out) {
  for (const MathEnd& left : ends<&MathParser::symbol_list>(at)) {
    if (!is_any(left.at, {T::kIn, T::kNotIn, T::kAssign})) continue;
    const bool inside = !is(left.at, T::kNotIn);
    for (const MathEnd& right : ends<&MathParser::set_relation>(left.at + 1))
      emit(out, right.at, math_node(MathKind::kRelation, {left.node, right.node}, inside ? "=" : "not in"));
  }
  // A statement that a set is part of another is true or false, which no answer is.
  for (const MathEnd& left : ends<&MathParser::set_difference>(at)) {
    if (is_any(left.at, {T::kSubset, T::kSuperset}))
      for (const MathEnd& right : ends<&MathParser::set_difference>(left.at + 1)) emit(out, right.at, math_failed());
    emit(out, left.at, left.node);
  }
}

void MathParser::set_difference(std::size_t at, MathEnds& out) {
  chain<&MathParser::set_union>(
      at, out, [&](std::size_t place) { return is(place, T::kSetMinus); },
      [](std::size_t, const MathPtr& left, const MathPtr& right) {
        return math_node(MathKind::kComplement, {left, right});
      });
}

void MathParser::set_union(std::size_t at, MathEnds& out) {
  chain<&MathParser::set_intersection>(
      at, out, [&](std::size_t place) { return is(place, T::kUnion); },
      [](std::size_t, const MathPtr& left, const MathPtr& right) {
        return math_node(MathKind::kUnion, {set_of_tuple(left), set_of_tuple(right)});
      });
}

void MathParser::set_intersection(std::size_t at, MathEnds& out) {
  chain<&MathParser::set_group>(
      at, out, [&](std::size_t place) { return is(place, T::kIntersection); },
      [](std::size_t, const MathPtr& left, const MathPtr& right) {
        return math_node(MathKind::kIntersection, {set_of_tuple(left), set_of_tuple(right)});
      });
}

void MathParser::set_group(std::size_t at, MathEnds& out) {
  enclosed<&MathParser::set_difference>(at, T::kLeftParenthesis, T::kRightParenthesis, out,
                                        [](const MathPtr& node) { return node; });
  for (const MathEnd& end : ends<&MathParser::set_atom>(at)) emit(out, end.at, end.node);
}

void MathParser::set_atom(std::size_t at, MathEnds& out) {
  for (const MathEnd& end : ends<&MathParser::interval>(at)) emit(out, end.at, end.node);
  const std::pair<T, const char*> named[] = {{T::kNaturals, "Naturals"},   {T::kIntegers, "Integers"},
                                             {T::kRationals, "Rationals"}, {T::kReals, "Reals"},
                                             {T::kComplexes, "Complexes"}, {T::kEmptySet, "Empty"}};
  for (const auto& [kind, name] : named)
    if (is(at, kind)) emit(out, at + 1, math_node(MathKind::kNamedSet, {}, name));
  if (is(at, T::kPrimes)) emit(out, at + 1, math_failed());
  if (is(at, T::kLeftBrace) && is(at + 1, T::kRightBrace))
    emit(out, at + 2, math_node(MathKind::kNamedSet, {}, "Empty"));

  const auto tuple = [](const MathPtr& lists) {
    if (lists->kind == MathKind::kFailed) return lists;
    std::vector<MathPtr> elements = flattened(*lists);
    return elements.size() == 1 ? elements[0] : math_node(MathKind::kTuple, std::move(elements));
  };
  constexpr auto kElements = &MathParser::semicolon_elements<true>;
  enclosed<kElements>(at, T::kLeftParenthesis, T::kRightParenthesis, out, tuple);
  enclosed<kElements>(at, T::kLeftParenthesisVisual, T::kRightParenthesisVisual, out, tuple);
  enclosed<kElements>(at, T::kLeftBracket, T::kRightBracket, out, tuple);
  const auto set = [](const MathPtr& lists) {
    return lists->kind == MathKind::kFailed ? lists : math_set(flattened(*lists));
  };
  enclosed<kElements>(at, T::kLeftBrace, T::kRightBrace, out, set);
  enclosed<kElements>(at, T::kLeftBraceVisual, T::kRightBraceVisual, out, set);
  if (is(at, T::kBoxed)) enclosed<kElements>(at + 1, T::kLeftBrace, T::kRightBrace, out, element_or_set);
}

void MathParser::interval(std::size_t at, MathEnds& out) {
  if (!is_any(at, {T::kLeftBracket, T::kLeftParenthesis, T::kLeftParenthesisVisual, T::kLeftBrack, T::kLeftGroup}))
    return;
  const bool left_open = is_any(at, {T::kLeftParenthesis, T::kLeftParenthesisVisual, T::kLeftGroup});
  for (const MathEnd& from : ends<&MathParser::expression>(at + 1)) {
    if (!is(from.at, T::kComma)) continue;
    for (const MathEnd& to : ends<&MathParser::expression>(from.at + 1)) {
      if (!is_any(to.at,
                  {T::kRightBracket, T::kRightParenthesis, T::kRightParenthesisVisual, T::kRightBrack, T::kRightGroup}))
        continue;
      const bool right_open = is_any(to.at, {T::kRightParenthesis, T::kRightParenthesisVisual, T::kRightGroup});
      emit(out, to.at + 1, make_interval(left_open, right_open, from.node, to.node));
    }
  }
}

void MathParser::relation(std::size_t at, MathEnds& out) {
  chain<&MathParser::expression>(
      at, out,
      [&](std::size_t place) {
        return is_any(place, {T::kIn, T::kApproximately}) ||
               (place < words_.size() && relation_name(words_[place].kind) != nullptr);
      },
      [&](std::size_t place, const MathPtr& left, const MathPtr& right) {
        if (left->kind == MathKind::kFailed || right->kind == MathKind::kFailed) return math_failed();
        // About equal: the exact side, or what a letter stands for.
        if (is(place, T::kApproximately)) return only_symbols(*left) ? right : left;
        if (is(place, T::kIn)) return math_failed();
        return relation_node(relation_name(words_[place].kind), left, right);
      });
}

MathPtr parse_math(std::string_view latex, bool real) {
  MathWords words = math_words(latex);
  if (!words.complete) return math_failed();
  if (words.words.size() > kMaxWords) throw MathUndecided();
  // 1,234 is a number, 1, 234 two of them.
  if (const std::optional<MathPtr> number = number_with_thousands(latex)) return *number;
  return MathParser(std::move(words), real).parse();
}

}  // namespace ballot
