// The report of a study: OUT/index.html (one self-contained file: scripts, data and style inside, nothing fetched),
// OUT/tables/
// (*.csv, *.md, *.tex), OUT/figures/*.svg, OUT/proof.json (keys and hashes, for `ballot verify`), and OUT/headline.json
// and .txt: the few lines that a terminal prints.
#pragma once
#include <filesystem>

#include "core/progress.h"
#include "report/study_results.h"

namespace ballot {

void write_report(const std::filesystem::path& out, const StudyResults& results, Progress& progress);

}  // namespace ballot
