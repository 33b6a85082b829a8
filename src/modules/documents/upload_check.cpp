#include "modules/documents/upload_check.h"

#include "base/errors.h"
#include "text/extract/extract.h"
#include "text/extract/kind.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>

namespace nexus::documents {
namespace {

using text::extract::Kind;

std::string read_file(const std::filesystem::path& path, std::size_t most) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw ApiError(errors::kServiceUnavailable, "The uploaded file could not be read");
  std::string bytes(most, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(most));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  return bytes;
}

}  // namespace

void check_upload(const http::UploadedFile& file, std::string_view filename, std::string_view content_type,
                  std::int64_t max_text_bytes) {
  const std::string head = read_file(file.path, text::extract::kSniffBytes);
  const text::extract::Detection detected = text::extract::detect(filename, content_type, head);
  if (!detected.kind)
    throw ApiError(errors::kUnsupportedMediaType, "Unsupported content type", {{"reason", detected.reason}});
  if (*detected.kind != Kind::kText && *detected.kind != Kind::kMarkdown && *detected.kind != Kind::kJson) return;
  if (std::cmp_greater(file.size, max_text_bytes))
    throw ApiError(errors::kIngestValidationError, fmt::format("Text is longer than {} bytes", max_text_bytes));
  try {
    text::extract::Request request{.kind = *detected.kind, .charset = detected.charset};
    request.json_text = *detected.kind == Kind::kJson;
    request.limits.max_bytes_in = static_cast<std::size_t>(max_text_bytes);
    (void)text::extract::extract_here(read_file(file.path, file.size), request);
  } catch (const text::extract::ExtractionFailed& e) {
    using enum text::extract::Failure;
    if (e.failure() == kEmpty) throw ApiError(errors::kIngestValidationError, "Text must not be empty");
    if (e.failure() == kMissingText) throw ApiError(errors::kIngestValidationError, "JSON body must include text");
    throw ApiError(errors::kIngestValidationError, std::string(e.reason()));
  }
}

}  // namespace nexus::documents
