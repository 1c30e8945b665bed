// A study's folder: which study it is of, its report, and the few lines that a terminal prints of it.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/progress.h"
#include "study/study_file.h"

namespace ballot {

/// Writes DIR/study.json (the file's path, --set, the resolved study) and keeps the history of the claims: what was
/// said before the run stays, later changes are deviations that the report shows.
void remember_study(const std::filesystem::path& folder, const std::string& file, const std::vector<std::string>& set,
                    const StudyFile& study);
/// The study of a folder. Throws Error (input) where the folder is none, or its study file is gone.
StudyFile recalled_study(const std::filesystem::path& folder);
/// The claims as first said, and each later version, as JSON texts.
std::vector<std::string> claims_history(const std::filesystem::path& folder);

/// Reads what is there of a study's artefacts and writes DIR/report (report/page.h).
void write_study_report(const StudyFile& study, const std::filesystem::path& folder, Progress& progress);
/// The report's headline: DIR/report/headline.json, and as lines for a terminal.
std::string headline_json(const std::filesystem::path& folder);
std::string headline_text(const std::filesystem::path& folder);
/// Keys and hashes of a report's proof.json against the artefacts; one line a disagreement.
std::vector<std::string> verify_proof(const std::filesystem::path& proof, const std::filesystem::path& folder);

}  // namespace ballot
