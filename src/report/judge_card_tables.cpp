// The report card as tables: on a terminal, as Markdown, on the page (report/judge_card.h).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/terminal.h"
#include "report/judge_card.h"

namespace ballot {
namespace {

ReportTable table_of(std::string id, std::string label, std::string title, std::string caption,
                     std::vector<std::string> columns) {
  return {.id = "card-" + std::move(id),
          .label = std::move(label),
          .title = std::move(title),
          .caption = std::move(caption),
          .counterpart = "",
          .columns = std::move(columns),
          .rows = {},
          .notes = {}};
}

ReportRow row_of(std::vector<ReportCell> cells) {
  ReportRow row;
  row.cells = std::move(cells);
  return row;
}

ReportCell name_of(const JudgeCard& card) {
  return words(printable(card.name));
}

ReportCell signed_measure(const Measured& m, int digits = 3) {
  ReportCell cell = measure(m, digits);
  cell.is_signed = true;
  return cell;
}

ReportCell probability(double p) {
  ReportCell cell = plain_number(p, 4);
  if (p < 0.0001) cell.text = "< 0.0001";
  return cell;
}

std::string failures_in_words(const std::map<std::string, std::int64_t>& statuses) {
  std::string out;
  for (const auto& [status, n] : statuses)
    if (status != "ok" && !status.starts_with("repaired:"))
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", n, status);
  std::replace(out.begin(), out.end(), '_', ' ');
  return out.empty() ? "none" : out;
}

bool known(const ReportCell& cell) {
  return cell.measured.known() || (cell.measured.reason.empty() && !cell.text.empty() && cell.text != "\u2013");
}

/// Leaves out columns in which nothing is known, and tables of nothing.
void finish(ReportTable table, std::vector<ReportTable>& out) {
  for (std::size_t c = table.columns.size(); c-- > 1;) {
    bool any = false;
    for (const ReportRow& row : table.rows) any |= c < row.cells.size() && known(row.cells[c]);
    if (any) continue;
    table.columns.erase(table.columns.begin() + static_cast<std::ptrdiff_t>(c));
    for (ReportRow& row : table.rows)
      if (c < row.cells.size()) row.cells.erase(row.cells.begin() + static_cast<std::ptrdiff_t>(c));
  }
  if (table.columns.size() > 1 && !table.rows.empty()) out.push_back(std::move(table));
}

void ballots(const JudgeCards& cards, std::vector<ReportTable>& out) {
  ReportTable table =
      table_of("ballots", "Ballots", "what was asked and what came back",
               "Shares with 95% intervals over prompts. Ties: pairs of which the label prefers neither; by coin: those "
               "that do not even name a letter.",
               {"annotator", "prompts", "ballots", "usable", "refused", "structured", "asked again", "failures", "ties",
                "ties by coin"});
  for (const JudgeCard& c : cards.cards)
    table.rows.push_back(row_of({name_of(c), count(c.prompts), count(c.ballots), measure(c.usable_share),
                                 measure(c.refused_share), measure(c.structured_share), count(c.retried),
                                 words(failures_in_words(c.statuses)), measure(c.tie_share), measure(c.coin_share)}));
  finish(std::move(table), out);

  ReportTable sources = table_of("failures", "Failures by source", "ballots without a label",
                                 "Counts. Failures that gather in one source are not missing at random: what is left "
                                 "is easier than what was asked.",
                                 {"annotator", "source", "ballots", "failures"});
  for (const JudgeCard& c : cards.cards) {
    std::string group = c.name;
    const auto add = [&](const std::string& kind, const std::map<std::string, FailureCounts>& counts) {
      for (const auto& [name, f] : counts) {
        if (f.statuses.empty()) continue;
        sources.rows.push_back(row_of({words(printable(std::exchange(group, ""))),
                                       words(printable(kind + (name.empty() ? "not named" : name))), count(f.ballots),
                                       words(failures_in_words(f.statuses))}));
      }
    };
    add("", c.by_source);
    add("good-natured: ", c.by_good_natured);
  }
  finish(std::move(sources), out);
}

void consistency(const JudgeCards& cards, std::vector<ReportTable>& out) {
  ReportTable table = table_of(
      "consistency", "Consistency", "the same question asked again",
      "Asked again: share of pairs with the same label in the same order. Reliability: correlation of two askings. "
      "Ceilings: what labels with this noise can at most reach, as a correlation with anything and as agreement with a "
      "perfect reference.",
      {"annotator", "asked again", "same rating", "reliability", "from", "ceiling (correlation)",
       "ceiling (agreement)"});
  for (const JudgeCard& c : cards.cards) {
    std::string from = c.reliability_from;
    std::replace(from.begin(), from.end(), '_', ' ');
    table.rows.push_back(row_of({name_of(c), measure(c.retest), measure(c.rating_retest), measure(c.reliability),
                                 words(from), measure(c.ceiling_correlation), measure(c.ceiling_agreement)}));
  }
  finish(std::move(table), out);

  ReportTable position = table_of(
      "position", "Position", "does the order shown decide?",
      "First shown wins: one half is no preference; p by flipping the signs of whole prompts. Both orders: the same "
      "choice whichever is shown first, the first shown both times, the second both times; bias = (first - second) / "
      "(first + second).",
      {"annotator", "first shown wins", "p", "same in both orders", "first both times", "second both times", "bias"});
  for (const JudgeCard& c : cards.cards)
    position.rows.push_back(
        row_of({name_of(c), share(c.first_shown_wins), probability(c.first_shown_p), measure(c.same_in_both_orders),
                measure(c.first_in_both), measure(c.second_in_both), signed_measure(c.position_bias)}));
  finish(std::move(position), out);

  std::size_t places = 0;
  for (const JudgeCard& c : cards.cards) places = std::max(places, c.mean_rank_by_place.size());
  std::vector<std::string> columns = {"annotator"};
  for (std::size_t p = 0; p < places; ++p) columns.push_back(fmt::format("shown {}", p + 1));
  columns.push_back("p");
  ReportTable ranks = table_of("places", "Places", "mean rank given to what was shown at each place",
                               "The same everywhere without a preference for a place; p by dealing each prompt's ranks "
                               "to its places anew.",
                               std::move(columns));
  for (const JudgeCard& c : cards.cards) {
    if (c.mean_rank_by_place.empty()) continue;
    ReportRow row = row_of({name_of(c)});
    for (std::size_t p = 0; p < places; ++p)
      row.cells.push_back(p < c.mean_rank_by_place.size() ? measure(c.mean_rank_by_place[p], 2) : ReportCell());
    row.cells.push_back(probability(c.place_p));
    ranks.rows.push_back(std::move(row));
  }
  finish(std::move(ranks), out);
}

void habits(const JudgeCards& cards, std::vector<ReportTable>& out) {
  ReportTable length = table_of(
      "length", "Length", "does the longer answer win?",
      "The source's own share beside it: a judge who follows the source follows it in this, too. Log odds per "
      "standard deviation of the difference of log lengths, alone and beside the difference of source ranks. Near "
      "equal: agreement with the source on pairs within 10% of length.",
      {"annotator", "longer wins", "in the source", "log odds", "beside rank", "near equal"});
  for (const JudgeCard& c : cards.cards)
    length.rows.push_back(
        row_of({name_of(c), share(c.longer_wins), share(c.source_longer_wins), signed_measure(c.length_coefficient),
                signed_measure(c.length_beside_rank), share(c.near_equal_length)}));
  finish(std::move(length), out);

  ReportTable circles = table_of(
      "circles", "Circles", "A over B, B over C, C over A",
      "Circular triads a prompt; expected: if each label departs by itself from a ranking in the judge's mind as often "
      "as asking again says, at each distance in that ranking (or equally often everywhere). Repair: labels to turn "
      "until a ranking is left. A ranking and a score have no circles by construction.",
      {"annotator", "circles", "expected", "if equal", "prompts without", "expected without", "zeta", "repair"});
  for (const JudgeCard& c : cards.cards)
    if (c.kind == "pairwise")
      circles.rows.push_back(row_of({name_of(c), measure(c.circles), measure(c.expected_circles),
                                     measure(c.expected_if_equal), measure(c.transitive_share),
                                     measure(c.expected_transitive), measure(c.zeta), measure(c.repair_flips)}));
  finish(std::move(circles), out);

  ReportTable entropy = table_of(
      "entropy", "Entropy", "how much of their range the labels use, in bits",
      "Of a ballot's label (letters by place, ratings, orders of places), and of who wins a pair, before and after "
      "knowing which was shown first: the difference is what the order decides. Without an interval where most labels "
      "were seen a few times only.",
      {"annotator", "a ballot", "winner", "given the order", "ratings", "magnitudes"});
  const auto use = [](const std::map<std::int32_t, std::int64_t>& counts) {
    std::string text;
    for (const auto& [value, n] : counts) text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", value, n);
    return words(text);
  };
  for (const JudgeCard& c : cards.cards)
    entropy.rows.push_back(row_of({name_of(c), measure(c.label_entropy), measure(c.winner_entropy),
                                   measure(c.winner_entropy_given_order), use(c.ratings), use(c.magnitudes)}));
  finish(std::move(entropy), out);
}

void source(const JudgeCards& cards, std::vector<ReportTable>& out) {
  std::set<std::int64_t> distances;
  for (const JudgeCard& c : cards.cards)
    for (const auto& [distance, row] : c.by_distance) distances.insert(distance);
  std::vector<std::string> columns = {"annotator", "all"};
  for (const std::int64_t d : distances) columns.push_back(fmt::format("{} apart", d));
  ReportTable table =
      table_of("source", "Agreement with the source", "by the distance of the source's ranks",
               "Share of pairs labelled as the source ranks them; a tie counts half.", std::move(columns));
  for (const JudgeCard& c : cards.cards) {
    ReportRow row = row_of({name_of(c), share(c.source_agreement)});
    for (const std::int64_t d : distances) {
      const auto found = c.by_distance.find(d);
      row.cells.push_back(found == c.by_distance.end() ? ReportCell() : share(found->second.agreement));
    }
    table.rows.push_back(std::move(row));
  }
  finish(std::move(table), out);

  ReportTable cost = table_of("information", "Information and cost", "what a label says and what it takes",
                              "Bits about the source's order; tokens are prompt and answer together.",
                              {"annotator", "bits a pair", "bits per 1 000 tokens", "bits per unit of money",
                               "tokens a ballot", "tokens a pair", "cost per 1 000 pairs"});
  for (const JudgeCard& c : cards.cards)
    cost.rows.push_back(
        row_of({name_of(c), measure(c.bits_per_pair), measure(c.bits_per_1000_tokens), measure(c.bits_per_cost),
                measure(c.tokens_per_ballot, 0), measure(c.tokens_per_pair, 0), measure(c.cost_per_1000_pairs)}));
  finish(std::move(cost), out);
}

void retention(const JudgeCards& cards, std::vector<ReportTable>& out) {
  ReportTable curve = table_of(
      "retention", "Retention", "agreement with the source on all pairs when fewer ballots are asked",
      "Pairs that were not asked are read off those that were; unread ones count half. Means over the prompts all of "
      "whose ballots have labels.",
      {"annotator", "asked", "ballots a prompt", "tokens a prompt", "cost a prompt", "agreement"});
  for (const JudgeCard& c : cards.cards)
    for (const RetentionPoint& p : c.retention)
      curve.rows.push_back(row_of({name_of(c), words(p.design), measure(p.ballots, 2), measure(p.tokens, 0),
                                   measure(p.cost, 4), share(p.agreement)}));
  finish(std::move(curve), out);

  std::vector<std::string> columns = {"the price of"};
  columns.emplace_back("a prompt");
  for (const JudgeCard& c : cards.cards) columns.push_back(printable(c.name));
  ReportTable equal =
      table_of("equal-cost", "Equal cost", "agreement with the source when all formats get the same budget",
               "A row is a budget: what one annotator's whole format takes. The others ask as many of "
               "their ballots as it buys; what is left over buys nothing.",
               std::move(columns));
  for (const EqualCostRow& row : cards.equal_cost) {
    ReportRow line = row_of({words(printable(row.of)), words(row.money ? fmt::format("{:.4f} money", row.budget)
                                                                       : fmt::format("{:.0f} tokens", row.budget))});
    for (const Measured& m : row.agreement) line.cells.push_back(share(m));
    equal.rows.push_back(std::move(line));
  }
  if (cards.cards.size() > 1) finish(std::move(equal), out);
}

void pairs_and_attacks(const JudgeCards& cards, std::vector<ReportTable>& out) {
  ReportTable pairs =
      table_of("pairs", "Between annotators", "on the pairs that both labelled",
               "Corrected: the correlation divided by its ceiling, what both would show without noise of "
               "their own. Two runs of one format (a placebo) show the noise floor.",
               {"annotator", "and", "agreement", "correlation", "ceiling", "corrected"});
  for (const CardPair& p : cards.pairs)
    pairs.rows.push_back(row_of({words(printable(p.a)), words(printable(p.b)), measure(p.agreement),
                                 signed_measure(p.correlation), measure(p.ceiling), signed_measure(p.corrected)}));
  finish(std::move(pairs), out);

  ReportTable attacks = table_of(
      "attacks", "Attacks", "labels that moved when one completion was attacked",
      "Of the pairs with an attacked completion: moved towards it, away from it, and the difference, which is 0 where "
      "an attack does nothing. Unattacked: share of the same prompts' other pairs that moved.",
      {"annotator", "attack", "kind", "towards", "away", "net", "unattacked"});
  for (const JudgeCard& c : cards.cards)
    for (const AttackRow& a : c.attacks)
      attacks.rows.push_back(row_of({name_of(c), words(printable(a.attack)), words(a.kind), measure(a.toward),
                                     measure(a.away), signed_measure(a.net), measure(a.baseline)}));
  finish(std::move(attacks), out);
}

TextTable for_terminal(const ReportTable& table) {
  TextTable out;
  out.columns = table.columns;
  out.right.assign(table.columns.size(), false);
  for (const ReportRow& row : table.rows) {
    std::vector<std::string> cells;
    for (std::size_t c = 0; c < row.cells.size(); ++c) {
      cells.push_back(shown(row.cells[c]));
      out.right[c] = out.right[c] || row.cells[c].number;
    }
    cells.resize(table.columns.size());
    out.rows.push_back(std::move(cells));
  }
  return out;
}

std::string basis(const JudgeCards& cards) {
  return cards.replicates > 0
             ? fmt::format("Intervals: 95%, BCa from {} replicates that draw whole prompts with replacement.\n",
                           cards.replicates)
             : "No intervals: --bootstrap 0.\n";
}

}  // namespace

std::vector<ReportTable> judge_card_tables(const JudgeCards& cards) {
  std::vector<ReportTable> out;
  ballots(cards, out);
  consistency(cards, out);
  habits(cards, out);
  source(cards, out);
  retention(cards, out);
  pairs_and_attacks(cards, out);
  return out;
}

std::string judge_cards_text(const JudgeCards& cards) {
  std::string out;
  for (const ReportTable& table : judge_card_tables(cards))
    out += fmt::format("{}: {}\n{}\n", table.label, table.title, render_plain(for_terminal(table)));
  return out + basis(cards);
}

std::string judge_cards_markdown(const JudgeCards& cards) {
  std::string out = "# Report card\n\n";
  for (const JudgeCard& c : cards.cards)
    out += fmt::format("- **{}**: {} by {}, {} ballots over {} prompts\n", printable(c.name), printable(c.title),
                       printable(c.judge), c.ballots, c.prompts);
  out += "\n" + basis(cards);
  for (const ReportTable& table : judge_card_tables(cards)) out += "\n" + table_markdown(table);
  return out;
}

}  // namespace ballot
