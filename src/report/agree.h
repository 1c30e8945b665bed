// `ballot agree`: how far annotators agree, with intervals; as JSON (interface.md) and as text.
#pragma once
#include <string>
#include <vector>

#include "core/json.h"
#include "core/options.h"
#include "report/labels.h"
#include "statistics/agreement_tests.h"

namespace ballot {

struct AgreeOptions {
  /// One annotator a file; NAME=FILE names it. Folders of annotations instead: their raw labels.
  std::vector<std::string> preferences;
  std::optional<std::string> pool;   ///< adds the source's ranking as the annotator "source"
  std::optional<std::string> table;  ///< instead: any CSV, JSONL or Parquet table
  std::vector<std::string> unit;
  std::optional<std::string> rater, value;  ///< long: one row a rating
  std::vector<std::string> raters;          ///< wide: one column a rater
  std::vector<std::string> categories;
  std::string level = "nominal";
  std::int64_t bootstrap = 2000;
  std::optional<std::string> cluster;
  std::string orientation = "symmetric";
  std::string tied_pairs = "keep";
  std::optional<std::string> by;
  std::string interval = "bca";
  std::vector<std::string> overall;      ///< annotators that `overall` is about; empty: all
  std::optional<std::string> reference;  ///< whose agreement with the others is compared; default: source, with a pool
  std::string contrast = "percent_agreement";  ///< the pair statistic that is compared
};
void visit_options(OptionVisitor& visit, AgreeOptions& options);

struct AgreeResult {
  Labels labels;
  Agreement agreement;
  std::vector<ChanceTest> chance;  ///< by pair, as agreement.pairs; empty without replicates
  std::vector<std::pair<std::string_view, Statistic>> intraclass;  ///< level interval or ratio
  std::string reference;                                           ///< of the contrasts; empty: none
  /// Every two annotators' agreement with the reference compared, on the same draws, corrected as one family (Holm).
  struct Contrast {
    std::string a, b;
    AgreementContrast contrast;
    double p_holm = 1;
    std::string verdict;  ///< "better", "worse", "not distinguished": of a against b
  };
  std::vector<Contrast> contrasts;
  std::vector<std::pair<std::string, Agreement>> groups;  ///< of --by
};

AgreeResult agree(const AgreeOptions& options, std::uint64_t seed, int threads, RejectLog& rejects);
/// The object that --json prints.
Json agree_json(const AgreeResult& result, const AgreeOptions& options, std::uint64_t seed, const RejectLog& rejects);
/// What a person reads.
std::string agree_text(const AgreeResult& result, const AgreeOptions& options, const RejectLog& rejects);

}  // namespace ballot
