// What a child says to its parent, as bytes. The parent trusts none of it: a child may have been taken over by the file
// it read.
//
//   frame  = "NXE1" record* end          end = record of type 'E' with the number of records before it (u32)
//   record = type (1 byte) length (u32, little-endian) payload
//   'T' text   'M' key NUL value   'K' kind (1 byte) level (u32) offset (u64) title   'F' failure (1 byte) reason
#pragma once

#include "text/extract/extract.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace nexus::text::extract {

[[nodiscard]] std::string encode_result(const Extracted& result);
[[nodiscard]] std::string encode_failure(Failure failure, std::string_view reason);

// The most bytes a well-behaved child can send under these limits.
[[nodiscard]] std::size_t max_frame_bytes(const Limits& limits);

// The result, or throws the ExtractionFailed that was sent. Anything that is not exactly one well-formed frame, text
// beyond the limit or text that breaks the promises of Extracted (UTF-8, no NUL, marks in order and inside) is
// kDamaged.
[[nodiscard]] Extracted decode_result(std::string_view frame, const Limits& limits);

}  // namespace nexus::text::extract
