#include "db/postgres/decoder.h"

#include "base/time.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace nexus::db::postgres {
namespace {

std::int64_t from_postgres_time(std::int64_t us) {
  if (us == kInfinity || us == kMinusInfinity) return us;
  return us > kInfinity - kEpochUs ? kInfinity : us + kEpochUs;
}

std::int64_t leading_integer(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\n+");
  if (start == std::string_view::npos) return 0;
  text.remove_prefix(start);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc::result_out_of_range) return value;
  return text.front() == '-' ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
}

double leading_real(const std::string& text) {
  return std::strtod(text.c_str(), nullptr);
}

std::int64_t whole(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 9.2233720368547758e18) return std::numeric_limits<std::int64_t>::max();
  if (value <= -9.2233720368547758e18) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(value);
}

std::int64_t midnight(std::int32_t days) {
  if (days == std::numeric_limits<std::int32_t>::max()) return kInfinity;
  if (days == std::numeric_limits<std::int32_t>::min()) return kMinusInfinity;
  return (days + kEpochDays) * Timestamp::kDay;
}

std::string uuid_text(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned char>(bytes[i]));
  }
  return out;
}

std::string vector_text(std::string_view bytes) {
  std::string out = "[";
  for (std::size_t at = 4; at + 4 <= bytes.size(); at += 4) {
    fmt::format_to(std::back_inserter(out), "{}{}", at == 4 ? "" : ",", read_big<float>(bytes.data() + at));
  }
  return out += ']';
}

}  // namespace

std::string numeric_text(std::string_view bytes) {
  // int16 each: count of digits, weight of the first, sign, decimals to show; then digits of base 10000
  constexpr std::size_t kHeader = 8;
  if (bytes.size() < kHeader) return "";
  const int count = read_big<std::int16_t>(bytes.data());
  const int weight = read_big<std::int16_t>(bytes.data() + 2);
  const auto sign = read_big<std::uint16_t>(bytes.data() + 4);
  const int decimals = read_big<std::int16_t>(bytes.data() + 6);
  if (sign == 0xC000) return "NaN";
  if (sign == 0xD000) return "Infinity";
  if (sign == 0xF000) return "-Infinity";
  const auto digit = [&](int i) -> int {  // i: 0 is the first in front of the point's group, counted by weight
    const int index = weight - i;
    if (index < 0 || index >= count || kHeader + 2 * static_cast<std::size_t>(index) + 2 > bytes.size()) return 0;
    return read_big<std::int16_t>(bytes.data() + kHeader + 2 * static_cast<std::size_t>(index));
  };
  std::string out = sign == 0x4000 ? "-" : "";
  if (weight < 0) out += '0';
  for (int i = weight; i >= 0; --i) out += i == weight ? fmt::format("{}", digit(i)) : fmt::format("{:04}", digit(i));
  if (decimals <= 0) return out;
  out += '.';
  const std::size_t end = out.size() + static_cast<std::size_t>(decimals);
  for (int i = -1; out.size() < end; --i) out += fmt::format("{:04}", digit(i));
  out.resize(end);
  return out;
}

std::int64_t to_integer(const Field& field) {
  const char* p = field.bytes.data();
  switch (field.form) {
    case Form::kBool:
      return *p != 0 ? 1 : 0;
    case Form::kInt2:
      return read_big<std::int16_t>(p);
    case Form::kInt4:
      return read_big<std::int32_t>(p);
    case Form::kUint4:
      return read_big<std::uint32_t>(p);
    case Form::kInt8:
      return read_big<std::int64_t>(p);
    case Form::kFloat4:
      return whole(read_big<float>(p));
    case Form::kFloat8:
      return whole(read_big<double>(p));
    case Form::kTime:
      return from_postgres_time(read_big<std::int64_t>(p));
    case Form::kDate:
      return midnight(read_big<std::int32_t>(p));
    default:
      std::string scratch;
      return leading_integer(to_text(field, scratch));
  }
}

double to_real(const Field& field) {
  switch (field.form) {
    case Form::kFloat4:
      return read_big<float>(field.bytes.data());
    case Form::kFloat8:
      return read_big<double>(field.bytes.data());
    case Form::kText:
    case Form::kJsonb:
    case Form::kNumeric: {
      std::string scratch;
      return leading_real(std::string(to_text(field, scratch)));
    }
    default:
      return static_cast<double>(to_integer(field));
  }
}

std::string_view to_text(const Field& field, std::string& scratch) {
  switch (field.form) {
    case Form::kText:
    case Form::kBytea:
      return field.bytes;
    case Form::kJsonb:
      return field.bytes.substr(1);
    case Form::kVoid:
    case Form::kUnsupported:
      return {};
    case Form::kNumeric:
      return scratch = numeric_text(field.bytes);
    case Form::kUuid:
      return scratch = uuid_text(field.bytes);
    case Form::kVector:
      return scratch = vector_text(field.bytes);
    case Form::kFloat4:
      return scratch = fmt::format("{}", read_big<float>(field.bytes.data()));
    case Form::kFloat8:
      return scratch = fmt::format("{}", read_big<double>(field.bytes.data()));
    case Form::kDate:
      return scratch = iso(Timestamp{to_integer(field)}).substr(0, 10);
    default:
      return scratch = fmt::format("{}", to_integer(field));
  }
}

std::string_view to_bytes(const Field& field, std::string& scratch) {
  if (field.form != Form::kVector) return to_text(field, scratch);
  scratch.clear();
  for (std::size_t at = 4; at + 4 <= field.bytes.size(); at += 4) {
    const char* p = field.bytes.data() + at;
    scratch.append({p[3], p[2], p[1], p[0]});
  }
  return scratch;
}

}  // namespace nexus::db::postgres
