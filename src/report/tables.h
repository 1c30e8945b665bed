// The report's tables, from what the study measured. Tables 1 to 6 are the counterparts of the published study's; a
// table for which nothing was measured has no rows and is left out.
#pragma once
#include <vector>

#include "report/published.h"
#include "report/report_table.h"
#include "report/study_results.h"

namespace ballot {

// Labels (label_tables.cpp)
ReportTable glance_table(const StudyResults& results);  ///< one row a format: all that decides
ReportTable overall_agreement_table(const StudyResults& results, const PublishedTables& published);  ///< Table 1
ReportTable correlation_table(const StudyResults& results, const PublishedTables& published);        ///< Table 2
ReportTable source_agreement_table(const StudyResults& results, const PublishedTables& published);   ///< Table 3
ReportTable ballots_table(const StudyResults& results);      ///< what was asked, and what failed
ReportTable costs_table(const StudyResults& results);        ///< tokens, money, time
ReportTable report_card_table(const StudyResults& results);  ///< the judge's habits
ReportTable flips_table(const StudyResults& results);        ///< how many labels differ

// Trainings and evaluations (model_tables.cpp)
ReportTable models_table(const StudyResults& results);                                         ///< Table 4
ReportTable rewardbench_table(const StudyResults& results, const PublishedTables& published);  ///< Table 5
ReportTable tasks_table(const StudyResults& results, const PublishedTables& published);        ///< Table 6
ReportTable held_out_table(const StudyResults& results);
ReportTable contrasts_table(const StudyResults& results);
ReportTable proof_table(const StudyResults& results, const Proof& proof, std::size_t number);
ReportTable stages_table(const StudyResults& results);

// The published numbers themselves, with their marks (model_tables.cpp)
ReportTable published_rewardbench_table(const PublishedTables& published);
ReportTable published_tasks_table(const PublishedTables& published);

/// The mean over models of an overall RewardBench score or a held-out accuracy of one format's plain reward models:
/// with the interval where there is one model, without where there are several.
Measured mean_over_models(const StudyResults& results, const std::string& objective, const std::string& format,
                          const std::string& what);

}  // namespace ballot
