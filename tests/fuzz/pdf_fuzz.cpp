// Our side of reading PDFs: what the tools print, and what a child answers. poppler itself is not ours to fuzz.
#include "extract_fuzz.h"
#include "text/extract/charset.h"
#include "text/extract/pdf_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nexus::text::extract;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Limits limits;
  limits.max_pages = 100;
  try {
    require_promises(decode_result(bytes, limits), limits);
  } catch (const ExtractionFailed&) {
  }
  try {
    const auto cut = bytes.find('\0');
    Extracted out;
    read_pdf_info(bytes.substr(0, cut), limits, out);
    add_pdf_pages(cut == std::string_view::npos ? bytes : bytes.substr(cut + 1), limits, out);
    require_promises(out, limits);
  } catch (const ExtractionFailed&) {
  }
  return 0;
}
