#include "report/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "report/naming.h"
#include "report/report_table.h"

namespace ballot {
namespace {

std::string with_interval(const Measured& m, int digits = 3) {
  return shown(measure(m, digits));
}

std::string difference_of(const StudyContrast& c) {
  ReportCell cell = measure({c.difference, c.low, c.high, c.n, c.clusters, ""});
  cell.is_signed = true;
  return shown(cell);
}

FindingLine contrast_line(const StudyContrast& c, std::int64_t index) {
  const char* verdict = !is_earned(c) ? "not distinguished" : c.difference > 0 ? "better" : "worse";
  return {verdict, c.outcome, fmt::format("{}, corrected p {}", difference_of(c), fixed(c.p_holm, 3)), index};
}

bool is_placebo_contrast(const StudyContrast& c) {
  return c.a == "placebo" || c.b == "placebo";
}

/// One finding a pair of formats; the pairs that `wanted` picks.
template <class Wanted>
void add_pairs(const StudyResults& results, const Naming& naming, Wanted wanted, std::vector<Finding>& out) {
  std::vector<std::pair<std::string, std::string>> done;
  for (const StudyContrast& first : results.contrasts) {
    const std::pair pair(first.a, first.b);
    if (!wanted(first) || std::find(done.begin(), done.end(), pair) != done.end()) continue;
    done.push_back(pair);
    Finding finding{naming.format(first.a) + " against " + naming.format(first.b), {}, false};
    for (std::size_t i = 0; i < results.contrasts.size(); ++i)
      if (results.contrasts[i].a == first.a && results.contrasts[i].b == first.b)
        finding.lines.push_back(contrast_line(results.contrasts[i], static_cast<std::int64_t>(i)));
    out.push_back(std::move(finding));
  }
}

bool any_earned(const StudyResults& results, const std::string& a, const std::string& b) {
  return std::any_of(results.contrasts.begin(), results.contrasts.end(),
                     [&](const StudyContrast& c) { return c.a == a && c.b == b && is_earned(c); });
}

std::vector<const LabelStats*> first_judge(const StudyResults& results) {
  std::vector<const LabelStats*> out;
  for (const LabelStats& labels : results.labels)
    if (!results.judges.empty() && labels.judge == results.judges.front()) out.push_back(&labels);
  return out;
}

void add_noise_floor(const StudyResults& results, const Naming& naming, std::vector<Finding>& out) {
  if (results.placebo.empty()) return;
  Finding finding{"The noise floor: " + naming.format(results.placebo) + " labelled twice", {}, false};
  if (const auto row = results.flips.find(results.placebo); row != results.flips.end())
    if (const auto cell = row->second.find("placebo"); cell != row->second.end())
      finding.lines.push_back({"measured",
                               "pairs that the same format labels the other way round under another presentation order",
                               fmt::format("{:.1f}%", 100 * cell->second)});
  for (std::size_t i = 0; i < results.contrasts.size(); ++i) {
    const StudyContrast& c = results.contrasts[i];
    if (!is_placebo_contrast(c) || (c.a != results.placebo && c.b != results.placebo)) continue;
    FindingLine line = contrast_line(c, static_cast<std::int64_t>(i));
    if (is_earned(c))
      line = {"caution", c.outcome + ": the two labellings differ although the format is the same", line.numbers};
    finding.lines.push_back(std::move(line));
  }
  if (!finding.lines.empty()) out.push_back(std::move(finding));
}

void add_costs(const StudyResults& results, std::vector<Finding>& out) {
  std::vector<std::pair<double, std::string>> tokens;  // a pair
  for (const LabelStats* labels : first_judge(results))
    if (labels->format != "placebo" && labels->pairs > 0 && labels->prompt_tokens + labels->completion_tokens > 0)
      tokens.emplace_back(
          static_cast<double>(labels->prompt_tokens + labels->completion_tokens) / static_cast<double>(labels->pairs),
          labels->title.empty() ? labels->format : labels->title);
  if (tokens.size() < 2) return;
  std::sort(tokens.begin(), tokens.end());
  Finding finding{
      "What the labels cost",
      {{"measured", "judge tokens a labelled pair, " + tokens[0].second, fmt::format("{:.0f}", tokens[0].first)}}};
  for (std::size_t i = 1; i < tokens.size(); ++i)
    finding.lines.push_back(
        {"measured", tokens[i].second, fmt::format("{:.1f} times as many", tokens[i].first / tokens[0].first)});
  out.push_back(std::move(finding));
}

/// "BINARY 0.71 [0.66, 0.77], SINGLE ..." over the formats of a judge that `pick` gives a text for.
template <class Pick>
std::string by_format(const StudyResults& results, const std::string& judge, Pick pick) {
  std::string out;
  for (const LabelStats& labels : results.labels) {
    const std::string text = labels.judge == judge ? pick(labels) : "";
    if (!text.empty())
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", labels.title.empty() ? labels.format : labels.title, text);
  }
  return out;
}

void add_judge_habits(const StudyResults& results, std::vector<Finding>& out) {
  Finding finding{"How far to trust the judge", {}, false};
  for (const std::string& judge : results.judges) {
    std::int64_t lost = 0, ballots = 0;
    for (const LabelStats& labels : results.labels)
      if (labels.judge == judge) lost += labels.ballots - labels.usable, ballots += labels.ballots;
    if (lost > 0) {
      const std::string where = by_format(results, judge, [](const LabelStats& l) {
        return l.usable < l.ballots ? fmt::format("{:.1f}%", 100.0 * static_cast<double>(l.ballots - l.usable) /
                                                                 static_cast<double>(l.ballots))
                                    : "";
      });
      finding.lines.push_back(
          {20 * lost > ballots ? "caution" : "measured",
           fmt::format("{}: {} of {} ballots gave no label", judge, count(lost).text, count(ballots).text), where});
    }
    for (const bool first : {true, false}) {
      const std::string where = by_format(results, judge, [&](const LabelStats& l) {
        const Measured& m = l.first_shown_wins;
        if (!m.known() || !(first ? m.low > 0.5 : m.high < 0.5)) return std::string();
        return with_interval(first ? m : Measured{1 - m.value, 1 - m.high, 1 - m.low, m.n, m.clusters, ""});
      });
      if (!where.empty())
        finding.lines.push_back({"caution",
                                 fmt::format("{}: the completion shown {} is chosen in more than half of the ballots",
                                             judge, first ? "first" : "second"),
                                 where});
    }
    const std::string coin = by_format(results, judge, [](const LabelStats& l) {
      const Measured& m = l.source_agreement;
      return m.known() && m.low <= 0.5 && m.high >= 0.5 ? with_interval(m) : std::string();
    });
    if (!coin.empty())
      finding.lines.push_back(
          {"caution", fmt::format("{}: agreement with the source is not distinguished from a coin", judge), coin});
  }
  if (!finding.lines.empty()) out.push_back(std::move(finding));
}

void add_limits(const StudyResults& results, std::vector<Finding>& out) {
  Finding finding{"What this study cannot tell", {}, false};
  if (results.seeds.size() <= 1 && !results.curves.empty())
    finding.lines.push_back({"caution",
                             "one seed a training: the luck of a seed and the effect of a format cannot be separated; "
                             "the intervals are about the items only",
                             ""});
  std::vector<double> widths;
  for (const StudyContrast& c : results.contrasts)
    if (std::isfinite(c.low) && std::isfinite(c.high)) widths.push_back((c.high - c.low) / 2);
  if (!widths.empty()) {
    std::sort(widths.begin(), widths.end());
    finding.lines.push_back({"caution",
                             fmt::format("half of the intervals of differences reach {:.3f} or more to each side: "
                                         "smaller effects of a format stay invisible here",
                                         widths[widths.size() / 2]),
                             ""});
  }
  if (results.prompts > 0 && results.prompts < 200)
    finding.lines.push_back(
        {"caution",
         fmt::format("{} prompts, {} of them held out: enough to see the machinery work, not to choose a format",
                     count(results.prompts).text, count(results.held_out_prompts).text),
         ""});
  for (const Proof& proof : results.proofs)
    if (!proof.only_labels_differ)
      finding.lines.push_back(
          {"caution", fmt::format("{} and {} differ in more than the labels (see the proof)", proof.a, proof.b), ""});
  if (!finding.lines.empty()) out.push_back(std::move(finding));
}

/// Words that put one thing above another. "more" and "higher" describe numbers and stay free.
constexpr std::array kClaimWords = {"best",        "worst",        "better", "worse",      "improves", "improved",
                                    "improvement", "beats",        "beat",   "outperform", "superior", "inferior",
                                    "surpass",     "consistently", "winner", "dominates"};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return text;
}

bool has_claim_word(const std::string& sentence) {
  const std::string text = lower(sentence);
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; };
  for (const char* word : kClaimWords)
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
      if (at == 0 || !letter(text[at - 1])) return true;
  return false;
}

std::vector<std::string> sentences_of(const std::string& prose) {
  std::vector<std::string> out(1);
  for (std::size_t i = 0; i < prose.size(); ++i) {
    const bool end = prose[i] == '\n' || ((prose[i] == '.' || prose[i] == '!' || prose[i] == '?') &&
                                          (i + 1 == prose.size() || prose[i + 1] == ' ' || prose[i + 1] == '\n'));
    if (prose[i] != '\n') out.back() += prose[i];
    if (end && !out.back().empty()) out.emplace_back();
  }
  if (out.back().empty()) out.pop_back();
  for (std::string& sentence : out) sentence.erase(0, std::min(sentence.find_first_not_of(' '), sentence.size()));
  return out;
}

/// A format's value at a model, by outcome; NaN where not measured.
std::map<std::string, double> values_at(const StudyResults& results, const std::string& model,
                                        const std::string& task) {
  std::map<std::string, double> out;
  if (task.empty()) {
    for (const PreferenceScores& s : results.scores)
      if (s.name.objective == "reward" && s.name.model == model && s.name.margin == "none" && s.overall.known())
        out[s.name.format] = s.overall.value;
  } else {
    for (const TaskScore& s : results.tasks)
      if (s.name.model == model && s.task == task && s.score.known() &&
          (s.name.objective == "dpo" || s.name.objective == "sft"))
        out[s.name.objective == "sft" ? "sft" : s.name.format] = s.score.value;
  }
  out.erase("placebo");
  return out;
}

/// Does an earned contrast say that a is above b at this model?
bool earned_above(const StudyResults& results, const std::string& outcome, const std::string& model,
                  const std::string& a, const std::string& b) {
  for (const StudyContrast& c : results.contrasts) {
    const bool about = lower(c.outcome).find(outcome) != std::string::npos &&
                       c.outcome.find("(" + model) != std::string::npos &&
                       c.outcome.find("with margin") == std::string::npos;
    if (!about || !is_earned(c)) continue;
    if ((c.a == a && c.b == b && c.difference > 0) || (c.a == b && c.b == a && c.difference < 0)) return true;
  }
  return false;
}

}  // namespace

std::string FindingLine::text() const {
  std::string out = subject;
  if (tag == "better" || tag == "worse" || tag == "not distinguished") out += ": " + tag;
  return numbers.empty() ? out : out + (tag == "measured" || tag == "caution" ? ": " : ", ") + numbers;
}

bool is_earned(const StudyContrast& c) {
  return c.p_holm < 0.05 && std::isfinite(c.low) && std::isfinite(c.high) && (c.low > 0 || c.high < 0);
}

std::vector<Finding> make_findings(const StudyResults& results) {
  const Naming naming(results);
  std::vector<Finding> out;
  add_pairs(results, naming, [](const StudyContrast& c) { return c.claimed && !is_placebo_contrast(c); }, out);
  const std::size_t named = out.size();
  add_pairs(
      results, naming,
      [&](const StudyContrast& c) {
        return !is_placebo_contrast(c) && any_earned(results, c.a, c.b) &&
               std::none_of(results.contrasts.begin(), results.contrasts.end(), [&](const StudyContrast& other) {
                 return other.claimed && other.a == c.a && other.b == c.b;
               });
      },
      out);
  for (std::size_t i = named; i < out.size(); ++i) out[i].aside = named > 0;
  add_noise_floor(results, naming, out);
  add_costs(results, out);
  add_judge_habits(results, out);
  add_limits(results, out);
  return out;
}

std::string headline(const StudyResults& results) {
  const Naming naming(results);
  std::vector<const StudyContrast*> family, earned;
  for (const StudyContrast& c : results.contrasts) {
    if (is_placebo_contrast(c)) continue;
    family.push_back(&c);
    if (is_earned(c)) earned.push_back(&c);
  }
  if (family.empty()) return "No difference between formats was tested.";
  if (earned.empty())
    return fmt::format(
        "No two formats are distinguished: of {} differences between formats, none has an interval that excludes zero "
        "after correction.",
        family.size());
  // In how many outcomes does a format lie above (below) every other one, all of it earned?
  std::map<std::string, std::map<std::string, std::set<std::string>>> above, below;  // format -> outcome -> the others
  std::set<std::string> outcomes;
  for (const StudyContrast* c : family) outcomes.insert(c->outcome);
  for (const StudyContrast* c : earned) {
    const std::string &up = c->difference > 0 ? c->a : c->b, &down = c->difference > 0 ? c->b : c->a;
    above[up][c->outcome].insert(down);
    below[down][c->outcome].insert(up);
  }
  std::string text = fmt::format("Of {} differences between formats, {} {} distinguished after correction.",
                                 family.size(), earned.size(), earned.size() == 1 ? "is" : "are");
  const auto extremes = [&](const auto& map, const char* where) {
    for (const std::string& format : results.formats) {
      const auto found = map.find(format);
      if (found == map.end()) continue;
      std::size_t n = 0;
      for (const auto& [outcome, others] : found->second) n += others.size() + 1 == results.formats.size();
      if (n > 0)
        text += fmt::format(" {} lies {} every other format in {} of {} outcomes.", naming.format(format), where, n,
                            outcomes.size());
    }
  };
  if (results.formats.size() > 2) {
    extremes(above, "above");
    extremes(below, "below");
  }
  return text;
}

std::vector<std::string> unearned_claims(const std::string& prose, const StudyResults& results,
                                         const std::vector<Finding>& findings) {
  const Naming naming(results);
  // A format may be called BEST-WORST; its name claims nothing. A plain lower-case word stays what it says.
  const auto without_names = [&](std::string sentence) {
    for (const std::string& format : results.formats)
      for (const std::string& name : {naming.format(format), format}) {
        const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
        for (std::size_t at = plain ? std::string::npos : sentence.find(name); at != std::string::npos;
             at = sentence.find(name, at + 1))
          sentence.replace(at, name.size(), "it");
      }
    return sentence;
  };
  std::vector<std::string> out;
  for (const std::string& sentence : sentences_of(prose)) {
    if (!has_claim_word(without_names(sentence))) continue;
    const bool earned = std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
      return std::any_of(finding.lines.begin(), finding.lines.end(), [&](const FindingLine& line) {
        return line.contrast >= 0 && line.contrast < static_cast<std::int64_t>(results.contrasts.size()) &&
               is_earned(results.contrasts[static_cast<std::size_t>(line.contrast)]) &&
               (sentence.find(line.text()) != std::string::npos || line.text().find(sentence) != std::string::npos);
      });
    });
    if (!earned) out.push_back(sentence);
  }
  return out;
}

Standing standing_of(const DirectionalClaim& claim, const StudyResults& results) {
  using Relation = DirectionalClaim::Relation;
  std::vector<std::string> tasks = {""};
  if (claim.outcome == "tasks") {
    tasks.clear();
    for (const TaskScore& s : results.tasks)
      if (std::find(tasks.begin(), tasks.end(), s.task) == tasks.end()) tasks.push_back(s.task);
  }
  bool measured = false, earned = true;
  for (const std::string& model : results.models) {
    if (!claim.model.empty() && claim.model != model) continue;
    for (const std::string& task : tasks) {
      const std::map<std::string, double> values = values_at(results, model, task);
      const auto own = values.find(claim.format);
      if (own == values.end()) continue;
      for (const auto& [other, value] : values) {
        const bool against = claim.relation == Relation::kBest || claim.relation == Relation::kWorst
                                 ? other != claim.format && other != "sft"
                                 : other == claim.other;
        if (!against) continue;
        measured = true;
        const bool up = claim.relation == Relation::kBest || claim.relation == Relation::kBetterThan;
        if (up ? own->second <= value : own->second >= value) return Standing::kContradicted;
        earned &= earned_above(results, claim.outcome, model, up ? claim.format : other, up ? other : claim.format);
      }
    }
  }
  if (!measured) return Standing::kNotMeasured;
  return earned ? Standing::kEarned : Standing::kNotDistinguished;
}

}  // namespace ballot
