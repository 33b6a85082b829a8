// What every reader of documents promises, checked on foreign bytes.
#pragma once

#include "text/extract/extract.h"
#include "text/extract/result_frame.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string_view>

namespace nexus::text::extract {

// A result must survive the strict check at the parent's end of the pipe, which knows all promises of Extracted.
inline void require_promises(const Extracted& out, const Limits& limits) {
  try {
    if (decode_result(encode_result(out), limits).text != out.text) std::abort();
  } catch (const ExtractionFailed&) {
    std::abort();
  }
}

inline void fuzz_reader(Kind kind, const std::uint8_t* data, std::size_t size) {
  Request request;
  request.kind = kind;
  request.lenient = size % 2 == 1;
  request.limits.memory_bytes = std::size_t{256} << 20;
  request.limits.max_text_out = std::size_t{1} << 20;
  try {
    require_promises(extract_here({reinterpret_cast<const char*>(data), size}, request), request.limits);
  } catch (const ExtractionFailed&) {
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace nexus::text::extract
