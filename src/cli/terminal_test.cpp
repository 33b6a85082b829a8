#include "cli/terminal.h"

#include "text/utf8.h"

#include <gtest/gtest.h>

namespace nexus::cli {
namespace {

TEST(RenderTable, AlignsColumnsByCodePoints) {
  EXPECT_EQ(render_table({{"name", "count"}, {"straße", "7"}, {"b", "1200"}}, {Align::kLeft, Align::kRight}),
            "name    count\n"
            "straße      7\n"
            "b        1200\n");
}

TEST(RenderTable, LeavesNoBlanksAtTheEndOfALine) {
  EXPECT_EQ(render_table({{"step", "state"}, {"one", ""}}), "step  state\none\n");
  EXPECT_EQ(render_table({}), "");
}

TEST(RenderProgress, FillsTheBarWithTheWork) {
  EXPECT_EQ(render_progress("Ingesting", 0, 10, "", 39), "Ingesting  [....................]  0/10");
  EXPECT_EQ(render_progress("Ingesting", 10, 10, "", 40), "Ingesting  [####################]  10/10");
  EXPECT_EQ(render_progress("Ingesting", 5, 10, "1 failed", 49), "Ingesting  [##########..........]  5/10  1 failed");
}

TEST(RenderProgress, NeverExceedsTheWidth) {
  for (std::size_t width = 0; width < 120; ++width)
    for (const char* note : {"", "12 failed"})
      EXPECT_LE(text::count_code_points(render_progress("Übertragung", 3, 7, note, width)), width);
}

TEST(RenderProgress, StandsNoWorkAtAll) {
  EXPECT_EQ(render_progress("x", 0, 0, "", 17), "x  [#######]  0/0");
}

TEST(Printable, TakesTheTeethOutOfForeignText) {
  EXPECT_EQ(printable("a\x1b[31mred"), "a [31mred");
  EXPECT_EQ(printable("one\r\n\n two\t three"), "one two three");
  EXPECT_EQ(printable("c1 \xC2\x9B"
                      "2J end"),
            "c1 2J end");
  EXPECT_EQ(printable("déjà vu \xE2\x80\xA6"), "déjà vu \xE2\x80\xA6");
}

}  // namespace
}  // namespace nexus::cli
