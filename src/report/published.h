// The published study's tables (web/published.json), to stand beside what a study measures, with marks where its
// numbers do not fit together. They carry no intervals, so no sentence of a report can rest on them.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace ballot {

struct PublishedNote {
  std::string mark;                ///< "a"
  std::vector<std::string> cells;  ///< "table3/ranking/kappa"; a path also means what lies below it
  std::string text;
};

struct PublishedTables {
  std::string title, setting;
  std::map<std::string, double> overall;                        ///< fleiss_kappa, krippendorff_alpha
  std::map<std::string, double> pearson;                        ///< "binary|ranking"
  std::map<std::string, std::map<std::string, double>> source;  ///< format -> kappa, alpha
  std::vector<std::string> models;
  struct Rows {
    std::vector<std::string> columns;
    std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::vector<double>>>>>
        models;  ///< model -> row -> values
    /// NaN where there is no such cell. `model` by the last part of its name ("meta-llama/Llama-3.2-1B").
    double cell(const std::string& model, const std::string& row, const std::string& column) const;
  };
  Rows rewardbench;  ///< rows "ranking", "ranking+margin"; fractions
  Rows tasks;        ///< rows "instruct", "sft", "dpo_ranking"; percent
  std::vector<PublishedNote> notes;

  /// Pearson of two formats in either order; NaN where there is none.
  double pearson_of(const std::string& a, const std::string& b) const;
  /// The marks of a cell: "a, c".
  std::string marks(const std::string& cell) const;
};

/// Read once from the file inside the binary.
const PublishedTables& published_tables();

}  // namespace ballot
