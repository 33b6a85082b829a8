#include "db/postgres/encoder.h"

#include "base/time.h"
#include "db/database.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace nexus::db::postgres {
namespace {

[[noreturn]] void refuse(std::string_view what, std::string_view why) {
  throw Error(ErrorCode::kConstraint, fmt::format("{}: {}", what, why));
}

template <class T>
T narrow(std::int64_t value, std::string_view what) {
  if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) {
    refuse(what, "a number is too large for its column");
  }
  return static_cast<T>(value);
}

std::int64_t to_postgres_time(std::int64_t us, std::string_view what) {
  if (us == kInfinity || us == kMinusInfinity) return us;
  if (us < kMinusInfinity + kEpochUs) refuse(what, "a time is too early");
  return us - kEpochUs;
}

template <class T>
std::string_view view(const std::array<char, sizeof(T)>& bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace

void Encoder::push(std::string_view bytes, bool binary) {
  slots_.push_back({bytes_.size(), false});
  bytes_.append(bytes);
  bytes_ += '\0';
  bound_.lengths.push_back(static_cast<int>(bytes.size()));
  bound_.formats.push_back(binary ? 1 : 0);
}

const BoundValues& Encoder::encode(std::span<const Value> values, std::span<const Form> forms, std::string_view what) {
  bytes_.clear();
  slots_.clear();
  bound_.values.clear();
  bound_.lengths.clear();
  bound_.formats.clear();
  for (std::size_t i = 0; i < values.size(); ++i) add(values[i], forms[i], what);
  for (const Slot& slot : slots_) bound_.values.push_back(slot.is_null ? nullptr : bytes_.data() + slot.offset);
  return bound_;
}

void Encoder::add(const Value& value, Form form, std::string_view what) {
  switch (value.type()) {
    case Value::Type::kNull:
      slots_.push_back({0, true});
      bound_.lengths.push_back(0);
      bound_.formats.push_back(1);
      return;
    case Value::Type::kInt:
    case Value::Type::kBool:
      return add_integer(value.integer(), form, false, what);
    case Value::Type::kTime:
      return add_integer(value.integer(), form, true, what);
    case Value::Type::kReal:
      return add_real(value.real(), form, what);
    case Value::Type::kText:
    case Value::Type::kJson:
      return add_text(value.text(), form, what);
    case Value::Type::kBlob:
      return add_blob(value.text(), form, 0, what);
    case Value::Type::kVector:
      return add_blob(value.text(), form, kVectorColumnSize, what);
  }
}

void Encoder::add_integer(std::int64_t value, Form form, bool is_time, std::string_view what) {
  switch (form) {
    case Form::kBool:
      return push(std::string_view(value != 0 ? "\1" : "\0", 1), true);
    case Form::kInt2:
      return push(view<std::int16_t>(big(narrow<std::int16_t>(value, what))), true);
    case Form::kInt4:
      return push(view<std::int32_t>(big(narrow<std::int32_t>(value, what))), true);
    case Form::kUint4:
      return push(view<std::uint32_t>(big(narrow<std::uint32_t>(value, what))), true);
    case Form::kInt8:
      return push(view<std::int64_t>(big(value)), true);
    case Form::kFloat4:
      return push(view<float>(big(static_cast<float>(value))), true);
    case Form::kFloat8:
      return push(view<double>(big(static_cast<double>(value))), true);
    case Form::kTime:
      return push(view<std::int64_t>(big(to_postgres_time(value, what))), true);
    case Form::kDate:
      if (is_time) return push(iso(Timestamp{value}).substr(0, 10), false);
      break;
    default:
      break;
  }
  push(fmt::format_int(value).c_str(), false);
}

void Encoder::add_real(double value, Form form, std::string_view what) {
  switch (form) {
    case Form::kFloat4:
      return push(view<float>(big(static_cast<float>(value))), true);
    case Form::kFloat8:
      return push(view<double>(big(value)), true);
    case Form::kBool:
    case Form::kInt2:
    case Form::kInt4:
    case Form::kUint4:
    case Form::kInt8:
    case Form::kTime:
      if (std::nearbyint(value) != value || std::abs(value) > 9.0e18) refuse(what, "a fraction for a whole number");
      return add_integer(static_cast<std::int64_t>(value), form, false, what);
    default:
      if (std::isnan(value)) return push("NaN", false);
      if (std::isinf(value)) return push(value > 0 ? "Infinity" : "-Infinity", false);
      return push(fmt::format("{}", value), false);
  }
}

void Encoder::add_text(std::string_view text, Form form, std::string_view what) {
  if (form == Form::kBytea) return push(text, true);
  if (text.find('\0') != std::string_view::npos) refuse(what, "text with a NUL character cannot be stored");
  push(text, form == Form::kText);
}

void Encoder::add_blob(std::string_view bytes, Form form, std::size_t padded_to, std::string_view what) {
  if (form != Form::kVector) {
    if (form != Form::kBytea) return add_text(bytes, form, what);
    return push(bytes, true);
  }
  const std::size_t count = bytes.size() / sizeof(float);
  constexpr std::size_t kMostDimensions = 16'000;  // pgvector's limit
  const std::size_t most = padded_to > 0 ? padded_to : kMostDimensions;
  if (bytes.size() % sizeof(float) != 0 || count == 0 || count > most) {
    refuse(what, fmt::format("a vector takes 1 to {} numbers of four bytes", most));
  }
  const std::size_t length = std::max(count, padded_to);
  std::string out(view<std::int16_t>(big(static_cast<std::int16_t>(length))));
  out.append(2, '\0');
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(float)) {
    out.append({bytes[i + 3], bytes[i + 2], bytes[i + 1], bytes[i]});
  }
  out.append((length - count) * sizeof(float), '\0');
  push(out, true);
}

}  // namespace nexus::db::postgres
