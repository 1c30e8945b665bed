// `ballot binarize`: annotations on disk to preferences on disk.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "formats/binarize.h"

namespace ballot {

/// The annotations of one folder or file with their format: the folder's format.yaml, else the format of that name.
/// Throws Error (input) where there is none, or annotations of several formats.
FormatAnnotations read_format_annotations(const std::string& path);

/// The pool that a folder's manifest names, if it is there and has not changed since. Throws Error (input) saying what
/// is wrong, and that --pool names another.
std::string pool_of_annotations(const std::string& folder);

struct BinarizeRequest {
  std::vector<std::string> annotations;  ///< folders of `annotate`, or annotations files
  std::string pool;
  std::string out;  ///< one input: a file; several: a folder with <format>.parquet each. Empty: `hub_folder` only
  std::string hub_folder;             ///< a dataset folder (formats/hub_folder.h); empty: none
  std::vector<std::string> licences;  ///< of the dataset; empty: carried over from the sources' cards
  std::string layout = "trl";         ///< trl, dpo_text, rewardbench
  BinarizeOptions options;
  std::int64_t seed = 0;
  bool force = false;
};

struct BinarizedFile {
  std::string name;  ///< the format's, or its folder's where several inputs are of one format
  std::string path;
  BinarizeSummary summary;
};

/// Reads the format of a folder from its format.yaml, of a file from the name in its rows. Throws Error (input) where a
/// file holds several formats or no annotation. Several inputs of one format (a placebo, two judges) are told apart by
/// the names of their folders; Error (usage) where these are the same, too.
std::vector<BinarizedFile> binarize_files(const BinarizeRequest& request);

/// Counts by format, for --json and manifests.
Json to_json(const BinarizeSummary& summary);

}  // namespace ballot
