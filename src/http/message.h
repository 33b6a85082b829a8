#pragma once

#include <boost/json/value.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::http {

enum class Verb : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };
[[nodiscard]] std::string_view to_string(Verb verb);

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// One file part of a multipart upload, already on disk. Whoever takes the file moves it away; what is left is removed
/// when the exchange ends.
struct UploadedFile {
  std::string field;
  std::string filename;      ///< as sent, without directories; may be empty
  std::string content_type;  ///< as sent, with parameters; may be empty
  std::filesystem::path path;
  std::uint64_t size = 0;
  std::string sha256;  ///< lower-case hex
};

/// A request as it was read. Immutable once it reaches the pipeline.
struct Request {
  Verb verb = Verb::kGet;
  std::string method;  ///< as sent
  std::string target;  ///< as sent
  std::string path;    ///< target without query, not decoded
  Pairs query;         ///< decoded, in order
  Pairs headers;       ///< in order
  std::string body;    ///< JSON bodies; empty for multipart
  Pairs form;          ///< non-file fields of a multipart body
  std::vector<UploadedFile> files;
  std::string peer_ip;    ///< TCP peer
  std::string client_ip;  ///< peer, or the forwarded address when the peer is a trusted proxy
  bool https = false;
  std::int64_t started_us = 0;  ///< Clock::steady_us() when the first byte of the head had been read

  /// First header of that name (ASCII case-insensitive); null when absent.
  [[nodiscard]] const std::string* header(std::string_view name) const;
  /// Last query parameter of that name; null when absent.
  [[nodiscard]] const std::string* query_value(std::string_view name) const;
};

/// A whole answer. JSON payloads are given as text that json::write or schema::write produced.
struct Reply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Pairs headers;
  bool is_payload = false;                    ///< body is a bare JSON payload that the pipeline puts into the envelope
  std::optional<std::filesystem::path> file;  ///< when set, the file's bytes are the body

  [[nodiscard]] static Reply json(std::string payload, int status = 200);  ///< enveloped by the pipeline
  [[nodiscard]] static Reply no_content();
  [[nodiscard]] static Reply raw(std::string body, std::string content_type, int status = 200);
};

}  // namespace nexus::http
