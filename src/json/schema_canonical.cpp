#include "json/json.h"
#include "json/schema.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::schema::detail {
namespace {

namespace bj = boost::json;

constexpr std::int64_t kExactInteger = std::int64_t{1} << 53;

bool is_wide(const bj::value& value) {
  if (value.is_int64()) return value.get_int64() < -kExactInteger || value.get_int64() > kExactInteger;
  return value.is_uint64() && value.get_uint64() > static_cast<std::uint64_t>(kExactInteger);
}

/// RFC 8785 writes integers beyond 2^53 as the nearest double, so that neighbours would look alike: each becomes an
/// object around its digits.
void keep_wide_integers(bj::value& value) {
  if (is_wide(value)) {
    value = bj::object{{"$integer", json::write(value)}};
  } else if (value.is_array()) {
    for (bj::value& item : value.get_array()) keep_wide_integers(item);
  } else if (value.is_object()) {
    for (bj::key_value_pair& member : value.get_object()) keep_wide_integers(member.value());
  }
}

void append_json(std::string& out, bj::value value) {
  keep_wide_integers(value);
  out.append(json::canonical(value));
}

void append_value(std::string& out, const Type& type, const void* value);

struct CanonicalItems {
  std::string& out;
  const Type& type;
  bool named;
  bool first = true;
};

void append_item(void* context, std::string_view key, const void* item) {
  CanonicalItems& items = *static_cast<CanonicalItems*>(context);
  if (!std::exchange(items.first, false)) items.out.push_back(',');
  if (items.named) {
    json::append_string(items.out, key);
    items.out.push_back(':');
  }
  append_value(items.out, items.type, item);
}

void append_items(std::string& out, const Type& type, const void* value) {
  const bool map = type.kind == Kind::kMap;  // std::map visits in the order of its keys
  CanonicalItems items{out, *type.inner, map};
  out.push_back(map ? '{' : '[');
  type.visit(value, &items, &append_item);
  out.push_back(map ? '}' : ']');
}

const void* member(const FieldRow& row, const void* value) {
  return static_cast<const char*>(value) + row.offset;
}

template <class Wanted>
void append_members(std::string& out, const FieldTable& table, const void* value, const Wanted& wanted) {
  std::vector<const FieldRow*> rows;
  for (const FieldRow& row : table.rows()) {
    if (row.type == nullptr || !wanted(row)) continue;
    if (row.type->kind == Kind::kPatch && row.type->is_absent(member(row, value))) continue;
    rows.push_back(&row);
  }
  std::sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  out.push_back('{');
  for (const FieldRow* row : rows) {
    if (row != rows.front()) out.push_back(',');
    out.append(row->key_json);
    append_value(out, *row->type, member(*row, value));
  }
  out.push_back('}');
}

void append_value(std::string& out, const Type& type, const void* value) {
  switch (type.kind) {
    case Kind::kString:
    case Kind::kBool:
    case Kind::kInteger:
    case Kind::kTimestamp:
      return write_value(out, type, value);
    case Kind::kDouble:
      return append_json(out, *static_cast<const double*>(value));
    case Kind::kJson:
      return append_json(out, *static_cast<const bj::value*>(value));
    case Kind::kJsonObject:
      return append_json(out, *static_cast<const bj::object*>(value));
    case Kind::kJsonArray:
      return append_json(out, *static_cast<const bj::array*>(value));
    case Kind::kOptional:
    case Kind::kPatch: {
      const void* inside = type.peek(value);
      return inside == nullptr ? json::append_null(out) : append_value(out, *type.inner, inside);
    }
    case Kind::kList:
    case Kind::kMap:
      return append_items(out, type, value);
    case Kind::kStruct:
      return append_members(out, type.table(), value, [](const FieldRow&) { return true; });
  }
}

}  // namespace

void append_canonical(std::string& out, const FieldTable& table, Location location, const void* value) {
  append_members(out, table, value, [location](const FieldRow& row) { return row.location == location; });
}

}  // namespace nexus::schema::detail
