// A dataset folder that is ready to be pushed to a hub, from labels and the preferences made of them:
//
//   README.md                                      the card (formats/hub_card.h)
//   data/<config>/<split>-00000-of-00001.parquet   preferences of a format (data/hub_files.h), in shards
//   data/annotations/...                           every ballot as it was answered
//   formats/<config>.yaml                          what was asked, as one file
//   manifest.json                                  as any artefact's, without what it says of the machine
//
// Source of the names: the `datasets` library's own folder layout.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "formats/binarize.h"

namespace ballot {

/// The labels of one configuration and what was made of them.
struct HubInput {
  std::string name;  ///< of the configuration
  std::string path;  ///< the annotations as the user names them: their manifest tells how they were made
  const FormatAnnotations* labels = nullptr;
  const PreferenceSet* set = nullptr;
};

struct HubFolderOptions {
  std::string pool;                   ///< its manifest tells where prompts and completions come from
  std::vector<std::string> licences;  ///< as the user says; empty: as the sources' own cards do
  BinarizeOptions preferences;
  std::int64_t seed = 0;
  std::int64_t shard_bytes = 500'000'000;  ///< of text in a shard, as `datasets` cuts them
};

/// Writes the data, formats and card (the manifest is the caller's).
void write_hub_folder(const std::filesystem::path& folder, const std::vector<PoolRow>& pool,
                      const std::vector<HubInput>& inputs, const HubFolderOptions& options);

/// Takes what a manifest says of the machine and of local paths out of it: the folder is made to be shown.
void make_manifest_public(const std::filesystem::path& folder);

}  // namespace ballot
