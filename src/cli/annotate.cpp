// `ballot annotate`: one format's ballots over a pool, by one judge.
#include "judges/annotate.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "core/error.h"
#include "core/terminal.h"
#include "judges/annotate_items.h"
#include "study/make_judge.h"

namespace ballot {
namespace {

/// The sampling fields of the defaults, then of the judge file, then of the command line, each where it names them.
Sampling chosen_sampling(const CLI::App& app, const JudgeSpec& spec, const Sampling& flags) {
  Json named = Json::parse(options_json(flags));
  for (auto field = named.begin(); field != named.end();) {
    std::string flag = "--" + field.key();
    std::replace(flag.begin(), flag.end(), '_', '-');
    field = app.get_option(flag)->count() == 0 ? named.erase(field) : std::next(field);
  }
  Sampling sampling = sampling_of(spec, Sampling());
  OptionsFromJson visitor(named, "the command line");
  visit_options(visitor, sampling);
  return sampling;
}

}  // namespace

Command annotate_command() {
  return {
      "annotate", "Have a judge answer a format's ballots; every answer is on disk before it counts",
      "  ballot annotate pool.parquet --format ranking --judge simulated:careful --out runs/ranking\n"
      "  ballot annotate pool.parquet --format binary --judge local:deps:smollm2-135m --limit 8 --out runs/binary\n"
      "  ballot annotate pool.parquet --format single --judge simulated:careful --dry-run\n"
      "  ballot annotate pool.parquet --format single --judge batch:batches#gpt-5 --out runs/single\n",
      [](CLI::App& app) -> CommandRun {
        struct Options {
          std::string pool, judge;
          AnnotateOptions annotate;
          Sampling sampling;
        };
        auto o = std::make_shared<Options>();
        app.add_option("POOL", o->pool, "pool.parquet")->required();
        app.add_option("--judge", o->judge,
                       "simulated:NAME, local:MODEL_DIR, openai:URL[,URL...]#MODEL, batch:DIR[#MODEL], or a YAML file")
            ->required();
        add_options(app, o->annotate);
        add_options(app, o->sampling);
        return [o, app = &app](Context& context) -> CommandResult {
          if (o->annotate.format.empty())
            throw Error(ErrorKind::kUsage, "--format is missing", "one of `ballot formats`, or a format file");
          if (!o->annotate.dry_run) context.require_out();
          const JudgeSpec spec = read_judge_spec(o->judge);
          const auto judge = make_judge(spec, chosen_sampling(*app, spec, o->sampling), *context.progress,
                                        context.device, context.dtype);
          if (o->annotate.dry_run) {
            const std::string text = annotate_dry_run(o->pool, *judge, o->annotate, context.seed);
            const Json json = Json::parse(text);
            return {text,
                    fmt::format("{} would be asked {} ballots of {} over {} prompts: about {} prompt tokens\n",
                                json["judge"].get<std::string>(), human_count(json["items"].get<std::int64_t>()),
                                json["format"].get<std::string>(), human_count(json["prompts"].get<std::int64_t>()),
                                human_count(json["prompt_tokens_estimate"].get<std::int64_t>()))};
          }
          const AnnotateSummary summary =
              annotate(o->pool, context.out, *judge, o->annotate, context.seed, context.force, *context.progress);
          CommandResult result;
          result.json = summary.json();
          if (summary.pending > 0) {
            result.text = fmt::format("{} of {} ballots have no answer yet. {}\n", human_count(summary.pending),
                                      human_count(summary.items), summary.message);
            return result;
          }
          if (!summary.estimate.empty()) {
            const Json e = Json::parse(summary.estimate);
            const auto range = [&](const char* key, const char* format) {
              return fmt::format("{} ({} to {})", fmt::format(fmt::runtime(format), e[key]["estimate"].get<double>()),
                                 fmt::format(fmt::runtime(format), e[key]["low"].get<double>()),
                                 fmt::format(fmt::runtime(format), e[key]["high"].get<double>()));
            };
            result.text = fmt::format(
                "pilot of {} prompts: the whole is {} ballots, {} tokens, cost {}\nThe same command without "
                "--pilot goes on from here.\n",
                o->annotate.pilot, human_count(e["items"].get<std::int64_t>()), range("tokens", "{:.0f}"),
                range("cost", "{:.2f}"));
            return result;
          }
          TextTable table{{"status", "ballots"}, {}, {false, true}};
          for (const auto& [status, count] : summary.statuses) table.rows.push_back({status, human_count(count)});
          std::string lost;
          for (const auto& [what, tokens] : summary.lost)
            if (tokens.tokens() > 0)
              lost += fmt::format(
                  "{}{} ({}{}) {}", lost.empty() ? "\nof these tokens " : ", ", human_count(tokens.tokens()),
                  human_count(tokens.count),
                  tokens.estimated > 0 ? fmt::format(", {} by estimate", human_count(tokens.estimated)) : "",
                  what == "failed_tries" ? "in tries that failed"
                  : what == "probe"      ? "to look at the servers"
                                         : "in answers without a label");
          std::string judged = summary.cached_tokens > 0
                                   ? fmt::format("; {:.0f}% of the prompt tokens came from the prefix cache",
                                                 100.0 * static_cast<double>(summary.cached_tokens) /
                                                     static_cast<double>(summary.prompt_tokens))
                                   : "";
          if (!summary.judge.empty()) {
            const Json counted = Json::parse(summary.judge);
            judged += fmt::format("\n{} structured", human_count(summary.structured));
            if (counted.contains("requests"))
              judged += fmt::format("; {} requests, {} of them again, {} in flight at most",
                                    human_count(counted["requests"].get<std::int64_t>()),
                                    human_count(counted["retries"].get<std::int64_t>()),
                                    human_count(counted["most_in_flight"].get<std::int64_t>()));
            if (counted.contains("faults"))
              for (const auto& [word, count] : counted["faults"].items())
                judged += fmt::format(", {} {}", count.get<std::int64_t>(), word);
          }
          result.text =
              fmt::format("{} ballots over {} prompts, {} usable; {} prompt and {} completion tokens{}{}\n\n{}\n{}\n",
                          human_count(summary.items), human_count(summary.prompts), human_count(summary.usable),
                          human_count(summary.prompt_tokens), human_count(summary.completion_tokens),
                          summary.cost > 0 ? fmt::format(", cost {:.2f}", summary.cost) : "", judged + lost,
                          render_plain(table), context.out);
          return result;
        };
      }};
}

}  // namespace ballot
