// A command of the program: its name, its help, its options and what it does. One file a command; commands.cpp is the
// table.
//
//   Command pool_command() {
//     return {"pool", "Take k of the ranked completions of each prompt",
//             "ballot pool ranked.jsonl --out pool.parquet\n",
//             [](CLI::App& app) {
//               auto options = std::make_shared<PoolOptions>();
//               add_options(app, *options);                       // from visit_options: one description for all uses
//               app.add_option("SOURCE", options->sources, "files or folders")->required();
//               return [options](Context& context) -> CommandResult { ... };
//             }};
//   }
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/options.h"
#include "core/progress.h"

namespace CLI {
class App;
}

namespace ballot {

/// The options that every command has (interface.md §1).
struct Context {
  std::string out;
  bool force = false;
  std::int64_t seed = 0;
  std::int64_t threads = 0;  ///< 0: the cores this process may use
  std::string device = "auto", dtype;
  bool json = false, quiet = false;
  int verbose = 0;
  Progress* progress = nullptr;        ///< never null while a command runs
  std::vector<std::string> arguments;  ///< the command line, for the manifest

  const std::string& require_out() const;  ///< throws Error (usage) where --out was not given
};

struct CommandResult {
  std::string json = "{}";  ///< the object that --json prints
  std::string text;         ///< what a person reads on stdout otherwise
};

using CommandRun = std::function<CommandResult(Context&)>;

struct Command {
  std::string name, summary;
  std::string examples;  ///< two or three lines that run as printed; the end of --help
  std::function<CommandRun(CLI::App&)> set_up;
};

/// Every command in the order of the pipeline.
std::vector<Command> commands();

/// Adds each option that visit_options describes as --name to the command's app. The struct must outlive the app's
/// parse.
class OptionsToCli : public OptionVisitor {
 public:
  explicit OptionsToCli(CLI::App& app) : app_(app) {}
  void operator()(const OptionInfo&, bool&) override;
  void operator()(const OptionInfo&, std::int64_t&) override;
  void operator()(const OptionInfo&, double&) override;
  void operator()(const OptionInfo&, std::string&) override;
  void operator()(const OptionInfo&, std::vector<std::string>&) override;
  void operator()(const OptionInfo&, std::vector<std::int64_t>&) override;
  void operator()(const OptionInfo&, std::vector<double>&) override;
  void operator()(const OptionInfo&, std::optional<std::int64_t>&) override;
  void operator()(const OptionInfo&, std::optional<double>&) override;
  void operator()(const OptionInfo&, std::optional<std::string>&) override;

 private:
  template <class T>
  void add(const OptionInfo& info, T& value);
  CLI::App& app_;
};

template <class Options>
void add_options(CLI::App& app, Options& options) {
  OptionsToCli visitor(app);
  visit_options(visitor, options);
}

}  // namespace ballot
