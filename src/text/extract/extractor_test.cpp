#include "text/extract/child_arguments.h"
#include "text/extract/extract.h"
#include "text/extract/extract_test_support.h"
#include "text/extract/result_frame.h"
#include "text/extract/sanitized.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace nexus::text::extract {
namespace {

// An exception on a thread of a test would end the program.
std::string text_in_child(const Extractor& extractor, const std::string& html) {
  try {
    return extractor.extract(html, request_for(Kind::kHtml)).text;
  } catch (const ExtractionFailed& failed) {
    return fmt::format("{} {}", failed.reason(), failed.diagnostics());
  }
}

TEST(Extractor, ReadsEveryKindInItsChild) {
  const std::pair<Kind, std::string> documents[] = {
      {Kind::kText, "plain words"},
      {Kind::kMarkdown, "# plain words"},
      {Kind::kHtml, "<p>plain words"},
      {Kind::kPdf, make_pdf({"plain words"})},
      {Kind::kDocx, make_docx(docx_paragraph("plain words"))},
      {Kind::kCsv, "a,b\nplain words,2"},
      {Kind::kJson, R"({"text":"plain words"})"},
  };
  for (const auto& [kind, bytes] : documents) {
    const Extracted out = Extractor().extract(bytes, request_for(kind));
    EXPECT_THAT(out.text, testing::HasSubstr("plain words")) << kind_name(kind);
    const Extracted here = extract_here(bytes, request_for(kind));
    EXPECT_EQ(out.text, here.text);
    EXPECT_EQ(out.marks, here.marks);
    EXPECT_EQ(out.metadata, here.metadata);
  }
}

TEST(Extractor, ReadsTheSamples) {
  if (sample("handbook.pdf").empty()) GTEST_SKIP() << "the source tree is not here";
  const std::pair<const char*, Kind> documents[] = {{"handbook.pdf", Kind::kPdf},
                                                    {"handbook.docx", Kind::kDocx},
                                                    {"handbook.html", Kind::kHtml},
                                                    {"handbook.md", Kind::kMarkdown},
                                                    {"record.json", Kind::kJson}};
  for (const auto& [name, kind] : documents) {
    const std::string bytes = sample(name);
    const Detection detection = detect(name, "application/octet-stream", bytes);
    ASSERT_EQ(detection.kind, kind) << name;
    EXPECT_EQ(Extractor().extract(bytes, request_for(kind)).metadata.at("title"), "Holiday handbook") << name;
  }
  EXPECT_EQ(failure_in_child(sample("encrypted.pdf"), request_for(Kind::kPdf)), Failure::kEncrypted);
  EXPECT_EQ(failure_in_child(sample("scanned.pdf"), request_for(Kind::kPdf)), Failure::kEmpty);
  EXPECT_EQ(failure_in_child(sample("truncated.pdf"), request_for(Kind::kPdf)), Failure::kDamaged);
  EXPECT_EQ(failure_in_child(sample("truncated.docx"), request_for(Kind::kDocx)), Failure::kDamaged);
}

TEST(Extractor, ReadsFilesFromDisk) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("nexus_extract_{}", getpid());
  std::ofstream(path) << "<p>on disk";
  EXPECT_EQ(Extractor().extract_file(path.string(), request_for(Kind::kHtml)).text, "on disk");
  EXPECT_EQ(Extractor().extract_file(path.string(), request_for(Kind::kText)).text, "<p>on disk");
  Request small = request_for(Kind::kHtml);
  small.limits.max_bytes_in = 5;
  EXPECT_THROW((void)Extractor().extract_file(path.string(), small), ExtractionFailed);
  std::filesystem::remove(path);
  EXPECT_THROW((void)Extractor().extract_file(path.string(), small), ExtractionFailed);
}

TEST(Extractor, CarriesTheChildsReasonAndCode) {
  try {
    (void)Extractor().extract("{", request_for(Kind::kJson));
    FAIL();
  } catch (const ExtractionFailed& failed) {
    EXPECT_EQ(failed.code(), "damaged");
    EXPECT_THAT(std::string(failed.reason()), testing::HasSubstr("not valid JSON"));
  }
}

TEST(Extractor, PassesOptionsToTheChild) {
  Request request = request_for(Kind::kCsv);
  request.charset = "windows-1252";
  EXPECT_EQ(Extractor().extract("n,m\ncaf\xE9,x", request).text, "n: café\nm: x");
  request.charset.clear();
  EXPECT_EQ(failure_in_child("n,m\ncaf\xE9,x", request), Failure::kUndecodable);
  request.lenient = true;
  EXPECT_EQ(Extractor().extract("n,m\ncaf\xE9,x", request).text, "n: café\nm: x");
  Request json = request_for(Kind::kJson);
  json.json_text = true;
  EXPECT_EQ(failure_in_child("{\"a\":1}", json), Failure::kMissingText);
}

TEST(Extractor, TurnsMemoryExhaustionIntoAReason) {
  if (kSanitized) GTEST_SKIP() << "no address space limit under sanitizers";
  Request request = request_for(Kind::kJson);
  request.limits.memory_bytes = std::size_t{192} << 20;
  std::string json = "[0";
  for (int i = 0; i < 6'000'000; ++i) json += ",0";
  EXPECT_EQ(failure_in_child(json + "]", request), Failure::kMemory);
}

TEST(Extractor, TurnsGarbageFromTheChildIntoAReason) {
  for (const char* program : {"/bin/true", "/bin/false", "/bin/echo"}) {
    const Extractor extractor({program});
    try {
      (void)extractor.extract("<p>x", request_for(Kind::kHtml));
      ADD_FAILURE() << program;
    } catch (const ExtractionFailed& failed) {
      EXPECT_EQ(failed.failure(), Failure::kDamaged);
    }
  }
}

TEST(Extractor, SaysThatItIsTheServersFaultWhenNoChildCanStart) {
  const Extractor extractor({"/no/such/program"});
  try {
    (void)extractor.extract("<p>x", request_for(Kind::kHtml));
    FAIL();
  } catch (const ExtractionFailed& failed) {
    EXPECT_EQ(failed.failure(), Failure::kUnavailable);
  }
}

TEST(Extractor, StopsOnRequest) {
  std::stop_source stop;
  stop.request_stop();
  try {
    (void)Extractor().extract(make_pdf(std::vector<std::string>(1000, "page")), request_for(Kind::kPdf),
                              stop.get_token());
    FAIL();
  } catch (const ExtractionFailed& failed) {
    EXPECT_EQ(failed.failure(), Failure::kCancelled);
  }
}

TEST(Extractor, ServesManyThreadsAtOnce) {
  const Extractor extractor;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&extractor, i] {
      for (int n = 0; n < 5; ++n)
        EXPECT_EQ(text_in_child(extractor, fmt::format("<p>{}-{}", i, n)), fmt::format("{}-{}", i, n));
    });
  for (auto& thread : threads) thread.join();
}

TEST(ChildArguments, RoundTrip) {
  Request request = request_for(Kind::kDocx);
  request.charset = "koi8-r";
  request.lenient = true;
  request.limits.max_pages = 7;
  request.limits.cpu_seconds = 9;
  const auto arguments = child_arguments(request);
  std::vector<std::string_view> views(arguments.begin() + 2, arguments.end());
  const auto parsed = parse_child_arguments(views);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(child_arguments(*parsed), arguments);
  EXPECT_EQ(parsed->limits.max_pages, 7U);
}

TEST(ChildArguments, AnythingNotUnderstoodIsRefused) {
  const std::vector<std::vector<std::string_view>> rows{{},
                                                        {"exe"},
                                                        {"html", "what"},
                                                        {"html", "max_pages=x"},
                                                        {"html", "max_pages=1x"},
                                                        {"html", "new=1"},
                                                        {"html", "lenient=2"}};
  for (const auto& row : rows) EXPECT_FALSE(parse_child_arguments(row).has_value());
}

TEST(ResultFrame, RoundTripsAResult) {
  Extracted result{
      "# Ä\n\nb", {{MarkKind::kHeading, 0, 1, "Ä"}, {MarkKind::kPage, 6, 2, ""}}, {{"title", "x"}, {"pages", "2"}}};
  const Extracted out = decode_result(encode_result(result), {});
  EXPECT_EQ(out.text, result.text);
  EXPECT_EQ(out.marks, result.marks);
  EXPECT_EQ(out.metadata, result.metadata);
}

TEST(ResultFrame, RefusesEveryTruncationAndEveryExtraByte) {
  const std::string frame = encode_result({"text", {{MarkKind::kPage, 0, 1, ""}}, {{"a", "b"}}});
  for (std::size_t n = 0; n < frame.size(); ++n)
    EXPECT_THROW((void)decode_result(std::string_view(frame).substr(0, n), {}), ExtractionFailed);
  EXPECT_THROW((void)decode_result(frame + "x", {}), ExtractionFailed);
}

TEST(ResultFrame, RefusesWhatBreaksThePromisesOfAResult) {
  const Extracted rows[] = {{"a\xFF", {}, {}},
                            {std::string("a\0b", 3), {}, {}},
                            {"abc", {{MarkKind::kPage, 4, 1, ""}}, {}},
                            {"abc", {{MarkKind::kPage, 2, 1, ""}, {MarkKind::kPage, 1, 2, ""}}, {}},
                            {"abc", {{MarkKind::kPage, 0, 0, ""}}, {}},
                            {"abc", {}, {{"title", "\xC3"}}}};
  for (const Extracted& row : rows) EXPECT_THROW((void)decode_result(encode_result(row), {}), ExtractionFailed);
  Limits small;
  small.max_text_out = 2;
  EXPECT_THROW((void)decode_result(encode_result({"abc", {}, {}}), small), ExtractionFailed);
}

}  // namespace
}  // namespace nexus::text::extract
