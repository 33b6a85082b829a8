#pragma once

#include "base/encoding.h"
#include "support/http_twin.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace nexus::testing {

/// The frame around one chunk of a body.
inline std::string chunk(std::string_view bytes) {
  return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

inline bool is_chunked(const TwinAnswer& answer) {
  return answer.fault == TwinFault::kEndlessBody || !answer.pieces.empty();
}

/// Status line and headers; `announced` is the length that Content-Length says, where there is one.
inline std::string head_of(const TwinAnswer& answer, std::size_t announced) {
  std::string head = fmt::format("HTTP/1.1 {} Twin\r\nContent-Type: {}\r\n", answer.status, answer.content_type);
  if (is_chunked(answer)) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (answer.status != 204) {
    head += fmt::format("Content-Length: {}\r\n", announced);
  }
  for (const auto& [name, value] : answer.headers) head += fmt::format("{}: {}\r\n", name, value);
  if (answer.close) head += "Connection: close\r\n";
  return head + "\r\n";
}

/// Request line and headers, without the empty line behind them.
inline void read_head(std::string_view head, TwinRequest& request) {
  std::size_t at = 0;
  bool first = true;
  while (at < head.size()) {
    const std::size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view line = head.substr(at, end - at);
    at = end + 2;
    if (std::exchange(first, false)) {
      const std::size_t space = line.find(' ');
      const std::size_t last = line.rfind(' ');
      request.method = line.substr(0, space);
      if (space < last) request.target = line.substr(space + 1, last - space - 1);
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      request.headers.emplace_back(line.substr(0, colon), ascii_trim(line.substr(colon + 1)));
    }
  }
}

}  // namespace nexus::testing
