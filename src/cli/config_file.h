// `--config FILE.yaml`: any long option as a key; what stands on the command line wins.
#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ballot {

/// The arguments, with those of the --config file (if any) that the command line does not give put before them. Throws
/// Error (usage) with line, column and the nearest option on a key that the command does not have.
std::vector<std::string> with_config_file(const CLI::App& app, const std::vector<std::string>& arguments);

}  // namespace ballot
