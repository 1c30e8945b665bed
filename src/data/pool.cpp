// make_pool: two passes, see pool.h.
#include "data/pool.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "data/ids.h"
#include "data/layouts.h"
#include "data/mapping.h"
#include "data/pool_file.h"
#include "data/pool_sources.h"
#include "data/spill.h"

namespace ballot {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kStageVersion = 1;

/// What the first pass keeps of a row: 64 bytes.
struct Candidate {
  std::array<char, 24> prompt_id;
  std::array<std::uint8_t, 16> content;  ///< hash of everything a row of the pool can come from
  std::uint64_t offset = 0;              ///< of its record in the spill file
  std::uint32_t size = 0;
  std::uint32_t file = 0;
  std::uint32_t row = 0;

  std::string id() const { return {prompt_id.data(), prompt_id.size()}; }
};

std::string pack(const RankedRow& row) {
  std::string bytes;
  Packer packer(bytes);
  packer.number(std::ssize(row.prompt));
  for (const Message& message : row.prompt) {
    packer.text(message.role);
    packer.text(message.content);
  }
  packer.number(std::ssize(row.completions));
  for (const Completion& completion : row.completions) {
    packer.text(completion.completion_id);
    packer.text(completion.text);
    packer.text(completion.model);
    packer.number(completion.source_rank);
  }
  packer.number(std::ssize(row.source));
  for (const std::string& source : row.source) packer.text(source);
  packer.number(row.good_natured ? *row.good_natured : -1);
  packer.number(row.score.has_value());
  double score = row.score.value_or(0);
  bytes.append(reinterpret_cast<const char*>(&score), sizeof score);
  return bytes;
}

RankedRow unpack(std::string_view bytes) {
  RankedRow row;
  Unpacker unpacker(bytes);
  row.prompt.resize(static_cast<std::size_t>(unpacker.number()));
  for (Message& message : row.prompt) {
    message.role = unpacker.text();
    message.content = unpacker.text();
  }
  row.completions.resize(static_cast<std::size_t>(unpacker.number()));
  for (Completion& completion : row.completions) {
    completion.completion_id = unpacker.text();
    completion.text = unpacker.text();
    completion.model = unpacker.text();
    completion.source_rank = static_cast<std::int32_t>(unpacker.number());
  }
  row.source.resize(static_cast<std::size_t>(unpacker.number()));
  for (std::string& source : row.source) source = unpacker.text();
  const std::int64_t good_natured = unpacker.number();
  if (good_natured >= 0) row.good_natured = good_natured != 0;
  const bool has_score = unpacker.number() != 0;
  const std::int64_t bits = unpacker.number();
  if (has_score) row.score = std::bit_cast<double>(bits);
  return row;
}

std::int32_t turns_of(const Conversation& prompt) {
  return static_cast<std::int32_t>(
      std::count_if(prompt.begin(), prompt.end(), [](const Message& message) { return message.role == "user"; }));
}

/// A source that counts fewer turns than the prompt's markers make has a user who typed "Human:"; where to split is not
/// known.
void check_turns(RankedRow& row) {
  const std::int32_t turns = turns_of(row.prompt);
  if (!row.turns || *row.turns == turns) return;
  RowProblem problem{"turns", "turns_mismatch", fmt::format("says {}, the prompt has {}", *row.turns, turns)};
  if (*row.turns < turns) throw problem;
  row.warnings.push_back(std::move(problem));
}

/// Orders and checks a whole row, takes the positions and gives ids. Identical completions are told apart by source
/// rank, among all of the source, so that ids do not depend on the positions. Returns the hash of the content.
std::array<std::uint8_t, 16> finish_row(RankedRow& row, const std::string& prompt_id, const PoolSource& source) {
  const std::int64_t answers = std::ssize(row.completions);
  for (const std::int64_t position : source.positions)
    if (position >= answers)
      throw RowProblem{"", "too_few_answers",
                       fmt::format("{} answer{}; position {} is asked for (--positions)", answers,
                                   answers == 1 ? "" : "s", position)};
  order_by_rank(row, *source.layout);
  Hasher hasher;
  hasher.field(prompt_id).field(answers);
  for (const Completion& c : row.completions) hasher.field(c.text).field(c.model).field(c.source_rank);
  hasher.field(std::ssize(row.source));
  for (const std::string& name : row.source) hasher.field(name);
  hasher.field(row.good_natured ? *row.good_natured : -1);
  const auto digest = hasher.digest();
  std::array<std::uint8_t, 16> content;
  std::copy_n(digest.begin(), content.size(), content.begin());

  std::vector<Completion> taken;
  const auto take = [&](std::size_t position) {
    Completion completion = row.completions[position];
    int twin = 0;
    for (std::size_t before = 0; before < position; ++before)
      twin += row.completions[before].text == completion.text && row.completions[before].model == completion.model;
    completion.completion_id = completion_id_of(prompt_id, completion.model, completion.text, twin);
    taken.push_back(std::move(completion));
  };
  if (source.positions.empty())
    for (std::size_t i = 0; i < row.completions.size(); ++i) take(i);
  else
    for (const std::int64_t position : source.positions) take(static_cast<std::size_t>(position));
  row.completions = std::move(taken);
  return content;
}

/// What one batch of rows gives; made on any thread, taken in order by one.
struct BatchResult {
  std::vector<Candidate> candidates;  ///< offsets count from the beginning of `records`
  std::string records;
  std::vector<Reject> rejects, warnings;
  std::int64_t rows = 0;
};

void use_row(const Row& row, std::uint32_t file, const PoolSource& source, BatchResult& result) {
  ++result.rows;
  const auto reject = [&](const RowProblem& problem) {
    result.rejects.push_back({source.file.name, row.row, problem.field, problem.reason, problem.message});
  };
  if (!row.reason.empty()) return reject({row.field, row.reason, row.message});
  try {
    RankedRow ranked = source.layout->read(row.value);
    check_turns(ranked);
    const std::string prompt_id = prompt_id_of(ranked.prompt);
    Candidate candidate;
    std::copy_n(prompt_id.begin(), candidate.prompt_id.size(), candidate.prompt_id.begin());
    if (source.layout->one_completion_a_row)
      candidate.content = {};
    else
      candidate.content = finish_row(ranked, prompt_id, source);
    const std::string record = pack(ranked);
    candidate.offset = result.records.size();
    candidate.size = static_cast<std::uint32_t>(record.size());
    candidate.file = file;
    candidate.row = static_cast<std::uint32_t>(row.row);
    result.records += record;
    result.candidates.push_back(candidate);
    for (const RowProblem& warning : ranked.warnings)
      result.warnings.push_back({source.file.name, row.row, warning.field, warning.reason, warning.message});
  } catch (const RowProblem& problem) {
    reject(problem);
  }
}

void check_options(const PoolOptions& options) {
  if (options.layout != "auto" && !is_mapping_file(options.layout)) find_layout(options.layout);
  if (options.prompts < 0) throw wrong_usage("--prompts is {}; wanted 0 (all) or more", options.prompts);
  if (!(options.held_out >= 0 && options.held_out < 1))
    throw wrong_usage("--held-out is {}; wanted a share from 0 to below 1", options.held_out);
  std::vector<std::int64_t> positions = options.positions;
  std::sort(positions.begin(), positions.end());
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (positions[i] < 0) throw wrong_usage("--positions holds {}; positions count from 0", positions[i]);
    if (i > 0 && positions[i] == positions[i - 1]) throw wrong_usage("--positions holds {} twice", positions[i]);
  }
}

class PoolMaker {
 public:
  PoolMaker(std::vector<PoolSource> sources, const fs::path& out, const PoolOptions& options, std::int64_t seed,
            int threads, RejectLog& rejects, Progress& progress)
      : sources_(std::move(sources)),
        out_(out),
        options_(options),
        seed_(seed),
        threads_(threads > 0 ? threads : available_cores()),
        rejects_(rejects),
        progress_(progress),
        spill_(out) {}

  PoolSummary run(const std::string& what) {
    read_all();
    put_together();
    drop_duplicates();
    if (candidates_.empty()) throw nothing_usable(what, summary_.rows_read, rejects_);
    take_prompts();
    write();
    return summary_;
  }

 private:
  void read_all() {
    std::int64_t bytes = 0;
    for (const PoolSource& source : sources_) bytes += static_cast<std::int64_t>(fs::file_size(source.file.path));
    progress_.start("reading", bytes >> 20, "MiB");
    double done = 0;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      const auto size = static_cast<double>(fs::file_size(sources_[i].file.path));
      RowReader reader(sources_[i].file);
      const auto next_wave = [&] {
        std::vector<std::unique_ptr<RowBatch>> wave;
        for (int n = 0; n < 2 * threads_; ++n) {
          auto batch = reader.next();
          if (!batch) break;
          wave.push_back(std::move(batch));
        }
        return wave;
      };
      for (auto wave = next_wave(); !wave.empty();) {
        check_interrupt("run the same command again; nothing was written");
        // The next wave is read while this one is parsed.
        std::future<decltype(wave)> coming;
        if (threads_ > 1) coming = std::async(std::launch::async, next_wave);
        std::vector<BatchResult> results(wave.size());
        parallel_for(wave.size(), threads_, [&](std::size_t k) {
          wave[k]->for_each(
              [&](const Row& row) { use_row(row, static_cast<std::uint32_t>(i), sources_[i], results[k]); });
        });
        for (BatchResult& result : results) collect(result);
        progress_.update(static_cast<std::int64_t>(done + size * reader_done(reader, coming.valid())) >> 20,
                         fmt::format("{} rows", human_count(summary_.rows_read)));
        wave = threads_ > 1 ? coming.get() : next_wave();
      }
      done += size;
    }
    progress_.finish(fmt::format("{} rows", human_count(summary_.rows_read)));
  }

  /// While the next wave is being read on another thread the reader may not be asked.
  double reader_done(const RowReader& reader, bool busy) {
    if (!busy) done_ = reader.done();
    return done_;
  }

  void collect(BatchResult& result) {
    summary_.rows_read += result.rows;
    for (Reject& reject : result.rejects) rejects_.add(std::move(reject));
    for (Reject& warning : result.warnings) rejects_.warn(std::move(warning));
    const std::uint64_t begin = spill_.append(result.records);
    for (Candidate& candidate : result.candidates) {
      candidate.offset += begin;
      candidates_.push_back(candidate);
    }
  }

  RankedRow load(const Candidate& candidate) {
    spill_.read(candidate.offset, candidate.size, record_);
    return unpack(record_);
  }

  /// Rows that hold one completion each become one row a prompt.
  void put_together() {
    std::vector<Candidate> parts;
    std::erase_if(candidates_, [&](const Candidate& candidate) {
      const bool part = sources_[candidate.file].layout->one_completion_a_row;
      if (part) parts.push_back(candidate);
      return part;
    });
    std::sort(parts.begin(), parts.end(), [](const Candidate& a, const Candidate& b) {
      return std::tie(a.prompt_id, a.file, a.row) < std::tie(b.prompt_id, b.file, b.row);
    });
    for (std::size_t begin = 0; begin < parts.size();) {
      std::size_t end = begin + 1;
      while (end < parts.size() && parts[end].prompt_id == parts[begin].prompt_id) ++end;
      put_together(std::span(parts).subspan(begin, end - begin));
      begin = end;
    }
  }

  void put_together(std::span<const Candidate> parts) {
    Candidate whole = parts.front();
    const PoolSource& source = sources_[whole.file];
    try {
      RankedRow row;
      std::vector<double> scores;
      for (std::size_t i = 0; i < parts.size(); ++i) {
        RankedRow part = load(parts[i]);
        if (i == 0) {
          row.prompt = std::move(part.prompt);
          row.good_natured = part.good_natured;
        }
        if (row.good_natured != part.good_natured) row.good_natured.reset();
        row.source.insert(row.source.end(), part.source.begin(), part.source.end());
        row.completions.push_back(std::move(part.completions.front()));
        if (part.score) scores.push_back(*part.score);
      }
      std::sort(row.source.begin(), row.source.end());
      row.source.erase(std::unique(row.source.begin(), row.source.end()), row.source.end());
      if (!scores.empty()) rank_by_score(row.completions, scores, "score");
      whole.content = finish_row(row, whole.id(), source);
      const std::string record = pack(row);
      whole.offset = spill_.append(record);
      whole.size = static_cast<std::uint32_t>(record.size());
      candidates_.push_back(whole);
    } catch (const RowProblem& problem) {
      rejects_.add({source.file.name, whole.row, problem.field, problem.reason, problem.message});
    }
  }

  /// Of rows with the same prompt the one with the smallest hash of its content stays.
  void drop_duplicates() {
    std::sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
      return std::tie(a.prompt_id, a.content, a.file, a.row) < std::tie(b.prompt_id, b.content, b.file, b.row);
    });
    std::size_t kept = 0;
    std::vector<Reject> duplicates;
    for (const Candidate& candidate : candidates_) {
      if (kept > 0 && candidates_[kept - 1].prompt_id == candidate.prompt_id) {
        const Candidate& first = candidates_[kept - 1];
        duplicates.push_back(
            {sources_[candidate.file].file.name, candidate.row, "prompt", "duplicate_prompt",
             fmt::format("the same prompt as {}, row {}, which stays", sources_[first.file].file.name, first.row)});
      } else {
        candidates_[kept++] = candidate;
      }
    }
    candidates_.resize(kept);
    std::sort(duplicates.begin(), duplicates.end(),
              [](const Reject& a, const Reject& b) { return std::tie(a.file, a.row) < std::tie(b.file, b.row); });
    for (Reject& reject : duplicates) rejects_.add(std::move(reject));
  }

  std::uint64_t keyed_hash(const char* purpose, const Candidate& candidate) const {
    const auto digest = Hasher().field(purpose).field(seed_).field(candidate.id()).digest();
    std::uint64_t hash = 0;
    for (int i = 0; i < 8; ++i) hash = hash << 8 | digest[static_cast<std::size_t>(i)];
    return hash;
  }

  /// Orders by keyed hash, takes the first, and holds out those that another keyed hash puts first.
  void take_prompts() {
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    for (std::size_t i = 0; i < candidates_.size(); ++i) order.emplace_back(keyed_hash("pool", candidates_[i]), i);
    std::sort(order.begin(), order.end());  // equal hashes: by prompt id, as the candidates stand
    if (options_.prompts > 0) {
      if (std::ssize(order) < options_.prompts)
        rejects_.warn({"", 0, "", "fewer_prompts",
                       fmt::format("--prompts asks for {}; the sources have {}", options_.prompts, order.size())});
      order.resize(std::min(order.size(), static_cast<std::size_t>(options_.prompts)));
    }
    for (const auto& [hash, i] : order) taken_.push_back(candidates_[i]);
    candidates_.clear();
    candidates_.shrink_to_fit();
    std::size_t n = static_cast<std::size_t>(std::llround(options_.held_out * static_cast<double>(taken_.size())));
    if (options_.held_out > 0 && n == 0 && taken_.size() > 1) n = 1;
    order.clear();
    for (std::size_t i = 0; i < taken_.size(); ++i) order.emplace_back(keyed_hash("held_out", taken_[i]), i);
    std::sort(order.begin(), order.end());
    held_out_.assign(taken_.size(), false);
    for (std::size_t k = 0; k < n; ++k) held_out_[order[k].second] = true;
    summary_.held_out = static_cast<std::int64_t>(n);
  }

  void write() {
    summary_.prompts = std::ssize(taken_);
    progress_.start("writing", summary_.prompts, "prompts");
    PoolWriter file(out_);
    for (std::size_t i = 0; i < taken_.size(); ++i) {
      if (i % 256 == 0) {
        check_interrupt("run the same command again; nothing was written");
        progress_.update(static_cast<std::int64_t>(i));
      }
      RankedRow ranked = load(taken_[i]);
      PoolRow row;
      row.prompt_id = taken_[i].id();
      row.prompt = std::move(ranked.prompt);
      row.completions = std::move(ranked.completions);
      row.source = std::move(ranked.source);
      row.turns = turns_of(row.prompt);
      row.good_natured = ranked.good_natured;
      row.split = held_out_[i] ? "held_out" : "train";
      summary_.completions += std::ssize(row.completions);
      file.write(row);
    }
    file.commit();
    progress_.finish();
  }

  std::vector<PoolSource> sources_;
  fs::path out_;
  const PoolOptions& options_;
  std::int64_t seed_;
  int threads_;
  RejectLog& rejects_;
  Progress& progress_;
  SpillFile spill_;
  std::vector<Candidate> candidates_, taken_;
  std::vector<bool> held_out_;
  PoolSummary summary_;
  std::string record_;
  double done_ = 0;
};

Json facts_of(const PoolSummary& summary, const RejectLog& rejects) {
  Json facts;
  facts["layout"] = summary.layout;
  facts["rows_read"] = summary.rows_read;
  facts["prompts"] = summary.prompts;
  facts["completions"] = summary.completions;
  facts["held_out"] = summary.held_out;
  facts.update(rejects.to_json());
  return facts;
}

}  // namespace

void visit_options(OptionVisitor& visit, PoolOptions& options) {
  visit({"layout",
         "how the source holds its rows: auto, nectar, ultrafeedback, helpsteer, preferences, table, ballot, or a "
         "mapping's file (FILE.yaml)"},
        options.layout);
  visit({"prompts", "how many prompts to take, by a keyed hash of the seed (0: all)"}, options.prompts);
  visit({"positions",
         "zero-based places in the source's ranking to take (default: 0,2,3,5,6; all where a layout has fewer than "
         "seven)"},
        options.positions);
  visit({"split", "the split of a hub dataset"}, options.split);
  visit({"held-out", "share of the prompts that are held out for evaluation"}, options.held_out);
}

Manifest pool_manifest(const std::vector<std::string>& sources, const PoolOptions& options, std::int64_t seed) {
  Manifest manifest;
  manifest.stage = "pool";
  manifest.stage_version = kStageVersion;
  manifest.parameters = options_json(options, true);
  manifest.seed = seed;
  for (const SourceFile& file : resolve_sources(sources, options.split))
    manifest.inputs.push_back({"source", file.name, content_sha256(file.path)});
  if (is_mapping_file(options.layout)) {
    // What the mapping says counts, not where its file lies.
    Json parameters = Json::parse(manifest.parameters);
    parameters["layout"] = "mapping";
    manifest.parameters = parameters.dump();
    manifest.inputs.push_back({"mapping", options.layout, content_sha256(options.layout)});
  }
  // The order in which the sources are named does not matter.
  std::sort(manifest.inputs.begin(), manifest.inputs.end(),
            [](const ManifestInput& a, const ManifestInput& b) { return a.sha256 < b.sha256; });
  return manifest;
}

PoolSummary make_pool(const std::vector<std::string>& sources, const fs::path& out, const PoolOptions& options,
                      std::int64_t seed, int threads, RejectLog& rejects, Progress& progress) {
  check_options(options);
  remove_stale_temporaries(out.has_parent_path() ? out.parent_path() : fs::path("."));
  const auto start = std::chrono::steady_clock::now();
  const std::string started = utc_now();
  std::vector<PoolSource> opened = open_pool_sources(sources, options);
  std::string layout;
  for (const PoolSource& source : opened)
    if (layout.find(source.layout->name) == std::string::npos)
      layout += (layout.empty() ? "" : ",") + std::string(source.layout->name);
  // Hashing the inputs takes as long as reading them: beside it.
  std::future<Manifest> hashing = std::async(threads == 1 ? std::launch::deferred : std::launch::async,
                                             [&] { return pool_manifest(sources, options, seed); });
  PoolMaker maker(std::move(opened), out, options, seed, threads, rejects, progress);
  PoolSummary summary = maker.run(fmt::format("{}", fmt::join(sources, ", ")));
  summary.layout = layout;
  Manifest manifest = hashing.get();
  manifest.facts = facts_of(summary, rejects).dump();
  manifest.started = started;
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  summary.key = make_key(manifest);
  write_manifest(out, manifest);
  return summary;
}

}  // namespace ballot
