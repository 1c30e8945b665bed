#include "formats/combine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/manifest.h"
#include "core/random.h"
#include "core/suggest.h"
#include "data/pool.h"
#include "data/preferences.h"
#include "formats/binarize_files.h"
#include "formats/combine_votes.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

const std::vector<std::string> kMethods = {"majority",      "dawid_skene", "bradley_terry",
                                           "plackett_luce", "latent",      "cascade"};

void check_word(const char* option, const std::string& word, const std::vector<std::string>& words) {
  if (std::find(words.begin(), words.end(), word) == words.end())
    throw wrong_usage("--{}: unknown word '{}'{}", option, word, did_you_mean(word, words));
}

void turn_round(Preference& p) {
  std::swap(p.chosen, p.rejected);
  std::swap(p.chosen_id, p.rejected_id);
  std::swap(p.chosen_model, p.rejected_model);
  std::swap(p.source_rank_chosen, p.source_rank_rejected);
}

void check_same_pair(const Preference& a, const Preference& b, const std::string& name) {
  const auto differ = [&](const char* what) {
    return Error(ErrorKind::kInput,
                 fmt::format("{} has another {} for pair {} than the annotators before it", name, what, a.pair_id),
                 "give labels of one pool");
  };
  if (a.split != b.split) throw differ("split");
  if (a.prompt_id != b.prompt_id) throw differ("prompt");
  const bool same = a.chosen_id == b.chosen_id;
  if ((same ? a.source_rank_chosen : a.source_rank_rejected) != b.source_rank_chosen) throw differ("source rank");
  if ((same ? a.chosen : a.rejected) != b.chosen) throw differ("text");
}

}  // namespace

std::uint32_t Votes::place(std::uint32_t prompt, const std::string& id) const {
  const std::vector<std::string>& ids = completions[prompt];
  const auto found = std::find(ids.begin(), ids.end(), id);
  if (found == ids.end()) throw bad_input("completion {} stands in no pair of its prompt", id);
  return static_cast<std::uint32_t>(found - ids.begin());
}

bool Votes::has(std::uint32_t prompt, const std::string& id) const {
  const std::vector<std::string>& ids = completions[prompt];
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

Votes gather_votes(const std::vector<CombineAnnotator>& annotators) {
  Votes out;
  std::unordered_map<std::string, std::size_t> pair_of;
  std::vector<VotedPair> pairs;
  for (std::uint32_t r = 0; r < annotators.size(); ++r) {
    std::set<std::string> seen;
    for (const Preference& p : annotators[r].rows) {
      if (!seen.insert(p.pair_id).second)
        throw Error(ErrorKind::kInput, fmt::format("{} has the pair {} twice", annotators[r].name, p.pair_id),
                    "an annotator has one label a pair; give two judges of one file as two files");
      const auto [found, added] = pair_of.emplace(p.pair_id, pairs.size());
      if (added) {
        VotedPair pair;
        pair.row = p;
        pair.prompt =
            out.prompt_of.emplace(p.prompt_id, static_cast<std::uint32_t>(out.prompt_of.size())).first->second;
        pairs.push_back(std::move(pair));
      } else {
        check_same_pair(pairs[found->second].row, p, annotators[r].name);
      }
      const bool first_chosen = p.chosen_id < p.rejected_id;
      pairs[found->second].votes.push_back({r, p.tie ? 0 : first_chosen ? 1 : -1, p.margin});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const VotedPair& a, const VotedPair& b) {
    return std::tie(a.prompt, a.row.pair_id) < std::tie(b.prompt, b.row.pair_id);
  });
  out.pairs = std::move(pairs);
  out.completions.resize(out.prompt_of.size());
  out.of_prompt.resize(out.prompt_of.size());
  for (const VotedPair& pair : out.pairs)
    for (const std::string* id : {&pair.row.chosen_id, &pair.row.rejected_id})
      if (!out.has(pair.prompt, *id)) out.completions[pair.prompt].push_back(*id);
  for (std::vector<std::string>& ids : out.completions) std::sort(ids.begin(), ids.end());
  for (std::size_t p = 0; p < out.pairs.size(); ++p) {
    VotedPair& pair = out.pairs[p];
    const auto [small, large] = std::minmax(pair.row.chosen_id, pair.row.rejected_id);
    pair.first = out.place(pair.prompt, small);
    pair.second = out.place(pair.prompt, large);
    out.of_prompt[pair.prompt].push_back(p);
  }
  return out;
}

void visit_options(OptionVisitor& visit, CombineOptions& o) {
  visit({"method", "how annotators are put together", kMethods}, o.method);
  visit({"confidence",
         "what becomes of the probability: a soft target, the row's weight |2p - 1|, or nothing",
         {"target", "weight", "none"}},
        o.confidence);
  visit({"ties", "what becomes of pairs that are left at one half", {"soft", "drop", "random", "keep"}}, o.ties);
  visit({"prior", "bradley_terry, plackett_luce: wins each way between every two completions", {}}, o.prior);
  visit({"smoothing", "dawid_skene: added to each cell of the error counts", {}}, o.smoothing);
  visit({"utility-deviation", "latent: standard deviation of the utilities' prior", {}}, o.utility_deviation);
  visit(
      {"uncertain-margin", "cascade: labels of at most this margin go on to the next annotator; one, or one each", {}},
      o.uncertain_margin);
}

Combined combine(const std::vector<CombineAnnotator>& annotators, const CombineOptions& options, std::uint64_t seed,
                 int threads) {
  check_word("method", options.method, kMethods);
  check_word("confidence", options.confidence, {"target", "weight", "none"});
  check_word("ties", options.ties, {"soft", "drop", "random", "keep"});
  if (annotators.size() < 2)
    throw Error(ErrorKind::kUsage, fmt::format("{} annotators were given to combine", annotators.size()),
                "name two or more preferences files or folders of annotations");
  Combined out;
  const Votes votes = gather_votes(annotators);
  std::string judge;
  for (const CombineAnnotator& annotator : annotators) {
    CombineSummary::Annotator& a = out.summary.annotators.emplace_back();
    a.name = annotator.name;
    judge += (judge.empty() ? "" : "+") + annotator.name;
    if (annotator.annotations)
      for (const Annotation& row : annotator.annotations->rows) a.tokens += row.prompt_tokens + row.completion_tokens;
  }
  const std::string& m = options.method;
  const Opinions opinions = m == "majority"        ? by_majority(votes)
                            : m == "dawid_skene"   ? by_dawid_skene(votes, annotators.size(), options, out.summary)
                            : m == "bradley_terry" ? by_bradley_terry(votes, options)
                            : m == "plackett_luce" ? by_plackett_luce(votes, annotators, options)
                            : m == "latent"        ? by_latent_utility(votes, annotators, options, threads, out.summary)
                                                   : by_cascade(votes, annotators, options, out.summary);
  std::vector<double> agreement(annotators.size(), 0);
  for (std::size_t i = 0; i < votes.pairs.size(); ++i) {
    const VotedPair& pair = votes.pairs[i];
    const Opinion& opinion = opinions.pairs[i];
    const bool tie = opinion.p == 0.5;
    const int outcome = tie ? 0 : opinion.p > 0.5 ? 1 : -1;
    for (const Vote& vote : pair.votes) {
      CombineSummary::Annotator& a = out.summary.annotators[vote.annotator];
      ++a.pairs;
      a.ties += vote.outcome == 0;
      agreement[vote.annotator] += (1 + vote.outcome * outcome) / 2.0;
    }
    if (tie && options.ties == "drop") {
      ++out.summary.dropped["tie"];
      continue;
    }
    bool first = outcome > 0;
    if (tie) first = options.ties == "keep" || (Random(seed, "combine", hash64(pair.row.pair_id)).next() & 1) == 0;
    Preference p = pair.row;
    if ((p.chosen_id < p.rejected_id) != first) turn_round(p);
    const double confidence = first ? opinion.p : 1 - opinion.p;
    p.tie = tie;
    p.margin = tie ? 0 : std::fabs(opinion.log_odds);
    p.target = tie ? (options.ties == "soft" ? 0.5 : 1) : options.confidence == "target" ? confidence : 1;
    p.weight = options.confidence == "weight" && !(tie && options.ties != "soft") ? std::fabs(2 * confidence - 1) : 1;
    p.chosen_score = first ? opinion.score_first : opinion.score_second;
    p.rejected_score = first ? opinion.score_second : opinion.score_first;
    p.presented_first.clear();
    p.status = "ok";
    p.attempts = 1;
    p.format = options.method;
    p.judge = judge;
    out.summary.ties += tie;
    out.summary.mean_target += p.target;
    out.rows.push_back(std::move(p));
  }
  out.summary.pairs = static_cast<std::int64_t>(out.rows.size());
  out.summary.mean_target /= static_cast<double>(std::max<std::size_t>(out.rows.size(), 1));
  for (std::size_t r = 0; r < annotators.size(); ++r)
    out.summary.annotators[r].agreement = agreement[r] / static_cast<double>(out.summary.annotators[r].pairs);
  return out;
}

Json to_json(const CombineSummary& s) {
  Json annotators = Json::array();
  for (const CombineSummary::Annotator& a : s.annotators) {
    Json one = {{"name", a.name},
                {"pairs", a.pairs},
                {"ties", a.ties},
                {"agreement_with_result", std::isfinite(a.agreement) ? Json(a.agreement) : Json(nullptr)}};
    if (a.tokens > 0) one["tokens"] = a.tokens;
    if (a.discrimination) one["discrimination"] = *a.discrimination;
    if (!a.thresholds.empty()) one["thresholds"] = a.thresholds;
    if (!a.confusion.empty()) one["confusion"] = a.confusion;
    if (a.decided) one["decided"] = *a.decided;
    if (a.tokens_needed && a.tokens > 0) one["tokens_needed"] = *a.tokens_needed;
    annotators.push_back(std::move(one));
  }
  Json out = {{"annotators", std::move(annotators)},
              {"pairs", s.pairs},
              {"ties", s.ties},
              {"dropped", s.dropped},
              {"mean_target", s.mean_target}};
  if (s.converged) {
    out["converged"] = *s.converged;
    out["iterations"] = s.iterations;
  }
  return out;
}

namespace {

bool is_annotations(const std::string& path) {
  return fs::exists(fs::path(path) / "annotations.parquet") || fs::path(path).filename() == "annotations.parquet";
}

/// Names where none was given: the format, with the judge where formats do not tell annotators apart, else the path.
void name_annotators(std::vector<CombineAnnotator>& annotators, const std::vector<std::string>& paths) {
  for (int level = 0; level < 3; ++level) {
    std::vector<std::string> names;
    std::set<std::string> distinct;
    for (std::size_t i = 0; i < annotators.size(); ++i) {
      const Preference* row = annotators[i].rows.empty() ? nullptr : &annotators[i].rows.front();
      std::string name = annotators[i].name;
      if (name.empty())
        name = level == 2 || row == nullptr ? paths[i] : level == 0 ? row->format : row->format + " by " + row->judge;
      distinct.insert(name);
      names.push_back(std::move(name));
    }
    if (distinct.size() < annotators.size() && level < 2) continue;
    for (std::size_t i = 0; i < annotators.size(); ++i) annotators[i].name = names[i];
    return;
  }
}

}  // namespace

CombineSummary combine_files(const CombineRequest& request) {
  const auto begin = std::chrono::steady_clock::now();
  begin_file(request.out, request.force);
  Manifest manifest;
  manifest.stage = "combine";
  manifest.seed = request.seed;
  manifest.started = utc_now();
  std::vector<CombineAnnotator> annotators;
  std::vector<std::string> paths;
  std::map<std::string, std::vector<PoolRow>> pools;
  BinarizeOptions keep;
  keep.ties = "keep";
  for (const std::string& text : request.inputs) {
    const std::size_t equals = text.find('=');
    const bool named = equals != std::string::npos && !fs::exists(text);
    const std::string path = named ? text.substr(equals + 1) : text;
    CombineAnnotator annotator;
    if (named) annotator.name = text.substr(0, equals);
    if (is_annotations(path)) {
      annotator.annotations = read_format_annotations(path);
      const std::string pool = request.pool ? *request.pool : pool_of_annotations(path);
      if (!pools.contains(pool)) {
        pools[pool] = read_pool(pool);
        manifest.inputs.push_back(describe_input("pool", pool));
      }
      annotator.rows = std::move(
          binarize(pools.at(pool), {*annotator.annotations}, keep, static_cast<std::uint64_t>(request.seed))[0].rows);
      manifest.inputs.push_back(describe_input(
          "annotations", fs::is_directory(path) ? fs::path(path) / "annotations.parquet" : fs::path(path)));
    } else {
      annotator.rows = read_preferences(fs::path(path));
      manifest.inputs.push_back(describe_input("preferences", path));
    }
    annotators.push_back(std::move(annotator));
    paths.push_back(path);
  }
  name_annotators(annotators, paths);
  Json parameters = Json::parse(options_json(request.options, true));
  for (const CombineAnnotator& annotator : annotators) parameters["names"].push_back(annotator.name);
  manifest.parameters = parameters.dump();
  Combined combined = combine(annotators, request.options, static_cast<std::uint64_t>(request.seed), request.threads);
  write_preferences(request.out, combined.rows);
  manifest.facts = to_json(combined.summary).dump();
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  write_manifest(request.out, manifest);
  return combined.summary;
}

}  // namespace ballot
