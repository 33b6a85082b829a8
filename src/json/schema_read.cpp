#include "base/encoding.h"
#include "json/reader.h"
#include "json/schema.h"
#include "json/text.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace nexus::schema {
namespace detail {

const Constraints& no_rules() {
  static const Constraints none{};
  return none;
}

bool Reader::value(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, void* out) {
  switch (type.kind) {
    case Kind::kString:
      return string(type, rules, raw, place, *static_cast<std::string*>(out));
    case Kind::kBool:
      return boolean(type, rules, raw, place, *static_cast<bool*>(out));
    case Kind::kInteger:
      return integer(type, rules, raw, place, out);
    case Kind::kDouble:
      return real(type, rules, raw, place, *static_cast<double*>(out));
    case Kind::kTimestamp:
      return timestamp(type, rules, raw, place, *static_cast<Timestamp*>(out));
    case Kind::kJson:
      *static_cast<bj::value*>(out) = raw.json != nullptr ? *raw.json : bj::value(*raw.text());
      return true;
    case Kind::kJsonObject:
      return json_object(type, rules, raw, place, *static_cast<bj::object*>(out));
    case Kind::kJsonArray:
      return json_array(type, rules, raw, place, *static_cast<bj::array*>(out));
    case Kind::kOptional:
    case Kind::kPatch:
      type.set_null(out);
      if (raw.is_null()) return true;
      if (value(*type.inner, rules, raw, place, type.make(out))) return true;
      type.set_null(out);
      return false;
    case Kind::kList:
      return list(type, rules, raw, place, out);
    case Kind::kMap:
      return map(type, rules, raw, place, out);
    case Kind::kStruct:
      return structure(type, rules, raw, place, out);
  }
  return false;
}

bool Reader::object(const FieldTable& table, const bj::object& from, const Place& place, void* out) {
  bool good = true;
  std::size_t known = 0;
  for (const FieldRow& row : table.rows()) {
    if (row.location != Location::kBody || row.whole_body) continue;
    const Place here{&place, row.name};
    if (const bj::value* found = from.if_contains(row.name)) {
      ++known;
      good = value(*row.type, row.constraints, Raw{found, {}}, here, at(out, row)) && good;
    } else if (row.required()) {
      bj::value whole(from);
      redact(whole, table);
      add("missing", "Field required", here, std::move(whole));
      good = false;
    } else {
      good = absent(row, here, out) && good;
    }
  }
  if (!table.closed() || known == from.size()) return good;
  for (const bj::key_value_pair& member : from) {
    const std::string_view key(member.key().data(), member.key().size());
    if (table.find(key) != nullptr) continue;
    add("extra_forbidden", "Extra inputs are not permitted", Place{&place, key},
        table.has_sensitive() ? bj::value(kRedacted) : member.value());
    good = false;
  }
  return good;
}

void Reader::from_pairs(const FieldRow& row, std::string_view root, const Pairs* pairs, void* out) {
  const Place base{nullptr, root};
  const Place here{&base, row.name};
  const Type* type = row.type;
  while (type->kind == Kind::kOptional || type->kind == Kind::kPatch) type = type->inner;
  const bool many = type->kind == Kind::kList;
  const std::string* last = nullptr;
  bj::array all;
  if (pairs != nullptr) {
    for (const auto& [name, text] : *pairs) {
      const bool same = row.location == Location::kHeader ? ascii_iequals(name, row.name) : name == row.name;
      // An empty form field is what a browser sends for an input left blank.
      if (!same || (row.location == Location::kForm && text.empty())) continue;
      if (row.location != Location::kHeader || last == nullptr) last = &text;
      if (many) all.emplace_back(json::utf8_or_replaced(text));
    }
  }
  if (last == nullptr) {
    if (row.required()) {
      add("missing", "Field required", here, nullptr);
    } else {
      absent(row, here, out);
    }
  } else if (many) {
    const bj::value items(std::move(all));
    value(*row.type, row.constraints, Raw{&items, {}}, here, at(out, row));
  } else {
    const std::string clean = json::is_utf8(*last) ? std::string() : json::utf8_or_replaced(*last);
    value(*row.type, row.constraints, Raw{nullptr, clean.empty() ? *last : clean}, here, at(out, row));
  }
}

void Reader::file(const FieldRow& row, const Pairs* files) {
  if (files != nullptr)
    for (const auto& [field, filename] : *files)
      if (field == row.name) return;
  const Place base{nullptr, "body"};
  if (row.required() && !row.constraints.defaulted) add("missing", "Field required", Place{&base, row.name}, nullptr);
}

bool Reader::bad(const Type& type, const Constraints& rules, const Raw& raw, const Place& place,
                 std::string_view problem, std::string_view msg, bj::object ctx) {
  bj::value input;
  if (rules.sensitive) {
    input = kRedacted;
  } else if (raw.json == nullptr) {
    input = bj::string_view(raw.bare.data(), raw.bare.size());
  } else {
    input = *raw.json;
    redact(input, type);
  }
  add(problem, msg, place, std::move(input), std::move(ctx));
  return false;
}

bool Reader::absent(const FieldRow& row, const Place& here, void* out) {
  if (!row.constraints.default_value) return true;
  return value(*row.type, row.constraints, Raw{&*row.constraints.default_value, {}}, here, at(out, row));
}

bool holds_null_character(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

bool holds_null_character(const bj::value& value) {
  if (value.is_string()) return holds_null_character(std::string_view(value.get_string()));
  if (value.is_array()) {
    const bj::array& items = value.get_array();
    return std::any_of(items.begin(), items.end(), [](const bj::value& item) { return holds_null_character(item); });
  }
  if (!value.is_object()) return false;
  const bj::object& members = value.get_object();
  return std::any_of(members.begin(), members.end(), [](const bj::key_value_pair& member) {
    return holds_null_character(std::string_view(member.key())) || holds_null_character(member.value());
  });
}

bool Reader::null_character(const Type& type, const Constraints& rules, const Raw& raw, const Place& place) {
  return bad(type, rules, raw, place, "value_error", "Value error, the character U+0000 is not allowed");
}

bool Reader::json_object(const Type& type, const Constraints& rules, const Raw& raw, const Place& place,
                         bj::object& out) {
  if (raw.json == nullptr || !raw.json->is_object())
    return bad(type, rules, raw, place, "dict_type", "Input should be a valid dictionary");
  if (!sized(type, rules, raw, place, "Dictionary", raw.json->get_object().size())) return false;
  if (holds_null_character(*raw.json)) return null_character(type, rules, raw, place);
  out = raw.json->get_object();
  return true;
}

bool Reader::json_array(const Type& type, const Constraints& rules, const Raw& raw, const Place& place,
                        bj::array& out) {
  if (raw.json == nullptr || !raw.json->is_array())
    return bad(type, rules, raw, place, "list_type", "Input should be a valid list");
  if (!sized(type, rules, raw, place, "List", raw.json->get_array().size())) return false;
  if (holds_null_character(*raw.json)) return null_character(type, rules, raw, place);
  out = raw.json->get_array();
  return true;
}

bool Reader::sized(const Type& type, const Constraints& rules, const Raw& raw, const Place& place,
                   std::string_view noun, std::size_t size) {
  const auto complain = [&](std::string_view problem, std::string_view words, const char* key, std::size_t limit) {
    std::string msg(noun);
    msg.append(" should have ").append(words).append(std::to_string(limit));
    msg.append(limit == 1 ? " item" : " items").append(" after validation, not ").append(std::to_string(size));
    return bad(type, rules, raw, place, problem, msg, {{"field_type", noun}, {key, limit}, {"actual_length", size}});
  };
  if (rules.max_length && size > *rules.max_length)
    return complain("too_long", "at most ", "max_length", *rules.max_length);
  if (rules.min_length && size < *rules.min_length)
    return complain("too_short", "at least ", "min_length", *rules.min_length);
  return true;
}

bool Reader::list(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, void* out) {
  if (raw.json == nullptr || !raw.json->is_array())
    return bad(type, rules, raw, place, "list_type", "Input should be a valid list");
  const bj::array& items = raw.json->get_array();
  if (!sized(type, rules, raw, place, "List", items.size())) return false;
  type.set_null(out);
  const Constraints& item_rules = rules.each ? *rules.each : no_rules();
  bool good = true;
  for (std::size_t i = 0; i < items.size() && !problems_.full(); ++i)
    good = value(*type.inner, item_rules, Raw{&items[i], {}}, Place{&place, {}, i, true}, type.make(out)) && good;
  return good;
}

bool Reader::map(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, void* out) {
  if (raw.json == nullptr || !raw.json->is_object())
    return bad(type, rules, raw, place, "dict_type", "Input should be a valid dictionary");
  const bj::object& members = raw.json->get_object();
  if (!sized(type, rules, raw, place, "Dictionary", members.size())) return false;
  type.set_null(out);
  const Constraints& item_rules = rules.each ? *rules.each : no_rules();
  bool good = true;
  for (const bj::key_value_pair& member : members) {
    if (problems_.full()) break;
    const std::string_view key(member.key().data(), member.key().size());
    good = value(*type.inner, item_rules, Raw{&member.value(), {}}, Place{&place, key}, type.insert(out, key)) && good;
  }
  return good;
}

bool Reader::structure(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, void* out) {
  if (raw.json == nullptr || !raw.json->is_object())
    return bad(type, rules, raw, place, "model_attributes_type",
               "Input should be a valid dictionary or object to extract fields from");
  return object(type.table(), raw.json->get_object(), place, out);
}

void read_parameters(const FieldTable& table, const Inputs& inputs, Problems& problems, void* out) {
  struct Source {
    Location location;
    std::string_view root;
    const Pairs* pairs;
  };
  const Source sources[] = {{Location::kPath, "path", inputs.path},
                            {Location::kQuery, "query", inputs.query},
                            {Location::kHeader, "header", inputs.headers}};
  Reader reader(problems);
  for (const Source& source : sources) {
    if (!table.has(source.location)) continue;
    for (const FieldRow& row : table.rows())
      if (row.location == source.location) reader.from_pairs(row, source.root, source.pairs, out);
  }
}

void read_body(const FieldTable& table, const Inputs& inputs, Problems& problems, void* out) {
  Reader reader(problems);
  const Place root{nullptr, "body"};
  if (table.has(Location::kForm) || table.has(Location::kFile)) {
    for (const FieldRow& row : table.rows()) {
      if (row.location == Location::kForm) reader.from_pairs(row, "body", inputs.form, out);
      if (row.location == Location::kFile) reader.file(row, inputs.files);
    }
  }
  if (!table.has(Location::kBody)) return;
  const FieldRow* whole = table.whole_body();
  if (inputs.body == nullptr || inputs.body->is_null()) {
    if (whole == nullptr || whole->required()) reader.add("missing", "Field required", root, nullptr);
    return;
  }
  if (whole != nullptr) {
    reader.value(*whole->type, whole->constraints, Raw{inputs.body, {}}, root, Reader::at(out, *whole));
    return;
  }
  if (inputs.body->is_object()) {
    reader.object(table, inputs.body->get_object(), root, out);
    return;
  }
  reader.add("model_attributes_type", "Input should be a valid dictionary or object to extract fields from", root,
             table.has_sensitive() ? bj::value(kRedacted) : *inputs.body);
}

void read_value(const Type& type, const boost::json::value& value, Problems& problems, void* out) {
  Reader(problems).value(type, no_rules(), Raw{&value, {}}, Place{nullptr, "body"}, out);
}

}  // namespace detail

}  // namespace nexus::schema
