#include "observe/process_figures.h"

#include "observe/log.h"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <unistd.h>

namespace nexus::observe {
namespace {

using ::testing::HasSubstr;

class SetClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {1'771'322'400'500'000}; }
  [[nodiscard]] std::int64_t steady_us() const override { return steady; }
  std::int64_t steady = 10'000'000;
};

TEST(ProcessUse, IsReadFromTheKernel) {
  const ProcessUse before = read_process_use();
  EXPECT_GT(before.resident_bytes, 1 << 20);
  EXPECT_GT(before.user_us + before.system_us, 0);
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  EXPECT_EQ(read_process_use().open_files, before.open_files + 1);
  ::close(file);
}

TEST(ProcessFigures, AreFreshInEveryScrape) {
  Metrics metrics;
  SetClock clock;
  const ProcessFigures figures(metrics, clock, "1.2.3", "sqlite");
  clock.steady += 1'500'000;
  const std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("nexusrag_build_info{version=\"1.2.3\",engine=\"sqlite\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("nexusrag_start_time_seconds 1771322400.5\n"));
  EXPECT_THAT(text, HasSubstr("nexusrag_uptime_seconds 1.5\n"));
  EXPECT_GT(metrics.gauge("nexusrag_resident_bytes").value(), 1 << 20);
  clock.steady += 1'000'000;
  EXPECT_THAT(metrics.text(), HasSubstr("nexusrag_uptime_seconds 2.5\n"));
}

TEST(ProcessFigures, ProcessorTimeNeverGoesBack) {
  Metrics metrics;
  SetClock clock;
  ProcessFigures figures(metrics, clock, "1", "sqlite");
  const Counter& user = metrics.counter("nexusrag_cpu_microseconds_total", {{"mode", "user"}});
  figures.show({.user_us = 500});
  figures.show({.user_us = 400});
  EXPECT_EQ(user.value(), 500U);
  figures.show({.user_us = 700});
  EXPECT_EQ(user.value(), 700U);
}

TEST(ProcessFigures, CountTheLinesOfTheLog) {
  Metrics metrics;
  SetClock clock;
  const ProcessFigures figures(metrics, clock, "1", "sqlite");
  const auto lines = [&](const char* level) {
    [[maybe_unused]] const std::string text = metrics.text();
    return metrics.counter("nexusrag_log_lines_total", {{"level", level}}).value();
  };
  const std::uint64_t warnings = lines("warn");
  const std::uint64_t errors = lines("error");
  log_warn("one");
  log_warn("two");
  log_debug("not written at the level of the tests");
  EXPECT_EQ(lines("warn"), warnings + 2);
  EXPECT_EQ(lines("error"), errors);
  EXPECT_EQ(lines("debug"), 0U);
}

}  // namespace
}  // namespace nexus::observe
