#include "cli/keys_text.h"

#include "cli/terminal.h"
#include "json/json.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

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

}  // namespace

std::string created_text(const auth::IssuedKey& issued) {
  return fmt::format("API key created:\n  key_id: {}\n  key_prefix: {}\n  expires_at: {}\n  api_key:\n{}\n",
                     issued.key.id, issued.key.key_prefix, iso_or(issued.key.expires_at, "never"),
                     issued.plaintext.reveal());
}

std::string created_json(const auth::IssuedKey& issued) {
  std::string out;
  json::Writer w(out);
  w.begin_object();
  append_key(w, issued.key);
  w.field("api_key", issued.plaintext.reveal()).end_object();
  return out + "\n";
}

std::string revoked_text(const auth::Key& key) {
  return fmt::format("Revoked API key {}\n", key.id);
}

std::string revoked_json(const auth::Key& key) {
  std::string out;
  json::Writer w(out);
  w.begin_object();
  append_key(w, key);
  w.end_object();
  return out + "\n";
}

std::string rotated_text(const auth::RotatedKey& rotated) {
  const auth::IssuedKey& issued = rotated.issued;
  return fmt::format(
      "API key rotated:\n  old_key_id: {}\n  new_key_id: {}\n  old_key_revoked: {}\n  key_prefix: {}\n"
      "  api_key:\n{}\n",
      rotated.old_key_id, issued.key.id, python_bool(rotated.old_key_revoked), issued.key.key_prefix,
      issued.plaintext.reveal());
}

std::string rotated_json(const auth::RotatedKey& rotated) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("old_key_id", rotated.old_key_id).field("old_key_revoked", rotated.old_key_revoked);
  append_key(w, rotated.issued.key);
  w.field("api_key", rotated.issued.plaintext.reveal()).end_object();
  return out + "\n";
}

std::string listed_text(const std::vector<auth::ListedKey>& keys) {
  std::string out =
      "key_id\tname\trole\tcreated_at\tlast_used_at\texpires_at\trevoked_at\tis_active\tinactive_days\tis_expired\n";
  for (const auth::ListedKey& item : keys) {
    const auth::Key& key = item.key;
    out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", key.id, printable(key.name.value_or("")), key.role,
                       iso(key.created_at), iso_or(key.last_used_at, ""), iso_or(key.expires_at, ""),
                       iso_or(key.revoked_at, ""), python_bool(item.is_active), item.inactive_days,
                       python_bool(item.is_expired));
  }
  return out;
}

std::string listed_json(const std::vector<auth::ListedKey>& keys) {
  std::string out;
  json::Writer w(out);
  w.begin_object().key("keys").begin_array();
  for (const auth::ListedKey& item : keys) {
    w.begin_object();
    append_key(w, item.key);
    w.field("is_active", item.is_active).field("inactive_days", item.inactive_days);
    w.field("is_expired", item.is_expired).end_object();
  }
  w.end_array().end_object();
  return out + "\n";
}

}  // namespace nexus::cli
