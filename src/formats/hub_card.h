// The card of a dataset folder (README.md): the YAML header that hubs and the `datasets` library read, then what a
// reader wants to know: how the rows were made, how many there are, what was left out, whose licences they carry.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "formats/binarize.h"

namespace ballot {

struct HubSplit {
  std::string name;
  std::int64_t rows = 0, memory_bytes = 0;
};

struct HubConfig {
  std::string name;
  std::vector<HubSplit> splits;
  std::int64_t file_bytes = 0;
  std::string features;  ///< JSON, as data/hub_files.h tells it
};

/// Where the prompts and completions come from, and under which licence; empty: its folder does not say.
struct HubSource {
  std::string name, licence;
};

struct HubCard {
  std::string title;
  std::vector<std::string> licences;   ///< as the user says; empty: carried over from the sources
  std::vector<std::string> languages;  ///< of the prompts
  std::vector<HubSource> sources;
  std::vector<std::string> recipe;  ///< one step a line
  std::vector<HubConfig> configs;   ///< the first is the default
  struct Format {
    std::string config, title, answer, margin, tie, hash;
    BinarizeSummary summary;
    std::vector<std::pair<std::string, std::int64_t>> statuses;  ///< of its ballots
  };
  std::vector<Format> formats;
};

/// What the header's `license` says: the only licence that is known of all sources, "other" where there are several,
/// "unknown" where one is not stated.
std::string licence_of(const HubCard& card);
std::string card_text(const HubCard& card);

/// The `license` (and `license_name`) of a card's YAML header; empty where it has none.
std::string licence_in_card(const std::string& card);

/// JSON as block-style YAML.
std::string yaml_of(const Json& json);

}  // namespace ballot
