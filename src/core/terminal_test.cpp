#include "core/terminal.h"

#include <gtest/gtest.h>

#include "core/progress.h"

namespace ballot {
namespace {

const TextTable kTable = {{"format", "alpha"}, {{"binary", "0.61"}, {"a|b,\"c\"_", "-"}}, {}};

TEST(Terminal, ColumnsAlignByDisplayWidth) {
  EXPECT_EQ(render_plain({{"name", "n"}, {{"é", "1"}, {"日本", "10"}}, {false, true}}),
            "name   n\né      1\n日本  10\n");
}

TEST(Terminal, EachFormEscapesItsOwnMarks) {
  EXPECT_EQ(render_csv(kTable), "format,alpha\nbinary,0.61\n\"a|b,\"\"c\"\"_\",-\n");
  EXPECT_NE(render_markdown(kTable).find("a\\|b"), std::string::npos);
  EXPECT_NE(render_latex(kTable).find("\\_"), std::string::npos);
}

TEST(Terminal, ALabelCannotDriveTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\n");
}

TEST(Progress, NumbersAreForPeople) {
  EXPECT_EQ(human_count(1234567), "1 234 567");
  EXPECT_EQ(human_count(-999), "-999");
  EXPECT_EQ(human_duration(3725), "1 h 02 min");
  EXPECT_EQ(human_duration(4.25), "4.2 s");
}

}  // namespace
}  // namespace ballot
