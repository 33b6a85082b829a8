#include "base/encoding.h"
#include "cloud/aws/credential_chain.h"

#include <initializer_list>

namespace nexus::cloud::aws {
namespace {

using Variable = std::function<std::optional<std::string>(std::string_view name)>;

/// The first that is set; else `otherwise`.
std::string first(const Variable& variable, std::initializer_list<std::string_view> names, std::string otherwise = {}) {
  for (const std::string_view name : names)
    if (auto value = variable(name); value && !value->empty()) return *std::move(value);
  return otherwise;
}

std::string in_home(const Variable& variable, std::string_view file) {
  const std::string home = first(variable, {"HOME"});
  return home.empty() ? "" : home + "/.aws/" + std::string(file);
}

}  // namespace

ChainOptions read_chain_options(const Variable& variable) {
  ChainOptions out;
  out.access_key_id = first(variable, {"AWS_ACCESS_KEY_ID"});
  out.secret_access_key = Secret(first(variable, {"AWS_SECRET_ACCESS_KEY"}));
  out.session_token = Secret(first(variable, {"AWS_SESSION_TOKEN"}));

  out.profile = first(variable, {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"});
  out.credentials_file = first(variable, {"AWS_SHARED_CREDENTIALS_FILE"}, in_home(variable, "credentials"));
  out.config_file = first(variable, {"AWS_CONFIG_FILE"}, in_home(variable, "config"));

  out.web_identity_token_file = first(variable, {"AWS_WEB_IDENTITY_TOKEN_FILE"});
  out.web_identity_role.arn = first(variable, {"AWS_ROLE_ARN"});
  out.web_identity_role.session_name = first(variable, {"AWS_ROLE_SESSION_NAME"});

  out.sts.region = read_region(variable);
  out.sts.endpoint = first(variable, {"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"});

  out.container.relative_uri = first(variable, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"});
  out.container.full_uri = first(variable, {"AWS_CONTAINER_CREDENTIALS_FULL_URI"});
  out.container.token_file = first(variable, {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"});
  out.container.token = Secret(first(variable, {"AWS_CONTAINER_AUTHORIZATION_TOKEN"}));

  out.instance.disabled = ascii_iequals(first(variable, {"AWS_EC2_METADATA_DISABLED"}), "true");
  out.instance.endpoint = first(variable, {"AWS_EC2_METADATA_SERVICE_ENDPOINT"}, out.instance.endpoint);
  return out;
}

std::string read_region(const Variable& variable) {
  return first(variable, {"AWS_REGION", "AWS_DEFAULT_REGION"});
}

}  // namespace nexus::cloud::aws
