// The Parquet files of a dataset folder as hubs lay it out: preferences with an `id`, and what a dataset card says of a
// file (features, rows, bytes). Source of the layout: the `datasets` library 5, `Features` and `DatasetInfo`.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/records.h"

namespace ballot {

/// preferences.parquet (data/preferences.h, TRL's conversational layout) and behind it `id`, which tells the row among
/// all configs: pair id and format. Rows in the order given; atomically.
void write_hub_preferences(const std::filesystem::path& path, const std::vector<Preference>& rows);

/// What a dataset card says of a Parquet file.
struct HubFile {
  std::int64_t rows = 0;
  std::int64_t memory_bytes = 0;  ///< as Arrow holds the rows
  std::int64_t file_bytes = 0;
  std::string features;  ///< JSON: [{name, dtype | list | struct}]
};
/// Throws Error (input) where the file is none.
HubFile describe_hub_file(const std::filesystem::path& path);

}  // namespace ballot
