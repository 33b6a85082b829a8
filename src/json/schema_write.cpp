#include "base/time.h"
#include "json/json.h"
#include "json/schema.h"

#include <cstring>
#include <string>
#include <string_view>

namespace nexus::schema::detail {
namespace {

template <class N>
N load(const void* from) {
  N number{};
  std::memcpy(&number, from, sizeof number);
  return number;
}

void write_integer(std::string& out, const Type& type, const void* value) {
  switch (type.bytes) {
    case 1:
      return type.is_signed ? json::append_int(out, load<std::int8_t>(value))
                            : json::append_uint(out, load<std::uint8_t>(value));
    case 2:
      return type.is_signed ? json::append_int(out, load<std::int16_t>(value))
                            : json::append_uint(out, load<std::uint16_t>(value));
    case 4:
      return type.is_signed ? json::append_int(out, load<std::int32_t>(value))
                            : json::append_uint(out, load<std::uint32_t>(value));
    default:
      return type.is_signed ? json::append_int(out, load<std::int64_t>(value))
                            : json::append_uint(out, load<std::uint64_t>(value));
  }
}

void write_json_object(std::string& out, const boost::json::object& object) {
  json::Writer writer(out);
  writer.begin_object();
  for (const auto& member : object) writer.key({member.key().data(), member.key().size()}).value(member.value());
  writer.end_object();
}

void write_json_array(std::string& out, const boost::json::array& array) {
  json::Writer writer(out);
  writer.begin_array();
  for (const auto& item : array) writer.value(item);
  writer.end_array();
}

struct Items {
  std::string& out;
  const Type& type;
  bool first = true;
};

void write_item(void* context, std::string_view, const void* item) {
  Items& items = *static_cast<Items*>(context);
  if (!items.first) items.out.push_back(',');
  items.first = false;
  write_value(items.out, items.type, item);
}

void write_member(void* context, std::string_view key, const void* item) {
  Items& items = *static_cast<Items*>(context);
  if (!items.first) items.out.push_back(',');
  items.first = false;
  json::append_string(items.out, key);
  items.out.push_back(':');
  write_value(items.out, items.type, item);
}

void write_struct(std::string& out, const FieldTable& table, const void* value) {
  char before = '{';
  for (const FieldRow& row : table.rows()) {
    if (row.type == nullptr) continue;
    out.push_back(before);
    out.append(row.key_json);
    write_value(out, *row.type, static_cast<const char*>(value) + row.offset);
    before = ',';
  }
  if (before == '{') out.push_back('{');
  out.push_back('}');
}

}  // namespace

void write_value(std::string& out, const Type& type, const void* value) {
  switch (type.kind) {
    case Kind::kString:
      return json::append_string(out, *static_cast<const std::string*>(value));
    case Kind::kBool:
      return json::append_bool(out, *static_cast<const bool*>(value));
    case Kind::kInteger:
      return write_integer(out, type, value);
    case Kind::kDouble:
      return json::append_double(out, *static_cast<const double*>(value));
    case Kind::kTimestamp:
      return json::append_string(out, iso(*static_cast<const Timestamp*>(value)));
    case Kind::kJson:
      return json::append(out, *static_cast<const boost::json::value*>(value));
    case Kind::kJsonObject:
      return write_json_object(out, *static_cast<const boost::json::object*>(value));
    case Kind::kJsonArray:
      return write_json_array(out, *static_cast<const boost::json::array*>(value));
    case Kind::kOptional:
    case Kind::kPatch: {
      const void* inside = type.peek(value);
      return inside == nullptr ? json::append_null(out) : write_value(out, *type.inner, inside);
    }
    case Kind::kList: {
      Items items{out, *type.inner};
      out.push_back('[');
      type.visit(value, &items, &write_item);
      out.push_back(']');
      return;
    }
    case Kind::kMap: {
      Items items{out, *type.inner};
      out.push_back('{');
      type.visit(value, &items, &write_member);
      out.push_back('}');
      return;
    }
    case Kind::kStruct:
      return write_struct(out, type.table(), value);
  }
}

}  // namespace nexus::schema::detail
