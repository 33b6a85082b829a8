#include "text/extract/kind.h"

#include <gtest/gtest.h>

namespace nexus::text::extract {
namespace {

using namespace std::string_view_literals;

struct Row {
  std::string_view name, type, head;
  std::optional<Kind> kind;
};

TEST(Kind, IsTakenFromBytesThenContentTypeThenName) {
  const Row rows[] = {
      {"a.txt", "text/plain", "hello", Kind::kText},
      {"a.txt", "", "hello", Kind::kText},
      {"a.md", "text/plain; charset=utf-8", "# x", Kind::kMarkdown},
      {"a.bin", "text/markdown", "# x", Kind::kMarkdown},
      {"A.HTML", "application/octet-stream", "<p>x", Kind::kHtml},
      {"page", "", "\n <!DOCTYPE html><p>", Kind::kHtml},
      {"notes.txt", "text/plain", "<!doctype html><html>", Kind::kText},
      {"notes", "text/plain", "<!doctype html><html>", Kind::kHtml},
      {"data.csv", "text/csv", "a,b", Kind::kCsv},
      {"data.tsv", "", "a\tb", Kind::kCsv},
      {"x", "application/json", "{}", Kind::kJson},
      {"renamed.txt", "text/plain", "%PDF-1.7\n", Kind::kPdf},
      {"late.pdf", "application/pdf", "mail banner\n%PDF-1.7\n", Kind::kPdf},
      {"about-pdf.md", "text/markdown", "A file starts with %PDF-1.7", Kind::kMarkdown},
      {"a.docx", "", "PK\x03\x04....word/document.xml", Kind::kDocx},
      {"renamed.txt", "text/plain", "PK\x03\x04....[Content_Types].xml", Kind::kDocx},
      {"old.docx", "", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", Kind::kDocx},
      {"wide.txt", "text/plain", "\xFF\xFEh\0i\0"sv, Kind::kText},
      {"wide.txt", "text/plain; charset=UTF-16LE", "h\0i\0"sv, Kind::kText},
      {"noise.txt", "text/plain", "a\0b"sv, std::nullopt},
      {"picture.txt", "text/plain", "\x89PNG\r\n\x1a\n", std::nullopt},
      {"old.doc", "application/msword", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", std::nullopt},
      {"sheet.xlsx", "", "PK\x03\x04....xl/workbook.xml", std::nullopt},
      {"many.zip", "application/zip", "PK\x03\x04....a.txt", std::nullopt},
      {"a.txt", "image/png", "text all the same", std::nullopt},
      {"upload", "application/octet-stream", "who knows", std::nullopt},
      {"", "", "", std::nullopt},
  };
  for (const Row& row : rows) {
    const Detection detection = detect(row.name, row.type, row.head);
    EXPECT_EQ(detection.kind, row.kind) << row.name << " " << row.type << " " << detection.reason;
    EXPECT_EQ(detection.reason.empty(), row.kind.has_value()) << row.name;
  }
}

TEST(Kind, SaysWhatToDoAboutAnExcelWorkbook) {
  EXPECT_EQ(detect("s.xlsx", "", "PK\x03\x04....xl/workbook.xml").reason,
            "This is an Excel workbook; export the sheets as CSV and upload those.");
}

TEST(Kind, ContentTypeParametersAreParsed) {
  EXPECT_EQ(parse_content_type("Text/Plain; format=flowed; Charset=\"ISO-8859-1\"").charset, "iso-8859-1");
  EXPECT_EQ(parse_content_type("Text/Plain; format=flowed; Charset=\"ISO-8859-1\"").type, "text/plain");
  EXPECT_EQ(parse_content_type("text/plain;charset=utf-8").charset, "utf-8");
  EXPECT_EQ(parse_content_type("text/plain;;;=;charset").charset, "");
  EXPECT_EQ(parse_content_type("").type, "");
  EXPECT_EQ(detect("a.txt", "text/plain; charset=windows-1252", "x").charset, "windows-1252");
}

TEST(Kind, NamesRoundTrip) {
  for (const Kind kind : {Kind::kText, Kind::kMarkdown, Kind::kHtml, Kind::kPdf, Kind::kDocx, Kind::kCsv, Kind::kJson})
    EXPECT_EQ(kind_from_name(kind_name(kind)), kind);
  EXPECT_EQ(kind_from_name("exe"), std::nullopt);
}

}  // namespace
}  // namespace nexus::text::extract
