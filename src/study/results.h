// From a study's artefacts to what its report is made of.
#pragma once
#include <filesystem>

#include "core/progress.h"
#include "report/study_results.h"
#include "study/study_file.h"

namespace ballot {

/// Reads what is there; what is not yet made is left out. Intervals: 95%, cluster bootstrap over prompts, seed of the
/// study.
StudyResults collect_results(const StudyFile& study, const std::filesystem::path& folder, int threads,
                             Progress& progress);

// Parts: label_results.cpp, training_results.cpp, proof.cpp.
void collect_labels(const StudyFile& study, const std::filesystem::path& folder, int threads, StudyResults& results);
void collect_scores(const StudyFile& study, const std::filesystem::path& folder, int threads, StudyResults& results);
void collect_contrasts(const StudyFile& study, const std::filesystem::path& folder, int threads, StudyResults& results);
std::vector<Proof> collect_proofs(const StudyFile& study, const std::filesystem::path& folder);

/// A share with its interval, prompts as clusters. `hits`: (cluster, 0 or 1 or a part).
Measured clustered_share(const std::vector<std::pair<std::string, double>>& hits, std::uint64_t seed, int threads);

}  // namespace ballot
