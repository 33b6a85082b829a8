#pragma once

#include "base/time.h"
#include "json/schema.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// The lenient reader behind schema::read. Internal to this room; scalars are in read_scalars.cpp, everything that
/// has parts in schema_read.cpp, what is repeated to the client in echo.cpp.
namespace nexus::schema::detail {

namespace bj = boost::json;

constexpr std::size_t kLongestEcho = 8192;
constexpr std::string_view kRedacted = "[REDACTED]";

/// Where a value stands; a chain of frames on the stack, spelled out only when something is wrong.
struct Place {
  const Place* parent = nullptr;
  std::string_view key;
  std::size_t index = 0;
  bool is_index = false;

  [[nodiscard]] bj::array spelled() const {
    bj::array loc = parent != nullptr ? parent->spelled() : bj::array();
    if (is_index) {
      loc.emplace_back(index);
    } else {
      loc.emplace_back(bj::string_view(key.data(), key.size()));
    }
    return loc;
  }
};

/// One value on its way in: JSON, or bare text from a query, path, form or header.
struct Raw {
  const bj::value* json = nullptr;
  std::string_view bare;

  [[nodiscard]] bool is_null() const { return json != nullptr && json->is_null(); }
  [[nodiscard]] std::optional<std::string_view> text() const {
    if (json == nullptr) return bare;
    if (!json->is_string()) return std::nullopt;
    return std::string_view(json->get_string().data(), json->get_string().size());
  }
};

/// Roughly how long a value's text is; stops counting beyond kLongestEcho.
[[nodiscard]] std::size_t weight(const bj::value& value);
/// Blanks out the members that are declared sensitive.
void redact(bj::value& value, const Type& type);
void redact(bj::value& value, const FieldTable& table);

/// U+0000, in the text or anywhere in the value: no database of ours keeps it in every place where a string may go.
[[nodiscard]] bool holds_null_character(std::string_view text);
[[nodiscard]] bool holds_null_character(const bj::value& value);

/// The rules of a value that has none.
[[nodiscard]] const Constraints& no_rules();

/// Reads values into members and collects what is wrong. Every function answers whether its value was good.
class Reader {
 public:
  explicit Reader(Problems& problems) : problems_(problems) {}

  bool value(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, void* out);
  /// The members of one JSON object.
  bool object(const FieldTable& table, const bj::object& from, const Place& place, void* out);
  /// A member from a list of pairs: query, path, header or form.
  void from_pairs(const FieldRow& row, std::string_view root, const Pairs* pairs, void* out);
  void file(const FieldRow& row, const Pairs* files);

  void add(std::string_view type, std::string_view msg, const Place& place, bj::value input, bj::object ctx = {}) {
    problems_.add(type, place.spelled(), msg, std::move(input), std::move(ctx));
  }
  static void* at(void* out, const FieldRow& row) { return static_cast<char*>(out) + row.offset; }

 private:
  bool bad(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, std::string_view problem,
           std::string_view msg, bj::object ctx = {});
  bool null_character(const Type& type, const Constraints& rules, const Raw& raw, const Place& place);
  bool absent(const FieldRow& row, const Place& here, void* out);
  bool string(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, std::string& out);
  bool boolean(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, bool& out);
  bool integer(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, void* out);
  bool real(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, double& out);
  bool within(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, long double number);
  bool timestamp(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, Timestamp& out);
  bool calendar_date(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, std::string& out);
  bool json_object(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, bj::object& out);
  bool json_array(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, bj::array& out);
  bool sized(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, std::string_view noun,
             std::size_t size);
  bool list(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, void* out);
  bool map(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, void* out);
  bool structure(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, void* out);

  Problems& problems_;
};

}  // namespace nexus::schema::detail
