#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::testing {

/// One request as it arrived.
struct TwinRequest {
  std::string method;
  std::string target;  ///< path and query, as sent
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::size_t connection = 0;  ///< which accepted connection brought it, from 0

  /// First header of that name (any case); null when absent.
  [[nodiscard]] const std::string* header(std::string_view name) const;
};

/// What goes wrong after a request was read. The connection is closed afterwards, except for kNone and kMoreThanSaid.
enum class TwinFault : std::uint8_t {
  kNone,
  kNeverAnswers,         ///< keeps the connection and says nothing
  kResetBeforeHead,      ///< TCP reset instead of an answer
  kResetAfterHead,       ///< status line and headers, then TCP reset
  kResetMidBody,         ///< half of the announced body or all pieces, then TCP reset
  kHalfBody,             ///< half of the announced body, or all pieces without the end mark; then an orderly close
  kHalfBodyThenSilence,  ///< half of the announced body or all pieces, then nothing
  kMoreThanSaid,         ///< Content-Length is one byte less than what is sent; the connection stays open
  kEndlessBody,          ///< a chunked body without end, as fast as the client reads
  kSlowDrip,             ///< the whole answer, one byte every `drip`
  kGarbage,              ///< bytes that are no HTTP
};

/// A part of a body that is sent in chunks.
struct TwinPiece {
  std::string bytes;
  std::chrono::milliseconds delay{0};  ///< before it
  bool hold = false;                   ///< it waits for release()
};

struct TwinAnswer {
  int status = 200;
  std::string body = "{}";
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< besides Content-Length and Content-Type
  std::string content_type = "application/json";
  TwinFault fault = TwinFault::kNone;
  std::chrono::milliseconds delay{0};  ///< before the first byte
  bool hold = false;                   ///< the first byte waits for release()
  bool close = false;                  ///< says `Connection: close` and does so
  std::chrono::milliseconds drip{20};
  std::vector<TwinPiece> pieces = {};  ///< not empty: instead of `body`, each a chunk; with the faults that name pieces
};
[[nodiscard]] TwinAnswer twin_status(int status, std::string body = "{}");
[[nodiscard]] TwinAnswer twin_fault(TwinFault fault);
/// 200 with that body in chunks; `fault` after them.
[[nodiscard]] TwinAnswer twin_pieces(std::vector<TwinPiece> pieces, TwinFault fault = TwinFault::kNone);
/// 200 with a body that breaks off in the middle of a JSON object, announced with its true length.
[[nodiscard]] TwinAnswer twin_bad_json();

/// The other machine, for tests: a real HTTP/1.1 server on 127.0.0.1 and a free port, with keep-alive. It records every
/// request and answers by script. Thread-safe; the destructor ends every connection, held and silent ones too.
class HttpTwin {
 public:
  HttpTwin();
  ~HttpTwin();
  HttpTwin(const HttpTwin&) = delete;
  HttpTwin& operator=(const HttpTwin&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// "http://127.0.0.1:PORT" + path.
  [[nodiscard]] std::string url(std::string_view path = "/") const;

  /// Answers for the next requests, in order of arrival; each is used once.
  void script(const std::vector<TwinAnswer>& answers);
  /// The answer when the script is used up; 200 `{}` at first.
  void always(const TwinAnswer& answer);
  /// Lets everything held go, answers and pieces, and what comes later.
  void release();

  /// Waits until at least `count` requests have arrived and returns all; throws std::runtime_error when the time is up.
  [[nodiscard]] std::vector<TwinRequest> wait_for_requests(
      std::size_t count, std::chrono::milliseconds timeout = std::chrono::seconds(20)) const;
  /// Waits until the client has closed at least `count` connections; throws std::runtime_error when the time is up.
  void wait_for_hangups(std::size_t count, std::chrono::milliseconds timeout = std::chrono::seconds(20)) const;
  /// Waits until at least `count` times a client has taken nothing for 100 ms while the twin had more to send; throws
  /// std::runtime_error when the time is up.
  void wait_for_stalls(std::size_t count, std::chrono::milliseconds timeout = std::chrono::seconds(20)) const;

  [[nodiscard]] std::vector<TwinRequest> requests() const;
  /// Bytes of answers that the kernel has accepted, over all connections.
  [[nodiscard]] std::uint64_t sent_bytes() const;
  /// Connections accepted so far.
  [[nodiscard]] std::size_t connections() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nexus::testing
