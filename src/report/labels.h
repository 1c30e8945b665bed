// Who said what, as statistics/ratings.h wants it: from preferences files (one annotator each, aligned by pair) or from
// any table.
//
// For preferences the value of a pair says which of its two completions won, and so depends on which of them is called
// the first. That choice, the orientation, is part of a chance-corrected statistic's definition (coded in its own
// order, a ranking is a rater who always says 1), so it is declared:
//   symmetric   every pair counts in both orientations: nothing depends on the choice (default)
//   hash        the completion with the smaller keyed hash of (seed, id) is the first
//   presented   the one that the judge saw first (of the first file that says so)
//   source      the one that the source ranks better
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/options.h"
#include "data/rejects.h"
#include "statistics/agreement.h"

namespace ballot {

struct Labels {
  Ratings ratings;
  std::vector<std::string> raters;      ///< names
  std::vector<std::string> units;       ///< ids
  std::vector<std::string> categories;  ///< as written, in the order of ratings.values
  std::vector<std::string> clusters;
  std::string clustered_by;         ///< a column; empty: every unit by itself
  std::vector<std::string> groups;  ///< by unit: the value of the column asked for; empty: none was
  std::string grouped_by;
  bool ordered = true;  ///< categories are numbers, or two words: correlations mean something
};

/// The units of one group (with all clusters kept that have any).
Labels labels_of_group(const Labels& labels, const std::string& group);
/// The distinct groups: numbers by size, then words.
std::vector<std::string> groups_of(const Labels& labels);

struct Annotator {
  std::string name, path;
};
/// Names for preferences files: the file's name without its ending where these differ, else the format in it, else
/// format and judge, else the path. "NAME=PATH" gives a name.
std::vector<Annotator> name_annotators(const std::vector<std::string>& files);

struct PreferenceLabelOptions {
  std::string pool;                       ///< adds the source ranking as the annotator "source"
  std::string orientation = "symmetric";  ///< symmetric, hash, presented, source
  std::string tied_pairs = "keep";        ///< keep (the direction in the file), missing, category
  std::string cluster = "prompt_id";      ///< prompt_id, pair_id (none) or source
  std::string by;                         ///< split, source, good_natured, source_distance, ...; empty: no groups
  std::uint64_t seed = 0;                 ///< of orientation hash
};
/// A pair that a file holds twice is a bad row ("duplicate_pair"). Throws Error (input) where no row can be used, or
/// the orientation is unknown for a pair.
Labels labels_from_preferences(const std::vector<Annotator>& annotators, const PreferenceLabelOptions& options,
                               RejectLog& rejects);

struct AnnotationLabelOptions {
  std::string orientation = "symmetric";  ///< of pairwise ballots: symmetric, hash
  std::string by;                         ///< split, source, good_natured, turns: of the prompt, from the pool
  std::string pool;
  std::uint64_t seed = 0;
};
/// Raw labels: what annotators of one format answered, ballot by ballot, in folders of `annotate`. The unit is the
/// ballot and the value its rating, or its choice (1 and -1, times the magnitude where there is one; 0: neither); of a
/// ranking the unit is a completion on it and the value its rank. Ballots without a label are missing. Someone who was
/// asked several times is as many raters ("NAME, asking 2"). Clusters are prompts.
Labels labels_from_annotations(const std::vector<Annotator>& annotators, const AnnotationLabelOptions& options);

struct TableLabelOptions {
  std::vector<std::string> unit;    ///< columns that name a unit together
  std::string rater, value;         ///< long: one row a rating
  std::vector<std::string> raters;  ///< wide: one column a rater; empty cells are missing
  std::string cluster;              ///< empty: prompt_id where there is such a column
  std::string by;
  std::vector<std::string> categories;  ///< the scale in its order; empty: the values that occur, sorted
  Level level = Level::kNominal;
};
/// Bad rows: a second rating of a unit by a rater ("duplicate_rating"), a value that the level cannot use
/// ("value_not_a_number", "unknown_category"), a missing unit or rater ("unit_missing", "rater_missing").
Labels labels_from_table(const std::string& file, const TableLabelOptions& options, RejectLog& rejects);

}  // namespace ballot
