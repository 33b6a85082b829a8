#include "extract_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  nexus::text::extract::fuzz_reader(nexus::text::extract::Kind::kCsv, data, size);
  return 0;
}
