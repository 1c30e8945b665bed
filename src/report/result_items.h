// internal to report: the items of one result file or folder, as `ballot compare` pairs them.
#pragma once
#include <string>
#include <vector>

#include "report/compare.h"
#include "statistics/rewardbench_sections.h"

namespace ballot {

struct ResultItem {
  std::string key;      ///< matches the items of two results
  std::string cluster;  ///< what items share
  std::string subset;   ///< of a reward suite: decides the weight; else empty
  double value = 0;     ///< right or wrong, or a share
  double weight = 1;    ///< how many answers the item stands for (IFEval: instructions)
};

struct ResultOutcome {
  std::string name;
  const SectionScheme* scheme = nullptr;  ///< items are weighed by subset and section; else by their own weights
  std::vector<ResultItem> items;
};

struct ResultFile {
  std::string name, path;
  std::vector<ResultOutcome> outcomes;
};

/// Reads what `path` is: a folder of rewardbench or eval, or a scores.parquet file.
ResultFile read_result(const std::string& name, const std::string& path, const CompareOptions& options);

}  // namespace ballot
