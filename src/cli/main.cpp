// The program: finds the command, parses its options, runs it, and is the only place that prints results and errors and
// ends the process.
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>

#include "cli/command.h"
#include "cli/config_file.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/log.h"
#include "core/strict_yaml.h"
#include "core/suggest.h"
#include "core/terminal.h"
#include "core/version.h"
#include "engine/engine.h"

namespace ballot {

const std::string& Context::require_out() const {
  if (out.empty()) throw Error(ErrorKind::kUsage, "--out is missing", "name the artefact to write: --out PATH");
  return out;
}

namespace {

void print_map(const std::vector<Command>& all) {
  fmt::print(
      "ballot {}: which annotation format should you collect, what does it cost, what does it do to the reward "
      "signal\n\n"
      "usage: ballot COMMAND [OPTIONS] [INPUT...]\n\n",
      version());
  for (const Command& command : all) fmt::print("  {:<12} {}\n", command.name, command.summary);
  fmt::print(
      "\n`ballot COMMAND --help` tells each command's options, with examples. A whole study: ballot run "
      "studies/demo.yaml --out DIR\n");
}

void on_signal(int) {
  if (interrupt_requested()) ::_exit(130);  // asked twice: at once
  request_interrupt();
}

int report(const Error& error) {
  fmt::print(stderr, "{}: {}\n", error.kind() == ErrorKind::kInterrupted ? "interrupted" : "error", error.message());
  if (!error.next().empty()) fmt::print(stderr, "next: {}\n", error.next());
  return error.exit_code();
}

int run(const Command& command, std::vector<std::string> arguments) {
  Context context;
  context.arguments = arguments;
  CLI::App app(command.summary, "ballot " + command.name);
  app.footer("Examples:\n" + command.examples);
  app.option_defaults()->always_capture_default(false);
  const CommandRun body = command.set_up(app);
  app.add_option("--out", context.out, "the artefact to write (file or folder)")->group("Common options");
  app.add_flag("--force", context.force, "start over where --out exists")->group("Common options");
  app.add_option("--seed", context.seed, "default 0")->group("Common options");
  app.add_option("--threads", context.threads, "default: the cores this process may use")
      ->check(CLI::NonNegativeNumber)
      ->group("Common options");
  app.add_option("--device", context.device, "auto, cpu, cuda or cuda:N (default auto)")->group("Common options");
  app.add_option("--dtype", context.dtype, "type of computation: fp32 or bf16 (default fp32 on CPU)")
      ->check(CLI::IsMember({"fp32", "bf16"}))
      ->group("Common options");
  app.add_flag("--json", context.json, "one JSON object with the results on stdout")->group("Common options");
  app.add_flag("--quiet", context.quiet, "no progress")->group("Common options");
  app.add_flag("-v", context.verbose, "more talk; twice: still more")->group("Common options");
  std::string config;
  app.add_option("--config", config, "a YAML file with any long option as a key; the command line wins")
      ->group("Common options");
  try {
    arguments = with_config_file(app, arguments);
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return 0;
  } catch (const CLI::ParseError& error) {
    std::string message = error.what();
    if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
      std::vector<std::string> known;
      for (const CLI::Option* option : app.get_options())
        for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
      for (const std::string& argument : context.arguments)
        if (argument.starts_with("--") &&
            std::find(known.begin(), known.end(), argument.substr(0, argument.find('='))) == known.end())
          if (const std::string near = nearest(argument.substr(0, argument.find('=')), known); !near.empty())
            message += fmt::format("; did you mean '{}'?", near);
    }
    fmt::print(stderr, "error: ballot {}: {}\nnext: ballot {} --help\n", command.name, message, command.name);
    return 2;
  }
  set_log_level(context.quiet          ? LogLevel::kOff
                : context.verbose >= 2 ? LogLevel::kDebug
                : context.verbose == 1 ? LogLevel::kInfo
                                       : LogLevel::kWarning);
  StreamProgress progress(stderr);
  context.progress = context.quiet ? &silent_progress() : &progress;
  set_engine_threads(static_cast<int>(context.threads));
  const CommandResult result = body(context);
  const std::string& text = context.json ? result.json : result.text;
  errno = 0;
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!text.empty() && text.back() != '\n') std::fputc('\n', stdout);
  // `ballot inspect FILE | head`: a reader that has seen enough is no error; the work was done.
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (!written && errno != EPIPE) throw failed("cannot write to stdout");
  return 0;
}

int main_of(int argc, char** argv) {
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is a failed write, told like a full disk
  const std::vector<Command> all = commands();
  const std::string name = argc > 1 ? argv[1] : "";
  if (name.empty() || name == "--help" || name == "-h" || name == "help") {
    print_map(all);
    return 0;
  }
  if (name == "--version" || name == "version") {
    fmt::print("ballot {}{}\n", version(), commit().empty() ? "" : " (" + commit() + ")");
    return 0;
  }
  for (const Command& command : all)
    if (command.name == name) return run(command, {argv + 2, argv + argc});
  std::vector<std::string> names;
  for (const Command& command : all) names.push_back(command.name);
  fmt::print(stderr, "error: unknown command '{}'{}\nnext: ballot --help\n", printable(name),
             did_you_mean(name, names));
  return 2;
}

}  // namespace
}  // namespace ballot

int main(int argc, char** argv) {
  try {
    return ballot::main_of(argc, argv);
  } catch (const ballot::Error& error) {
    return ballot::report(error);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr,
               "error: out of memory\nnext: fewer --threads, smaller batches (--tokens-per-microbatch), or a larger "
               "machine\n");
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\nnext: this is a fault of Ballot; run again with -v -v and report it\n",
               error.what());
    return 1;
  }
}
