#include "json/json.h"
#include "json/schema.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::schema {
namespace {

/// `… [with T = nexus::rag::Page<nexus::rag::Hit>; …]` → `Page_Hit`.
std::string struct_name(std::string_view pretty) {
  const std::size_t begin = pretty.find("T = ");
  if (begin != std::string_view::npos) pretty.remove_prefix(begin + 4);
  pretty = pretty.substr(0, pretty.find_first_of(";]"));
  std::string name;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) name.append(name.empty() ? "" : "_").append(word);
    word.clear();
  };
  for (const char c : pretty) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (letter) {
      word.push_back(c);
    } else if (c == ':') {
      word.clear();
    } else {
      flush();
    }
  }
  flush();
  return name;
}

}  // namespace

Rule ge(double bound) {
  return {[=](detail::Constraints& c) { c.ge = bound; }};
}
Rule le(double bound) {
  return {[=](detail::Constraints& c) { c.le = bound; }};
}
Rule gt(double bound) {
  return {[=](detail::Constraints& c) { c.gt = bound; }};
}
Rule lt(double bound) {
  return {[=](detail::Constraints& c) { c.lt = bound; }};
}
Rule min_length(std::size_t count) {
  return {[=](detail::Constraints& c) { c.min_length = count; }};
}
Rule max_length(std::size_t count) {
  return {[=](detail::Constraints& c) { c.max_length = count; }};
}
Rule pattern(std::string text, std::function<bool(std::string_view)> matches) {
  return {[text = std::move(text), matches = std::move(matches)](detail::Constraints& c) {
    c.pattern = text;
    c.matches = matches;
  }};
}
Rule one_of(std::vector<std::string> options) {
  return {[options = std::move(options)](detail::Constraints& c) { c.options = options; }};
}
Rule date() {
  return {[](detail::Constraints& c) { c.date = true; }};
}
Rule defaulted() {
  return {[](detail::Constraints& c) { c.defaulted = true; }};
}
Rule default_value(boost::json::value value) {
  return {[value = std::move(value)](detail::Constraints& c) { c.default_value = value; }};
}
Rule each(std::vector<Rule> rules) {
  return {[rules = std::move(rules)](detail::Constraints& c) {
    c.each = std::make_shared<detail::Constraints>();
    for (const Rule& rule : rules) rule.apply(*c.each);
  }};
}
Rule doc(std::string sentence) {
  return {[sentence = std::move(sentence)](detail::Constraints& c) { c.doc = sentence; }};
}
Rule example(boost::json::value value) {
  return {[value = std::move(value)](detail::Constraints& c) { c.example = value; }};
}
Rule sensitive() {
  return {[](detail::Constraints& c) { c.sensitive = true; }};
}

namespace detail {

FieldRow make_row(std::string_view name, Location location, std::size_t offset, const Type* type,
                  std::initializer_list<Rule> rules) {
  FieldRow row{.name = std::string(name), .location = location, .offset = offset, .type = type};
  for (const Rule& rule : rules) rule.apply(row.constraints);
  json::append_string(row.key_json, name);
  row.key_json.push_back(':');
  // A rule about single words on a list of words is a rule of its elements.
  Constraints& c = row.constraints;
  const Type* inner = type;
  while (inner != nullptr && (inner->kind == Kind::kOptional || inner->kind == Kind::kPatch)) inner = inner->inner;
  if (inner != nullptr && (inner->kind == Kind::kList || inner->kind == Kind::kMap) && !c.options.empty()) {
    if (!c.each) c.each = std::make_shared<Constraints>();
    c.each->options = std::exchange(c.options, {});
  }
  return row;
}

bool FieldRow::required() const {
  if (constraints.defaulted || constraints.default_value) return false;
  return type == nullptr || (type->kind != Kind::kOptional && type->kind != Kind::kPatch);
}

FieldTable::FieldTable(std::vector<FieldRow> rows, bool closed, std::string_view cpp_name,
                       std::shared_ptr<const void> defaults)
    : rows_(std::move(rows)), closed_(closed), name_(struct_name(cpp_name)), defaults_(std::move(defaults)) {
  for (const FieldRow& row : rows_) {
    if (row.constraints.sensitive) sensitive_ = true;
    if (row.whole_body) whole_body_ = static_cast<std::size_t>(&row - rows_.data());
    locations_ |= 1U << static_cast<unsigned>(row.location);
    const auto same = [&](const FieldRow& other) { return other.location == row.location && other.name == row.name; };
    if (std::count_if(rows_.begin(), rows_.end(), same) != 1)
      throw std::logic_error("field table of " + name_ + " names " + row.name + " twice");
  }
}

const FieldRow* FieldTable::find(std::string_view name) const {
  for (const FieldRow& row : rows_)
    if (row.location == Location::kBody && row.name == name) return &row;
  return nullptr;
}

void throw_stored(std::string_view cpp_name, const Problems& problems) {
  throw std::invalid_argument("stored " + struct_name(cpp_name) + ": " + json::write(problems.as_json().front()));
}

}  // namespace detail
}  // namespace nexus::schema
