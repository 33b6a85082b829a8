#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nexus::http {

/// The bytes are not a well-formed multipart/form-data body, or exceed a bound; what() is for the client.
class MultipartError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct PartHead {
  std::string name;
  bool is_file = false;      ///< a filename parameter is present, even an empty one
  std::string filename;      ///< without directories
  std::string content_type;  ///< as sent; empty when absent
};

/// Receives the parts of a body in order: begin, any number of data, end.
class PartSink {
 public:
  virtual ~PartSink() = default;
  virtual void begin_part(PartHead head) = 0;
  virtual void part_data(std::string_view bytes) = 0;
  virtual void end_part() = 0;
};

struct MultipartLimits {
  std::size_t max_fields = 1000;
  std::size_t max_files = 1000;
  std::size_t max_part_head_bytes = 16 * 1024;
  std::size_t max_part_headers = 16;
  std::size_t max_preamble_bytes = 4 * 1024;
};

/// Boundary of a `Content-Type` header; empty unless it is multipart/form-data with a boundary of 1 to 70 characters.
[[nodiscard]] std::optional<std::string> multipart_boundary(std::string_view content_type);
/// True for multipart/form-data, with or without a usable boundary.
[[nodiscard]] bool is_multipart(std::string_view content_type);

/// Incremental parser of multipart/form-data (RFC 7578 over RFC 2046 §5.1). Keeps at most a part head or a boundary's
/// length between calls. Whatever the sink throws passes through; after a throw the parser is not used again.
class MultipartParser {
 public:
  MultipartParser(std::string_view boundary, PartSink& sink, const MultipartLimits& limits = {});

  /// Throws MultipartError.
  void feed(std::string_view bytes);
  /// The body has ended. Throws MultipartError when the closing boundary has not been seen.
  void finish() const;

 private:
  enum class State : std::uint8_t { kPreamble, kAfterBoundary, kHead, kBody, kEpilogue };

  bool step();
  bool skip_preamble();
  bool read_boundary_end();
  bool read_head();
  bool read_body();

  std::string delimiter_;  // CRLF, two dashes, boundary
  PartSink& sink_;
  MultipartLimits limits_;
  State state_ = State::kPreamble;
  std::string buffer_;
  std::size_t at_ = 0;            // first byte of buffer_ not used yet
  bool skip_line_break_ = false;  // the body starts behind the line break at at_
  std::size_t preamble_ = 0;      // bytes skipped before the first boundary
  std::size_t fields_ = 0;
  std::size_t files_ = 0;
};

}  // namespace nexus::http
