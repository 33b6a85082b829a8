#include "cli/address.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/health_target.h"
#include "cli/http_client.h"
#include "cli/terminal.h"
#include "config/settings_table.h"
#include "json/json.h"

#include <fmt/format.h>

#include <chrono>
#include <string>

namespace nexus::cli {
namespace {

constexpr std::chrono::seconds kPatience{3};  // below the time limit of the checks that call this command

int health(const Globals& globals, const HealthOptions& options) {
  const BaseUrl server = [&] {
    if (options.url) return parse_base_url(*options.url);
    const config::Loaded loaded = load_settings(globals, Secrets::kNotNeeded);
    return BaseUrl{.address = health_target(loaded.settings.get(config::kListenHost),
                                            static_cast<std::uint16_t>(loaded.settings.get(config::kListenPort)))};
  }();
  const std::string path = options.live ? "/livez" : "/readyz";
  const HttpReply reply = HttpClient(server, {}, kPatience).get(server.prefix + path);
  const bool good = reply.status == 200;
  const std::string where = to_string(server.address) + server.prefix + path;
  if (globals.json) {
    std::string out;
    json::Writer w(out);
    w.begin_object().field("url", "http://" + where).field("status", reply.status).field("healthy", good).end_object();
    print(out + "\n");
  } else {
    print(fmt::format("{} answers {}\n", where, reply.status));
  }
  return good ? kDone : kNo;
}

}  // namespace

int cmd_health(const Globals& globals, const HealthOptions& options) {
  return guarded("health", [&] { return health(globals, options); });
}

}  // namespace nexus::cli
