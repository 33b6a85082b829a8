#include "db/sqlite/decimal_order.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace nexus::db::sqlite {
namespace {

struct DecimalDigits {
  bool negative = false;
  std::string_view whole;     // without leading zeros
  std::string_view fraction;  // without trailing zeros
};

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<DecimalDigits> split_decimal(std::string_view text) {
  DecimalDigits d;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    d.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const std::size_t point = text.find('.');
  d.whole = text.substr(0, point);
  if (point != std::string_view::npos) d.fraction = text.substr(point + 1);
  if ((d.whole.empty() && d.fraction.empty()) || !all_digits(d.whole) || !all_digits(d.fraction)) return std::nullopt;
  d.whole.remove_prefix(std::min(d.whole.find_first_not_of('0'), d.whole.size()));
  d.fraction = d.fraction.substr(0, d.fraction.find_last_not_of('0') + 1);
  if (d.whole.empty() && d.fraction.empty()) d.negative = false;  // there is one zero
  return d;
}

int sign_of(int order) {
  return (order > 0) - (order < 0);
}

}  // namespace

int compare_decimals(std::string_view a, std::string_view b) {
  const std::optional<DecimalDigits> x = split_decimal(a);
  const std::optional<DecimalDigits> y = split_decimal(b);
  if (!x || !y) return x ? -1 : y ? 1 : sign_of(a.compare(b));
  if (x->negative != y->negative) return x->negative ? -1 : 1;
  int order = 0;
  if (x->whole.size() != y->whole.size()) {
    order = x->whole.size() < y->whole.size() ? -1 : 1;
  } else {
    order = sign_of(x->whole.compare(y->whole));
    if (order == 0) order = sign_of(x->fraction.compare(y->fraction));
  }
  return x->negative ? -order : order;
}

}  // namespace nexus::db::sqlite
