#pragma once

#include "http/endpoint.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace nexus::docs {

/// Rows of the API's description: the OpenAPI document, the page that shows it, and the old paths to both.
class DocsApi {
 public:
  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;
  /// Renders the document of all rows; called once, before the server starts.
  void describe(std::span<const http::Endpoint> rows);

  http::Reply openapi(http::Call& call) const;
  http::Reply page(http::Call& call) const;
  http::Reply redirect_to_page(http::Call& call) const;
  http::Reply redirect_to_openapi(http::Call& call) const;

 private:
  std::string document_;
};

}  // namespace nexus::docs
