#pragma once

#include "outbound/body_pipe.h"
#include "outbound/transfer.h"

#include <curl/curl.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

namespace nexus::outbound {

/// One attempt as a libcurl easy handle: its options, what arrives, and what a result code means. Made and read by the
/// caller's thread, run by the loop's in between. Not movable: libcurl holds its address.
class CurlTransfer {
 public:
  /// The body of a 2xx answer goes into `pipe`; null: every body is collected. Throws std::invalid_argument for headers
  /// that HTTP cannot carry.
  CurlTransfer(const Transfer& transfer, const TransferOptions& options, BodyPipe* pipe);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  [[nodiscard]] CURL* handle() const { return easy_.get(); }
  /// The loop's, before the handle is removed unfinished: its connection goes with it. Over HTTP/2 libcurl would keep
  /// the connection and tell the peer late or never (since 7.88.0) that nobody listens.
  void hang_up() noexcept;
  /// The loop's: what a stream's time limits depend on.
  struct Progress {
    bool begun = false;                             ///< a piece went into the pipe
    bool held_back = false;                         ///< the pipe is full; the peer waits for our reader
    std::chrono::steady_clock::time_point at = {};  ///< the latest piece, or when the reader let the peer go on
  };
  [[nodiscard]] const Progress& progress() const { return progress_; }
  /// The loop's: the pipe has room again. Not CURLE_OK: the transfer has failed.
  [[nodiscard]] CURLcode go_on();
  /// Notes how the transfer ended.
  void complete(CURLcode code);
  /// The answer. Throws Error, or what a callback threw.
  [[nodiscard]] Response take();
  /// Status and headers of an exchange that its caller ended.
  [[nodiscard]] Response take_unfinished();

 private:
  struct FreeEasy {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
  };
  using List = std::unique_ptr<curl_slist, FreeList>;

  template <class Value>
  void set(CURLoption option, Value value);
  void set_method(const Transfer& transfer);
  void set_route(const Transfer& transfer, const TransferOptions& options);
  void set_safety(const TransferOptions& options);
  void set_headers(const Headers& headers);
  static void append(List& list, const std::string& text);

  // libcurl's callbacks; no exception leaves them.
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_send(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_seek(void* self, curl_off_t offset, int origin) noexcept;
  void add_header(std::string_view line);
  [[nodiscard]] int status() const;
  [[nodiscard]] std::size_t refuse_body() noexcept;
  [[nodiscard]] std::size_t pass_on(std::string_view piece);

  const Transfer& transfer_;
  BodyPipe* const pipe_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  List headers_;
  List connect_to_;
  List resolve_;
  std::size_t max_header_bytes_;

  std::size_t sent_ = 0;
  std::size_t header_bytes_ = 0;
  std::size_t body_bytes_ = 0;
  Progress progress_;
  bool too_large_ = false;
  std::exception_ptr failure_;
  Response response_;
  CURLcode code_ = CURLE_OK;
};

}  // namespace nexus::outbound
