// Going on in a folder that was begun, or finished, for fewer ballots: the journal's answers stay what they are, since
// an item's id follows from its content.
#pragma once
#include <filesystem>
#include <functional>

#include "core/manifest.h"

namespace ballot {

/// To be called before begin_folder(). Where `folder` was made with the parameters of `now` but another limit of
/// prompts or another pool, it is unfinished again, under the parameters of `now`:
///   - an unfinished folder with any other limit, a finished one with a larger limit (0: all);
///   - another pool where `pool_has_all` says that it still holds every ballot answered so far.
/// Otherwise nothing changes, and begin_folder() says what differs.
void reopen_folder(const std::filesystem::path& folder, const Manifest& now, const std::function<bool()>& pool_has_all);

}  // namespace ballot
