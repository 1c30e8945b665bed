// Reading the value of one label field from plain text: a letter, a whole number or its word, an order of letters.
//
// A reader is given what stands behind the field's name ("A (slightly better)", "4 out of 5", "C > A = E > B > D") and
// says what it took it for. It never guesses: two letters, a number between two steps or an order with a letter too
// many are told as such.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/format.h"

namespace ballot {

struct FieldValue {
  enum class State {
    kNone,  ///< nothing that the field could mean
    kOk,
    kTie,          ///< says that neither is better where a letter was asked for
    kConflicting,  ///< two different answers
    kOutOfRange,   ///< a letter, number or order that the ballot does not have
    kIncomplete,   ///< a ranking that lacks a letter
  };
  State state = State::kNone;
  std::optional<int> choice;
  std::optional<int> number;
  std::vector<std::vector<int>> ranking;
  std::optional<int> magnitude;  ///< said in brackets behind a letter: "A (2)"
  std::string repair;            ///< the rule that was needed; empty: the value stood there as asked for
  std::string_view rest;         ///< what follows the value
  bool whole() const;            ///< nothing but punctuation follows

  bool operator==(const FieldValue& other) const {
    return state == other.state && choice == other.choice && number == other.number && ranking == other.ranking;
  }
};

/// `magnitude`: the format's magnitude field, so that one in brackets is read; may be null. `ties`: the words that say
/// "neither" where the format allows it: kOk without a choice.
FieldValue read_choice(std::string_view text, std::size_t shown, const LabelField* magnitude = nullptr,
                       const std::vector<std::string>& ties = {});
FieldValue read_number(std::string_view text, const LabelField& field);
/// `infer_last`: one missing letter is taken for the last.
FieldValue read_ranking(std::string_view text, std::size_t shown, bool infer_last = false);
FieldValue read_field(std::string_view text, const LabelField& field, std::size_t shown,
                      const LabelField* magnitude = nullptr, bool infer_last = false);

/// Groups of places from pairs of (place, rank): equal ranks are ties. kOutOfRange where a place or rank repeats or is
/// not there, kIncomplete where a place lacks.
FieldValue ranking_from_ranks(const std::vector<std::pair<int, int>>& place_rank, std::size_t shown);

/// "2. Completion C", "| 1 | C |", "C: 1", "Rank 2 - C": place and rank of a line of a list.
std::optional<std::pair<int, int>> read_list_entry(std::string_view line);

/// True where a letter of the ballot other than `place` stands in the text as a word of its own.
bool names_another(std::string_view text, int place, std::size_t shown);

/// True where the words at the start of `text` are `phrase` in any case, with a word's end behind them.
bool starts_with_words(std::string_view text, std::string_view phrase);

}  // namespace ballot
