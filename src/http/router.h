#pragma once

#include "http/endpoint.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::http {

/// What the path of a request leads to.
struct Match {
  enum class Kind : std::uint8_t { kFound, kNotFound, kMethodNotAllowed, kRedirect };
  Kind kind = Kind::kNotFound;
  const Endpoint* endpoint = nullptr;
  bool versioned = true;
  Pairs path_params;     ///< decoded
  std::string allow;     ///< kMethodNotAllowed: value of `Allow`
  std::string location;  ///< kRedirect: path without the trailing slash
};

/// Fixed paths in a hash map, templates in a trie of segments; a fixed segment wins over a parameter. Immutable after
/// construction. Throws std::logic_error when two rows collide or a row is malformed: a bad table does not start.
class Router {
 public:
  explicit Router(std::vector<Endpoint> endpoints);
  ~Router();

  [[nodiscard]] Match match(Verb verb, std::string_view path) const;
  [[nodiscard]] const std::vector<Endpoint>& endpoints() const { return endpoints_; }

 private:
  struct Tables;
  std::vector<Endpoint> endpoints_;
  std::unique_ptr<Tables> tables_;
};

}  // namespace nexus::http
