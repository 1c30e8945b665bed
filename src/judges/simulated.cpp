#include "judges/simulated.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"
#include "core/suggest.h"
#include "formats/format.h"
#include "formats/label_fields.h"
#include "formats/parse.h"

namespace ballot {

const std::vector<Voter>& voters() {
  static const std::vector<Voter> table = [] {
    std::vector<Voter> list(6);
    list[0].name = "careful";
    list[1].name = "noisy";
    list[1].prompt_noise = 1.0, list[1].call_noise = 0.9, list[1].unparsable = 0.02, list[1].refused = 0.01;
    list[2].name = "position_biased";
    list[2].position_bias = 0.9;
    list[3].name = "longwinded";
    list[3].length_preference = 0.8;
    list[4].name = "random";
    list[4].prompt_noise = 0, list[4].call_noise = 1000, list[4].position_bias = 0, list[4].length_preference = 0,
    list[4].tie_width = 0;
    list[5].name = "perfect";
    list[5] = {"perfect", 0, 0, 0, 0, 0.35, 1.4, 0, 0, 0, 0};
    return list;
  }();
  return table;
}

namespace {

class Simulated : public Judge {
 public:
  explicit Simulated(const Voter& voter) : voter_(voter) {}

  std::string name() const override { return "simulated:" + voter_.name; }

  Json fingerprint() const override {
    const Voter& v = voter_;
    return {{"kind", "simulated"},
            {"version", 1},
            {"voter", v.name},
            {"prompt_noise", v.prompt_noise},
            {"call_noise", v.call_noise},
            {"position_bias", v.position_bias},
            {"length_preference", v.length_preference},
            {"tie_width", v.tie_width},
            {"much_width", v.much_width},
            {"equal_signs", v.equal_signs},
            {"unparsable", v.unparsable},
            {"refused", v.refused},
            {"truncated", v.truncated}};
  }

  void answer(const Format& format, std::span<const BallotRequest> requests,
              const std::function<void(std::size_t, BallotAnswer)>& done, const std::function<bool()>& stop) override {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (stop()) return;
      done(i, answer_one(format, requests[i]));
    }
  }

 private:
  /// What the judge perceives of each completion shown, in the order shown.
  std::vector<double> perceived(const BallotRequest& request, Random& call) const {
    const PoolRow& row = *request.row;
    const auto k = static_cast<double>(row.completions.size());
    double mean = 0, squares = 0, length_mean = 0, length_squares = 0;
    std::vector<double> length;
    for (const Completion& completion : row.completions) {
      mean += completion.source_rank / k;
      length.push_back(std::log(1.0 + static_cast<double>(completion.text.size())));
      length_mean += length.back() / k;
    }
    for (std::size_t c = 0; c < row.completions.size(); ++c) {
      squares += std::pow(row.completions[c].source_rank - mean, 2) / k;
      length_squares += std::pow(length[c] - length_mean, 2) / k;
    }
    const double sd = squares > 0 ? std::sqrt(squares) : 1,
                 length_sd = length_squares > 0 ? std::sqrt(length_squares) : 1;
    std::vector<double> u;
    for (std::size_t place = 0; place < request.item->shown.size(); ++place) {
      const std::size_t c = request.item->shown[place];
      const Completion& completion = row.completions[c];
      Random opinion(hash64("opinion " + voter_.name), completion.completion_id);
      u.push_back(-(completion.source_rank - mean) / sd + voter_.prompt_noise * opinion.normal() +
                  voter_.call_noise * call.normal() + (place == 0 ? voter_.position_bias : 0) +
                  voter_.length_preference * (length[c] - length_mean) / length_sd);
    }
    return u;
  }

  Label label_of(const Format& format, const std::vector<double>& u, Random& call) const {
    Label label;
    label.status = "ok";
    if (format.kind == FormatKind::kPairwise) {
      label.choice = u[0] >= u[1] ? 0 : 1;
      const double gap = std::abs(u[0] - u[1]);
      // 0 below tie_width, the top above much_width, in equal steps between.
      const auto strength = [&](int steps) {
        if (gap < voter_.tie_width) return 0;
        const double share = (gap - voter_.tie_width) / std::max(voter_.much_width - voter_.tie_width, 1e-9);
        return 1 + static_cast<int>(std::min(share * std::max(steps - 1, 1), 1000.0));
      };
      const LabelField& first = format.fields[0];
      if (const LabelField* field = format.field(FieldKind::kMagnitude)) {
        label.magnitude = std::min(field->minimum + strength(field->maximum - field->minimum), field->maximum);
      } else if (first.kind == FieldKind::kComparison) {
        const int most = first.steps() / 2, least = first.steps() % 2 == 0 ? 1 : 0;
        label.magnitude = std::clamp(strength(most), least, most);
        label.neither = *label.magnitude == 0;
      } else {
        label.neither = !first.ties.empty() && gap < voter_.tie_width;
      }
      if (label.neither) label.choice.reset();
    } else if (format.kind == FormatKind::kPointwise) {
      if (const LabelField* field = format.field(FieldKind::kRating)) {
        // Equal steps over u from -1.6 to 1.6: crowded in the middle, as scales are used.
        const int steps = field->maximum - field->minimum + 1;
        const int step = static_cast<int>(std::floor((u[0] + 1.6) / 3.2 * steps));
        label.rating = field->minimum + std::clamp(step, 0, steps - 1);
      }
    } else {
      std::vector<int> order(u.size());
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(),
                       [&](int a, int b) { return u[static_cast<std::size_t>(a)] > u[static_cast<std::size_t>(b)]; });
      const bool equal_signs = call.uniform() < voter_.equal_signs;
      for (const int place : order) {
        const bool close = !label.ranking.empty() && u[static_cast<std::size_t>(label.ranking.back().front())] -
                                                             u[static_cast<std::size_t>(place)] <
                                                         voter_.tie_width;
        if (equal_signs && close)
          label.ranking.back().push_back(place);
        else
          label.ranking.push_back({place});
      }
      if (format.fields[0].kind == FieldKind::kBest) {
        label.ranking.clear();
        put_word(format.fields[0], u.size(), static_cast<std::size_t>(order.front()), label);
        if (format.fields.size() > 1)
          put_word(format.fields[1], u.size(), static_cast<std::size_t>(order.back()), label);
      }
    }
    return label;
  }

  BallotAnswer answer_one(const Format& format, const BallotRequest& request) const {
    Random call(request.seed, "simulated call");
    BallotAnswer answer;
    std::size_t characters = 0;
    for (const Message& message : request.messages) characters += message.content.size();
    answer.prompt_tokens = static_cast<std::int64_t>(characters / 4 + 1);  // about four characters a token in English
    const double fate = call.uniform();
    const double kindness = request.row->good_natured.value_or(true) ? 1.0 : 4.0;
    const Label label = label_of(format, perceived(request, call), call);
    const std::string thought = thinking(format, request, label, call);
    if (request.structured) {
      answer.content = structured_answer_of(format, label, "I compared what was asked with what was given.");
    } else if (fate < voter_.refused * kindness) {
      answer.content = "I'm sorry, but I can't help with judging this conversation.";
    } else if (fate < voter_.refused * kindness + voter_.unparsable) {
      answer.content = thought + "\nAll in all it depends on what the reader is after.";
    } else if (fate < voter_.refused * kindness + voter_.unparsable + voter_.truncated) {
      answer.content = thought.substr(0, thought.size() / 2);
      answer.finish_reason = "length";
    } else {
      answer.content = thought + "\n\n" + answer_of(format, label);
    }
    answer.completion_tokens = static_cast<std::int64_t>(answer.content.size() / 4 + 1);
    return answer;
  }

  /// A few sentences before the label, so that the parser has something to read past. They name letters and numbers on
  /// purpose.
  std::string thinking(const Format& format, const BallotRequest& request, const Label& label, Random& call) const {
    static const std::vector<std::string> openings = {"The user wants a direct and correct answer.",
                                                      "First, what was asked for.", "The question leaves some room.",
                                                      "Tone and facts both matter here."};
    std::string text = openings[call.below(openings.size())];
    const std::size_t shown = request.item->shown.size();
    for (std::size_t place = 0; place < shown; ++place) {
      static const std::vector<std::string> remarks = {"stays on the topic", "is thin in places",
                                                       "answers in enough detail", "could be clearer",
                                                       "is polite and to the point"};
      text += shown == 1 ? fmt::format(" The response {}.", remarks[call.below(remarks.size())])
                         : fmt::format(" Completion {} {}.", letter_of(static_cast<int>(place)),
                                       remarks[call.below(remarks.size())]);
    }
    if (format.kind == FormatKind::kPairwise && shown == 2 && label.choice)
      text += fmt::format(" At first sight {} looked a little better than {}, but order says nothing.",
                          letter_of(1 - *label.choice), letter_of(*label.choice));
    return text;
  }

  Voter voter_;
};

}  // namespace

std::unique_ptr<Judge> make_simulated_judge(const std::string& voter) {
  std::vector<std::string> names;
  for (const Voter& candidate : voters()) {
    if (candidate.name == voter) return std::make_unique<Simulated>(candidate);
    names.push_back(candidate.name);
  }
  throw wrong_usage("unknown voter '{}'{}", voter, did_you_mean(voter, names));
}

}  // namespace ballot
