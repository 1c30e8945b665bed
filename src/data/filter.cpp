#include "data/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "core/version.h"
#include "data/preferences.h"
#include "data/sft.h"
#include "data/sources.h"
#include "text/language.h"
#include "text/tokenizer.h"

namespace ballot {
namespace {

constexpr std::int64_t kFilterVersion = 1;
constexpr std::int64_t kDay = 1'721'952'000;  // 26 July 2024, the date that published templates fall back to
constexpr std::size_t kChunk = 2048;          // rows judged at a time, on all cores

struct Candidate {
  std::string file;
  std::int64_t number = 0;
  SftRow row;
  std::string field = {}, reason = {}, message = {};
  bool bad = false;  ///< not only outside the filter: no row that could be used
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
    for (const std::string& name : options_.exclude_sources)
      if (c.row.source.find(name) != std::string::npos)
        return leave_out(c, "source", "excluded_source", fmt::format("the source's name holds '{}'", name));
    if (options_.on_control_tokens == "reject" && holds_control_token(c)) return;
    if (options_.single_turn) {
      const std::size_t first = !turns.empty() && turns[0].role == "system" ? 1 : 0;
      if (turns.size() != first + 2 || turns[first].role == "assistant" || turns[first + 1].role == "user")
        return leave_out(
            c, "messages", "multi_turn",
            fmt::format("{} turns after the system turn, wanted a user's and an assistant's", turns.size() - first));
    }
    if (!options_.language.empty()) {
      const auto said = std::find_if(turns.begin(), turns.end(), [](const Message& turn) {
        return turn.role == "user" || turn.role == kPlainTextRole;
      });
      const std::string found = said == turns.end() ? "und" : language_of(said->content);
      if (found != options_.language && found != "und")
        return leave_out(c, "messages", options_.language == "en" ? "not_english" : "not_" + options_.language,
                         fmt::format("the user's turn is in '{}'", found));
    }
    if (options_.max_tokens == 0) return;
    for (std::size_t t = 0; t < tokenizers_.size(); ++t) {
      try {
        const std::int64_t length = rendered_length(tokenizers_[t], turns);
        if (length > options_.max_tokens)
          return leave_out(c, "messages", "too_long", fmt::format("{} tokens in {}", length, options_.tokenizers[t]));
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::kInput) throw;
        return leave_out(c, "messages", "template_refused",
                         fmt::format("{}: {}", options_.tokenizers[t], error.message()));
      }
    }
  }

 private:
  static void leave_out(Candidate& c, std::string field, std::string reason, std::string message) {
    c.field = std::move(field);
    c.reason = std::move(reason);
    c.message = std::move(message);
  }

  bool holds_control_token(Candidate& c) const {
    for (std::size_t i = 0; i < c.row.messages.size(); ++i) {
      const std::string& text = c.row.messages[i].content;
      std::optional<std::string> found;
      for (const char* mark : {"<|im_start|>", "<|im_end|>"})
        if (!found && text.find(mark) != std::string::npos) found = mark;
      for (const Tokenizer& tokenizer : tokenizers_)
        if (!found) found = tokenizer.find_special(text);
      if (!found) continue;
      leave_out(c, fmt::format("messages[{}].content", i), "control_token",
                fmt::format("the text holds '{}', which would become a control token", *found));
      c.bad = true;
      return true;
    }
    return false;
  }

  static std::int64_t rendered_length(const Tokenizer& tokenizer, const Conversation& turns) {
    if (!turns.empty() && turns[0].role == kPlainTextRole) {
      std::string text;
      for (const Message& part : turns) text += part.content;
      return static_cast<std::int64_t>(tokenizer.encode(text, true).size());
    }
    ChatTemplateOptions at_a_fixed_day;
    at_a_fixed_day.now = kDay;
    return static_cast<std::int64_t>(tokenizer.encode(tokenizer.chat_template().render(turns, at_a_fixed_day)).size());
  }

  const FilterOptions& options_;
  std::vector<Tokenizer> tokenizers_;
};

}  // namespace

void visit_options(OptionVisitor& visit, FilterOptions& o) {
  visit({"language", "keep rows whose user speaks it, such as en (default: any)"}, o.language);
  visit({"exclude-sources", "leave out rows whose source's name holds one of these, such as aya (several: A,B)"},
        o.exclude_sources);
  visit({"single-turn", "keep rows with one question and one answer"}, o.single_turn);
  visit({"max-tokens", "of the rendered conversation, in every tokenizer given (0: no limit)"}, o.max_tokens);
  visit({"tokenizer", "folder with tokenizer files (several allowed)"}, o.tokenizers);
  visit({"max-rows", "the first so many that pass (0: all)"}, o.max_rows);
  visit({"on-control-tokens", "rows whose text holds the text of a control token", {"reject", "encode"}},
        o.on_control_tokens);
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
  const std::vector<SourceFile> files = resolve_sources(sources);
  for (const SourceFile& file : files) manifest.inputs.push_back({"source", file.name, content_sha256(file.path)});
  FilterSummary summary;
  remove_stale_temporaries(out.has_parent_path() ? out.parent_path() : std::filesystem::path("."));
  SftWriter writer(out);
  std::vector<Candidate> chunk;
  std::int64_t judged = 0;
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
        Reject reject{c.file, c.number, c.field, c.reason, c.message};
        c.bad ? rejects.add(std::move(reject)) : rejects.filter(std::move(reject));
      }
    }
    judged += static_cast<std::int64_t>(chunk.size());
    progress.update(judged, fmt::format("{} kept", human_count(summary.kept)));
    chunk.clear();
  };
  summary.read = for_each_sft_row(files, rejects, [&](const SourceFile& file, std::int64_t number, SftRow row) {
    chunk.push_back({file.name, number, std::move(row)});
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
