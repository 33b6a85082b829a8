#include "modules/docs/docs_api.h"

#include "http/docs_page.h"
#include "http/openapi.h"
#include "http/plain.h"
#include "json/json.h"

namespace nexus::docs {

namespace {

http::RouteSpec hidden_row(std::string_view path, std::string_view operation, bool versioned) {
  return {.verb = http::Verb::kGet,
          .path = path,
          .operation = operation,
          .lane = http::LaneKind::kInline,
          .versioned = versioned,
          .legacy_alias = false,
          .hidden = true,
          .enveloped = false,
          .tag = "health"};
}

http::Reply redirect(std::string location) {
  http::Reply reply = http::Reply::raw({}, "text/plain", 307);
  reply.headers.emplace_back("Location", std::move(location));
  return reply;
}

}  // namespace

std::vector<http::Endpoint> DocsApi::endpoints() const {
  return {http::plain<&DocsApi::openapi>(*this, hidden_row("/openapi.json", "openapi", true)),
          http::plain<&DocsApi::page>(*this, hidden_row("/docs", "docs", true)),
          http::plain<&DocsApi::redirect_to_page>(*this, hidden_row("/docs", "docs_redirect", false)),
          http::plain<&DocsApi::redirect_to_openapi>(*this, hidden_row("/openapi.json", "openapi_redirect", false))};
}

void DocsApi::describe(std::span<const http::Endpoint> rows) {
  document_ = json::write(http::openapi_document(rows));
}

http::Reply DocsApi::openapi(http::Call& /*call*/) const {
  return http::Reply::raw(document_, "application/json");
}
http::Reply DocsApi::page(http::Call& /*call*/) const {
  return http::docs_page();
}
http::Reply DocsApi::redirect_to_page(http::Call& /*call*/) const {
  return redirect("/v1/docs");
}
http::Reply DocsApi::redirect_to_openapi(http::Call& /*call*/) const {
  return redirect("/v1/openapi.json");
}

}  // namespace nexus::docs
