// Who answers a ballot. A judge sees rendered ballots and gives back what was said; it knows nothing of journals or
// files.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "data/records.h"
#include "formats/item.h"

namespace ballot {

class Format;  // formats/format.h

/// The study's sampling fields; every one is sent or obeyed, none is left to a server's default.
struct Sampling {
  double temperature = 0.4;
  std::int64_t top_k = 40;  ///< 0: all
  double top_p = 0.95;
  double min_p = 0;
  double repetition_penalty = 1.0;
  std::int64_t max_tokens = 8192;  ///< of one answer
};
class OptionVisitor;
void visit_options(OptionVisitor& visit, Sampling& sampling);

/// One ballot ready to be answered.
struct BallotRequest {
  const Item* item = nullptr;
  const PoolRow* row = nullptr;
  Conversation messages;   ///< rendered: system turn, user turn
  std::uint64_t seed = 0;  ///< hash(study seed, item, repeat, attempt)
  std::int32_t attempt = 1;
  bool structured = false;  ///< ask for the format's JSON schema instead of free text
};

/// What came back, before parsing.
struct BallotAnswer {
  std::string content, reasoning;
  std::string finish_reason = "stop";  ///< "stop", "length", or the server's other word
  std::string error;                   ///< non-empty: no answer (status "transport")
  bool permanent = false;              ///< with an error: asking again is of no use
  std::string note;                    ///< what is odd about an answer that counts ("usage estimated"); to the journal
  std::string transport;               ///< "text", "structured", ...; empty: as it was asked for
  std::vector<double> probabilities;   ///< over the format's labels; empty: unknown
  std::int64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
  double cost = 0, seconds = 0;
};

/// Tokens that were paid and gave no answer: of a try that failed, or of the look at a server before the first ballot.
struct SpentTokens {
  const Item* item = nullptr;  ///< whose ballot; null: nobody's (the look)
  std::int32_t attempt = 0;    ///< which attempt the failed try belongs to
  std::string fault;           ///< the word under which the fault is counted; of the look "probe"
  std::int64_t prompt_tokens = 0, completion_tokens = 0, cached_tokens = 0;
  bool estimated = false;  ///< the server did not tell them
  double cost = 0;
};

/// What a judge is told before its first question.
struct JudgeSetup {
  std::int64_t concurrency = 256;  ///< requests in flight at most
  std::string notes = {};          ///< what it noted when this journal was begun (JSON); empty: nothing yet
  /// To be told at once, during prepare() and answer(), on the caller's thread: it goes into the journal and counts
  /// against budgets. Empty: nobody wants to know.
  std::function<void(const SpentTokens&)> spent = {};
  /// To be told about once a second while nothing can be asked: why and for how long, for the progress line; an empty
  /// text when it is over. Empty: nobody wants to know.
  std::function<void(const std::string&)> waiting = {};
};

class Judge {
 public:
  virtual ~Judge() = default;
  /// "simulated:careful", "local:smollm2-135m": the name that annotations carry.
  virtual std::string name() const = 0;
  /// What identifies its answers: model hash, sampling, voter parameters. Part of the stage's key.
  virtual Json fingerprint() const = 0;
  /// True where a prompt's ballots are computed together, so that an answer depends on which others were asked with it:
  /// they are then handed over together and stand in the journal together or not at all.
  virtual bool whole_prompts() const { return false; }
  /// The moment to look at a server before anything is spent; called once, and only where something is left to ask.
  /// Returns notes for the journal (JSON, or empty). Throws Error where it cannot judge, or is not the judge it was.
  virtual std::string prepare(const Format&, const JudgeSetup& setup) { return setup.notes; }
  /// What it counted meanwhile, for the summary: {"requests": n, "faults": {"http_503": n}, ...}; empty: nothing.
  virtual Json counters() const;
  /// True where answers come outside this run (batch files): answer() gives those that are there already, and what it
  /// leaves is asked for by ask_later(), which returns what to tell the user.
  virtual bool answers_later() const { return false; }
  virtual std::string ask_later() { return ""; }
  /// Answers the requests in any order, calling `done(index, answer)` for each as it arrives (one call at a time). The
  /// loop hands over many at once, sorted so that ballots which share a prefix are neighbours; the judge decides on
  /// batches and concurrency. Stops early where `stop` returns true, leaving the rest unanswered.
  virtual void answer(const Format& format, std::span<const BallotRequest> requests,
                      const std::function<void(std::size_t, BallotAnswer)>& done,
                      const std::function<bool()>& stop) = 0;
};

}  // namespace ballot
