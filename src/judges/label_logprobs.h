// The distribution over a ballot's labels, from the log-probabilities of the tokens in which the judge wrote its label.
#pragma once
#include <vector>

#include "formats/format.h"
#include "judges/chat_answer.h"

namespace ballot {

/// The probabilities of Format::labels() in their order, their sum 1. Each field of the answer ("Preference: B",
/// "\"magnitude\": 2") is looked up in the token stream, and the alternatives of the token in which its word begins are
/// scaled to a sum of 1 over the field's words; spellings of the same word ("A", " A", "**A") are added up.
///
/// Of several fields the label's probability is the product. A server shows one answer: how it would have gone on after
/// the other letter is not seen, so a later field counts as distributed alike whatever stands before it (a model in
/// process is asked for every letter in turn, and needs no such assumption).
///
/// Empty where a field's token cannot be found or has no alternatives; where two words of a field begin alike ("1",
/// "10"), so that one token does not tell them apart; and for listwise formats, whose labels are orders.
std::vector<double> label_probabilities(const Format& format, std::size_t shown, const ChatAnswer& answer);

}  // namespace ballot
