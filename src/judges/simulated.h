// Judges without a model, for rehearsing a study and for tests of everything behind them: they answer in text, as a
// model would, and go through the same parser, journal and diagnostics.
//
// The noise model. A completion of source rank r (of k judged ones, 1 best) has the quality q = -(r - mean) / sd over
// the prompt's judged completions. On a ballot the judge perceives
//     u = q + prompt_noise · Z(prompt, completion) + call_noise · Z(call, completion)
//           + position_bias · [shown first] + length_preference · (ln characters, standardised over the prompt's
//           completions)
// Z are standard normal draws. The first belongs to the judge's opinion of the completion and is the same on every
// ballot (and in every format); the second is drawn anew for each call. A pairwise ballot prefers the larger u; the
// magnitude is 0 below `tie_width`, 2 above `much_width`; a rating cuts u from -1.6 to 1.6 into equal steps; a ranking
// sorts u and, with probability `equal_signs`, writes neighbours closer than tie_width with '='. A share `unparsable`
// of the answers is text without a label, a share `refused` a refusal (four times as often where the prompt is not
// good-natured), a share `truncated` breaks off. All draws come from the request's seed, so an answer does not depend
// on which others were asked.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "judges/judge.h"

namespace ballot {

struct Voter {
  std::string name;
  double prompt_noise = 0.5, call_noise = 0.4, position_bias = 0.1, length_preference = 0.05;
  double tie_width = 0.35, much_width = 1.4;
  double equal_signs = 0.02;
  double unparsable = 0.004, refused = 0.002, truncated = 0.002;
};

/// The voters by name: careful, noisy, position_biased, longwinded, random, perfect.
const std::vector<Voter>& voters();

/// Throws Error (usage) with the nearest name.
std::unique_ptr<Judge> make_simulated_judge(const std::string& voter);

}  // namespace ballot
