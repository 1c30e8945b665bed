// The distribution over a ballot's labels, from the log-probabilities of the token in which the judge wrote its label.
#pragma once
#include <vector>

#include "formats/format.h"
#include "judges/chat_answer.h"

namespace ballot {

/// For formats whose label is one letter or one digit (BINARY, SINGLE): the probabilities of all labels in their order,
/// scaled to a sum of 1; spellings of the same label ("A", " A", "**A") are added up. Empty where the label's token
/// cannot be found, where alternatives were not given, and for other formats.
std::vector<double> label_probabilities(const Format& format, std::size_t shown, const ChatAnswer& answer);

}  // namespace ballot
