// The files of a pool's sources, each with the layout that its rows have. Inside the room only.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/layouts.h"
#include "data/pool.h"
#include "data/sources.h"

namespace ballot {

struct PoolSource {
  SourceFile file;
  const Layout* layout = nullptr;
  std::shared_ptr<const Layout> mapping;  ///< owns the layout where a mapping's file tells it
  std::vector<std::int64_t> positions;    ///< sorted; empty: all
};

/// Throws Error (input) where a file is in no layout that is known, or lacks a column of the one asked for.
std::vector<PoolSource> open_pool_sources(const std::vector<std::string>& names, const PoolOptions& options);

}  // namespace ballot
