// Zip files as they are; anything else is the XML inside: document, styles and numbering, NUL between them. Inflating
// checks sums that a fuzzer cannot guess.
#include "extract_fuzz.h"
#include "text/extract/readers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nexus::text::extract;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.starts_with("PK")) {
    fuzz_reader(Kind::kDocx, data, size);
    return 0;
  }
  std::map<std::string, std::string> parts;
  std::string_view rest = bytes;
  for (const char* path : {"word/document.xml", "word/styles.xml", "word/numbering.xml"}) {
    const auto cut = rest.substr(0, rest.find('\0'));
    parts.emplace(path, cut);
    rest.remove_prefix(cut.size() < rest.size() ? cut.size() + 1 : rest.size());
    if (rest.empty()) break;
  }
  Request request;
  request.kind = Kind::kDocx;
  try {
    require_promises(read_docx_parts(std::move(parts), request), request.limits);
  } catch (const ExtractionFailed&) {
  }
  return 0;
}
