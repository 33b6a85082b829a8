#pragma once

#include "http/message.h"

#include <cstdint>
#include <string_view>

namespace nexus::documents {

/// What can be said about an uploaded file at once, so that the sender hears it in the answer and not later in a failed
/// document: an unsupported type (415), and for text and JSON an empty or undecodable body (422). Throws ApiError.
void check_upload(const http::UploadedFile& file, std::string_view filename, std::string_view content_type,
                  std::int64_t max_text_bytes);

}  // namespace nexus::documents
