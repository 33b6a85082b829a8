// HTTP/2: taken where the peer offers it, one exchange at a time on a connection.
#include "observe/metrics.h"
#include "outbound/curl_client.h"
#include "outbound/tls_twin.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nexus::outbound {
namespace {

constexpr std::size_t kMoreThanWaits = 1024 * 1024;

/// As much of RFC 9113 as an answer needs. A request's headers are not read: the first one gets a body that never ends,
/// each later one "short".
class Http2Peer {
 public:
  void serve(SSL* session) {
    ++connections_;
    if (!read(session, kPreface.size())) return;
    write(session, kSettings, 0, 0, "");
    for (std::optional<Frame> frame = next(session); frame; frame = next(session)) {
      if (frame->type == kSettings && (frame->flags & kAck) == 0) write(session, kSettings, kAck, 0, "");
      if (frame->type == kHeaders) answer(session, frame->stream);
      if (frame->type == kReset) note_reset();
    }
    note_reset();  // or the client has closed the connection, which ends its streams as well
  }
  [[nodiscard]] int connections() const { return connections_; }
  void wait_for_a_reset() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), [this] { return resets_ > 0; }))
      throw std::runtime_error("no stream was reset in time");
  }

 private:
  static constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  static constexpr std::uint8_t kData = 0;
  static constexpr std::uint8_t kHeaders = 1;
  static constexpr std::uint8_t kReset = 3;
  static constexpr std::uint8_t kSettings = 4;
  static constexpr std::uint8_t kAck = 1;
  static constexpr std::uint8_t kEndStream = 1;
  static constexpr std::uint8_t kEndHeaders = 4;
  struct Frame {
    std::uint8_t type = 0;
    std::uint8_t flags = 0;
    std::uint32_t stream = 0;
  };

  static std::optional<std::string> read(SSL* session, std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t at = 0; at < size;) {
      const int n = SSL_read(session, bytes.data() + at, static_cast<int>(size - at));
      if (n <= 0) return std::nullopt;
      at += static_cast<std::size_t>(n);
    }
    return bytes;
  }
  static std::optional<Frame> next(SSL* session) {
    const std::optional<std::string> head = read(session, 9);
    if (!head) return std::nullopt;
    const auto byte = [&](std::size_t at) {
      return static_cast<std::uint32_t>(static_cast<unsigned char>((*head)[at]));
    };
    const std::uint32_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
    if (!read(session, size)) return std::nullopt;
    return Frame{static_cast<std::uint8_t>(byte(3)), static_cast<std::uint8_t>(byte(4)),
                 byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)};
  }
  static void write(SSL* session, std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                    std::string_view payload) {
    std::string frame;
    for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift & 0xFF);
    frame += static_cast<char>(type);
    frame += static_cast<char>(flags);
    for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift & 0xFF);
    frame += payload;
    SSL_write(session, frame.data(), static_cast<int>(frame.size()));
  }

  void answer(SSL* session, std::uint32_t stream) {
    write(session, kHeaders, kEndHeaders, stream, "\x88");  // :status 200
    if (requests_++ > 0) return write(session, kData, kEndStream, stream, "short");
    const std::string piece(16 * 1024, 'x');
    for (std::size_t sent = 0; sent < kMoreThanWaits; sent += piece.size()) write(session, kData, 0, stream, piece);
  }
  void note_reset() {
    const std::lock_guard lock(mutex_);
    ++resets_;
    changed_.notify_all();
  }

  std::atomic<int> connections_{0};
  std::atomic<int> requests_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  int resets_ = 0;
};

TEST(Http2, IsSpokenWhereThePeerOffersItAndASlowReaderHoldsUpNobodyElse) {
  Http2Peer peer;
  const TlsTwin twin(
      "twin.example", [&](SSL* session) { peer.serve(session); }, "h2");
  const SystemClock clock;
  observe::Metrics metrics;
  LocalBreakerStore store(clock);
  CircuitBreaker breaker(store, {}, metrics);
  CurlClient client(options_for_tls(twin.certificate_file()), clock, metrics, breaker, hooks_for_tls());
  Request request{.integration = "h2", .method = "GET", .url = twin.url("twin.example"), .attempts = 1};
  request.timeout_ms = 5'000;
  std::size_t bytes = 0;
  const Response response = client.stream(request, [&](std::string_view piece) {
    if (bytes == 0) {
      EXPECT_EQ(client.send(request).body, "short") << "while the stream is full and nobody reads it";
    }
    bytes += piece.size();
    return bytes < kMoreThanWaits;
  });
  EXPECT_TRUE(response.stopped);
  EXPECT_EQ(bytes, kMoreThanWaits) << "the pauses lost nothing";
  peer.wait_for_a_reset();
  EXPECT_EQ(client.send(request).body, "short");
  EXPECT_EQ(peer.connections(), 2) << "that of a finished exchange is used again";
}

}  // namespace
}  // namespace nexus::outbound
