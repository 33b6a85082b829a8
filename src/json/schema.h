#pragma once

#include "json/schema_detail.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Field tables: one table per struct decodes, validates, encodes and documents it (docs: json/README.md).
///
/// Members may be std::string, bool, any integer type, double, nexus::Timestamp, boost::json::value|object|array,
/// std::optional<X>, schema::Patch<X>, std::vector<X>, std::map<std::string, X>, or another struct with a table.
/// Coercion is lenient as contract 01 §0 and 02 say: "10" and 10.0 are integers, "yes" is a boolean, 5 is no string.
/// Problems have the type, loc, msg, input and ctx of pydantic v2, which the original's clients know.
///
///     template <> const schema::Fields<RunRequest>& schema::fields_of() {
///       using namespace schema;
///       static const auto fields = Fields<RunRequest>::closed({
///           field("session_id", &RunRequest::session_id, min_length(1)),
///           field("top_k", &RunRequest::top_k, ge(1), le(50), defaulted()),
///       });
///       return fields;
///     }
namespace nexus::schema {

/// A member of a PATCH body: absent (leave it), null (clear it) or a value.
template <class X>
class Patch {
 public:
  Patch() = default;
  Patch(X value) : present_(true), value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): reads as a value
  Patch(std::nullptr_t) : present_(true) {}                     // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool is_absent() const { return !present_; }
  [[nodiscard]] bool is_present() const { return present_; }
  [[nodiscard]] bool is_null() const { return present_ && !value_; }
  [[nodiscard]] bool has_value() const { return value_.has_value(); }
  [[nodiscard]] explicit operator bool() const { return has_value(); }
  [[nodiscard]] const X& operator*() const { return *value_; }
  [[nodiscard]] const X* operator->() const { return &*value_; }
  [[nodiscard]] const X& value() const { return value_.value(); }
  [[nodiscard]] const std::optional<X>& as_optional() const { return value_; }

  X& emplace() {
    present_ = true;
    return value_.emplace();
  }
  void set_null() {
    present_ = true;
    value_.reset();
  }
  /// Leaves, clears or sets `target`.
  void apply_to(std::optional<X>& target) const {
    if (present_) target = value_;
  }

 private:
  bool present_ = false;
  std::optional<X> value_;
};

/// One condition or remark on a field. Made by the functions below.
struct Rule {
  std::function<void(detail::Constraints&)> apply;
};

// Numbers: bounds of the value.
[[nodiscard]] Rule ge(double bound);
[[nodiscard]] Rule le(double bound);
[[nodiscard]] Rule gt(double bound);
[[nodiscard]] Rule lt(double bound);
/// Strings: code points. Lists and maps: items.
[[nodiscard]] Rule min_length(std::size_t count);
[[nodiscard]] Rule max_length(std::size_t count);
/// `text` is shown to clients and in OpenAPI; `matches` decides (no std::regex: foreign input, unbounded stack).
[[nodiscard]] Rule pattern(std::string text, std::function<bool(std::string_view)> matches);
/// A string member that holds one of these words; on a list, each element.
[[nodiscard]] Rule one_of(std::vector<std::string> options);
/// A std::string member that holds a calendar date, normalised to YYYY-MM-DD.
[[nodiscard]] Rule date();
/// Absent keeps the member's initialiser, which OpenAPI shows as the default.
[[nodiscard]] Rule defaulted();
/// Absent reads as `value`.
[[nodiscard]] Rule default_value(boost::json::value value);
/// Rules of a list's elements or a map's values.
[[nodiscard]] Rule each(std::vector<Rule> rules);
[[nodiscard]] Rule doc(std::string sentence);
[[nodiscard]] Rule example(boost::json::value value);
/// The value never appears in a problem: `input` is "[REDACTED]".
[[nodiscard]] Rule sensitive();

/// One row of the table of T.
template <class T>
struct Field {
  detail::FieldRow row;

  Field() = default;
  explicit Field(detail::FieldRow r) : row(std::move(r)) {}
  /// A row of a base class serves its derived structs.
  template <class Base>
  requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>) Field(const Field<Base>& base)
      : row(base.row) {  // NOLINT(google-explicit-constructor)
    const auto probe = std::make_unique<T>();
    const Base* inside = probe.get();
    row.offset +=
        static_cast<std::size_t>(reinterpret_cast<const char*>(inside) - reinterpret_cast<const char*>(probe.get()));
  }
};

namespace detail {

[[nodiscard]] FieldRow make_row(std::string_view name, Location location, std::size_t offset, const Type* type,
                                std::initializer_list<Rule> rules);

template <class T, class M>
std::size_t offset_of(M T::*member) {
  const auto probe = std::make_unique<T>();
  return static_cast<std::size_t>(reinterpret_cast<const char*>(&((*probe).*member)) -
                                  reinterpret_cast<const char*>(probe.get()));
}

template <class T, class M>
Field<T> make_field(std::string_view name, Location location, M T::*member, std::initializer_list<Rule> rules) {
  return Field<T>(make_row(name, location, offset_of(member), &TypeOf<M>::kType, rules));
}

}  // namespace detail

template <class T, class M, class... Rules>
[[nodiscard]] Field<T> field(std::string_view name, M T::*member, Rules... rules) {
  return detail::make_field(name, Location::kBody, member, {std::move(rules)...});
}
template <class T, class M, class... Rules>
[[nodiscard]] Field<T> form_field(std::string_view name, M T::*member, Rules... rules) {
  return detail::make_field(name, Location::kForm, member, {std::move(rules)...});
}
/// A list member takes every value of a repeated parameter; other members the last.
template <class T, class M, class... Rules>
[[nodiscard]] Field<T> query_field(std::string_view name, M T::*member, Rules... rules) {
  return detail::make_field(name, Location::kQuery, member, {std::move(rules)...});
}
template <class T, class M, class... Rules>
[[nodiscard]] Field<T> path_field(std::string_view name, M T::*member, Rules... rules) {
  return detail::make_field(name, Location::kPath, member, {std::move(rules)...});
}
template <class T, class M, class... Rules>
[[nodiscard]] Field<T> header_field(std::string_view name, M T::*member, Rules... rules) {
  return detail::make_field(name, Location::kHeader, member, {std::move(rules)...});
}
/// A file part of a multipart body must be there; the handler takes it from Request::files.
template <class T, class... Rules>
[[nodiscard]] Field<T> file_field(std::string_view name, Rules... rules) {
  return Field<T>(detail::make_row(name, Location::kFile, 0, nullptr, {std::move(rules)...}));
}
/// The whole JSON body goes into this member (a struct with a table, json::object, json::value, a list, …), beside
/// parameters. At most one per table and no kBody rows with it.
template <class T, class M, class... Rules>
[[nodiscard]] Field<T> whole_body(M T::*member, Rules... rules) {
  Field<T> made = detail::make_field("body", Location::kBody, member, {std::move(rules)...});
  made.row.whole_body = true;
  return made;
}

/// The table of T: immutable, made once per process inside fields_of<T>().
template <class T>
class Fields : public detail::FieldTable {
 public:
  /// Unknown body keys are ignored.
  Fields(std::initializer_list<Field<T>> fields) : Fields(fields, false) {}
  /// Unknown body keys are refused: `extra_forbidden`.
  [[nodiscard]] static Fields closed(std::initializer_list<Field<T>> fields) { return Fields(fields, true); }

 private:
  Fields(std::initializer_list<Field<T>> fields, bool is_closed)
      : FieldTable(rows_of(fields), is_closed, detail::cpp_name<T>(), std::make_shared<const T>()) {}
  static std::vector<detail::FieldRow> rows_of(std::initializer_list<Field<T>> fields) {
    std::vector<detail::FieldRow> rows;
    rows.reserve(fields.size());
    for (const Field<T>& f : fields) rows.push_back(f.row);
    return rows;
  }
};

/// Specialised once per struct in its room's *_schemas.cpp and declared beside the struct:
/// `template <> const schema::Fields<Budget>& schema::fields_of();` (inside namespace nexus).
template <class T>
const Fields<T>& fields_of();

/// Where the values come from; borrowed. A null body (or JSON null) means that there was none.
struct Inputs {
  const boost::json::value* body = nullptr;
  const Pairs* query = nullptr;
  const Pairs* path = nullptr;
  const Pairs* form = nullptr;
  const Pairs* headers = nullptr;
  const Pairs* files = nullptr;  ///< field and file name of each part
};

/// What is wrong with a request, all of it at once, up to kMost entries.
class Problems {
 public:
  static constexpr std::size_t kMost = 100;

  void add(std::string_view type, boost::json::array loc, std::string_view msg, boost::json::value input,
           boost::json::object ctx = {});
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] bool full() const { return items_.size() >= kMost; }
  /// [{type, loc, msg, input, ctx?}, …]
  [[nodiscard]] const boost::json::array& as_json() const { return items_; }
  [[nodiscard]] boost::json::array take() { return std::move(items_); }

 private:
  boost::json::array items_;
};

/// Path, query, header, then body problems, each in table order. Members with problems keep their initialisers.
template <class T>
[[nodiscard]] T read(const Inputs& inputs, Problems& problems) {
  T out{};
  detail::read_parameters(fields_of<T>(), inputs, problems, &out);
  detail::read_body(fields_of<T>(), inputs, problems, &out);
  return out;
}
template <class T>
[[nodiscard]] T read(const boost::json::value& body, Problems& problems) {
  return read<T>(Inputs{.body = &body}, problems);
}
/// For JSON of our own making (stored rows, job payloads). Throws std::invalid_argument naming the first problem.
template <class T>
[[nodiscard]] T read_stored(const boost::json::value& stored);

/// Any type that a member may have; null optionals are written as null, in table order.
template <class T>
void write(std::string& out, const T& value) {
  detail::write_value(out, detail::TypeOf<T>::kType, &value);
}
template <class T>
[[nodiscard]] std::string write(const T& value) {
  std::string out;
  write(out, value);
  return out;
}

/// JSON Schema (2020-12, as OpenAPI 3.1 uses it) of the body of T or of any member type. Structs carry `title`, by
/// which http/openapi.cpp moves them into components.
template <class T>
[[nodiscard]] boost::json::object openapi() {
  return detail::schema_of(detail::TypeOf<T>::kType);
}
/// OpenAPI parameter objects of the path, query and header members.
template <class T>
[[nodiscard]] boost::json::array parameters() {
  return detail::parameters_of(fields_of<T>());
}

namespace detail {
[[noreturn]] void throw_stored(std::string_view cpp_name, const Problems& problems);
}

template <class T>
T read_stored(const boost::json::value& stored) {
  Problems problems;
  T out{};
  detail::read_value(detail::TypeOf<T>::kType, stored, problems, &out);
  if (!problems.empty()) detail::throw_stored(detail::cpp_name<T>(), problems);
  return out;
}

}  // namespace nexus::schema
