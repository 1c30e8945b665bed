// `ballot binarize`: annotations on disk to preferences on disk.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "formats/binarize.h"

namespace ballot {

struct BinarizeRequest {
  std::vector<std::string> annotations;  ///< folders of `annotate`, or annotations files
  std::string pool;
  std::string out;             ///< one input: a file; several: a folder with <format>.parquet each
  std::string layout = "trl";  ///< trl, dpo_text, rewardbench
  BinarizeOptions options;
  std::int64_t seed = 0;
  bool force = false;
};

struct BinarizedFile {
  std::string path;
  BinarizeSummary summary;
};

/// Reads the format of a folder from its format.yaml, of a file from the name in its rows. Throws Error (input) where a
/// file holds several formats or no annotation, Error (usage) where two inputs are of one format (their files would
/// have one name).
std::vector<BinarizedFile> binarize_files(const BinarizeRequest& request);

/// Counts by format, for --json and manifests.
Json to_json(const BinarizeSummary& summary);

}  // namespace ballot
