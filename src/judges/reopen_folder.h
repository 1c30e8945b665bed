// Going on in a folder that was begun, or finished, for fewer ballots: the journal's answers stay what they are, since
// an item's id follows from its content.
#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "core/manifest.h"

namespace ballot {

/// To be called before begin_folder(). Where `folder` was made with the parameters of `now` but another limit of
/// prompts or another pool, it is unfinished again, under the parameters of `now`:
///   - an unfinished folder with any other limit, a finished one with a larger limit (0: all);
///   - another pool where `pool_has_all` says that it still holds every ballot answered so far.
/// Otherwise nothing changes, and begin_folder() says what differs.
void reopen_folder(const std::filesystem::path& folder, const Manifest& now, const std::function<bool()>& pool_has_all);

/// The same for a study, whose source, pool and limits may change in any way under answers that were paid for; to be
/// called before begin_folder(), which then always goes on or begins anew:
///   - a folder with the parameters of `now` but for pool and limit is unfinished again, whichever pool and limit it
///     had, and a finished one of the very same parameters, too (the annotations are then written again);
///   - a folder of other parameters (another format, judge, sampling, seed) is moved aside, to "FOLDER.other-N", and
///     one that was moved aside before and has the parameters of `now` comes back. No answer is ever thrown away.
/// Returns what was moved, for people; empty: nothing. A lock on `folder` must be taken again where it is not empty.
std::string take_up_folder(const std::filesystem::path& folder, const Manifest& now);

}  // namespace ballot
