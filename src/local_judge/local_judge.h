// A language model in this process as a judge.
//
// A small model's free text is not worth its tokens, so it writes none: behind the ballot stands the beginning of the
// answer line
// ("Preference:"), and at each label the choice is made among the tokens of the allowed words alone (as a grammar would
// have it): a letter, then a magnitude; a score; a ranking letter by letter without replacement. A choice is drawn by
// the study's sampling fields from the request's seed, or is the most probable word at temperature 0. The answer is the
// line itself, which the same parser reads; its transport is "structured".
//
// `probabilities` is the model's distribution over the labels at temperature 1: over the letters shown; for letter and
// magnitude over all pairs of them, letter by letter (A0, A1, A2, B0, ...); over the steps of a rating. A ranking has
// none.
//
// What ballots share is computed once: the system turn once, the conversation once a prompt, a first completion once
// for all ballots that begin with it (models/generate.h). All ballots of a prompt are computed together, and nothing
// but the system turn outlasts them: an answer depends on its prompt's ballots alone, and a resumed run gives the same
// bits on the same machine and threads.
#pragma once
#include <memory>

#include "core/progress.h"
#include "local_judge/options.h"

namespace ballot {

/// Throws Error (input) where the model is not there or has no chat template (none is guessed), (failed) on a device or
/// type that this machine cannot use.
std::unique_ptr<Judge> make_local_judge(const LocalJudgeOptions& options, Progress& progress);

}  // namespace ballot
