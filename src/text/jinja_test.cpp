#include "text/jinja.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace ballot {
namespace {

using ::testing::HasSubstr;

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

TEST(Jinja, RendersAsJinja2DoesForTheHarness) {
  const Json row = {{"input", "not True"}, {"choices", {"a", "b"}}, {"n", 2}, {"x", 0.5}, {"yes", true}};
  EXPECT_EQ(render_jinja("Q: {{input}}\nA:", row), "Q: not True\nA:");
  EXPECT_EQ(render_jinja("{% for c in choices %}\n({{ 'AB'[loop.index0] }}) {{ c }}{% endfor %}\n", row),
            "\n(A) a\n(B) b\n");
  EXPECT_EQ(render_jinja("{{n}} {{x}} {{yes}} {{n / 1}} {{ choices }}", row), "2 0.5 True 2.0 ['a', 'b']");
  EXPECT_EQ(render_jinja("{{ choices|length }} {{ choices|join(', ') }} {{ input|trim|upper }}", row),
            "2 a, b NOT TRUE");
}

TEST(Jinja, NothingIsEscapedAndTheLastNewlineStays) {
  EXPECT_EQ(render_jinja("{{ t }}\n", {{"t", "<b>&\"'"}}), "<b>&\"'\n");
}

TEST(Jinja, AnUndefinedVariableIsAnErrorThatNamesIt) {
  const std::string error = error_of([] { render_jinja("a\n{{ misspelt }}", Json::object(), "ranking.yaml: user"); });
  EXPECT_THAT(error, HasSubstr("ranking.yaml: user"));
  EXPECT_THAT(error, HasSubstr("line 2"));
  EXPECT_THAT(error, HasSubstr("misspelt"));
  EXPECT_THAT(error_of([] { render_jinja("{{ row.misspelt }}", {{"row", Json::object()}}); }), HasSubstr("misspelt"));
}

TEST(Jinja, ASyntaxErrorIsTheTemplatesAuthorsTurn) {
  try {
    JinjaTemplate("{{ a", "my.yaml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_THAT(error.message(), HasSubstr("my.yaml"));
  }
}

TEST(Jinja, OneTemplateRendersManyTimesAndMoves) {
  JinjaTemplate first("{{ i }}");
  const JinjaTemplate moved = std::move(first);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(moved.render({{"i", i}}), std::to_string(i));
}

TEST(Jinja, ValuesWithJinjaInThemStayText) {
  EXPECT_EQ(render_jinja("{{ t }}", {{"t", "{{ 7*7 }}"}}), "{{ 7*7 }}");
}

TEST(Jinja, VariablesThatAreNotUtf8AreAnError) {
  EXPECT_THAT(error_of([] { render_jinja("{{ t }}", {{"t", "\xff"}}); }), HasSubstr("not UTF-8"));
}

}  // namespace
}  // namespace ballot
