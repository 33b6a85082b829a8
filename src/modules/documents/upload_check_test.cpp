#include "modules/documents/upload_check.h"

#include "modules/ingestion/ingest_fixture.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace nexus::documents {
namespace {

using ingestion::Refusal;
using ingestion::refusal_of;
using ingestion::ScratchFolder;

struct UploadCase {
  const char* what;
  const char* filename;
  const char* content_type;
  std::string_view bytes;
  int status;  // 0: accepted
  const char* message = "";
};

constexpr std::string_view kBinary{
    "\x7f"
    "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0",
    16};

const UploadCase kUploadCases[] = {
    {"plain text", "a.txt", "text/plain", "hello", 0},
    {"parameters", "a.txt", "text/plain; charset=utf-8", "hello", 0},
    {"upper case", "a.txt", "TEXT/PLAIN", "hello", 0},
    {"markdown", "a.md", "text/markdown", "# Title\n\nBody", 0},
    {"latin-1, declared", "a.txt", "text/plain; charset=iso-8859-1", "caf\xe9 au lait", 0},
    {"json with text", "a.json", "application/json", R"({"text":"hello"})", 0},
    {"json whose text is a number", "a.json", "application/json", R"({"text":17})", 0},
    {"json without text", "a.json", "application/json", R"({"body":"x"})", 422, "JSON body must include text"},
    {"json that is a list", "a.json", "application/json", R"(["text"])", 422, "JSON body must include text"},
    {"blank", "a.txt", "text/plain", " \n\t\n", 422, "Text must not be empty"},
    {"nothing", "a.txt", "text/plain", "", 422, "Text must not be empty"},
    {"blank text in json", "a.json", "application/json", R"({"text":"  "})", 422, "Text must not be empty"},
    {"a program", "a.bin", "application/octet-stream", kBinary, 415, "Unsupported content type"},
    {"an image", "a.png", "image/png", "\x89PNG\r\n\x1a\n", 415, "Unsupported content type"},
    {"longer than allowed", "a.txt", "text/plain", "0123456789012345678901234567890123456789012345678901234567890123x",
     422, "Text is longer than 64 bytes"},
};

TEST(UploadCheck, SaysAtOnceWhatCanBeSaid) {
  const ScratchFolder folder;
  for (const UploadCase& row : kUploadCases) {
    const http::UploadedFile file{.field = "file",
                                  .filename = row.filename,
                                  .content_type = row.content_type,
                                  .path = folder.file("upload", row.bytes),
                                  .size = row.bytes.size()};
    const Refusal refusal = refusal_of([&] { check_upload(file, row.filename, row.content_type, 64); });
    EXPECT_EQ(refusal.status, row.status) << row.what << ": " << refusal.message;
    EXPECT_EQ(refusal.message, row.message) << row.what;
  }
}

TEST(UploadCheck, RefusesMalformedJsonAndUndecodableTextAsUnprocessable) {
  const ScratchFolder folder;
  const auto status_of = [&](const char* type, std::string_view bytes) {
    const http::UploadedFile file{.path = folder.file("upload", bytes), .size = bytes.size()};
    const Refusal refusal = refusal_of([&] { check_upload(file, "a", type, 1000); });
    EXPECT_FALSE(refusal.message.empty());
    return refusal.code;
  };
  EXPECT_EQ(status_of("application/json", R"({"text":)"), "INGEST_VALIDATION_ERROR");
  EXPECT_EQ(status_of("text/plain; charset=utf-8", "broken \xff\xfe\xfd bytes"), "INGEST_VALIDATION_ERROR");
}

TEST(UploadCheck, AFileThatVanishedIsTheServersFault) {
  const ScratchFolder folder;
  const http::UploadedFile file{.path = folder.path() / "gone", .size = 3};
  EXPECT_EQ(refusal_of([&] { check_upload(file, "a.txt", "text/plain", 64); }).status, 503);
}

}  // namespace
}  // namespace nexus::documents
