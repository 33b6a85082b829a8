// Files of Google's application default credentials: whatever is read speaks to a checked address, and no message
// carries what the file holds.
#include "cloud/google/credentials_file.h"
#include "cloud/google/tokens.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

namespace {

namespace google = nexus::cloud::google;

void require(bool ok) {
  if (!ok) std::abort();
}

bool is_address(std::string_view text) {
  const std::string_view scheme = text.substr(0, 7);
  return scheme.size() == 7 && (scheme[4] == 's' || scheme[4] == 'S' || scheme[4] == ':');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const google::CredentialsFile file = google::parse_credentials(text, "adc");
    require(file.impersonations.size() <= 2);
    for (const auto& next : file.impersonations) require(is_address(next.url));
    if (const auto* account = std::get_if<google::ServiceAccount>(&file.identity))
      require(is_address(account->token_uri));
    if (const auto* user = std::get_if<google::AuthorizedUser>(&file.identity)) require(is_address(user->token_uri));
    if (const auto* foreign = std::get_if<google::ExternalAccount>(&file.identity)) {
      require(is_address(foreign->token_url));
      require(!foreign->source.file.empty() || is_address(foreign->source.url));
    }
  } catch (const nexus::cloud::CredentialsError& error) {
    const std::string_view what = error.what();
    require(what.starts_with("adc: ") && what.size() < 200);
    require(std::all_of(what.begin(), what.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
  return 0;
}
