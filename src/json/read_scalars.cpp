#include "json/reader.h"
#include "json/scalars.h"
#include "json/temporal.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace nexus::schema::detail {

bool Reader::string(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, std::string& out) {
  if (rules.date) return calendar_date(type, rules, raw, place, out);
  const std::optional<std::string_view> text = raw.text();
  if (!rules.options.empty()) {
    for (const std::string& option : rules.options) {
      if (text && *text == option) {
        out = option;
        return true;
      }
    }
    const std::string expected = alternatives(rules.options);
    return bad(type, rules, raw, place, "literal_error", "Input should be " + expected, {{"expected", expected}});
  }
  if (!text) return bad(type, rules, raw, place, "string_type", "Input should be a valid string");
  if (holds_null_character(*text)) return null_character(type, rules, raw, place);
  if (rules.min_length || rules.max_length) {
    const std::size_t length = code_points(*text);
    const auto plural = [](std::size_t n) { return std::to_string(n) + (n == 1 ? " character" : " characters"); };
    if (rules.min_length && length < *rules.min_length)
      return bad(type, rules, raw, place, "string_too_short",
                 "String should have at least " + plural(*rules.min_length), {{"min_length", *rules.min_length}});
    if (rules.max_length && length > *rules.max_length)
      return bad(type, rules, raw, place, "string_too_long", "String should have at most " + plural(*rules.max_length),
                 {{"max_length", *rules.max_length}});
  }
  if (rules.matches && !rules.matches(*text))
    return bad(type, rules, raw, place, "string_pattern_mismatch",
               "String should match pattern '" + rules.pattern + "'", {{"pattern", rules.pattern}});
  out.assign(*text);
  return true;
}

bool Reader::boolean(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, bool& out) {
  std::optional<bool> read;
  bool parseable = true;
  if (raw.text()) {
    read = bool_from_text(*raw.text());
  } else if (raw.json->is_bool()) {
    read = raw.json->get_bool();
  } else if (raw.json->is_number()) {
    const auto number = raw.json->to_number<double>();
    parseable = number == std::floor(number);
    if (number == 0 || number == 1) read = number == 1;
  } else {
    parseable = false;
  }
  if (read) {
    out = *read;
    return true;
  }
  if (parseable)
    return bad(type, rules, raw, place, "bool_parsing", "Input should be a valid boolean, unable to interpret input");
  return bad(type, rules, raw, place, "bool_type", "Input should be a valid boolean");
}

bool Reader::integer(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, void* out) {
  constexpr std::string_view kTooLarge = "Unable to parse input string as an integer, exceeded maximum size";
  long double number = 0;
  if (const auto text = raw.text()) {
    const std::optional<long double> parsed = integer_from_text(*text);
    if (!parsed)
      return bad(type, rules, raw, place, "int_parsing",
                 "Input should be a valid integer, unable to parse string as an integer");
    number = *parsed;
  } else if (raw.json->is_double()) {
    const double real = raw.json->get_double();
    if (!std::isfinite(real)) return bad(type, rules, raw, place, "finite_number", "Input should be a finite number");
    if (real != std::floor(real))
      return bad(type, rules, raw, place, "int_from_float",
                 "Input should be a valid integer, got a number with a fractional part");
    if (std::abs(real) >= 9.3e18) return bad(type, rules, raw, place, "int_parsing_size", kTooLarge);
    number = static_cast<long double>(real);
  } else if (raw.json->is_int64()) {
    number = static_cast<long double>(raw.json->get_int64());
  } else if (raw.json->is_uint64()) {
    number = static_cast<long double>(raw.json->get_uint64());
  } else if (raw.json->is_bool()) {
    number = raw.json->get_bool() ? 1 : 0;
  } else {
    return bad(type, rules, raw, place, "int_type", "Input should be a valid integer");
  }
  if (!within(type, rules, raw, place, number)) return false;
  if (!store_integer(number, type.bytes, type.is_signed, out))
    return bad(type, rules, raw, place, "int_parsing_size", kTooLarge);
  return true;
}

bool Reader::real(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, double& out) {
  double number = 0;
  if (const auto text = raw.text()) {
    const std::optional<double> parsed = double_from_text(*text);
    if (!parsed)
      return bad(type, rules, raw, place, "float_parsing",
                 "Input should be a valid number, unable to parse string as a number");
    number = *parsed;
  } else if (raw.json->is_number()) {
    number = raw.json->to_number<double>();
  } else if (raw.json->is_bool()) {
    number = raw.json->get_bool() ? 1 : 0;
  } else {
    return bad(type, rules, raw, place, "float_type", "Input should be a valid number");
  }
  if (!std::isfinite(number)) return bad(type, rules, raw, place, "finite_number", "Input should be a finite number");
  if (!within(type, rules, raw, place, static_cast<long double>(number))) return false;
  out = number;
  return true;
}

bool Reader::within(const Type& type, const Constraints& rules, const Raw& raw, const Place& place,
                    long double number) {
  struct Bound {
    const std::optional<double>& limit;
    bool broken;
    std::string_view problem;
    std::string_view words;
    std::string_view key;
  };
  const auto limit = [](const std::optional<double>& bound) { return static_cast<long double>(bound.value_or(0)); };
  const Bound bounds[] = {
      {rules.le, number > limit(rules.le), "less_than_equal", "less than or equal to ", "le"},
      {rules.lt, number >= limit(rules.lt), "less_than", "less than ", "lt"},
      {rules.ge, number < limit(rules.ge), "greater_than_equal", "greater than or equal to ", "ge"},
      {rules.gt, number <= limit(rules.gt), "greater_than", "greater than ", "gt"},
  };
  for (const Bound& bound : bounds) {
    if (!bound.limit || !bound.broken) continue;
    bj::object ctx;
    if (type.kind == Kind::kInteger) {
      ctx.emplace(bound.key, static_cast<std::int64_t>(*bound.limit));
    } else {
      ctx.emplace(bound.key, *bound.limit);
    }
    return bad(type, rules, raw, place, bound.problem,
               std::string("Input should be ").append(bound.words).append(plain_number(*bound.limit)), std::move(ctx));
  }
  return true;
}

bool Reader::timestamp(const Type& type, const Constraints& rules, const Raw& raw, const Place& place, Timestamp& out) {
  Moment moment;
  if (const auto text = raw.text()) {
    moment = read_datetime_text(*text);
    // Whatever was wrong with the time, the text is tried as a date, and that complaint is the one reported.
    if (moment.problem != nullptr) moment = read_date_text(*text);
  } else if (raw.json->is_number()) {
    moment = read_unix_time(raw.json->to_number<double>());
  } else {
    return bad(type, rules, raw, place, "datetime_type", "Input should be a valid datetime");
  }
  if (moment.problem != nullptr)
    return bad(type, rules, raw, place, "datetime_from_date_parsing",
               std::string("Input should be a valid datetime or date, ").append(moment.problem),
               {{"error", moment.problem}});
  out = Timestamp{moment.us};
  return true;
}

bool Reader::calendar_date(const Type& type, const Constraints& rules, const Raw& raw, const Place& place,
                           std::string& out) {
  Moment moment;
  if (const auto text = raw.text()) {
    moment = read_date_text(*text);
    if (moment.problem != nullptr) moment = read_datetime_text(*text);
  } else if (raw.json->is_number()) {
    moment = read_unix_time(raw.json->to_number<double>());
  } else {
    return bad(type, rules, raw, place, "date_type", "Input should be a valid date");
  }
  if (moment.problem != nullptr)
    return bad(type, rules, raw, place, "date_from_datetime_parsing",
               std::string("Input should be a valid date or datetime, ").append(moment.problem),
               {{"error", moment.problem}});
  if (moment.us % Timestamp::kDay != 0)
    return bad(type, rules, raw, place, "date_from_datetime_inexact",
               "Datetimes provided to dates should have zero time - e.g. be exact dates");
  out = iso(Timestamp{moment.us}).substr(0, 10);
  return true;
}

}  // namespace nexus::schema::detail
