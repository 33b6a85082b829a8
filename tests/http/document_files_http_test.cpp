// Every kind of file ends found, every bad one with a reason.
#include "http/contract_kit.h"

#include <gmock/gmock.h>

namespace nexus::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
struct Sample {
  std::string_view file;
  std::string_view content_type;
  std::string_view query;
};
void PrintTo(const Sample& sample, std::ostream* out) {
  *out << sample.file;
}

class SampleFiles : public CorpusTest, public ::testing::WithParamInterface<Sample> {};

TEST_P(SampleFiles, EndSucceededAndAreFound) {
  const Sample& sample = GetParam();
  const Response accepted = upload_file(
      client_, "c1", {std::string(sample.file), std::string(sample.content_type), sample_file(sample.file)});
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  const boost::json::object document = settle(accepted);
  ASSERT_EQ(document.at("status"), "succeeded") << json::write(document);
  EXPECT_EQ(text_of(document.at("filename")), sample.file);
  EXPECT_EQ(document.at("ingest_source"), "upload_file");
  EXPECT_GE(document.at("num_chunks").as_int64(), 1);
  EXPECT_EQ(document.at("chunks_done"), document.at("chunks_total"));
  EXPECT_THAT(found_documents(client_, "c1", sample.query), Contains(text_of(document.at("id"))));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, SampleFiles,
    ::testing::Values(Sample{"handbook.pdf", "application/pdf", "thirty days"},
                      Sample{"handbook.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                             "thirty days"},
                      Sample{"handbook.html", "text/html", "thirty days"},
                      Sample{"handbook.md", "text/markdown", "thirty days"},
                      Sample{"record.json", "application/json", "days of leave"},
                      Sample{"people.csv", "text/csv", "Grace Germany"},
                      Sample{"latin1.txt", "text/plain; charset=windows-1252", "caf\xC3\xA9"},
                      Sample{"utf16.txt", "text/plain", "Urlaub"}),
    [](const auto& tested) {
      std::string name(tested.param.file);
      for (char& c : name)
        if (c == '.') c = '_';
      return name;
    });

struct Renamed {
  std::string_view file;
  std::string_view filename;
  std::string_view content_type;
};
void PrintTo(const Renamed& renamed, std::ostream* out) {
  *out << renamed.file << " as " << renamed.filename;
}

class RenamedFiles : public CorpusTest, public ::testing::WithParamInterface<Renamed> {};

TEST_P(RenamedFiles, AreReadAsWhatTheyAre) {
  const Renamed& renamed = GetParam();
  const Response accepted = upload_file(
      client_, "c1", {std::string(renamed.filename), std::string(renamed.content_type), sample_file(renamed.file)});
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  const boost::json::object document = settle(accepted);
  EXPECT_EQ(document.at("status"), "succeeded") << json::write(document);
  EXPECT_FALSE(found_documents(client_, "c1", "thirty days").empty());
}

INSTANTIATE_TEST_SUITE_P(Names, RenamedFiles,
                         ::testing::Values(Renamed{"handbook.pdf", "notes.txt", "text/plain"},
                                           Renamed{"handbook.pdf", "upload", "application/octet-stream"},
                                           Renamed{"handbook.docx", "report.pdf", "application/pdf"},
                                           Renamed{"handbook.docx", "report", ""},
                                           Renamed{"handbook.html", "page.txt", "text/plain"},
                                           Renamed{"handbook.md", "HANDBOOK.MD", "application/octet-stream"}));

struct Refused {
  std::string_view name;
  FilePart file;
  int status;               ///< of the upload; 202: refused later, by the ingestion
  std::string_view reason;  ///< part of what a person reads
};
void PrintTo(const Refused& refused, std::ostream* out) {
  *out << refused.name;
}

class BadFiles : public CorpusTest, public ::testing::WithParamInterface<Refused> {};

TEST_P(BadFiles, AreRefusedWithAReasonAPersonUnderstands) {
  const Refused& bad = GetParam();
  FilePart file = bad.file;
  if (file.bytes.starts_with("@")) file.bytes = sample_file(file.bytes.substr(1));
  const Response answer = upload_file(client_, "c1", file);
  ASSERT_EQ(answer.status, bad.status) << answer.body;
  if (bad.status != 202) {
    EXPECT_THAT(answer.body, HasSubstr(std::string(bad.reason)));
    EXPECT_TRUE(client_.get("/v1/documents").json().at("data").as_array().empty()) << "nothing is kept of it";
    return;
  }
  const boost::json::object document = settle(answer);
  EXPECT_EQ(document.at("status"), "failed");
  ASSERT_TRUE(document.at("failure_reason").is_string());
  EXPECT_THAT(text_of(document.at("failure_reason")), HasSubstr(std::string(bad.reason)));
  EXPECT_TRUE(hits_of(client_, "c1", "handbook thirty days").empty());
}

const std::string kDocx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

INSTANTIATE_TEST_SUITE_P(
    Reasons, BadFiles,
    ::testing::Values(
        Refused{"encrypted_pdf", {"encrypted.pdf", "application/pdf", "@encrypted.pdf"}, 202, "password"},
        Refused{"scanned_pdf", {"scanned.pdf", "application/pdf", "@scanned.pdf"}, 202, "text"},
        Refused{"truncated_pdf", {"truncated.pdf", "application/pdf", "@truncated.pdf"}, 202, "PDF"},
        Refused{"truncated_docx", {"truncated.docx", kDocx, "@truncated.docx"}, 202, ""},
        Refused{"pdf_that_is_none", {"a.pdf", "application/pdf", "only words"}, 202, "PDF"},
        Refused{"docx_that_is_a_pdf_header_only", {"a.docx", kDocx, "%PDF-1.4"}, 202, ""},
        Refused{"empty_text", {"e.txt", "text/plain", ""}, 422, "Text must not be empty"},
        Refused{"blank_text", {"e.txt", "text/plain", " \n\t "}, 422, "Text must not be empty"},
        Refused{"empty_pdf", {"e.pdf", "application/pdf", ""}, 202, ""},
        Refused{"image_named_txt", {"a.txt", "text/plain", std::string("\x89PNG\r\n\x1A\n\0\0", 10)}, 415, "PNG"},
        Refused{"zip_named_md", {"a.md", "text/markdown", std::string("PK\x03\x04 zip", 8)}, 415, "zip"},
        Refused{"program", {"a.exe", "application/x-msdownload", std::string("MZ\x90\0", 4)}, 415, "program"},
        Refused{"unknown_type", {"a.bin", "application/x-unknown", "text"}, 415, "x-unknown"},
        Refused{"binary_text", {"a.txt", "text/plain", std::string("a\0b", 3)}, 415, "binary"},
        Refused{"json_without_text", {"a.json", "application/json", "{\"a\":1}"}, 422, "JSON body must include text"},
        Refused{"broken_json", {"a.json", "application/json", "{\"text\":"}, 422, "INGEST_VALIDATION_ERROR"}),
    [](const auto& tested) { return std::string(tested.param.name); });
}  // namespace
}  // namespace nexus::testing
