#pragma once

#include "base/time.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Type-erased machinery behind json/schema.h. Include that header; nothing here is for direct use.
namespace nexus::schema {

enum class Location : std::uint8_t { kBody, kForm, kQuery, kPath, kHeader, kFile };

using Pairs = std::vector<std::pair<std::string, std::string>>;

template <class T>
class Fields;
template <class T>
const Fields<T>& fields_of();
template <class X>
class Patch;
struct Inputs;
class Problems;

namespace detail {

class FieldTable;

enum class Kind : std::uint8_t {
  kString,
  kBool,
  kInteger,
  kDouble,
  kTimestamp,
  kJson,
  kJsonObject,
  kJsonArray,
  kOptional,
  kPatch,
  kList,
  kMap,
  kStruct,
};

/// How to reach into one C++ type through `void*`. One constant per type; the algorithms live in .cpp files.
struct Type {
  Kind kind = Kind::kString;
  std::uint8_t bytes = 0;  ///< kInteger
  bool is_signed = true;   ///< kInteger
  const Type* inner = nullptr;
  void* (*make)(void*) = nullptr;  ///< optional, Patch: a fresh value inside; list: one more element
  void (*set_null)(void*) = nullptr;
  const void* (*peek)(const void*) = nullptr;  ///< optional, Patch: the value, or null
  void* (*insert)(void*, std::string_view) = nullptr;
  using Visitor = void (*)(void* context, std::string_view key, const void* item);
  void (*visit)(const void*, void* context, Visitor) = nullptr;
  const FieldTable& (*table)() = nullptr;
  bool (*is_absent)(const void*) = nullptr;  ///< Patch: the request did not name the member
};

template <class X>
struct TypeOf {
  static_assert(std::is_class_v<X>, "schema members are the types listed in json/schema.h");
  static const FieldTable& table() { return fields_of<X>(); }
  static constexpr Type kType{.kind = Kind::kStruct, .table = &table};
};
template <class X>
requires std::is_integral_v<X>
struct TypeOf<X> {
  static constexpr Type kType{.kind = Kind::kInteger, .bytes = sizeof(X), .is_signed = std::is_signed_v<X>};
};
template <>
struct TypeOf<bool> {
  static constexpr Type kType{.kind = Kind::kBool};
};
template <>
struct TypeOf<std::string> {
  static constexpr Type kType{.kind = Kind::kString};
};
template <>
struct TypeOf<double> {
  static constexpr Type kType{.kind = Kind::kDouble};
};
template <>
struct TypeOf<Timestamp> {
  static constexpr Type kType{.kind = Kind::kTimestamp};
};
template <>
struct TypeOf<boost::json::value> {
  static constexpr Type kType{.kind = Kind::kJson};
};
template <>
struct TypeOf<boost::json::object> {
  static constexpr Type kType{.kind = Kind::kJsonObject};
};
template <>
struct TypeOf<boost::json::array> {
  static constexpr Type kType{.kind = Kind::kJsonArray};
};
template <class X>
struct TypeOf<std::optional<X>> {
  static void* make(void* self) { return &static_cast<std::optional<X>*>(self)->emplace(); }
  static void set_null(void* self) { static_cast<std::optional<X>*>(self)->reset(); }
  static const void* peek(const void* self) {
    const auto& value = *static_cast<const std::optional<X>*>(self);
    return value ? &*value : nullptr;
  }
  static constexpr Type kType{
      .kind = Kind::kOptional, .inner = &TypeOf<X>::kType, .make = &make, .set_null = &set_null, .peek = &peek};
};
template <class X>
struct TypeOf<Patch<X>> {
  static void* make(void* self) { return &static_cast<Patch<X>*>(self)->emplace(); }
  static void set_null(void* self) { static_cast<Patch<X>*>(self)->set_null(); }
  static const void* peek(const void* self) {
    const auto& value = *static_cast<const Patch<X>*>(self);
    return value.has_value() ? &*value : nullptr;
  }
  static bool is_absent(const void* self) { return static_cast<const Patch<X>*>(self)->is_absent(); }
  static constexpr Type kType{.kind = Kind::kPatch,
                              .inner = &TypeOf<X>::kType,
                              .make = &make,
                              .set_null = &set_null,
                              .peek = &peek,
                              .is_absent = &is_absent};
};
template <class X>
struct TypeOf<std::vector<X>> {
  static_assert(!std::is_same_v<X, bool>, "std::vector<bool> has no addressable elements");
  static void* make(void* self) { return &static_cast<std::vector<X>*>(self)->emplace_back(); }
  static void clear(void* self) { static_cast<std::vector<X>*>(self)->clear(); }
  static void visit(const void* self, void* context, Type::Visitor each) {
    for (const X& item : *static_cast<const std::vector<X>*>(self)) each(context, {}, &item);
  }
  static constexpr Type kType{
      .kind = Kind::kList, .inner = &TypeOf<X>::kType, .make = &make, .set_null = &clear, .visit = &visit};
};
template <class X>
struct TypeOf<std::map<std::string, X>> {
  using Map = std::map<std::string, X>;
  static void* insert(void* self, std::string_view key) { return &(*static_cast<Map*>(self))[std::string(key)]; }
  static void clear(void* self) { static_cast<Map*>(self)->clear(); }
  static void visit(const void* self, void* context, Type::Visitor each) {
    for (const auto& [key, item] : *static_cast<const Map*>(self)) each(context, key, &item);
  }
  static constexpr Type kType{
      .kind = Kind::kMap, .inner = &TypeOf<X>::kType, .set_null = &clear, .insert = &insert, .visit = &visit};
};

/// What the rules of one field add up to.
struct Constraints {
  std::optional<double> ge, le, gt, lt;
  std::optional<std::size_t> min_length, max_length;
  std::string pattern;
  std::function<bool(std::string_view)> matches;
  std::vector<std::string> options;
  bool date = false;
  bool defaulted = false;
  bool sensitive = false;
  std::optional<boost::json::value> default_value;
  std::optional<boost::json::value> example;
  std::string doc;
  std::shared_ptr<Constraints> each;  ///< of the elements of a list or the values of a map
};

struct FieldRow {
  std::string name;
  Location location = Location::kBody;
  bool whole_body = false;
  std::size_t offset = 0;
  const Type* type = nullptr;  ///< null: kFile, only its presence is checked
  Constraints constraints;
  std::string key_json{};  ///< `"name":`

  [[nodiscard]] bool required() const;
};

/// Rows of one struct, in their order.
class FieldTable {
 public:
  FieldTable(std::vector<FieldRow> rows, bool closed, std::string_view cpp_name, std::shared_ptr<const void> defaults);

  [[nodiscard]] const std::vector<FieldRow>& rows() const { return rows_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] const std::string& name() const { return name_; }         ///< struct name without namespaces
  [[nodiscard]] const void* defaults() const { return defaults_.get(); }  ///< a default-made struct
  [[nodiscard]] bool has(Location location) const { return (locations_ >> static_cast<unsigned>(location) & 1U) != 0; }
  [[nodiscard]] bool has_sensitive() const { return sensitive_; }
  [[nodiscard]] const FieldRow* whole_body() const {
    return whole_body_ < rows_.size() ? &rows_[whole_body_] : nullptr;
  }
  [[nodiscard]] const FieldRow* find(std::string_view name) const;  ///< body rows only

 private:
  std::vector<FieldRow> rows_;
  bool closed_;
  bool sensitive_ = false;
  std::string name_;
  std::shared_ptr<const void> defaults_;
  unsigned locations_ = 0;
  std::size_t whole_body_ = static_cast<std::size_t>(-1);
};

/// Path, query and header members; problems in that order.
void read_parameters(const FieldTable& table, const Inputs& inputs, Problems& problems, void* out);
/// Body, form and file members.
void read_body(const FieldTable& table, const Inputs& inputs, Problems& problems, void* out);
void read_value(const Type& type, const boost::json::value& value, Problems& problems, void* out);
void write_value(std::string& out, const Type& type, const void* value);
/// The members of one location as an object that is equal for equal values, for hashes: RFC 8785, with three additions
/// that keep different requests apart. Integers are exact at any size; an absent Patch member is left out, a null one
/// is null; optional members that are empty are null.
void append_canonical(std::string& out, const FieldTable& table, Location location, const void* value);
[[nodiscard]] boost::json::object schema_of(const Type& type);
[[nodiscard]] boost::json::object schema_of(const FieldTable& table);
[[nodiscard]] boost::json::array parameters_of(const FieldTable& table);

/// `const char* cpp_name() [T = nexus::rag::RunRequest]` names the struct for the OpenAPI components.
template <class T>
constexpr std::string_view cpp_name() {
  return __PRETTY_FUNCTION__;
}

}  // namespace detail
}  // namespace nexus::schema
