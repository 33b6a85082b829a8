#pragma once

#include "http/message.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::http {

/// Takes a multipart body block by block: files go to `directory` as they come, with their SHA-256, fields to memory.
/// Blocking: call it off the I/O thread, one block at a time. Files belong to this object until release(); its
/// destructor removes the others.
class UploadSpool {
 public:
  struct Limits {
    std::size_t max_fields = 1000;
    std::size_t max_files = 1000;
    std::size_t max_field_bytes = 1024 * 1024;
    std::uint64_t max_fields_bytes = 10ULL * 1024 * 1024;  ///< of all fields together
  };

  /// Throws ApiError BAD_REQUEST when the content type carries no usable boundary.
  UploadSpool(std::filesystem::path directory, std::string_view content_type, const Limits& limits);
  ~UploadSpool();
  UploadSpool(const UploadSpool&) = delete;
  UploadSpool& operator=(const UploadSpool&) = delete;

  /// Throws ApiError: BAD_REQUEST for malformed bytes or exceeded bounds, INSUFFICIENT_STORAGE when the disk is full,
  /// INTERNAL_ERROR when a file cannot be written.
  void consume(std::string_view block);
  /// Throws ApiError BAD_REQUEST when the body is cut short.
  void finish();
  /// Hands fields and files over to the request.
  void release(Request& request);

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

/// Removes spooled files that nobody took. Blocking; never throws.
void remove_untaken(const std::vector<std::filesystem::path>& paths) noexcept;

}  // namespace nexus::http
