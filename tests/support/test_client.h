#pragma once

#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::testing {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// What a server answered. Bodies of chunked answers are joined.
struct Response {
  int status = 0;
  std::string version;  ///< "HTTP/1.1"
  Pairs headers;        ///< in order, as sent
  std::string body;

  /// First header of that name (any case); null when absent.
  [[nodiscard]] const std::string* header(std::string_view name) const;
  /// The body as JSON; throws when it is none.
  [[nodiscard]] boost::json::value json() const;
};

/// One event of a text/event-stream.
struct SseFrame {
  std::string event = "message";
  std::string id;
  std::string data;
  [[nodiscard]] boost::json::value json() const;
};

/// A blocking TCP connection to loopback. Everything throws std::runtime_error when the peer fails or the time is up.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port, std::chrono::milliseconds timeout = std::chrono::seconds(20));
  ~RawConnection();
  RawConnection(RawConnection&& other) noexcept;
  RawConnection& operator=(RawConnection&&) = delete;

  void send(std::string_view bytes);
  /// Sends what the socket takes within the timeout; false when the peer has closed. For peers that stop reading.
  bool try_send(std::string_view bytes);
  void half_close();  ///< no more is sent; reading goes on
  void close();
  void reset();  ///< closes with a TCP reset
  void set_receive_buffer(int bytes);
  /// False when the peer has closed and nothing is left to read; does not wait.
  [[nodiscard]] bool usable();

  /// Reads one answer; `head_only` for answers to HEAD. Bytes behind it are kept for the next.
  [[nodiscard]] Response read_response(bool head_only = false);
  /// Reads status line and headers only; the body stays to be read.
  [[nodiscard]] Response read_head();
  /// More body bytes of the answer whose head was read, chunk coding removed; empty at its end.
  [[nodiscard]] std::string read_body_piece();
  /// Up to the end of the connection.
  [[nodiscard]] std::string read_all();
  /// True when the peer has closed and nothing is left to read; waits for the timeout at most.
  [[nodiscard]] bool at_end();

 private:
  bool fill();
  std::string take(std::size_t n);
  std::string take_line();

  int socket_ = -1;
  std::chrono::milliseconds timeout_;
  std::string buffer_;
  bool chunked_ = false;
  bool to_end_ = false;
  bool body_done_ = true;
  std::uint64_t left_ = 0;
};

/// An event stream being read.
class SseStream {
 public:
  SseStream(RawConnection connection, Response head);
  [[nodiscard]] const Response& head() const { return head_; }
  /// Next event; empty when the stream has ended properly. Throws when it breaks off or the time is up.
  [[nodiscard]] std::optional<SseFrame> next();
  /// All events to the end.
  [[nodiscard]] std::vector<SseFrame> rest();
  /// Raw bytes of all that has been read so far, chunk coding removed.
  [[nodiscard]] const std::string& transcript() const { return transcript_; }
  void close() { connection_.close(); }
  [[nodiscard]] RawConnection& connection() { return connection_; }

 private:
  RawConnection connection_;
  Response head_;
  std::string transcript_;
  std::size_t at_ = 0;
};

/// Builds multipart/form-data bodies.
class Multipart {
 public:
  explicit Multipart(std::string boundary = "nexus-test-boundary-7d0c");
  Multipart& field(std::string_view name, std::string_view value);
  Multipart& file(std::string_view name, std::string_view filename, std::string_view content_type,
                  std::string_view bytes);
  [[nodiscard]] std::string content_type() const;
  [[nodiscard]] std::string body() const;

 private:
  std::string boundary_;
  std::string parts_;
};

/// A small HTTP/1.1 client for tests: one kept-alive connection, reopened when the server has closed it.
class TestClient {
 public:
  explicit TestClient(std::uint16_t port, std::chrono::milliseconds timeout = std::chrono::seconds(20));

  /// Sent with every request, e.g. Authorization. A header given with a request replaces the default of its name.
  TestClient& with_header(std::string name, std::string value);
  TestClient& bearer(std::string_view token);

  [[nodiscard]] Response request(std::string_view verb, std::string_view path, const Pairs& headers = {},
                                 std::string_view body = {});
  [[nodiscard]] Response get(std::string_view path, const Pairs& headers = {});
  [[nodiscard]] Response del(std::string_view path, const Pairs& headers = {});
  /// With `Content-Type: application/json`.
  [[nodiscard]] Response post(std::string_view path, std::string_view json, const Pairs& headers = {});
  [[nodiscard]] Response put(std::string_view path, std::string_view json, const Pairs& headers = {});
  [[nodiscard]] Response patch(std::string_view path, std::string_view json, const Pairs& headers = {});
  [[nodiscard]] Response upload(std::string_view path, const Multipart& form, const Pairs& headers = {});

  /// Posts JSON on a connection of its own and reads the head of the answer; events follow as they come.
  [[nodiscard]] SseStream open_stream(std::string_view path, std::string_view json, const Pairs& headers = {},
                                      std::string_view verb = "POST");

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  [[nodiscard]] std::string compose(std::string_view verb, std::string_view path, const Pairs& headers,
                                    std::string_view body) const;

  std::uint16_t port_;
  std::chrono::milliseconds timeout_;
  Pairs defaults_;
  std::unique_ptr<RawConnection> connection_;
};

}  // namespace nexus::testing
