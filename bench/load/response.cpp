#include "bench/load/response.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace nexus::bench {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

// The value of a header; a linear look through a head of a few hundred bytes.
std::optional<std::string_view> header(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
    at += 2;
    const std::string_view line = head.substr(at, head.find("\r\n", at) - at);
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    if (!equal_ignoring_case(line.substr(0, name.size()), name)) continue;
    const std::size_t value = line.find_first_not_of(' ', name.size() + 1);
    return value == std::string_view::npos ? std::string_view{} : line.substr(value);
  }
  return std::nullopt;
}

std::size_t number(std::string_view text, int base) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end == text.data()) throw std::runtime_error("a length in the response is no number");
  return value;
}

}  // namespace

void Response::reset() {
  state_ = State::kHead;
  head_.clear();
  line_.clear();
  body_.clear();
  left_ = 0;
  status_ = 0;
  closes_ = false;
  stream_ = false;
}

std::size_t Response::feed(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && state_ != State::kComplete) {
    const std::string_view rest = bytes.substr(used);
    switch (state_) {
      case State::kHead:
        used += take_head(rest);
        break;
      case State::kBody:
      case State::kChunkData:
        used += take_data(rest);
        break;
      case State::kChunkSize:
      case State::kChunkEnd:
      case State::kTrailer:
        used += take_line(rest);
        break;
      case State::kComplete:
        break;
    }
  }
  return used;
}

std::size_t Response::take_head(std::string_view bytes) {
  // The blank line may begin in what came before.
  const std::size_t before = head_.size();
  head_.append(bytes);
  const std::size_t end = head_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) return bytes.size();
  head_.resize(end + 4);
  read_head();
  return end + 4 - before;
}

void Response::read_head() {
  const std::string_view head = head_;
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 12) throw std::runtime_error("the answer is not HTTP/1.1");
  status_ = static_cast<int>(number(head.substr(9, 3), 10));
  closes_ = equal_ignoring_case(header(head, "connection").value_or(""), "close");
  stream_ = header(head, "content-type").value_or("").starts_with("text/event-stream");
  if (equal_ignoring_case(header(head, "transfer-encoding").value_or(""), "chunked")) {
    state_ = State::kChunkSize;
    return;
  }
  if (status_ != 204) {
    const auto length = header(head, "content-length");
    if (!length) throw std::runtime_error("the response says neither Content-Length nor chunked");
    left_ = number(*length, 10);
  }
  state_ = left_ == 0 ? State::kComplete : State::kBody;
}

std::size_t Response::take_data(std::string_view bytes) {
  const std::size_t n = std::min(left_, bytes.size());
  if (stream_) body_.append(bytes.substr(0, n));
  left_ -= n;
  if (left_ == 0) state_ = state_ == State::kBody ? State::kComplete : State::kChunkEnd;
  return n;
}

std::size_t Response::take_line(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos) {
    line_.append(bytes);
    return bytes.size();
  }
  line_.append(bytes.substr(0, end));
  if (line_.ends_with('\r')) line_.pop_back();
  end_line();
  line_.clear();
  return end + 1;
}

void Response::end_line() {
  if (state_ == State::kChunkEnd) {
    state_ = State::kChunkSize;
  } else if (state_ == State::kChunkSize) {
    left_ = number(line_, 16);
    state_ = left_ == 0 ? State::kTrailer : State::kChunkData;
  } else if (line_.empty()) {
    state_ = State::kComplete;
  }
}

bool Response::is_finished_stream() const {
  const std::string_view body = body_;
  const std::size_t last = body.rfind("\ndata: ");
  return last != std::string_view::npos && body.ends_with("\n\n") && body.substr(last).starts_with(R"(
data: {"type":"done")") &&
         body.find(R"({"type":"error")") == std::string_view::npos;
}

}  // namespace nexus::bench
