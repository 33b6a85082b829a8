#include "cloud/aws/machine_keys.h"

#include "base/encoding.h"
#include "cloud/small_file.h"
#include "outbound/url.h"

#include <algorithm>

namespace nexus::cloud::aws {
namespace {

constexpr std::string_view kContainer = "container credentials";
constexpr std::string_view kInstance = "instance metadata";
constexpr std::size_t kMostToken = 16u * 1024;

bool is_agent(const outbound::Url& url) {
  constexpr std::string_view kAgents[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"};
  return std::find(std::begin(kAgents), std::end(kAgents), url.host) != std::end(kAgents) ||
         (url.literal && outbound::classify(*url.literal) == outbound::AddressKind::kLoopback);
}

std::string container_url(const ContainerOptions& options) {
  if (!options.relative_uri.empty()) {
    if (!options.relative_uri.starts_with('/'))
      throw CredentialsError("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must start with a slash");
    return options.host + options.relative_uri;
  }
  if (options.full_uri.empty())
    throw CredentialsError("there are no container credentials: no AWS_CONTAINER_CREDENTIALS_... variable is set");
  try {
    const outbound::Url url = outbound::parse_url(options.full_uri);
    if (!url.https && !is_agent(url))
      throw CredentialsError(
          "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, a loopback address or an agent of ECS or EKS");
    return url.text();
  } catch (const outbound::Error&) {
    throw CredentialsError("AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL");
  }
}

std::string container_token(const ContainerOptions& options) {
  const std::string text = options.token_file.empty() ? std::string(options.token.reveal())
                                                      : read_small_file(options.token_file, kMostToken);
  std::string token(ascii_trim(text));
  if (!fits_header(token))
    throw CredentialsError("the container authorization token holds characters that no header can carry");
  if (token.empty() && !options.token_file.empty())
    throw CredentialsError(options.token_file + ": the container authorization token is empty");
  return token;
}

/// A GET or PUT that may be repeated.
template <class Options>
outbound::Request request_for(std::string_view integration, std::string_view method, std::string url,
                              const Options& options, const std::stop_token& stop) {
  outbound::Request request{.integration = integration, .method = std::string(method)};
  request.url = std::move(url);
  request.timeout_ms = options.timeout_ms;
  request.max_response_bytes = options.max_answer_bytes;
  request.attempts = options.attempts;
  request.idempotent = true;
  request.stop = stop;
  return request;
}

[[noreturn]] void refused(std::string_view whence, std::string_view what, int status) {
  throw CredentialsError(std::string(whence) + ": " + std::string(what) + " was answered with " +
                         std::to_string(status));
}

std::string endpoint_without_slash(std::string_view endpoint) {
  while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  return std::string(endpoint);
}

}  // namespace

Lease container_keys(outbound::Client& client, const ContainerOptions& options, const std::stop_token& stop) {
  outbound::Request request = request_for("aws.container", "GET", container_url(options), options, stop);
  if (std::string token = container_token(options); !token.empty())
    request.headers.emplace_back("Authorization", std::move(token));
  const outbound::Response response = ask(client, request, kContainer);
  if (response.status != 200) refused(kContainer, "the request", response.status);
  return read_machine_keys(response.body, kContainer);
}

Lease instance_keys(outbound::Client& client, const InstanceOptions& options, const std::stop_token& stop) {
  if (options.disabled) throw CredentialsError("instance metadata: switched off by AWS_EC2_METADATA_DISABLED");
  const std::string base = endpoint_without_slash(options.endpoint) + "/latest/";
  outbound::Request for_token = request_for("aws.metadata", "PUT", base + "api/token", options, stop);
  for_token.headers = {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}};
  const outbound::Response token = ask(client, for_token, kInstance);
  if (token.status != 200) refused(kInstance, "the request for a token", token.status);

  const auto get = [&](const std::string& path, std::string_view what) {
    outbound::Request request = request_for("aws.metadata", "GET", base + path, options, stop);
    request.headers = {{"X-aws-ec2-metadata-token", token.body}};
    outbound::Response response = ask(client, request, kInstance);
    if (response.status == 404) throw CredentialsError("instance metadata: the instance has no role");
    if (response.status != 200) refused(kInstance, what, response.status);
    return response.body;
  };
  if (token.body.empty() || !fits_header(token.body))
    throw CredentialsError("instance metadata: the token is empty or holds characters that no header can carry");
  const std::string folder = "meta-data/iam/security-credentials/";
  const std::string roles = get(folder, "the request for the role");
  const std::string role(ascii_trim(std::string_view(roles).substr(0, roles.find('\n'))));
  if (role.empty()) throw CredentialsError("instance metadata: the instance has no role");
  return read_machine_keys(get(folder + percent_encode(role), "the request for the role's keys"), kInstance);
}

}  // namespace nexus::cloud::aws
