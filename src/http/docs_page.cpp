#include "http/docs_page.h"

#include "base/encoding.h"
#include "base/ids.h"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace nexus::http {
namespace {

/// docs_page.html, wrapped into a string literal by this room's CMakeLists.txt.
constexpr std::string_view kPage =
#include "docs_page_html.inc"
    ;

constexpr std::string_view kNonceMark = "NEXUS_NONCE";

}  // namespace

Reply docs_page() {
  std::array<std::byte, 16> bytes{};
  random_bytes(bytes);
  const std::string nonce = base64url_encode(bytes);
  std::string html;
  html.reserve(kPage.size() + 64);
  for (std::string_view rest = kPage;;) {
    const std::size_t mark = rest.find(kNonceMark);
    html.append(rest.substr(0, mark));
    if (mark == std::string_view::npos) break;
    html.append(nonce);
    rest.remove_prefix(mark + kNonceMark.size());
  }
  Reply reply = Reply::raw(std::move(html), "text/html; charset=utf-8");
  reply.headers = {
      {"Content-Security-Policy", "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce +
                                      "'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                                      "frame-ancestors 'none'"},
      {"Cache-Control", "no-store"},
      {"Referrer-Policy", "no-referrer"},
      {"X-Content-Type-Options", "nosniff"}};
  return reply;
}

}  // namespace nexus::http
