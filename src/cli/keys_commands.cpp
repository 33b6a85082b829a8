#include "app/core.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/keys_text.h"
#include "cli/operator.h"
#include "cli/terminal.h"
#include "modules/auth/keys_service.h"
#include "modules/plans/plans_service.h"

#include <string>

/// What these are called in a failure is documented for scripts (contract 01 §15), as is what they print (keys_text.h).
namespace nexus::cli {
namespace {

int create_key(const Globals& globals, const KeyCreateOptions& options) {
  Session session(globals);
  if (!options.plan.empty() && parse_role(options.role))  // a role that is none fails below, before anything is stored
    session.core().entitled->plans.assign_first(Operator::scope(options.tenant), options.plan,
                                                plans::Actor::tool("create_api_key"));
  const auth::IssuedKey issued =
      session.core().keys->create(Operator::scope(options.tenant), {.role = options.role,
                                                                    .name = options.name,
                                                                    .user_id = options.user_id,
                                                                    .email = options.email,
                                                                    .expires_in_days = options.expires_in_days});
  print(globals.json ? created_json(issued) : created_text(issued));
  return kDone;
}

int revoke_key(const Globals& globals, const std::string& id) {
  Session session(globals);
  const auth::Key key = session.core().keys->revoke(id);
  print(globals.json ? revoked_json(key) : revoked_text(key));
  return kDone;
}

int rotate_key(const Globals& globals, const KeyRotateOptions& options) {
  Session session(globals);
  const auth::RotatedKey rotated = session.core().keys->rotate(options.id, options.name, options.keep_old_active);
  print(globals.json ? rotated_json(rotated) : rotated_text(rotated));
  return kDone;
}

int list_keys(const Globals& globals, const KeyListOptions& options) {
  Session session(globals);
  const std::vector<auth::ListedKey> keys =
      session.core().keys->list(Operator::scope(options.tenant), options.inactive_days, options.inactive_only);
  print(globals.json ? listed_json(keys) : listed_text(keys));
  return kDone;
}

}  // namespace

int cmd_keys_create(const Globals& globals, const KeyCreateOptions& options) {
  return guarded("create_api_key", [&] { return create_key(globals, options); });
}
int cmd_keys_revoke(const Globals& globals, const std::string& id) {
  return guarded("revoke_api_key", [&] { return revoke_key(globals, id); });
}
int cmd_keys_rotate(const Globals& globals, const KeyRotateOptions& options) {
  return guarded("rotate_api_key", [&] { return rotate_key(globals, options); });
}
int cmd_keys_list(const Globals& globals, const KeyListOptions& options) {
  return guarded("list_api_keys", [&] { return list_keys(globals, options); });
}

}  // namespace nexus::cli
