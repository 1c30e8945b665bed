// The pool: k of the ranked completions of each prompt, from any public layout (schema of pool.parquet:
// docs/artefacts.md).
//
// The result depends on the content of the sources, the options and the seed only: not on the order of rows, the order
// of answers in a row, file format, compression, sharding or threads. Rows stand in the order of a keyed hash of (seed,
// prompt id), so that the first n prompts of a pool are a random sample and a larger pool of the same seed begins with
// the smaller one. Two passes: the first checks every row and writes what may be needed to an unnamed temporary file
// beside the output, keeping ids and places only (some 100 bytes a row); the second reads the chosen ones in the order
// of the result.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/manifest.h"
#include "core/options.h"
#include "core/progress.h"
#include "data/records.h"
#include "data/rejects.h"

namespace ballot {

struct PoolOptions {
  std::string layout = "auto";  ///< auto, nectar, ultrafeedback, helpsteer, preferences, table, ballot, or a mapping's
                                ///< file (data/mapping.h)
  std::int64_t prompts = 0;     ///< how many to take; 0: all
  std::vector<std::int64_t>
      positions;      ///< zero-based places in the source's ranking; empty: 0,2,3,5,6, all where a layout has no seven
  std::string split;  ///< of a hub dataset
  double held_out = 0.05;  ///< share of the prompts
};
void visit_options(OptionVisitor& visit, PoolOptions& options);

struct PoolSummary {
  std::string layout;          ///< the one used
  std::int64_t rows_read = 0;  ///< blank lines not counted
  std::int64_t prompts = 0, completions = 0, held_out = 0;
  std::string key;  ///< of the manifest
};

/// Stage, version, parameters, seed and inputs (hashed): the key of the pool to be made.
Manifest pool_manifest(const std::vector<std::string>& sources, const PoolOptions& options, std::int64_t seed);

/// Writes pool.parquet and its manifest. Throws Error (input) where nothing in the sources can be used.
PoolSummary make_pool(const std::vector<std::string>& sources, const std::filesystem::path& out,
                      const PoolOptions& options, std::int64_t seed, int threads, RejectLog& rejects,
                      Progress& progress);

/// The whole pool in memory, in file order; Parquet, or JSONL of the same fields. Throws Error (input) naming file, row
/// and field where a row does not fit the schema.
std::vector<PoolRow> read_pool(const std::filesystem::path& path);
/// Rows in the order given; atomically; the same rows give the same bytes.
void write_pool(const std::filesystem::path& path, const std::vector<PoolRow>& rows);

}  // namespace ballot
