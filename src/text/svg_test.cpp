#include "text/svg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "core/atomic_file.h"
#include "core/error.h"

namespace ballot {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::filesystem::path kFonts = "/usr/share/fonts/truetype/dejavu";

const SvgRenderer& renderer() {
  static const SvgRenderer instance(read_file(std::filesystem::path(BALLOT_DEPS_DIR) / "vega/vega.min.js"),
                                    read_file(std::filesystem::path(BALLOT_DEPS_DIR) / "vega/vega-lite.min.js"),
                                    read_file(kFonts / "DejaVuSans.ttf"), read_file(kFonts / "DejaVuSans-Bold.ttf"));
  return instance;
}

constexpr const char* kChart = R"({
  "config": {"font": "DejaVu Sans"}, "width": 200, "height": 120,
  "data": {"values": [{"x": 0, "y": 1, "format": "binary"}, {"x": 1, "y": 3, "format": "binary"},
                      {"x": 0, "y": 2, "format": "ranking"}, {"x": 1, "y": 2.5, "format": "ranking"}]},
  "layer": [{"mark": {"type": "line", "point": true},
             "encoding": {"x": {"field": "x", "type": "quantitative", "title": "step"},
                          "y": {"field": "y", "type": "quantitative", "title": "reward accuracy"},
                          "color": {"field": "format", "type": "nominal"}}}]})";

TEST(Svg, AChartHasItsAxesLegendAndMarks) {
  const std::string svg = renderer().render(kChart);
  EXPECT_THAT(svg, HasSubstr("<svg"));
  for (const char* text : {"reward accuracy", "ranking", "binary", "DejaVu Sans", "</svg>"})
    EXPECT_THAT(svg, HasSubstr(text));
}

TEST(Svg, TheSameSpecificationGivesTheSameBytes) {
  EXPECT_EQ(renderer().render(kChart), renderer().render(kChart));
}

std::string width_of(const std::string& label, const std::string& weight) {
  const std::string specification =
      R"({"width": 40, "height": 40, "autosize": "pad", "padding": 0, "data": {"values": [{}]},
    "mark": {"type": "text", "text": ")" +
      label + R"(", "align": "left", "fontSize": 100, "fontWeight": ")" + weight +
      R"(", "x": 0}, "config": {"view": {"stroke": null}}})";
  const std::string svg = renderer().render(specification);
  const std::size_t begin = svg.find("width=\"") + 7;
  return svg.substr(begin, svg.find('"', begin) - begin);
}

TEST(Svg, TextIsAsWideAsTheFontSays) {
  // Advance widths of DejaVu Sans in units of 2048 an em: i 569, W 2025; bold: i 702, W 2259.
  EXPECT_NEAR(std::stod(width_of("iiiiii", "normal")), 100.0 * 6 * 569 / 2048, 1.0);
  EXPECT_NEAR(std::stod(width_of("WWWWWW", "normal")), 100.0 * 6 * 2025 / 2048, 1.0);
  EXPECT_NEAR(std::stod(width_of("WWWWWW", "bold")), 100.0 * 6 * 2259 / 2048, 1.0);
}

TEST(Svg, TextInTheDataIsEscaped) {
  const std::string svg = renderer().render(
      R"({"data": {"values": [{"t": "<script>alert(1)</script>"}]}, "mark": "text", "encoding": {"text": {"field": "t"}}})");
  EXPECT_THAT(svg, Not(HasSubstr("<script>")));
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;"));
}

TEST(Svg, AWrongSpecificationIsAnErrorAndTheNextOneWorks) {
  EXPECT_THROW(renderer().render("{"), Error);
  EXPECT_THROW(renderer().render(R"({"mark": "nonsense", "data": {"values": []}})"), Error);
  EXPECT_THAT(renderer().render(kChart), HasSubstr("<svg"));
}

TEST(Svg, AFigureThatWantsDataFromElsewhereIsAnError) {
  try {
    renderer().render(R"({"data": {"url": "file:///etc/passwd", "format": {"type": "csv"}}, "mark": "point"})");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("may not load anything: file:///etc/passwd"));
  }
}

TEST(Svg, SeveralThreadsMayDraw) {
  const std::string expected = renderer().render(kChart);
  std::vector<std::thread> threads;
  std::vector<std::string> drawn(4);
  for (std::string& svg : drawn) threads.emplace_back([&svg] { svg = renderer().render(kChart); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& svg : drawn) EXPECT_EQ(svg, expected);
}

TEST(Svg, WhatIsNoFontOrScriptSaysSo) {
  EXPECT_THROW(SvgRenderer("", "", "not a font"), Error);
  EXPECT_THROW(SvgRenderer("syntax error (", "", read_file(kFonts / "DejaVuSans.ttf")), Error);
}

}  // namespace
}  // namespace ballot
