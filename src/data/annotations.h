// annotations.parquet: one row a ballot, what the judge said on it (schema: docs/artefacts.md).
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/records.h"

namespace ballot {

/// A file, a folder that holds annotations.parquet, or JSONL of the same fields. Throws Error (input) naming file, row
/// and field where a row does not fit the schema: labels are paid for, so none is skipped.
std::vector<Annotation> read_annotations(const std::filesystem::path& path);

/// Rows in the order given; atomically; the same rows give the same bytes.
void write_annotations(const std::filesystem::path& path, const std::vector<Annotation>& rows);
/// The same for rows that are not all in memory: `produce` calls its argument with each.
void write_annotations(const std::filesystem::path& path,
                       const std::function<void(const std::function<void(const Annotation&)>&)>& produce);

}  // namespace ballot
