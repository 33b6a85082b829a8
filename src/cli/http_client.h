#pragma once

#include "cli/address.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::cli {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpReply {
  int status = 0;
  HttpHeaders headers;
  std::string body;  ///< empty when the body went to a sink

  /// First header of that name in any case; empty when absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// A file inside a body, between two texts (multipart).
struct FileBody {
  std::string before;
  std::filesystem::path file;
  std::uint64_t size = 0;  ///< of the file
  std::string after;
};

/// A small blocking HTTP/1.1 client for talking to our own server: one connection a request, plain TCP, no redirects.
/// Everything throws Failure when the peer cannot be reached, breaks off or is silent for `patience`. One thread.
class HttpClient {
 public:
  /// Takes the next piece of a streamed body.
  using Sink = std::function<void(std::string_view)>;

  HttpClient(BaseUrl server, HttpHeaders headers, std::chrono::seconds patience = std::chrono::seconds(60));

  [[nodiscard]] HttpReply get(std::string_view path) const;
  [[nodiscard]] HttpReply post_json(std::string_view path, std::string_view body) const;
  /// Gives the body of an event stream to `sink` as it arrives; any other body is in the reply.
  [[nodiscard]] HttpReply post_for_events(std::string_view path, std::string_view body, const Sink& sink) const;
  [[nodiscard]] HttpReply post_file(std::string_view path, std::string_view content_type, const FileBody& body) const;

  [[nodiscard]] const BaseUrl& server() const { return server_; }

 private:
  [[nodiscard]] std::string head(std::string_view verb, std::string_view path, std::string_view content_type,
                                 std::uint64_t length) const;

  BaseUrl server_;
  HttpHeaders headers_;
  std::chrono::seconds patience_;
};

/// True when something accepts connections there now.
[[nodiscard]] bool is_reachable(const Address& address);

}  // namespace nexus::cli
