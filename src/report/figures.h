// The report's figures as Vega-Lite specifications with their data inside: one description for the page and for the SVG
// files. Figures 1 to 6 are the counterparts of the published study's.
#pragma once
#include <string>
#include <vector>

#include "core/json.h"
#include "report/study_results.h"

namespace ballot {

struct ReportFigure {
  std::string id;     ///< "figure1": file name and anchor
  std::string label;  ///< "Figure 1"
  std::string title, caption;
  std::string counterpart;    ///< "the study's Figure 1"; empty: none
  std::string specification;  ///< Vega-Lite as JSON text, without `config`
};

/// Those for which something was measured, in order.
std::vector<ReportFigure> make_figures(const StudyResults& results);

/// Fonts, sizes and colours on white, as JSON text: the `config` of the SVG files. The page's script has its own for
/// both themes.
std::string figure_config();

/// The specification with its config inside, as a picture needs it: without the layers that answer to a pointer.
std::string with_config(const ReportFigure& figure);

/// At most `bins` points: means over runs of steps. For a curve of 1,563 steps.
struct Binned {
  std::vector<double> step, value;
};
Binned binned(const std::vector<std::int64_t>& step, const std::vector<double>& value, std::size_t bins = 120);

}  // namespace ballot
