#include "observe/log.h"

#include "config/settings.h"
#include "observe/log_line.h"
#include "observe/log_settings.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>

#include <limits>
#include <thread>
#include <unistd.h>

namespace nexus::observe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Timestamp kNow{1'771'322'400'123'456};

std::string json_of(std::string_view message, std::initializer_list<LogField> fields) {
  return json_line(kNow, Level::kWarn, message, {fields.begin(), fields.size()});
}

TEST(JsonLine, HoldsTimeLevelMessageAndFields) {
  EXPECT_EQ(
      json_of("started", {{"port", 8000}, {"ratio", 0.5}, {"ok", true}, {"name", "a"}}),
      R"({"ts":"2026-02-17T10:00:00.123456+00:00","level":"WARN","msg":"started","port":8000,"ratio":0.5,"ok":true,"name":"a"})");
}

TEST(JsonLine, IsOneLineOfValidJsonForAnyBytes) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  all += "ü€😀\xED\xA0\x80\xC0\xAF\xF4\x90\x80\x80\xE2\x82";
  const std::string line = json_of(all, {{"f", all}, {"nan", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(line, error);
  ASSERT_FALSE(error) << error.message();
  EXPECT_THAT(std::string(parsed.at("msg").as_string()), HasSubstr("ü€😀"));
  EXPECT_TRUE(parsed.at("nan").is_null());
}

TEST(JsonLine, CutsLongTexts) {
  EXPECT_LT(json_of(std::string(1'000'000, 'x'), {}).size(), 9000u);
}

TEST(TextLine, IsReadableAndCannotBeForged) {
  const LogField fields[] = {{"path", "/x\n2026 ERROR fake\x1B[31m"}, {"n", 1}};
  EXPECT_EQ(text_line(kNow, Level::kInfo, "refused", fields),
            "10:00:00.123 INFO  refused  path=/x\\n2026 ERROR fake\\u001b[31m  n=1");
  EXPECT_EQ(text_line(Timestamp{0}, Level::kError, "x", {}), "00:00:00.000 ERROR x");
}

TEST(Level, IsReadLeniently) {
  EXPECT_EQ(parse_level("debug"), Level::kDebug);
  EXPECT_EQ(parse_level(" WARNING "), Level::kWarn);
  EXPECT_EQ(parse_level("ERROR"), Level::kError);
  EXPECT_EQ(parse_level("nonsense"), Level::kInfo);
}

TEST(Log, WritesWholeLinesToStandardErrorAboveTheLeastLevel) {
  ::testing::internal::CaptureStderr();
  configure_log({.level = "WARN", .json = true});
  log_info("hidden");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 50; ++i) log_warn("shown", {{"i", i}});
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(log_enabled(Level::kInfo));
  EXPECT_TRUE(log_enabled(Level::kError));
  configure_log({});
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, Not(HasSubstr("hidden")));
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1, ++lines)
    ASSERT_EQ(text.compare(at, 7, "{\"ts\":\""), 0) << text.substr(at, 80);
  EXPECT_EQ(lines, 200u);
}

TEST(Log, AWarningIsWrittenAtOnceBehindWhatWaited) {
  configure_log({.level = "INFO", .json = true});
  ::testing::internal::CaptureStderr();
  log_info("first");
  log_warn("second");
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_LT(text.find("first"), text.find("second"));
  EXPECT_NE(text.find("second"), std::string::npos);
}

TEST(Log, AnInformationIsWrittenByItselfSoonAfter) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  configure_log({.level = "INFO", .json = true});
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(ends[1], STDERR_FILENO);
  log_info("nothing follows");
  char line[256];
  const ssize_t n = ::read(ends[0], line, sizeof line);  // blocks until the line is there
  ::dup2(saved, STDERR_FILENO);
  for (const int fd : {saved, ends[0], ends[1]}) ::close(fd);
  ASSERT_GT(n, 0);
  EXPECT_THAT(std::string(line, static_cast<std::size_t>(n)), HasSubstr("nothing follows"));
}

TEST(LogSettings, TakeLevelAndFormFromTheSettings) {
  const LogOptions options = log_options(config::settings_with({{"LOG_LEVEL", "DEBUG"}, {"LOG_FORMAT", "text"}}));
  EXPECT_EQ(options.level, "DEBUG");
  EXPECT_FALSE(options.json);
  EXPECT_TRUE(log_options(config::settings_with({{"LOG_FORMAT", "JSON"}})).json);
}

}  // namespace
}  // namespace nexus::observe
