#include "app/core.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/operator.h"
#include "cli/terminal.h"
#include "json/json.h"
#include "modules/auth/keys_service.h"

#include <fmt/format.h>

#include <string>

/// What these print, and what they are called in a failure, is documented for scripts (contract 01 §15).
namespace nexus::cli {
namespace {

std::string_view python_bool(bool value) {
  return value ? "True" : "False";
}
std::string iso_or(const std::optional<Timestamp>& time, std::string_view otherwise) {
  return time ? iso(*time) : std::string(otherwise);
}

void append_time(json::Writer& w, std::string_view name, const std::optional<Timestamp>& time) {
  w.key(name);
  time ? w.value(iso(*time)) : w.null();
}

void append_key(json::Writer& w, const auth::Key& key) {
  w.field("key_id", key.id).field("key_prefix", key.key_prefix).key("name");
  key.name ? w.value(*key.name) : w.null();
  w.field("user_id", key.user_id).field("tenant_id", key.tenant_id).field("role", key.role);
  w.field("created_at", iso(key.created_at));
  append_time(w, "last_used_at", key.last_used_at);
  append_time(w, "expires_at", key.expires_at);
  append_time(w, "revoked_at", key.revoked_at);
}

int create_key(const Globals& globals, const KeyCreateOptions& options) {
  Session session(globals);
  const auth::IssuedKey issued =
      session.core().keys->create(Operator::scope(options.tenant), {.role = options.role,
                                                                    .name = options.name,
                                                                    .user_id = options.user_id,
                                                                    .email = options.email,
                                                                    .expires_in_days = options.expires_in_days});
  if (globals.json) {
    std::string out;
    json::Writer w(out);
    w.begin_object();
    append_key(w, issued.key);
    w.field("api_key", issued.plaintext.reveal()).end_object();
    print(out + "\n");
    return kDone;
  }
  print(fmt::format("API key created:\n  key_id: {}\n  key_prefix: {}\n  expires_at: {}\n  api_key:\n{}\n",
                    issued.key.id, issued.key.key_prefix, iso_or(issued.key.expires_at, "never"),
                    issued.plaintext.reveal()));
  return kDone;
}

int revoke_key(const Globals& globals, const std::string& id) {
  Session session(globals);
  const auth::Key key = session.core().keys->revoke(id);
  if (globals.json) {
    std::string out;
    json::Writer w(out);
    w.begin_object();
    append_key(w, key);
    w.end_object();
    print(out + "\n");
  } else {
    print(fmt::format("Revoked API key {}\n", key.id));
  }
  return kDone;
}

int rotate_key(const Globals& globals, const KeyRotateOptions& options) {
  Session session(globals);
  const auth::RotatedKey rotated = session.core().keys->rotate(options.id, options.name, options.keep_old_active);
  const auth::IssuedKey& issued = rotated.issued;
  if (globals.json) {
    std::string out;
    json::Writer w(out);
    w.begin_object().field("old_key_id", rotated.old_key_id).field("old_key_revoked", rotated.old_key_revoked);
    append_key(w, issued.key);
    w.field("api_key", issued.plaintext.reveal()).end_object();
    print(out + "\n");
    return kDone;
  }
  print(
      fmt::format("API key rotated:\n  old_key_id: {}\n  new_key_id: {}\n  old_key_revoked: {}\n  key_prefix: {}\n"
                  "  api_key:\n{}\n",
                  rotated.old_key_id, issued.key.id, python_bool(rotated.old_key_revoked), issued.key.key_prefix,
                  issued.plaintext.reveal()));
  return kDone;
}

int list_keys(const Globals& globals, const KeyListOptions& options) {
  Session session(globals);
  const std::vector<auth::ListedKey> keys =
      session.core().keys->list(Operator::scope(options.tenant), options.inactive_days, options.inactive_only);
  std::string out;
  if (globals.json) {
    json::Writer w(out);
    w.begin_object().key("keys").begin_array();
    for (const auth::ListedKey& item : keys) {
      w.begin_object();
      append_key(w, item.key);
      w.field("is_active", item.is_active).field("inactive_days", item.inactive_days);
      w.field("is_expired", item.is_expired).end_object();
    }
    w.end_array().end_object();
    print(out + "\n");
    return kDone;
  }
  out = "key_id\tname\trole\tcreated_at\tlast_used_at\texpires_at\trevoked_at\tis_active\tinactive_days\tis_expired\n";
  for (const auth::ListedKey& item : keys) {
    const auth::Key& key = item.key;
    out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", key.id, printable(key.name.value_or("")), key.role,
                       iso(key.created_at), iso_or(key.last_used_at, ""), iso_or(key.expires_at, ""),
                       iso_or(key.revoked_at, ""), python_bool(item.is_active), item.inactive_days,
                       python_bool(item.is_expired));
  }
  print(out);
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
