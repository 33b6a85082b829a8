#include "json/json.h"
#include "json/schema.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace nexus::schema::detail {
namespace {

namespace bj = boost::json;

bj::value bound(const Type& type, double number) {
  if (type.kind == Kind::kInteger) return static_cast<std::int64_t>(number);
  return number;
}

/// What the rules add to the schema of the bare type.
void constrain(bj::object& schema, const Type& type, const Constraints& rules) {
  if (rules.ge) schema["minimum"] = bound(type, *rules.ge);
  if (rules.le) schema["maximum"] = bound(type, *rules.le);
  if (rules.gt) schema["exclusiveMinimum"] = bound(type, *rules.gt);
  if (rules.lt) schema["exclusiveMaximum"] = bound(type, *rules.lt);
  const bool list = type.kind == Kind::kList || type.kind == Kind::kJsonArray;
  const bool map = type.kind == Kind::kMap || type.kind == Kind::kJsonObject;
  const std::string noun = list ? "Items" : map ? "Properties" : "Length";
  if (rules.min_length) schema["min" + noun] = *rules.min_length;
  if (rules.max_length) schema["max" + noun] = *rules.max_length;
  if (!rules.pattern.empty()) schema["pattern"] = rules.pattern;
  if (!rules.options.empty()) schema["enum"] = bj::array(rules.options.begin(), rules.options.end());
  if (rules.date) schema["format"] = "date";
}

bj::object typed(std::string_view type) {
  return {{"type", bj::string_view(type.data(), type.size())}};
}

bj::object schema_with(const Type& type, const Constraints& rules) {
  bj::object schema;
  switch (type.kind) {
    case Kind::kString:
      schema = typed("string");
      break;
    case Kind::kBool:
      schema = typed("boolean");
      break;
    case Kind::kInteger:
      schema = typed("integer");
      break;
    case Kind::kDouble:
      schema = typed("number");
      break;
    case Kind::kTimestamp:
      schema = typed("string");
      schema["format"] = "date-time";
      break;
    case Kind::kJson:
      break;
    case Kind::kJsonObject:
      schema = typed("object");
      schema["additionalProperties"] = true;
      break;
    case Kind::kJsonArray:
      schema = typed("array");
      schema["items"] = bj::object();
      break;
    case Kind::kOptional:
    case Kind::kPatch: {
      bj::object inside = schema_with(*type.inner, rules);
      if (inside.empty()) return inside;  // anything goes, null included
      schema["anyOf"] = bj::array{std::move(inside), typed("null")};
      return schema;
    }
    case Kind::kList:
      schema = typed("array");
      schema["items"] = schema_with(*type.inner, rules.each ? *rules.each : Constraints{});
      break;
    case Kind::kMap:
      schema = typed("object");
      schema["additionalProperties"] = schema_with(*type.inner, rules.each ? *rules.each : Constraints{});
      break;
    case Kind::kStruct:
      return schema_of(type.table());
  }
  constrain(schema, type, rules);
  return schema;
}

/// The value that an absent member keeps, if it says anything.
bj::value default_of(const FieldTable& table, const FieldRow& row) {
  if (row.constraints.default_value) return *row.constraints.default_value;
  if (row.type == nullptr || row.required() || row.type->kind == Kind::kPatch) return nullptr;
  std::string text;
  write_value(text, *row.type, static_cast<const char*>(table.defaults()) + row.offset);
  return json::parse(text);
}

bj::object schema_of_row(const FieldTable& table, const FieldRow& row) {
  bj::object schema;
  if (row.type == nullptr) {
    schema = typed("string");
    schema["format"] = "binary";
  } else {
    schema = schema_with(*row.type, row.constraints);
  }
  const bj::value fallback = default_of(table, row);
  if (!fallback.is_null()) schema["default"] = fallback;
  if (!row.constraints.doc.empty()) schema["description"] = row.constraints.doc;
  if (row.constraints.example) schema["examples"] = bj::array{*row.constraints.example};
  return schema;
}

bool in_body(const FieldRow& row) {
  return row.location == Location::kBody || row.location == Location::kForm || row.location == Location::kFile;
}

}  // namespace

boost::json::object schema_of(const FieldTable& table) {
  if (const FieldRow* whole = table.whole_body()) return schema_of_row(table, *whole);
  bj::object properties;
  bj::array required;
  bool any = false;
  for (const FieldRow& row : table.rows()) {
    if (!in_body(row)) continue;
    any = true;
    properties[row.name] = schema_of_row(table, row);
    if (row.required()) required.emplace_back(row.name);
  }
  if (!any && !table.rows().empty()) return {};  // parameters only
  bj::object schema{{"title", table.name()}, {"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  if (table.closed()) schema["additionalProperties"] = false;
  return schema;
}

boost::json::object schema_of(const Type& type) {
  return schema_with(type, Constraints{});
}

boost::json::array parameters_of(const FieldTable& table) {
  bj::array parameters;
  const std::pair<Location, const char*> places[] = {
      {Location::kPath, "path"}, {Location::kQuery, "query"}, {Location::kHeader, "header"}};
  for (const auto& [location, name] : places) {
    for (const FieldRow& row : table.rows()) {
      if (row.location != location) continue;
      bj::object schema = schema_of_row(table, row);
      bj::object parameter{
          {"name", row.name}, {"in", name}, {"required", location == Location::kPath || row.required()}};
      if (auto* description = schema.if_contains("description")) {
        parameter["description"] = std::move(*description);
        schema.erase("description");
      }
      parameter["schema"] = std::move(schema);
      parameters.push_back(std::move(parameter));
    }
  }
  return parameters;
}

}  // namespace nexus::schema::detail
