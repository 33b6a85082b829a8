// URLs that users give us: what is read must read the same again, and no spelling may carry an address past the guard.
#include "outbound/address_guard.h"
#include "outbound/client.h"
#include "outbound/url.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using namespace nexus::outbound;

void must(bool holds) {
  if (!holds) std::abort();
}

std::optional<Url> read(std::string_view text) {
  try {
    return parse_url(text);
  } catch (const Error& error) {
    must(error.fault() == Fault::kBadUrl);
    return std::nullopt;
  }
}

void check_url(std::string_view text) {
  const std::optional<Url> url = read(text);
  if (!url) return;
  const std::string rebuilt = url->text();
  const std::optional<Url> again = read(rebuilt);
  must(again && again->text() == rebuilt && again->host == url->host && again->port == url->port);
  must(again->literal == url->literal && url->port != 0 && url->target.starts_with('/'));
  must(rebuilt.find_first_of("@# \r\n\t\\") == std::string::npos || url->target.find('@') != std::string::npos);
  if (!url->literal) {
    must(!IpAddress::parse(url->host));
    return;
  }
  must(IpAddress::parse(url->host) == url->literal);
  const AddressGuard guard;
  bool allowed = true;
  try {
    guard.check(url->host, {&*url->literal, 1}, UrlOrigin::kUser);
  } catch (const Error& error) {
    must(error.fault() == Fault::kRefusedAddress);
    allowed = false;
  }
  must(allowed == (classify(*url->literal) == AddressKind::kPublic));
}

void check_list(std::string_view text) {
  try {
    const AddressGuard guard(text);
  } catch (const std::invalid_argument&) {
    return;  // the documented answer to a malformed list
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_url(text);
  check_url("http://" + std::string(text));
  check_list(text);
  return 0;
}
