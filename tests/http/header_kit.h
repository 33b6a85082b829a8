#pragma once

#include "support/test_client.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>

/// For suites about headers.
namespace nexus::testing {

inline std::string value_of(const Response& answer, std::string_view name) {
  const std::string* value = answer.header(name);
  return value ? *value : "(none)";
}

/// The headers whose names begin with one of `prefixes`, in the order they were sent.
inline Pairs headers_of(const Response& answer, std::initializer_list<std::string_view> prefixes) {
  Pairs out;
  std::copy_if(answer.headers.begin(), answer.headers.end(), std::back_inserter(out), [&](const auto& header) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](std::string_view prefix) { return header.first.starts_with(prefix); });
  });
  return out;
}

}  // namespace nexus::testing
