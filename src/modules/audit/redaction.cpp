#include "modules/audit/redaction.h"

#include "base/encoding.h"
#include "json/json.h"
#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace nexus::audit {
namespace {

constexpr int kMaxDepth = 16;
constexpr std::int64_t kExactInteger = std::int64_t{1} << 53;
/// A key prefix as lists show it is shorter than this; a whole credential is longer.
constexpr std::size_t kMinCredentialRun = 16;

bool is_token_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

std::size_t token_run(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_token_char(text[end])) ++end;
  return end - at;
}

struct Span {
  std::size_t begin = std::string_view::npos;
  std::size_t end = 0;
};

Span find_prefixed(std::string_view text, std::size_t from, std::string_view prefix) {
  for (std::size_t at = text.find(prefix, from); at != std::string_view::npos; at = text.find(prefix, at + 1)) {
    const std::size_t run = token_run(text, at + prefix.size());
    if (run >= kMinCredentialRun) return {at, at + prefix.size() + run};
  }
  return {};
}

/// header.payload.signature, where the header starts as base64url of `{"`.
Span find_jwt(std::string_view text, std::size_t from) {
  for (std::size_t at = text.find("eyJ", from); at != std::string_view::npos; at = text.find("eyJ", at + 1)) {
    const std::size_t header = token_run(text, at);
    std::size_t end = at + header;
    if (header < 8 || end >= text.size() || text[end] != '.') continue;
    const std::size_t payload = token_run(text, end + 1);
    end += 1 + payload;
    if (payload < 4 || end >= text.size() || text[end] != '.') continue;
    return {at, end + 1 + token_run(text, end + 1)};
  }
  return {};
}

Span find_bearer(std::string_view text, std::size_t from) {
  constexpr std::string_view kTail = "earer ";
  for (std::size_t at = from; at + 1 + kTail.size() < text.size(); ++at) {
    if ((text[at] | 0x20) != 'b' || !ascii_iequals(text.substr(at + 1, kTail.size()), kTail)) continue;
    const std::size_t begin = at + 1 + kTail.size();
    std::size_t end = begin;
    while (end < text.size() && text[end] != ' ' && text[end] != '"' && text[end] != ',') ++end;
    if (end - begin >= 8) return {begin, end};
  }
  return {};
}

Span first_secret(std::string_view text, std::size_t from) {
  Span best;
  for (const Span& span : {find_prefixed(text, from, "nrgk_"), find_prefixed(text, from, "nrgss_"),
                           find_jwt(text, from), find_bearer(text, from)}) {
    if (span.begin < best.begin) best = span;
  }
  return best;
}

void append_text(std::string& out, std::string_view text) {
  const bool cut = text.size() > kMaxValueBytes;
  if (cut) {
    std::size_t end = kMaxValueBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  const bool clean = !cut && text::is_valid_utf8(text) && text.find('\0') == std::string_view::npos;
  if (clean && !has_secret(text)) {
    json::append_string(out, text);
    return;
  }
  std::string fixed = mask_secrets(text::replace_invalid(text));
  for (std::size_t at = fixed.find('\0'); at != std::string::npos; at = fixed.find('\0', at)) {
    fixed.replace(at, 1, "\xEF\xBF\xBD");
  }
  if (cut) fixed += "\xE2\x80\xA6";
  json::append_string(out, fixed);
}

void append_value(std::string& out, const boost::json::value& value, int depth);

/// UTF-16 order as RFC 8785 asks; for keys without supplementary characters it is the order of the bytes.
bool key_less(std::string_view a, std::string_view b) {
  const auto rank = [](std::string_view text, std::size_t at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    // U+E000..U+FFFF sort after the surrogates that stand for U+10000 and above.
    return byte >= 0xEE && byte <= 0xEF ? 0x100 + byte : static_cast<int>(byte);
  };
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (a[i] != b[i]) return rank(a, i) < rank(b, i);
  }
  return a.size() < b.size();
}

template <class AppendMember>
void append_sorted(std::string& out, const boost::json::object& object, const AppendMember& append_member) {
  std::array<const boost::json::key_value_pair*, 16> few{};
  std::vector<const boost::json::key_value_pair*> many;
  std::span<const boost::json::key_value_pair*> order(few.data(), std::min(object.size(), few.size()));
  if (object.size() > few.size()) {
    many.resize(object.size());
    order = many;
  }
  std::size_t i = 0;
  for (const boost::json::key_value_pair& member : object) order[i++] = &member;
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return key_less({a->key().data(), a->key().size()}, {b->key().data(), b->key().size()});
  });
  out.push_back('{');
  bool first = true;
  for (const boost::json::key_value_pair* member : order) {
    if (!first) out.push_back(',');
    first = false;
    append_text(out, {member->key().data(), member->key().size()});
    out.push_back(':');
    append_member(*member);
  }
  out.push_back('}');
}

void append_array(std::string& out, const boost::json::array& array, int depth) {
  out.push_back('[');
  bool first = true;
  for (const boost::json::value& item : array) {
    if (!first) out.push_back(',');
    first = false;
    append_value(out, item, depth + 1);
  }
  out.push_back(']');
}

void append_value(std::string& out, const boost::json::value& value, int depth) {
  if (depth > kMaxDepth) {
    json::append_string(out, kRedacted);
  } else if (const auto* text = value.if_string()) {
    append_text(out, {text->data(), text->size()});
  } else if (value.is_bool()) {
    json::append_bool(out, value.get_bool());
  } else if (value.is_null()) {
    json::append_null(out);
  } else if (const auto* integer = value.if_int64(); integer && std::abs(*integer) < kExactInteger) {
    json::append_int(out, *integer);
  } else if (const auto* object = value.if_object()) {
    append_sorted(out, *object, [&](const auto& member) { append_value(out, member.value(), depth + 1); });
  } else if (const auto* array = value.if_array()) {
    append_array(out, *array, depth);
  } else {
    out.append(json::canonical(value));
  }
}

}  // namespace

bool has_secret(std::string_view text) {
  return text.size() > kMinCredentialRun && first_secret(text, 0).begin != std::string_view::npos;
}

std::string mask_secrets(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  for (Span span = first_secret(text, 0); span.begin != std::string_view::npos; span = first_secret(text, at)) {
    out.append(text.substr(at, span.begin - at)).append(kRedacted);
    at = span.end;
  }
  out.append(text.substr(at));
  return out;
}

const EventRule* rule_of(std::string_view event_type) {
  const auto rules = event_rules();
  const auto at = std::lower_bound(rules.begin(), rules.end(), event_type,
                                   [](const EventRule& rule, std::string_view type) { return rule.type < type; });
  return at != rules.end() && at->type == event_type ? &*at : nullptr;
}

bool allows(const EventRule& rule, std::string_view key) {
  if (key.empty() || key.find(' ') != std::string_view::npos) return false;
  for (std::size_t at = rule.keys.find(key); at != std::string_view::npos; at = rule.keys.find(key, at + 1)) {
    const std::size_t end = at + key.size();
    const bool starts = at == 0 || rule.keys[at - 1] == ' ';
    if (starts && (end == rule.keys.size() || rule.keys[end] == ' ')) return true;
  }
  return false;
}

void append_metadata(std::string& out, std::string_view event_type, const boost::json::object& metadata) {
  const EventRule* rule = rule_of(event_type);
  append_sorted(out, metadata, [&](const auto& member) {
    if (rule != nullptr && allows(*rule, {member.key().data(), member.key().size()})) {
      append_value(out, member.value(), 1);
    } else {
      json::append_string(out, kRedacted);
    }
  });
}

}  // namespace nexus::audit
