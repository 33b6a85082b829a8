#include "db/copy/row.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "json/json.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <span>
#include <stdexcept>

namespace nexus::db::copy {
namespace {

std::string_view chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<float> floats(std::span<const std::byte> bytes) {
  static_assert(std::endian::native == std::endian::little, "vectors are stored little-endian");
  if (bytes.size() % sizeof(float) != 0)
    throw Error(ErrorCode::kCorrupt, fmt::format("{} bytes are no vector of 4-byte numbers", bytes.size()));
  std::vector<float> out(bytes.size() / sizeof(float));
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

/// "1.50" and "1.5", "-0" and "0": one text each.
std::string plain_decimal(std::string text) {
  if (text.find_first_not_of("+-0123456789.") != std::string::npos) return text;  // NaN, an exponent: as it is
  if (text.starts_with('+')) text.erase(0, 1);
  if (text.find('.') != std::string::npos) {
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
  }
  const std::size_t sign = text.starts_with('-') ? 1 : 0;
  while (text.size() > sign + 1 && text[sign] == '0' && text[sign + 1] != '.') text.erase(sign, 1);
  return text == "-0" || text.empty() || text == "-" ? "0" : text;
}

std::string canonical_json(const std::string& text) {
  constexpr json::Limits kLimits{.max_bytes = std::size_t{1} << 30U, .max_depth = 256};
  try {
    return json::canonical(json::parse(text, kLimits));
  } catch (const json::ParseError&) {
    return text;  // both sides say it with the same characters, or the sums differ
  }
}

void frame(std::string& out, char type, std::string_view bytes) {
  out += type;
  out += std::to_string(bytes.size());
  out += ':';
  out += bytes;
}

void append_canonical(std::string& out, const Cell& cell, Kind kind) {
  if (std::holds_alternative<std::monostate>(cell)) return frame(out, 'n', {});
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return frame(out, 'i', std::to_string(*number));
  if (const auto* real = std::get_if<double>(&cell))
    return frame(out, 'r', fmt::format("{:016x}", std::bit_cast<std::uint64_t>(*real == 0 ? 0.0 : *real)));
  if (const auto* vector = std::get_if<std::vector<float>>(&cell)) {
    std::size_t used = vector->size();
    while (used > 0 && (*vector)[used - 1] == 0.0F) --used;
    return frame(out, 'v', chars(std::as_bytes(std::span(*vector).first(used))));
  }
  const auto& text = std::get<std::string>(cell);
  switch (kind) {
    case Kind::kJson:
      return frame(out, 'j', canonical_json(text));
    case Kind::kDecimal:
      return frame(out, 'd', plain_decimal(text));
    case Kind::kUuid:
      return frame(out, 't', lower(text));
    default:
      return frame(out, 't', text);
  }
}

}  // namespace

Cell read_cell(const Cursor& row, int index, Kind kind) {
  if (row.is_null(index)) return {};
  switch (kind) {
    case Kind::kInt:
    case Kind::kBool:
    case Kind::kTime:
      return row.i64(index);
    case Kind::kReal:
      return row.real(index);
    case Kind::kBlob:
      return std::string(chars(row.blob(index)));
    case Kind::kVector:
      return floats(row.blob(index));
    default:
      return row.str(index);
  }
}

Value to_value(const Cell& cell, Kind kind) {
  if (std::holds_alternative<std::monostate>(cell)) return nullptr;
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return *number;
  if (const auto* real = std::get_if<double>(&cell)) return *real;
  if (const auto* vector = std::get_if<std::vector<float>>(&cell)) return Vector{*vector};
  const auto& text = std::get<std::string>(cell);
  if (kind == Kind::kBlob) return std::as_bytes(std::span(text));
  if (kind == Kind::kJson) return Json{text};
  return text;
}

std::size_t bytes_of(const Row& row) {
  std::size_t bytes = row.size() * sizeof(Cell);
  for (const Cell& cell : row) {
    if (const auto* text = std::get_if<std::string>(&cell)) bytes += text->size();
    if (const auto* vector = std::get_if<std::vector<float>>(&cell)) bytes += vector->size() * sizeof(float);
  }
  return bytes;
}

std::string key_text(const Row& row, const TablePlan& table) {
  std::string out;
  json::Writer w(out);
  w.begin_array();
  for (const std::size_t place : table.source_key) {
    const Cell& cell = row.at(place);
    if (const auto* number = std::get_if<std::int64_t>(&cell))
      w.value(std::to_string(*number));
    else
      w.value(std::get<std::string>(cell));
  }
  w.end_array();
  return out;
}

Row key_values(std::string_view text, const TablePlan& table) {
  const boost::json::value parsed = json::parse(text);
  const boost::json::array* parts = parsed.if_array();
  if (parts == nullptr || parts->size() != table.source_key.size())
    throw std::invalid_argument(fmt::format("{} is no key of {}", text, table.name));
  Row key;
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const boost::json::string& part = (*parts)[i].as_string();
    const Kind kind = table.columns[table.source_key[i]].kind;
    if (kind == Kind::kText || kind == Kind::kUuid) {
      key.emplace_back(std::string(part));
      continue;
    }
    std::int64_t number = 0;
    const auto [end, problem] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (problem != std::errc{} || end != part.data() + part.size())
      throw std::invalid_argument(fmt::format("{} is no key of {}", text, table.name));
    key.emplace_back(number);
  }
  return key;
}

void Checksum::add(const Row& row, const TablePlan& table) {
  std::string canonical;
  for (std::size_t i = 0; i < table.columns.size(); ++i) append_canonical(canonical, row[i], table.columns[i].kind);
  const crypto::Digest digest = crypto::sha256(canonical);
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, digest.data(), sizeof high);
  std::memcpy(&low, digest.data() + sizeof high, sizeof low);
  low_ += low;
  high_ += high + (low_ < low ? 1 : 0);
}

std::string Checksum::hex() const {
  return fmt::format("{:016x}{:016x}", high_, low_);
}

}  // namespace nexus::db::copy
