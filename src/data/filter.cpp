#include "data/filter.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "core/version.h"
#include "data/sft.h"
#include "data/sources.h"
#include "text/language.h"
#include "text/tokenizer.h"

namespace ballot {
namespace {

constexpr std::int64_t kFilterVersion = 1;
constexpr std::size_t kChunk = 2048;  // rows judged at a time, on all cores

struct Candidate {
  std::string file;
  std::int64_t number = 0;
  SftRow row;
  std::string field, reason, message;
};

class Judge {
 public:
  explicit Judge(const FilterOptions& options) : options_(options) {
    for (const std::string& name : options.tokenizers) {
      tokenizers_.push_back(Tokenizer::from_folder(find_model(name)));
      if (!tokenizers_.back().has_chat_template()) tokenizers_.back().set_chat_template(std::string(kChatMlTemplate));
    }
  }

  void judge(Candidate& c) const {
    const Conversation& turns = c.row.messages;
    if (options_.single_turn) {
      const std::size_t first = !turns.empty() && turns[0].role == "system" ? 1 : 0;
      if (turns.size() != first + 2 || turns[first].role == "assistant" || turns[first + 1].role == "user") {
        c.field = "messages", c.reason = "multi_turn",
        c.message =
            fmt::format("{} turns after the system turn, wanted a user's and an assistant's", turns.size() - first);
        return;
      }
    }
    if (!options_.language.empty()) {
      std::string said;
      for (const Message& turn : turns)
        if (turn.role == "user" || turn.role.empty()) {
          said = turn.content;
          break;
        }
      const std::string found = language_of(said);
      if (found != options_.language && found != "und") {
        c.field = "messages", c.reason = options_.language == "en" ? "not_english" : "not_" + options_.language;
        c.message = fmt::format("the user's turn is in '{}'", found);
        return;
      }
    }
    if (options_.max_tokens > 0)
      for (std::size_t t = 0; t < tokenizers_.size(); ++t) {
        const auto length = static_cast<std::int64_t>(tokenizers_[t].conversation_ids(turns).size());
        if (length > options_.max_tokens) {
          c.field = "messages", c.reason = "too_long",
          c.message = fmt::format("{} tokens in {}", length, options_.tokenizers[t]);
          return;
        }
      }
  }

 private:
  const FilterOptions& options_;
  std::vector<Tokenizer> tokenizers_;
};

}  // namespace

void visit_options(OptionVisitor& visit, FilterOptions& o) {
  visit({"language", "keep rows whose user speaks it, such as en (default: any)"}, o.language);
  visit({"single-turn", "keep rows with one question and one answer"}, o.single_turn);
  visit({"max-tokens", "of the rendered conversation, in every tokenizer given (0: no limit)"}, o.max_tokens);
  visit({"tokenizer", "folder with tokenizer files (several allowed)"}, o.tokenizers);
  visit({"max-rows", "the first so many that pass (0: all)"}, o.max_rows);
}

FilterSummary filter_sft(const std::vector<std::string>& sources, const std::filesystem::path& out,
                         const FilterOptions& options, int threads, RejectLog& rejects, Progress& progress) {
  const auto began = std::chrono::steady_clock::now();
  if (options.max_tokens > 0 && options.tokenizers.empty())
    throw Error(ErrorKind::kUsage, "--max-tokens counts tokens, and no --tokenizer says which",
                "--tokenizer MODEL_DIR, once for every model of the study");
  const Judge judge(options);
  Manifest manifest;
  manifest.stage = "filter";
  manifest.stage_version = kFilterVersion;
  manifest.parameters = options_json(options, true);
  manifest.started = utc_now();
  for (const std::string& source : sources) manifest.inputs.push_back(describe_input("source", source));
  FilterSummary summary;
  SftWriter writer(out);
  std::vector<Candidate> chunk;
  progress.start("filter", 0, "rows");
  const auto judge_chunk = [&] {
    check_interrupt("run the same command again");
    parallel_for(chunk.size(), threads, [&](std::size_t i) { judge.judge(chunk[i]); });
    for (Candidate& c : chunk) {
      if (c.reason.empty() && options.max_rows > 0 && summary.kept >= options.max_rows)
        c.field = "", c.reason = "beyond_max_rows", c.message = "enough rows have passed";
      if (c.reason.empty()) {
        writer.write(c.row);
        ++summary.kept;
        ++summary.by_source[c.row.source]["kept"];
      } else {
        ++summary.by_source[c.row.source][c.reason];
        rejects.filter({c.file, c.number, c.field, c.reason, c.message});
      }
    }
    progress.update(summary.kept, fmt::format("{} kept", human_count(summary.kept)));
    chunk.clear();
  };
  summary.read =
      for_each_sft_row(resolve_sources(sources), rejects, [&](const SourceFile& file, std::int64_t number, SftRow row) {
        chunk.push_back({file.name, number, std::move(row), "", "", ""});
        if (chunk.size() == kChunk) judge_chunk();
      });
  judge_chunk();
  progress.finish(fmt::format("{} kept", human_count(summary.kept)));
  if (summary.kept == 0)
    throw Error(ErrorKind::kInput,
                fmt::format("no row of {} passes the filter ({})", sources.front(), rejects.summary()),
                "loosen it, or look at the rejects");
  writer.commit();
  Json facts = {
      {"read", summary.read}, {"kept", summary.kept}, {"by_source", summary.by_source}, {"rejects", rejects.to_json()}};
  manifest.facts = facts.dump();
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  write_manifest(out, manifest);
  return summary;
}

}  // namespace ballot
