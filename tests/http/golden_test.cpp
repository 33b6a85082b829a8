// What the server promises, as files: a difference is a change of contract and has to be looked at. With
// NEXUSRAG_UPDATE_GOLDEN=1 (`./dev golden`) the files are written instead.
#include "base/errors.h"
#include "config/settings_table.h"
#include "http/contract_kit.h"
#include "observe/metrics_table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <sstream>

namespace nexus::testing {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

/// The first place where two texts part, for a message that a person can act on.
std::string first_difference(const std::string& golden, const std::string& now) {
  const std::vector<std::string> before = lines_of(golden);
  const std::vector<std::string> after = lines_of(now);
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    const std::string was = i < before.size() ? before[i] : "(end)";
    const std::string is = i < after.size() ? after[i] : "(end)";
    if (was != is) return fmt::format("line {}\n  file: {}\n  now:  {}", i + 1, was, is);
  }
  return {};
}

void expect_golden(const std::string& name, const std::string& now) {
  const std::filesystem::path path = std::filesystem::path(NEXUS_SOURCE_DIR) / "tests/golden" / name;
  const char* update = std::getenv("NEXUSRAG_UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") {
    std::ofstream(path, std::ios::binary) << now;
    return;
  }
  std::ifstream in(path, std::ios::binary);
  ASSERT_TRUE(in) << path << " is missing; `./dev golden` writes it";
  const std::string golden{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EXPECT_EQ(first_difference(golden, now), "") << name << " differs; if that is meant, run `./dev golden` and review";
}

void append_pretty(std::string& out, const boost::json::value& value, const std::string& indent) {
  const std::string inner = indent + "  ";
  if (value.is_object() && !value.get_object().empty()) {
    out += "{\n";
    bool first = true;
    for (const auto& member : value.get_object()) {
      if (!first) out += ",\n";
      first = false;
      out += inner;
      json::append_string(out, member.key());
      out += ": ";
      append_pretty(out, member.value(), inner);
    }
    out += "\n" + indent + "}";
  } else if (value.is_array() && !value.get_array().empty()) {
    out += "[\n";
    bool first = true;
    for (const boost::json::value& item : value.get_array()) {
      if (!first) out += ",\n";
      first = false;
      out += inner;
      append_pretty(out, item, inner);
    }
    out += "\n" + indent + "]";
  } else {
    json::append(out, value);
  }
}

std::string_view idempotency_name(http::Idempotency idempotency) {
  switch (idempotency) {
    case http::Idempotency::kUnsupported:
      return "-";
    case http::Idempotency::kOptional:
      return "optional";
    case http::Idempotency::kRequired:
      return "required";
  }
  return "-";
}

std::string_view lane_name(http::LaneKind lane) {
  switch (lane) {
    case http::LaneKind::kInline:
      return "inline";
    case http::LaneKind::kDb:
      return "db";
    case http::LaneKind::kOutbound:
      return "outbound";
    case http::LaneKind::kBulk:
      return "bulk";
  }
  return "-";
}

std::string or_dash(std::string_view text) {
  return text.empty() ? "-" : std::string(text);
}

TEST(Golden, Routes) {
  TestApp app;
  std::vector<std::string> lines;
  for (const http::Endpoint& row : app.app().endpoints()) {
    const http::RouteSpec& spec = row.spec;
    lines.push_back(fmt::format(
        "{:<34} {:<7} role={:<7} feature={:<20} class={:<9} idempotency={:<9} lane={:<9} kill={:<12} {}{}{}",
        std::string(spec.versioned ? "/v1" : "") + std::string(spec.path), http::to_string(spec.verb),
        spec.role ? to_string(*spec.role) : std::string_view("public"), or_dash(spec.feature),
        http::to_string(spec.route_class), idempotency_name(spec.idempotency), lane_name(spec.lane),
        or_dash(spec.kill_switch), spec.versioned && spec.legacy_alias ? "alias" : "-",
        spec.enveloped ? " enveloped" : " bare", spec.hidden ? " hidden" : ""));
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  expect_golden("routes.txt", text);
}

TEST(Golden, OpenApi) {
  TestApp app;
  std::string text;
  append_pretty(text, app.anonymous().get("/v1/openapi.json").json(), "");
  expect_golden("openapi.json", text + "\n");
}

TEST(Golden, Errors) {
  std::string text;
  for (const ErrorKind* kind : errors::catalogue())
    text += fmt::format("{:<40} {} {} | {}\n", kind->code, kind->status, kind->message, kind->advice);
  expect_golden("errors.txt", text);
}

std::string default_of(const config::Row& row) {
  struct Show {
    std::string operator()(std::monostate) const { return "(absent)"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return fmt::format("{}", value); }
    std::string operator()(std::string_view value) const { return fmt::format("'{}'", value); }
  };
  return std::visit(Show{}, row.fallback);
}

std::string bounds_of(const config::Row& row) {
  if (row.type == config::Type::kInt) return fmt::format("{}..{}", row.min, row.max);
  if (row.type == config::Type::kReal) return fmt::format("{}..{}", row.real_min, row.real_max);
  return or_dash(row.choices);
}

TEST(Golden, Settings) {
  std::string text;
  for (const config::Row* row : config::settings_table())
    text += fmt::format("{:<40} {:<7} {:<28} {} area={}{}{}{}\n", row->about.name, config::to_string(row->type),
                        default_of(*row), bounds_of(*row), config::to_string(row->about.area),
                        row->about.secret ? " secret" : "", row->about.reloadable ? " reloadable" : "",
                        row->about.since == config::Since::kLater ? " later" : "");
  expect_golden("settings.txt", text);
}

TEST(Golden, Metrics) {
  std::string text;
  for (const std::string& name : observe::metric_names()) text += name + "\n";
  expect_golden("metrics.txt", text);
}

/// Ids, times and scores become their names, so that two runs look alike.
std::string without_chance(std::string text) {
  text = std::regex_replace(text, std::regex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>");
  text = std::regex_replace(text, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00)"), "<time>");
  // How often the test looked whether its document is ready is charged, too.
  text = std::regex_replace(text, std::regex(R"(-Used: \d+)"), "-Used: <count>");
  return std::regex_replace(text, std::regex(R"re("score":[0-9.e-]+)re"), "\"score\":<score>");
}

TEST(Golden, RunTranscript) {
  if (on_postgres()) GTEST_SKIP() << "the metadata of a citation has the order of its JSON column";
  TestApp app(Changes{{"LLM_PROVIDER", "extractive"}, {"DEBUG_EVENTS", "true"}});
  app.make_corpus("c1");
  TestClient client = app.client();
  const Response added = add_text(client, "c1",
                                  "Release gates are a signed checklist and two reviews.\n\n"
                                  "The cafeteria opens at noon.",
                                  {{"document_id", "handbook"},
                                   {"filename", "handbook.txt"},
                                   {"chunk_size_chars", 60},
                                   {"chunk_overlap_chars", 0}});
  ASSERT_EQ(added.status, 202) << added.body;
  ASSERT_EQ(app.wait_for_document(client, "handbook").at("status"), "succeeded");
  std::string text;
  const auto run = [&](std::string_view what, std::string_view body, const Pairs& headers = {}) {
    SseStream stream = client.open_stream("/v1/run", body, headers);
    text += fmt::format("### {}\n{}\n", what, stream.head().status);
    for (const auto& [name, value] : stream.head().headers)
      if (name != "Date") text.append(name).append(": ").append(value).append("\n");
    (void)stream.rest();
    text += "\n" + stream.transcript();
  };
  run("an answer", R"({"session_id":"s1","corpus_id":"c1","message":"What are the release gates?","top_k":1})");
  run("resumed after the second event",
      R"({"session_id":"s1","corpus_id":"c1","message":"What are the release gates?"})", {{"Last-Event-ID", "2"}});
  run("resumed with another question", R"({"session_id":"s1","corpus_id":"c1","message":"again"})",
      {{"Last-Event-ID", "2"}});
  run("nothing matches", R"({"session_id":"s2","corpus_id":"c1","message":"zebra xylophone"})");
  run("no such corpus", R"({"session_id":"s3","corpus_id":"nope","message":"x"})");
  run("resume of an unknown run", R"({"session_id":"s4","corpus_id":"c1","message":"x"})", {{"Last-Event-ID", "9"}});
  expect_golden("run_transcript.txt", without_chance(text));
}

}  // namespace
}  // namespace nexus::testing
