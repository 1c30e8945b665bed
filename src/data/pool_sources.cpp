#include "data/pool_sources.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/error.h"
#include "data/mapping.h"
#include "data/rows.h"

namespace ballot {
namespace {

/// The layout of a file: by its columns, or by what most of its first rows have.
const Layout* layout_of(const SourceFile& file, const std::string& wanted) {
  RowReader reader(file);
  if (!reader.columns().empty()) {
    if (const Layout* layout = match_layout(reader.columns(), wanted)) return layout;
    if (wanted == "auto") throw no_layout(file.name, reader.columns());
    const Layout& layout = find_layout(wanted);
    require_columns(file, reader.columns(), layout.needed.front());
    return &layout;
  }
  std::map<const Layout*, int> votes;
  std::vector<std::string> unknown;
  for (int batches = 0; batches < 2; ++batches) {
    const auto batch = reader.next();
    if (!batch) break;
    batch->for_each([&](const Row& row) {
      if (!row.reason.empty()) return;
      std::vector<std::string> columns;
      for (const Member& member : row.value.members()) columns.emplace_back(member.name);
      if (const Layout* layout = match_layout(columns, wanted))
        ++votes[layout];
      else if (unknown.empty())
        unknown = columns;
    });
  }
  if (votes.empty()) {
    if (wanted != "auto") return &find_layout(wanted);
    if (!unknown.empty()) throw no_layout(file.name, unknown);
    return layouts().data();  // nothing but damaged rows, if any: they are told one by one
  }
  return std::max_element(
             votes.begin(), votes.end(),
             [](const auto& a, const auto& b) { return std::tie(a.second, b.first) < std::tie(b.second, a.first); })
      ->first;
}

}  // namespace

std::vector<PoolSource> open_pool_sources(const std::vector<std::string>& names, const PoolOptions& options) {
  std::vector<PoolSource> sources;
  const std::shared_ptr<const Layout> mapping =
      is_mapping_file(options.layout) ? read_mapping(options.layout) : nullptr;
  for (SourceFile& file : resolve_sources(names, options.split)) {
    PoolSource source;
    source.mapping = mapping;
    if (mapping) {
      if (const RowReader reader(file); !reader.columns().empty())
        require_columns(file, reader.columns(), mapping->needed.front());
      source.layout = mapping.get();
    } else {
      source.layout = layout_of(file, options.layout);
    }
    source.file = std::move(file);
    source.positions = options.positions.empty() ? source.layout->positions : options.positions;
    std::sort(source.positions.begin(), source.positions.end());
    sources.push_back(std::move(source));
  }
  return sources;
}

}  // namespace ballot
