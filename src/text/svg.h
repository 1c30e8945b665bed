// Figures: a Vega-Lite specification, data inside, to an SVG picture, by the same Vega as the report's page and without
// a browser.
//
// Widths of text come from the advance widths of the fonts given, so that the layout is the one of a browser that shows
// these fonts. Name their family in the specification (config.font). The specification must not refer to data outside
// itself: there is no network and no file system inside.
#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace ballot {

/// Reading the scripts costs a tenth of a second, so keep one for all figures. Calls from several threads wait for each
/// other.
class SvgRenderer {
 public:
  /// The scripts vega.min.js and vega-lite.min.js, and TrueType fonts as bytes; `bold` may be empty: then the regular
  /// one measures bold text, too. Throws Error (failed) where a script or a font cannot be read.
  SvgRenderer(std::string_view vega, std::string_view vega_lite, std::string_view regular, std::string_view bold = {});
  ~SvgRenderer();
  SvgRenderer(const SvgRenderer&) = delete;
  SvgRenderer& operator=(const SvgRenderer&) = delete;

  /// `specification`: Vega-Lite as JSON text. Throws Error (input) with Vega's own message; its warnings go to the log.
  std::string render(std::string_view specification) const;

 private:
  void* handle_ = nullptr;
};

}  // namespace ballot
