#include "text/extract/kind.h"

#include "text/extract/ascii.h"
#include "text/utf8.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <utility>

namespace nexus::text::extract {
namespace {

using Named = std::pair<std::string_view, Kind>;

constexpr std::array<Named, 7> kNames{{{"text", Kind::kText},
                                       {"markdown", Kind::kMarkdown},
                                       {"html", Kind::kHtml},
                                       {"pdf", Kind::kPdf},
                                       {"docx", Kind::kDocx},
                                       {"csv", Kind::kCsv},
                                       {"json", Kind::kJson}}};

constexpr std::array<Named, 18> kExtensions{{{"txt", Kind::kText},
                                             {"text", Kind::kText},
                                             {"log", Kind::kText},
                                             {"md", Kind::kMarkdown},
                                             {"mdx", Kind::kMarkdown},
                                             {"mkd", Kind::kMarkdown},
                                             {"markdown", Kind::kMarkdown},
                                             {"html", Kind::kHtml},
                                             {"htm", Kind::kHtml},
                                             {"xhtml", Kind::kHtml},
                                             {"pdf", Kind::kPdf},
                                             {"docx", Kind::kDocx},
                                             {"docm", Kind::kDocx},
                                             {"csv", Kind::kCsv},
                                             {"tsv", Kind::kCsv},
                                             {"json", Kind::kJson},
                                             {"jsonl", Kind::kJson},
                                             {"ndjson", Kind::kJson}}};

constexpr std::array<Named, 15> kTypes{
    {{"text/markdown", Kind::kMarkdown},
     {"text/x-markdown", Kind::kMarkdown},
     {"text/html", Kind::kHtml},
     {"application/xhtml+xml", Kind::kHtml},
     {"application/pdf", Kind::kPdf},
     {"application/x-pdf", Kind::kPdf},
     {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", Kind::kDocx},
     {"application/vnd.ms-word.document.macroenabled.12", Kind::kDocx},
     {"text/csv", Kind::kCsv},
     {"application/csv", Kind::kCsv},
     {"text/tab-separated-values", Kind::kCsv},
     {"application/json", Kind::kJson},
     {"application/jsonl", Kind::kJson},
     {"application/x-ndjson", Kind::kJson},
     {"text/json", Kind::kJson}}};

struct Signature {
  std::string_view bytes;
  std::size_t offset;
  std::string_view what;
};

using namespace std::string_view_literals;
constexpr std::array<Signature, 18> kForeign{{{"\x89PNG\r\n"sv, 0, "a PNG image"},
                                              {"\xFF\xD8\xFF"sv, 0, "a JPEG image"},
                                              {"GIF8"sv, 0, "a GIF image"},
                                              {"II*\0"sv, 0, "a TIFF image"},
                                              {"MM\0*"sv, 0, "a TIFF image"},
                                              {"WEBP"sv, 8, "a WebP image"},
                                              {"\x1F\x8B"sv, 0, "a gzip archive"},
                                              {"BZh"sv, 0, "a bzip2 archive"},
                                              {"7z\xBC\xAF\x27\x1C"sv, 0, "a 7-Zip archive"},
                                              {"Rar!"sv, 0, "a RAR archive"},
                                              {"\xFD"
                                               "7zXZ"sv,
                                               0, "an xz archive"},
                                              {"\x28\xB5\x2F\xFD"sv, 0, "a zstd archive"},
                                              {"ustar"sv, 257, "a tar archive"},
                                              {"\x7F"
                                               "ELF"sv,
                                               0, "a program"},
                                              {"MZ\x90\0"sv, 0, "a program"},
                                              {"ftyp"sv, 4, "a video or audio file"},
                                              {"{\\rtf"sv, 0, "an RTF document"},
                                              {"SQLite format 3"sv, 0, "a database file"}}};

template <std::size_t N>
std::optional<Kind> look_up(const std::array<Named, N>& table, std::string_view key) {
  for (const auto& [name, kind] : table)
    if (name == key) return kind;
  return std::nullopt;
}

std::string extension_of(std::string_view filename) {
  const auto slash = filename.find_last_of("/\\");
  if (slash != std::string_view::npos) filename.remove_prefix(slash + 1);
  const auto dot = filename.rfind('.');
  return dot == std::string_view::npos ? std::string() : lower(filename.substr(dot + 1));
}

bool has_bom(std::string_view head) {
  return head.starts_with("\xFF\xFE"sv) || head.starts_with("\xFE\xFF"sv) || head.starts_with("\xEF\xBB\xBF"sv);
}

bool starts_like_html(std::string_view head) {
  if (head.starts_with("\xEF\xBB\xBF"sv)) head.remove_prefix(3);
  head = trim(head.substr(0, 512));
  const std::string start = lower(head.substr(0, 300));
  if (start.starts_with("<!doctype html") || start.starts_with("<html")) return true;
  return start.starts_with("<?xml") && contains(start, "<html");
}

Detection found(Kind kind, ContentType& type) {
  return {kind, std::move(type.charset), {}};
}
Detection refused(std::string reason) {
  return {std::nullopt, {}, std::move(reason)};
}

// Zip and OLE containers: several office formats share them.
std::optional<Detection> container(std::string_view head, std::optional<Kind> claimed, ContentType& type) {
  if (head.starts_with("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv)) {
    // Word wraps a password-protected .docx into this container; the reader tells which of the two it is.
    if (claimed == Kind::kDocx) return found(Kind::kDocx, type);
    return refused("This is an old Office file (.doc, .xls, .ppt); save it as .docx or PDF and upload that.");
  }
  if (!head.starts_with("PK\x03\x04"sv) && !head.starts_with("PK\x05\x06"sv)) return std::nullopt;
  if (contains(head, "word/") || claimed == Kind::kDocx) return found(Kind::kDocx, type);
  if (contains(head, "xl/")) return refused("This is an Excel workbook; export the sheets as CSV and upload those.");
  if (contains(head, "ppt/")) return refused("This is a PowerPoint file; export it as PDF and upload that.");
  if (contains(head, "application/vnd.oasis.opendocument"))
    return refused("This is an OpenDocument file; save it as .docx or PDF and upload that.");
  if (contains(head, "[Content_Types].xml")) return found(Kind::kDocx, type);
  return refused("This is a zip archive; upload the documents in it one by one.");
}

}  // namespace

std::string_view kind_name(Kind kind) {
  for (const auto& [name, value] : kNames)
    if (value == kind) return name;
  return "text";
}

std::optional<Kind> kind_from_name(std::string_view name) {
  return look_up(kNames, name);
}

ContentType parse_content_type(std::string_view value) {
  ContentType out;
  const auto semicolon = value.find(';');
  out.type = lower(trim(value.substr(0, semicolon)));
  while (value.find(';') != std::string_view::npos) {
    value.remove_prefix(value.find(';') + 1);
    const auto equals = value.find('=');
    if (equals == std::string_view::npos) break;
    if (lower(trim(value.substr(0, equals))) != "charset") continue;
    auto token = trim(value.substr(equals + 1, value.find(';', equals) - equals - 1));
    if (token.size() >= 2 && token.front() == '"' && token.back() == '"') token = token.substr(1, token.size() - 2);
    if (out.charset.empty()) out.charset = lower(token.substr(0, 40));
  }
  return out;
}

Detection detect(std::string_view filename, std::string_view content_type, std::string_view head) {
  head = head.substr(0, kSniffBytes);
  ContentType type = parse_content_type(content_type);
  const bool vague = type.type.empty() || type.type == "application/octet-stream" || type.type == "text/plain" ||
                     type.type == "binary/octet-stream";
  const auto by_extension = look_up(kExtensions, extension_of(filename));
  auto claimed = vague ? by_extension : look_up(kTypes, type.type);
  if (vague && !claimed && type.type == "text/plain") claimed = Kind::kText;

  // Readers accept a PDF whose header comes after up to 1 KiB of something else (a mail gateway's banner, say).
  if (contains(head.substr(0, 1024), "%PDF-") && (head.starts_with("%PDF-") || claimed == Kind::kPdf || !claimed))
    return found(Kind::kPdf, type);
  if (auto office = container(head, claimed, type)) return std::move(*office);
  for (const Signature& s : kForeign)
    if (head.size() >= s.offset + s.bytes.size() && head.substr(s.offset, s.bytes.size()) == s.bytes && !has_bom(head))
      return refused(fmt::format("This is {}, which holds no readable text.", s.what));
  if (!claimed && vague && starts_like_html(head)) return found(Kind::kHtml, type);
  if (!claimed)
    return refused(vague ? "The file's type is not one that can be read (.txt .md .html .pdf .docx .csv .json)."
                         : fmt::format("Content type '{}' is not one that can be read.", type.type.substr(0, 100)));
  if (claimed == Kind::kText && by_extension != Kind::kText && starts_like_html(head)) claimed = Kind::kHtml;
  const bool wide = type.charset.starts_with("utf-16") || type.charset.starts_with("utf16") || has_bom(head);
  const bool textual = claimed != Kind::kPdf && claimed != Kind::kDocx;
  if (textual && !wide && contains(head, "\0"sv)) return refused("The file holds binary data, not text.");
  return found(*claimed, type);
}

}  // namespace nexus::text::extract
