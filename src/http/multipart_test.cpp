#include "http/multipart.h"

#include "base/error.h"
#include "http/upload.h"

#include <gtest/gtest.h>

#include <fstream>
#include <unistd.h>

namespace nexus::http {
namespace {

class Collector final : public PartSink {
 public:
  struct Part {
    PartHead head;
    std::string data;
    bool ended = false;
  };
  void begin_part(PartHead head) override { parts.push_back({std::move(head), {}, false}); }
  void part_data(std::string_view bytes) override { parts.back().data += bytes; }
  void end_part() override { parts.back().ended = true; }
  std::vector<Part> parts;
};

std::vector<Collector::Part> parse(std::string_view body, std::size_t step, const MultipartLimits& limits = {}) {
  Collector collector;
  MultipartParser parser("b0", collector, limits);
  while (!body.empty()) {
    parser.feed(body.substr(0, step));
    body.remove_prefix(std::min(step, body.size()));
  }
  parser.finish();
  return collector.parts;
}

constexpr std::string_view kForm =
    "--b0\r\nContent-Disposition: form-data; name=\"corpus_id\"\r\n\r\nc1\r\n"
    "--b0\r\ncontent-disposition: form-data; name=file; filename=\"dir\\\\a \\\"x\\\".txt\"\r\nContent-Type: "
    "text/plain; "
    "charset=utf-8\r\n\r\nline one\r\n--b1 is no boundary\r\n-\r\n--b\r\r\n"
    "--b0 \t\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n"
    "--b0--\r\nepilogue";

TEST(MultipartParsing, SplitsFieldsAndFilesInPiecesOfAnySize) {
  for (std::size_t step = 1; step <= kForm.size(); ++step) {
    const auto parts = parse(kForm, step);
    ASSERT_EQ(parts.size(), 3U) << step;
    EXPECT_EQ(parts[0].head.name, "corpus_id");
    EXPECT_FALSE(parts[0].head.is_file);
    EXPECT_EQ(parts[0].data, "c1");
    EXPECT_EQ(parts[1].head.name, "file");
    EXPECT_EQ(parts[1].head.filename, "a \"x\".txt");
    EXPECT_EQ(parts[1].head.content_type, "text/plain; charset=utf-8");
    EXPECT_EQ(parts[1].data, "line one\r\n--b1 is no boundary\r\n-\r\n--b\r");
    EXPECT_EQ(parts[2].data, "");
    EXPECT_TRUE(parts[2].ended);
  }
}

TEST(MultipartParsing, TakesAPreambleAndAPartWithoutBody) {
  const auto parts = parse("hello\r\n--b0\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n--b0--", 3);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].data, "");
}

TEST(MultipartParsing, TakesAnEmptyForm) {
  EXPECT_TRUE(parse("--b0--\r\n", 1).empty());
}

TEST(MultipartParsing, StripsDirectoriesFromFilenames) {
  const auto name_of = [](const std::string& parameter) {
    return parse("--b0\r\nContent-Disposition: form-data; name=f; " + parameter + "\r\n\r\nx\r\n--b0--", 1000)
        .at(0)
        .head.filename;
  };
  EXPECT_EQ(name_of("filename=\"../../etc/passwd\""), "passwd");
  EXPECT_EQ(name_of("filename=\"C:\\temp\\a.txt\""), "a.txt");
  EXPECT_EQ(name_of("filename=\"..\""), "");
  EXPECT_EQ(name_of("filename=\"\""), "");
  EXPECT_EQ(name_of("filename=\"x\"; filename*=UTF-8''na%C3%AFve.txt"), "na\u00efve.txt");
  EXPECT_EQ(name_of("filename=\"r\u00e9sum\u00e9.pdf\""), "r\u00e9sum\u00e9.pdf");
}

TEST(MultipartParsing, RefusesTornBodies) {
  for (const std::string body :
       {"", "--b0", "--b0\r\n", "no boundary at all", "--b0\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx",
        "--b0\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b0", "--b0x\r\n\r\n--b0--",
        "--b0\r\n\r\nx\r\n--b0--", "--b0\r\nno colon\r\n\r\nx\r\n--b0--",
        "--b0\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b0--",
        "--b0\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--b0--",
        "--b0\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--b0--",
        "--b0\r\nContent-Disposition: form-data; name=\"a\tb\"\r\n\r\nx\r\n--b0--"})
    for (const std::size_t step : {std::size_t{1}, std::size_t{1000}})
      EXPECT_THROW(parse(body, step), MultipartError) << body;
}

TEST(MultipartParsing, BoundsCountsAndSizes) {
  MultipartLimits limits;
  limits.max_fields = 1;
  limits.max_files = 0;
  const std::string field = "--b0\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n";
  const std::string file = "--b0\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\nx\r\n";
  EXPECT_EQ(parse(field + "--b0--", 1, limits).size(), 1U);
  EXPECT_THROW(parse(field + field + "--b0--", 1, limits), MultipartError);
  EXPECT_THROW(parse(file + "--b0--", 1, limits), MultipartError);
  EXPECT_THROW(parse("--b0\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n", 100), MultipartError);
  EXPECT_THROW(parse(std::string(20'000, 'a'), 100), MultipartError);
  std::string heads = "--b0\r\n";
  for (int i = 0; i < 20; ++i) heads += "X: y\r\n";
  EXPECT_THROW(parse(heads + "\r\nx\r\n--b0--", 100), MultipartError);
}

TEST(MultipartContentType, YieldsItsBoundary) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(multipart_boundary("Multipart/Form-Data; charset=x; Boundary=\"a b\""), "a b");
  for (const auto* bad : {"multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=a",
                          "application/json", "multipart/form-data; boundary=\"torn", ""})
    EXPECT_EQ(multipart_boundary(bad), std::nullopt) << bad;
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'a')), std::nullopt);
}

class UploadSpooling : public ::testing::Test {
 protected:
  UploadSpooling() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nexus-spool-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~UploadSpooling() override { std::filesystem::remove_all(directory_); }
  [[nodiscard]] std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(directory_), std::filesystem::directory_iterator());
  }
  std::filesystem::path directory_;
};

TEST_F(UploadSpooling, WritesFilesWithTheirDigest) {
  Request request;
  {
    UploadSpool spool(directory_, "multipart/form-data; boundary=b0", {});
    spool.consume("--b0\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\nv\r\n--b0\r\nContent-Disposition: ");
    spool.consume("form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nabc\r\n--b0--\r\n");
    spool.finish();
    spool.release(request);
  }
  EXPECT_EQ(request.form, (Pairs{{"k", "v"}}));
  ASSERT_EQ(request.files.size(), 1U);
  const UploadedFile& file = request.files[0];
  EXPECT_EQ(file.size, 3U);
  EXPECT_EQ(file.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  std::ifstream stream(file.path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stream), {}), "abc");
}

TEST_F(UploadSpooling, RemovesWhatNobodyTook) {
  {
    UploadSpool spool(directory_, "multipart/form-data; boundary=b0", {});
    spool.consume("--b0\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nabc");
    EXPECT_EQ(files(), 1);
    EXPECT_THROW(spool.finish(), ApiError);
  }
  EXPECT_EQ(files(), 0);
}

TEST_F(UploadSpooling, BoundsFields) {
  UploadSpool::Limits limits;
  limits.max_field_bytes = 10;
  UploadSpool spool(directory_, "multipart/form-data; boundary=b0", limits);
  const std::string big = "--b0\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n" + std::string(100, 'x');
  try {
    spool.consume(big);
    FAIL() << "a large field was taken";
  } catch (const ApiError& error) {
    EXPECT_EQ(error.kind().status, 400);
  }
}

TEST_F(UploadSpooling, SaysWhenTheBoundaryIsMissing) {
  EXPECT_THROW(UploadSpool(directory_, "multipart/form-data", {}), ApiError);
}

}  // namespace
}  // namespace nexus::http
