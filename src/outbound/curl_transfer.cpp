#include "outbound/curl_transfer.h"

#include "base/encoding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <system_error>

namespace nexus::outbound {
namespace {

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

/// Headers that say how the message is framed or where it goes are libcurl's to write.
bool is_ours(std::string_view name) {
  constexpr std::string_view kOurs[] = {"host",       "content-length", "transfer-encoding",
                                        "connection", "expect",         "upgrade"};
  return std::any_of(std::begin(kOurs), std::end(kOurs),
                     [&](std::string_view own) { return ascii_iequals(name, own); });
}

bool is_value(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

}  // namespace

CurlTransfer::CurlTransfer(const Transfer& transfer, const TransferOptions& options, BodyPipe* pipe)
    : transfer_(transfer), pipe_(pipe), easy_(curl_easy_init()), max_header_bytes_(options.max_header_bytes) {
  if (!easy_) throw std::bad_alloc();
  set_safety(options);
  set_method(transfer);
  set_headers(*transfer.headers);
  set_route(transfer, options);
  set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(transfer.max_response_bytes));
}

template <class Value>
void CurlTransfer::set(CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy_.get(), option, value);
  if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
  if (code != CURLE_OK) throw std::runtime_error(std::string("libcurl: ") + curl_easy_strerror(code));
}

void CurlTransfer::set_safety(const TransferOptions& options) {
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout_ms));
  set(CURLOPT_PATH_AS_IS, 1L);
}

void CurlTransfer::set_method(const Transfer& transfer) {
  if (!is_token(transfer.method)) throw std::invalid_argument("not an HTTP method");
  const std::string method(transfer.method);
  if (method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
    return;
  }
  if (transfer.body.empty() && method != "POST" && method != "PUT" && method != "PATCH") {
    set(CURLOPT_HTTPGET, 1L);
  } else {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer.body.size()));
    set(CURLOPT_READFUNCTION, &CurlTransfer::on_send);
    set(CURLOPT_READDATA, static_cast<void*>(this));
    // libcurl sends a request again by itself when a kept connection dies without an answer. For that it must rewind
    // the body; where it cannot, the exchange fails, as it must when the request may have been carried out already.
    if (transfer.replayable) {
      set(CURLOPT_SEEKFUNCTION, &CurlTransfer::on_seek);
      set(CURLOPT_SEEKDATA, static_cast<void*>(this));
    } else if (transfer.body.empty()) {
      set(CURLOPT_FRESH_CONNECT, 1L);
    }
  }
  set(CURLOPT_CUSTOMREQUEST, method.c_str());
}

void CurlTransfer::set_route(const Transfer& transfer, const TransferOptions& options) {
  set(CURLOPT_URL, transfer.url.c_str());
  set(CURLOPT_PROXY, options.proxy.c_str());  // an empty text also switches the environment's proxies off
  set(CURLOPT_NOPROXY, options.no_proxy.c_str());
  if (!options.proxy.empty()) set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (!transfer.connect_to.empty()) {
    append(connect_to_, transfer.connect_to);
    set(CURLOPT_CONNECT_TO, connect_to_.get());
  }
  if (!transfer.resolve.empty()) {
    append(resolve_, transfer.resolve);
    set(CURLOPT_RESOLVE, resolve_.get());
  }
}

void CurlTransfer::set_headers(const Headers& headers) {
  bool typed = false;
  for (const auto& [name, value] : headers) {
    if (!is_token(name) || is_ours(name))
      throw std::invalid_argument("a request cannot carry the header \"" + name + "\"");
    if (!is_value(value))
      throw std::invalid_argument("the header \"" + name + "\" holds a character that none may hold");
    typed = typed || ascii_iequals(name, "content-type");
    std::string line = name;
    line.append(value.empty() ? ";" : ": ").append(value);
    append(headers_, line);
  }
  append(headers_, "Expect:");
  if (!typed) append(headers_, "Content-Type:");
  set(CURLOPT_HTTPHEADER, headers_.get());
}

void CurlTransfer::append(List& list, const std::string& text) {
  curl_slist* grown = curl_slist_append(list.get(), text.c_str());
  if (grown == nullptr) throw std::bad_alloc();
  (void)list.release();
  list.reset(grown);
}

void CurlTransfer::hang_up() noexcept {
  curl_easy_setopt(easy_.get(), CURLOPT_FORBID_REUSE, 1L);
}

std::size_t CurlTransfer::refuse_body() noexcept {
  hang_up();
  return CURL_WRITEFUNC_ERROR;
}

CURLcode CurlTransfer::go_on() {
  progress_.held_back = false;
  progress_.at = std::chrono::steady_clock::now();
  return curl_easy_pause(easy_.get(), CURLPAUSE_CONT);  // delivers what libcurl kept, here and now
}

std::size_t CurlTransfer::on_body(char* data, std::size_t size, std::size_t count, void* raw) noexcept {
  auto& self = *static_cast<CurlTransfer*>(raw);
  const std::size_t bytes = size * count;
  if (bytes > self.transfer_.max_response_bytes - self.body_bytes_) {
    self.too_large_ = true;
    return self.refuse_body();
  }
  try {
    const std::size_t taken = self.pass_on({data, bytes});
    if (taken == bytes) self.body_bytes_ += bytes;
    return taken;
  } catch (...) {
    self.failure_ = std::current_exception();
    return self.refuse_body();
  }
}

std::size_t CurlTransfer::pass_on(std::string_view piece) {
  if (pipe_ == nullptr || status() / 100 != 2) {
    response_.body.append(piece);
    return piece.size();
  }
  if (piece.empty()) return 0;
  if (!pipe_->offer(piece)) {
    progress_.held_back = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  progress_.begun = true;
  progress_.at = std::chrono::steady_clock::now();
  return piece.size();
}

std::size_t CurlTransfer::on_header(char* data, std::size_t size, std::size_t count, void* raw) noexcept {
  auto& self = *static_cast<CurlTransfer*>(raw);
  const std::size_t bytes = size * count;
  try {
    self.add_header({data, bytes});
    return self.too_large_ ? self.refuse_body() : bytes;
  } catch (...) {
    self.failure_ = std::current_exception();
    return self.refuse_body();
  }
}

void CurlTransfer::add_header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > max_header_bytes_) {
    too_large_ = true;
    return;
  }
  if (line.starts_with("HTTP/")) {  // an interim answer (1xx) came before; only the last head counts
    response_.headers.clear();
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  response_.headers.emplace_back(ascii_lower(line.substr(0, colon)), std::string(ascii_trim(line.substr(colon + 1))));
}

std::size_t CurlTransfer::on_send(char* data, std::size_t size, std::size_t count, void* raw) noexcept {
  auto& self = *static_cast<CurlTransfer*>(raw);
  const std::string_view rest = self.transfer_.body.substr(self.sent_);
  const std::size_t bytes = std::min(rest.size(), size * count);
  std::memcpy(data, rest.data(), bytes);
  self.sent_ += bytes;
  return bytes;
}

int CurlTransfer::on_seek(void* raw, curl_off_t offset, int origin) noexcept {
  auto& self = *static_cast<CurlTransfer*>(raw);
  if (origin != SEEK_SET || offset < 0 || static_cast<std::size_t>(offset) > self.transfer_.body.size())
    return CURL_SEEKFUNC_FAIL;
  self.sent_ = static_cast<std::size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

int CurlTransfer::status() const {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

void CurlTransfer::complete(CURLcode code) {
  code_ = code;
}

Response CurlTransfer::take_unfinished() {
  response_.status = status();
  return std::move(response_);
}

Response CurlTransfer::take() {
  if (failure_) std::rethrow_exception(failure_);
  const std::string& peer = transfer_.peer;
  if (too_large_ || code_ == CURLE_FILESIZE_EXCEEDED)
    throw Error(Fault::kTooLarge, fmt::format("{}: the answer is longer than {} bytes or its headers are too long",
                                              peer, transfer_.max_response_bytes));
  if (code_ == CURLE_OK) {
    response_.status = status();
    return std::move(response_);
  }
  // libcurl's own error buffer may quote what the peer sent; its fixed texts cannot.
  long reason = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &reason);
  std::string what = fmt::format("{}: {}", peer, curl_easy_strerror(code_));
  if (reason != 0) what += fmt::format(" ({})", std::generic_category().message(static_cast<int>(reason)));
  const Fault fault = code_ == CURLE_OPERATION_TIMEDOUT ? Fault::kTimeout : Fault::kNetwork;
  curl_off_t ready_us = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_PRETRANSFER_TIME_T, &ready_us);
  if (ready_us == 0) throw NothingSent(fault, what);
  throw Error(fault, what);
}

}  // namespace nexus::outbound
