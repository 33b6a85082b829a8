#include "base/time.h"
#include "json/json.h"
#include "json/schema.h"

#include <boost/json/value.hpp>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::json_fuzz {

struct Leaf {
  int number = 0;
  schema::Patch<std::string> text;
};

struct Tree {
  std::string name;
  double ratio = 1;
  Timestamp at;
  std::string day;
  std::optional<std::int64_t> wide;
  std::vector<Leaf> leaves;
  std::map<std::string, bool> flags;
  boost::json::object rest;
};

struct Query {
  std::string name;
  std::uint64_t number = 0;
  double ratio = 0;
  Timestamp at;
  std::string day;
  bool on = false;
};

}  // namespace nexus::json_fuzz

namespace nexus {

template <>
const schema::Fields<json_fuzz::Query>& schema::fields_of() {
  using namespace schema;
  using T = json_fuzz::Query;
  static const Fields<T> fields{query_field("name", &T::name, min_length(2)),
                                query_field("number", &T::number),
                                query_field("ratio", &T::ratio),
                                query_field("at", &T::at),
                                query_field("day", &T::day, date()),
                                query_field("on", &T::on)};
  return fields;
}

template <>
const schema::Fields<json_fuzz::Leaf>& schema::fields_of() {
  using namespace schema;
  using T = json_fuzz::Leaf;
  static const auto fields = Fields<T>::closed(
      {field("number", &T::number, ge(-5), le(5), defaulted()), field("text", &T::text, max_length(4), sensitive())});
  return fields;
}

template <>
const schema::Fields<json_fuzz::Tree>& schema::fields_of() {
  using namespace schema;
  using T = json_fuzz::Tree;
  static const Fields<T> fields{field("name", &T::name, one_of({"a", "b"})),
                                field("ratio", &T::ratio, gt(0), defaulted()),
                                field("at", &T::at, defaulted()),
                                field("day", &T::day, date(), defaulted()),
                                field("wide", &T::wide),
                                field("leaves", &T::leaves, max_length(8), defaulted()),
                                field("flags", &T::flags, defaulted()),
                                field("rest", &T::rest, defaulted())};
  return fields;
}

}  // namespace nexus

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

/// What was read must survive being written, in both forms, and mean the same.
void check_document(std::string_view text) {
  boost::json::value value;
  try {
    value = nexus::json::parse(text);
  } catch (const nexus::json::ParseError& error) {
    must(error.offset() <= text.size() && error.position() <= error.offset());
    return;
  }
  const std::string written = nexus::json::write(value);
  must(nexus::json::parse(written) == value);
  const std::string canonical = nexus::json::canonical(value);
  must(nexus::json::canonical(nexus::json::parse(canonical)) == canonical);

  nexus::schema::Problems problems;
  const auto tree = nexus::schema::read<nexus::json_fuzz::Tree>(value, problems);
  (void)nexus::json::parse(nexus::json::write(problems.as_json()));
  const std::string encoded = nexus::schema::write(tree);
  (void)nexus::json::parse(encoded);
  if (!problems.empty()) return;
  // A struct that was good reads back as itself; unset dates are the one text that no date is written as.
  if (!tree.day.empty())
    must(nexus::schema::write(nexus::schema::read_stored<nexus::json_fuzz::Tree>(nexus::json::parse(encoded))) ==
         encoded);
}

/// The same bytes as parameters: bare text that need not be UTF-8.
void check_parameters(std::string_view text) {
  const std::string copy(text);
  const nexus::schema::Pairs pairs{{"name", copy}, {"number", copy}, {"ratio", copy},
                                   {"at", copy},   {"day", copy},    {"on", copy}};
  nexus::schema::Problems problems;
  const auto query = nexus::schema::read<nexus::json_fuzz::Query>({.query = &pairs}, problems);
  (void)nexus::json::parse(nexus::json::write(problems.as_json()));
  (void)nexus::json::parse(nexus::schema::write(query));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_document(text);
  check_parameters(text);
  return 0;
}
