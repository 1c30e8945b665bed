// The report card as JSON (report/judge_card.h).
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/judge_card.h"

namespace ballot {
namespace {

Json number(double x) {
  return std::isfinite(x) ? Json(x) : Json(nullptr);
}

Json measured(const Measured& m) {
  if (!m.known()) return {{"estimate", nullptr}, {"reason", m.reason.empty() ? "not_measured" : m.reason}};
  return {
      {"estimate", m.value}, {"low", number(m.low)}, {"high", number(m.high)}, {"n", m.n}, {"clusters", m.clusters}};
}

Json failures(const std::map<std::string, FailureCounts>& counts) {
  Json out = Json::object();
  for (const auto& [name, c] : counts) out[name] = {{"ballots", c.ballots}, {"failures", c.statuses}};
  return out;
}

template <class Key>
Json counts(const std::map<Key, std::int64_t>& of) {
  Json out = Json::object();
  for (const auto& [key, n] : of) out[fmt::format("{}", key)] = n;
  return out;
}

Json card_json(const JudgeCard& c) {
  Json by_distance = Json::object(), by_margin = Json::object(), places = Json::array(), curve = Json::array(),
       attacks = Json::array();
  for (const auto& [distance, row] : c.by_distance)
    by_distance[std::to_string(distance)] = {
        {"agreement", measured(row.agreement)}, {"wins", measured(row.wins)}, {"ties", measured(row.ties)}};
  for (const auto& [margin, m] : c.by_margin) by_margin[fmt::format("{}", margin)] = measured(m);
  for (const Measured& m : c.mean_rank_by_place) places.push_back(measured(m));
  for (const RetentionPoint& p : c.retention)
    curve.push_back({{"design", p.design},
                     {"ballots", measured(p.ballots)},
                     {"tokens", measured(p.tokens)},
                     {"cost", measured(p.cost)},
                     {"agreement", measured(p.agreement)}});
  for (const AttackRow& a : c.attacks)
    attacks.push_back({{"attack", a.attack},
                       {"kind", a.kind},
                       {"toward", measured(a.toward)},
                       {"away", measured(a.away)},
                       {"net", measured(a.net)},
                       {"baseline", measured(a.baseline)}});
  Json out = {{"name", c.name},
              {"judge", c.judge},
              {"format", c.format},
              {"kind", c.kind},
              {"prompts", c.prompts},
              {"ballots", c.ballots},
              {"usable", c.usable},
              {"repaired", c.repaired},
              {"retried", c.retried},
              {"statuses", c.statuses},
              {"failures_by_source", failures(c.by_source)},
              {"failures_by_good_natured", failures(c.by_good_natured)},
              {"usable_share", measured(c.usable_share)},
              {"refused_share", measured(c.refused_share)},
              {"structured_share", measured(c.structured_share)},
              {"failed_distance", measured(c.failed_distance)},
              {"tie_share", measured(c.tie_share)},
              {"coin_share", measured(c.coin_share)}};
  out["consistency"] = {{"retest", measured(c.retest)},
                        {"rating_retest", measured(c.rating_retest)},
                        {"reliability", measured(c.reliability)},
                        {"reliability_from", c.reliability_from.empty() ? Json(nullptr) : Json(c.reliability_from)},
                        {"ceiling_correlation", measured(c.ceiling_correlation)},
                        {"ceiling_agreement", measured(c.ceiling_agreement)}};
  out["position"] = {{"first_shown_wins", measured(c.first_shown_wins)},
                     {"first_shown_p", number(c.first_shown_p)},
                     {"mean_rank_by_place", std::move(places)},
                     {"place_p", number(c.place_p)},
                     {"same_in_both_orders", measured(c.same_in_both_orders)},
                     {"first_in_both", measured(c.first_in_both)},
                     {"second_in_both", measured(c.second_in_both)},
                     {"bias", measured(c.position_bias)}};
  out["length"] = {{"longer_wins", measured(c.longer_wins)},
                   {"source_longer_wins", measured(c.source_longer_wins)},
                   {"coefficient", measured(c.length_coefficient)},
                   {"coefficient_beside_rank", measured(c.length_beside_rank)},
                   {"agreement_near_equal", measured(c.near_equal_length)}};
  out["circles"] = {{"mean", measured(c.circles)},
                    {"expected", measured(c.expected_circles)},
                    {"expected_if_equal", measured(c.expected_if_equal)},
                    {"transitive_share", measured(c.transitive_share)},
                    {"expected_transitive_share", measured(c.expected_transitive)},
                    {"zeta", measured(c.zeta)},
                    {"repair_flips", measured(c.repair_flips)}};
  out["labels"] = {{"ratings", counts(c.ratings)},
                   {"magnitudes", counts(c.magnitudes)},
                   {"entropy", measured(c.label_entropy)},
                   {"winner_entropy", measured(c.winner_entropy)},
                   {"winner_entropy_given_order", measured(c.winner_entropy_given_order)}};
  out["source"] = {{"agreement", measured(c.source_agreement)},
                   {"by_distance", std::move(by_distance)},
                   {"by_margin", std::move(by_margin)}};
  out["information"] = {{"bits_per_pair", measured(c.bits_per_pair)},
                        {"bits_per_1000_tokens", measured(c.bits_per_1000_tokens)},
                        {"bits_per_cost", measured(c.bits_per_cost)}};
  out["cost"] = {{"prompt_tokens", c.prompt_tokens},
                 {"completion_tokens", c.completion_tokens},
                 {"cached_tokens", c.cached_tokens},
                 {"cost", c.cost},
                 {"seconds", c.seconds},
                 {"tokens_per_ballot", measured(c.tokens_per_ballot)},
                 {"tokens_per_pair", measured(c.tokens_per_pair)},
                 {"cost_per_1000_pairs", measured(c.cost_per_1000_pairs)}};
  out["retention"] = std::move(curve);
  if (!c.retention_reason.empty()) out["retention_reason"] = c.retention_reason;
  if (!c.attacks.empty()) out["attacks"] = std::move(attacks);
  return out;
}

}  // namespace

Json judge_cards_json(const JudgeCards& cards) {
  Json out = {{"cards", Json::array()}, {"pairs", Json::array()}, {"equal_cost", Json::array()}};
  for (const JudgeCard& card : cards.cards) out["cards"].push_back(card_json(card));
  for (const CardPair& p : cards.pairs)
    out["pairs"].push_back({{"a", p.a},
                            {"b", p.b},
                            {"agreement", measured(p.agreement)},
                            {"correlation", measured(p.correlation)},
                            {"ceiling", measured(p.ceiling)},
                            {"corrected", measured(p.corrected)}});
  for (const EqualCostRow& row : cards.equal_cost) {
    Json agreement = Json::object();
    for (std::size_t i = 0; i < cards.cards.size(); ++i) agreement[cards.cards[i].name] = measured(row.agreement[i]);
    out["equal_cost"].push_back({{"of", row.of},
                                 {"unit", row.money ? "cost" : "tokens"},
                                 {"budget_per_prompt", row.budget},
                                 {"agreement", std::move(agreement)}});
  }
  out["bootstrap"] = {
      {"replicates", cards.replicates}, {"interval", "bca"}, {"seed", cards.seed}, {"cluster", "prompt_id"}};
  return out;
}

}  // namespace ballot
