#include "base/principal.h"

#include "base/encoding.h"

namespace nexus {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kReader:
      return "reader";
    case Role::kEditor:
      return "editor";
    case Role::kAdmin:
      return "admin";
  }
  return "reader";
}

std::optional<Role> parse_role(std::string_view text) {
  const std::string name = ascii_lower(ascii_trim(text));
  if (name == "reader") return Role::kReader;
  if (name == "editor") return Role::kEditor;
  if (name == "admin") return Role::kAdmin;
  return std::nullopt;
}

std::string_view to_string(AuthMethod method) {
  switch (method) {
    case AuthMethod::kApiKey:
      return "api_key";
    case AuthMethod::kSsoSession:
      return "sso_session";
    case AuthMethod::kDevBypass:
      return "dev_bypass";
  }
  return "api_key";
}

}  // namespace nexus
