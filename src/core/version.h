// What this binary is.
#pragma once
#include <filesystem>
#include <string>

namespace ballot {

std::string version();  ///< "0.1.0"
std::string commit();   ///< the twelve first digits of the commit it was configured from, may be empty
/// The folder of the parts that the set-up fetched: $BALLOT_DEPS, else the one installed with the program, else the one
/// it was built with.
std::filesystem::path deps_folder();
/// A model as the user names it: a folder or GGUF file; `deps:NAME` (fetched by the set-up); or a hub name found in the
/// local hub cache (owner/name[@revision]). Throws Error (input) saying where it looked.
std::filesystem::path find_model(const std::string& name);
/// The snapshot folder of a hub repository in the local cache ($HF_HUB_CACHE, $HF_HOME/hub, ~/.cache/huggingface/hub);
/// `kind` is "models" or "datasets". Empty where it is not there.
std::filesystem::path hub_snapshot(const std::string& kind, const std::string& name,
                                   const std::string& revision = "main");

}  // namespace ballot
