#pragma once

#include "base/error.h"
#include "base/time.h"
#include "http/endpoint.h"
#include "http/message.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace nexus::exec {
class Lane;
}
namespace nexus::observe {
class Metrics;
}

namespace nexus::http {

class Router;

/// One request on its way. Made by the connection, filled by the dispatcher; only one thread has it at a time.
struct Exchange {
  Exchange();
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Request request;
  std::string request_id;
  const Endpoint* endpoint = nullptr;  ///< null when no route matched
  std::unique_ptr<Call> call;          ///< made by Dispatcher::admit
  bool versioned = true;
  Pairs path_params;

  bool answered = false;  ///< `reply` or `stream` is final
  Reply reply;
  std::unique_ptr<EventStream> stream;

  // What the connection measured, for Dispatcher::finished.
  std::int64_t first_byte_us = 0;  ///< from the request's start to the response head
  std::int64_t total_us = 0;       ///< to the last byte
  std::uint64_t bytes_out = 0;
  bool client_gone = false;
};

/// The pipeline as the server sees it (implemented by app/pipeline.cpp). None of it throws.
class Dispatcher {
 public:
  virtual ~Dispatcher() = default;
  /// On the row's lane, before the body has been read: authentication, kill switch, role. Sets `answered` to refuse.
  virtual void admit(Exchange& exchange) noexcept = 0;
  /// On the row's lane, with the body: everything after admit. Always leaves a reply or a stream.
  virtual void execute(Exchange& exchange) noexcept = 0;
  /// On any thread: an error found before the pipeline (routing, limits, malformed bytes) becomes the reply.
  virtual void refuse(Exchange& exchange, const ApiError& error) noexcept = 0;
  /// On the I/O thread, after the last byte. Must not block.
  virtual void finished(Exchange& exchange) noexcept = 0;
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::size_t io_threads = 1;
  std::size_t max_connections = 10'000;
  std::size_t max_header_bytes = 16 * 1024;
  std::uint64_t max_body_bytes = 10ULL * 1024 * 1024;     ///< JSON bodies
  std::uint64_t max_upload_bytes = 200ULL * 1024 * 1024;  ///< multipart bodies
  std::size_t early_body_bytes = 64 * 1024;               ///< bodies up to this size may be read before authentication
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{60'000};  ///< between two pieces of a body
  std::chrono::milliseconds idle_timeout{75'000};  ///< keep-alive
  std::chrono::milliseconds write_timeout{30'000};
  std::size_t stream_high_water = 64 * 1024;  ///< unsent bytes of a stream above which its producer waits
  std::size_t max_multipart_files = 1000;
  std::size_t max_multipart_fields = 1000;
  std::size_t max_multipart_field_bytes = 1024 * 1024;
  std::vector<std::string> trusted_proxies;         ///< addresses or CIDR blocks
  std::filesystem::path spool_dir;                  ///< multipart files land here
  std::string credential_header = "Authorization";  ///< its presence lets small bodies be read before authentication
};

struct Lanes {
  exec::Lane* db = nullptr;
  exec::Lane* outbound = nullptr;
  exec::Lane* bulk = nullptr;
};

/// HTTP/1.1 listener. Reads heads and bodies under limits, routes, hops to lanes, writes replies and streams; knows
/// nothing of tenants or envelopes. start() binds (throws std::system_error), shutdown() stops accepting and waits up
/// to `grace` for requests and streams to end, then closes. Not copyable; threads are its own.
class Server {
 public:
  Server(ServerOptions options, const Router& router, Dispatcher& dispatcher, Lanes lanes, const Clock& clock,
         observe::Metrics& metrics);
  ~Server();

  void start();
  void stop_accepting();
  /// True when everything ended in time.
  bool shutdown(std::chrono::milliseconds grace);

  [[nodiscard]] std::string address() const;  ///< "127.0.0.1:43121"
  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::size_t open_connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nexus::http
