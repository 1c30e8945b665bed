#include "text/svg.h"

#include "core/error.h"
#include "core/log.h"
#include "text/bridge.h"

namespace ballot {

SvgRenderer::SvgRenderer(std::string_view vega, std::string_view vega_lite, std::string_view regular,
                         std::string_view bold) {
  BallotFigures* handle = nullptr;
  BridgeText error;
  if (ballot_figures_new(vega.data(), vega.size(), vega_lite.data(), vega_lite.size(), regular.data(), regular.size(),
                         bold.data(), bold.size(), &handle, error.out()) != 0)
    throw failed("cannot start Vega for the figures: {}", error.view());
  handle_ = handle;
}

SvgRenderer::~SvgRenderer() {
  ballot_figures_free(static_cast<BallotFigures*>(handle_));
}

std::string SvgRenderer::render(std::string_view specification) const {
  BridgeText out, warnings;
  if (ballot_figures_svg(static_cast<const BallotFigures*>(handle_), specification.data(), specification.size(),
                         out.out(), warnings.out()) != 0)
    throw bad_input("cannot draw a figure: {}", out.view());
  if (!warnings.view().empty()) log_warning("drawing a figure: {}", warnings.view());
  return out.str();
}

}  // namespace ballot
