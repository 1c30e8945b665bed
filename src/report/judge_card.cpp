#include "report/judge_card.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/manifest.h"
#include "data/pool.h"
#include "formats/binarize_files.h"
#include "report/judge_card_parts.h"

namespace ballot {
namespace fs = std::filesystem;
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::vector<std::vector<double>> log_lengths(const std::vector<PoolRow>& pool) {
  std::vector<std::vector<double>> out;
  for (const PoolRow& row : pool) {
    std::vector<double>& mine = out.emplace_back();
    for (const Completion& completion : row.completions) {
      const auto characters = std::count_if(completion.text.begin(), completion.text.end(),
                                            [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
      mine.push_back(std::log(static_cast<double>(std::max<std::ptrdiff_t>(characters, 1))));
    }
  }
  return out;
}

bool same_pair(const PairLabel& a, const PairLabel& b) {
  return a.prompt == b.prompt && a.first == b.first && a.second == b.second;
}

std::size_t annotated_count(const std::vector<PoolRow>& pool, const std::vector<Annotation>& rows) {
  std::set<std::string> prompts;
  for (const Annotation& a : rows) prompts.insert(a.prompt_id);
  return static_cast<std::size_t>(
      std::count_if(pool.begin(), pool.end(), [&](const PoolRow& row) { return prompts.contains(row.prompt_id); }));
}

/// Two cards on the pairs that both labelled: one bootstrap over the prompts of both.
CardPair compare_cards(const CardWork& a, const CardWork& b, const JudgeCardSettings& settings) {
  CardPair out;
  out.a = a.card.name;
  out.b = b.card.name;
  PromptSums sums(a.pool.size());
  const std::size_t n = sums.column(), same = sums.column(), xy = sums.column(), xx = sums.column(), yy = sums.column();
  std::size_t i = 0, j = 0;
  const auto before = [](const PairLabel& x, const PairLabel& y) {
    return std::tie(x.prompt, x.first, x.second) < std::tie(y.prompt, y.first, y.second);
  };
  while (i < a.pairs() && j < b.pairs()) {
    const PairLabel &x = a.primary(i), &y = b.primary(j);
    if (before(x, y)) {
      ++i;
    } else if (before(y, x)) {
      ++j;
    } else {
      sums.add(n, x.prompt, 1);
      sums.add(same, x.prompt, x.outcome == y.outcome);
      sums.add(xy, x.prompt, x.outcome * y.outcome);
      sums.add(xx, x.prompt, x.outcome * x.outcome);
      sums.add(yy, x.prompt, y.outcome * y.outcome);
      ++i, ++j;
    }
  }
  std::size_t reliability[4];
  const std::vector<double>* sources[4] = {&a.twice_xy, &a.twice_xx, &b.twice_xy, &b.twice_xx};
  for (int k = 0; k < 4; ++k) {
    reliability[k] = sums.column();
    for (std::size_t prompt = 0; prompt < sources[k]->size(); ++prompt)
      sums.add(reliability[k], prompt, (*sources[k])[prompt]);
  }
  const auto correlation = [=](std::span<const double> s) {
    return s[xx] > 0 && s[yy] > 0 ? s[xy] / std::sqrt(s[xx] * s[yy]) : kUnknown;
  };
  const std::vector<std::size_t> r(reliability, reliability + 4);
  const auto ceiling = [r](std::span<const double> s) {
    if (!(s[r[1]] > 0) || !(s[r[3]] > 0)) return kUnknown;
    const double product = s[r[0]] / s[r[1]] * (s[r[2]] / s[r[3]]);
    return s[r[0]] > 0 && s[r[2]] > 0 ? std::sqrt(product) : 0;
  };
  sums.share(out.agreement, same, n);
  sums.statistic(out.correlation, n, correlation);
  out.ceiling.reason = out.corrected.reason =
      a.card.reliability_from.empty() || b.card.reliability_from.empty() ? "no_repeats" : "no_variation";
  sums.statistic(out.ceiling, n, ceiling);
  sums.statistic(out.corrected, n, [=](std::span<const double> s) {
    const double top = ceiling(s);
    return top > 0 ? correlation(s) / top : kUnknown;
  });
  sums.run({.replicates = settings.replicates, .seed = settings.seed, .threads = settings.threads, .strata = {}});
  return out;
}

}  // namespace

CardWork::CardWork(const std::vector<PoolRow>& pool_rows, const std::vector<std::vector<double>>& lengths,
                   const JudgeCardInput& from, const JudgeCardSettings& how, JudgeCard& to)
    : pool(pool_rows),
      log_length(lengths),
      input(from),
      settings(how),
      card(to),
      labels(pair_labels(pool_rows, from.annotations)),
      sums(annotated_count(pool_rows, from.annotations.rows)) {
  std::sort(labels.begin(), labels.end(), [](const PairLabel& a, const PairLabel& b) {
    return std::tie(a.prompt, a.first, a.second, a.repeat) < std::tie(b.prompt, b.first, b.second, b.repeat);
  });
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (i == 0 || !same_pair(labels[i - 1], labels[i])) first_of.push_back(i);
  first_of.push_back(labels.size());

  std::unordered_map<std::string, std::size_t> row_of;
  for (std::size_t i = 0; i < pool.size(); ++i) row_of.emplace(pool[i].prompt_id, i);
  dense.assign(pool.size(), -1);
  for (const Annotation& a : input.annotations.rows) {
    annotation.push_back(row_of.at(a.prompt_id));
    dense[annotation.back()] = 0;
  }
  std::int32_t next = 0;
  for (std::int32_t& place : dense)
    if (place == 0) place = next++;

  const Format& format = input.annotations.format;
  std::set<std::string> judges;
  for (const Annotation& a : input.annotations.rows) judges.insert(a.judge);
  card.name = input.name;
  for (const std::string& judge : judges) card.judge += (card.judge.empty() ? "" : "+") + judge;
  card.format = format.name;
  card.title = format.title;
  card.kind = to_string(format.kind);
  card.prompts = next;
}

int CardWork::source(const PairLabel& label) const {
  const std::vector<Completion>& completions = pool[label.prompt].completions;
  const std::int32_t a = completions[label.first].source_rank, b = completions[label.second].source_rank;
  return a == b ? 0 : a < b ? 1 : -1;
}

std::int64_t CardWork::source_distance(const PairLabel& label) const {
  const std::vector<Completion>& completions = pool[label.prompt].completions;
  return std::abs(std::int64_t{completions[label.first].source_rank} - completions[label.second].source_rank);
}

JudgeCards make_judge_cards(const std::vector<PoolRow>& pool, const std::vector<JudgeCardInput>& inputs,
                            const JudgeCardSettings& settings) {
  JudgeCards out;
  out.replicates = settings.replicates;
  out.seed = settings.seed;
  out.cards.resize(inputs.size());
  const std::vector<std::vector<double>> lengths = log_lengths(pool);
  std::vector<std::unique_ptr<CardWork>> works;
  std::vector<std::vector<RetentionColumns>> curves;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    works.push_back(std::make_unique<CardWork>(pool, lengths, inputs[i], settings, out.cards[i]));
    CardWork& work = *works.back();
    count_ballots(work);
    measure_consistency(work);
    measure_position(work);
    measure_circles(work);
    measure_source(work);
    measure_length(work);
    measure_entropy(work);
    curves.push_back(measure_retention(work));
  }
  for (const bool money : {false, true})
    for (std::size_t of = 0; of < works.size(); ++of) {
      const double price = whole_price(*works[of], curves[of], money);
      if (price > 0) out.equal_cost.push_back({out.cards[of].name, price, money, std::vector<Measured>(works.size())});
    }
  for (std::size_t i = 0; i < works.size(); ++i) {
    for (EqualCostRow& row : out.equal_cost)
      measure_at_budget(*works[i], curves[i], row.budget, row.money, row.agreement[i]);
    works[i]->sums.run(
        {.replicates = settings.replicates, .seed = settings.seed, .threads = settings.threads, .strata = {}});
  }
  for (std::size_t i = 0; i < works.size(); ++i)
    for (std::size_t j = i + 1; j < works.size(); ++j)
      out.pairs.push_back(compare_cards(*works[i], *works[j], settings));
  return out;
}

void visit_options(OptionVisitor& visit, JudgeCardOptions& o) {
  visit({"pool", "the pool that the annotations were made from (default: the one that their manifest names)", {}},
        o.pool);
  visit({"attacked",
         "annotations of an attacked pool (ballot attack): flips, beside the plain ones of the same judge "
         "and format",
         {}},
        o.attacked);
  visit({"bootstrap", "replicates for the intervals; 0: none", {}}, o.bootstrap);
}

namespace {

/// "NAME=DIR" or a folder.
std::pair<std::string, std::string> name_and_path(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || fs::exists(text)) return {"", text};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

/// Names where none was given: the shortest of format, judge and folder that tells them apart.
void name_inputs(std::vector<JudgeCardInput>& inputs, const std::vector<std::string>& paths) {
  const auto first = [&](std::size_t i) -> const Annotation& { return inputs[i].annotations.rows.front(); };
  const auto candidates = [&](std::size_t i) {
    return std::vector<std::string>{first(i).format, first(i).format + " by " + first(i).judge, paths[i]};
  };
  std::size_t level = 0;
  for (; level < 2; ++level) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      names.insert(inputs[i].name.empty() ? candidates(i)[level] : inputs[i].name);
    if (names.size() == inputs.size()) break;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].name.empty()) inputs[i].name = candidates(i)[level];
}

}  // namespace

JudgeCards judge_cards_of_folders(const JudgeCardOptions& options, std::uint64_t seed, int threads) {
  if (options.folders.empty())
    throw Error(ErrorKind::kUsage, "no annotations were given", "name the folders of `ballot annotate`");
  std::vector<JudgeCardInput> inputs;
  std::vector<std::string> paths;
  std::string pool_path = options.pool.value_or("");
  for (const std::string& text : options.folders) {
    const auto [name, path] = name_and_path(text);
    inputs.push_back({name, read_format_annotations(path)});
    paths.push_back(path);
    if (options.pool) continue;
    const std::string named = pool_of_annotations(path);
    if (!pool_path.empty() && named != pool_path && content_sha256(named) != content_sha256(pool_path))
      throw Error(ErrorKind::kInput,
                  fmt::format("{} was made from {}, {} from {}", paths.front(), pool_path, path, named),
                  "cards are compared on the same pool: give folders of one, or --pool with all their prompts");
    pool_path = named;
  }
  name_inputs(inputs, paths);
  const std::vector<PoolRow> pool = read_pool(pool_path);
  const JudgeCardSettings settings{.replicates = options.bootstrap, .seed = seed, .threads = threads};
  JudgeCards cards = make_judge_cards(pool, inputs, settings);
  for (const std::string& path : options.attacked) {
    const FormatAnnotations attacked = read_format_annotations(path);
    const std::string attacked_pool = pool_of_annotations(path);
    std::size_t matches = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Annotation& mine = inputs[i].annotations.rows.front();
      if (mine.format != attacked.rows.front().format || mine.judge != attacked.rows.front().judge) continue;
      ++matches;
      add_attacks(cards.cards[i], pool, inputs[i],
                  {read_pool(attacked_pool), attacked, attacked_pool + ".attacks.jsonl"}, settings);
    }
    if (matches == 0)
      throw Error(ErrorKind::kInput,
                  fmt::format("{} holds '{}' by {}, and none of the plain folders does", path,
                              attacked.rows.front().format, attacked.rows.front().judge),
                  "flips are told from the same judge and format without the attacks");
  }
  return cards;
}

}  // namespace ballot
