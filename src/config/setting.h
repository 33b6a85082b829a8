#pragma once

#include "base/secret.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace nexus::config {

/// The part of the product that a setting belongs to; sections of the generated documentation stand in this order.
enum class Area : std::uint8_t {
  kGeneral,
  kServer,
  kLanes,
  kStorage,
  kJobs,
  kAuthentication,
  kAuthorization,
  kIdentity,
  kRateLimiting,
  kAudit,
  kKeys,
  kResilience,
  kDocuments,
  kSearch,
  kModels,
  kSpeech,
  kRetention,
  kBilling,
  kCosts,
  kServiceLevels,
  kOperability,
  kBackup,
  kGovernance,
  kRegions,
  kPerformance,
  kReceiver,
};
[[nodiscard]] std::string_view to_string(Area area);

/// Whether code of today reads the setting, or it is accepted and checked for an area that arrives later.
enum class Since : std::uint8_t { kFoundation, kLater };

/// What is said about a setting beside its type.
struct About {
  std::string_view name;  ///< environment variable, upper case
  Area area = Area::kGeneral;
  std::string_view doc;     ///< one sentence, Markdown
  bool secret = false;      ///< may come from NAME_FILE; printed redacted
  bool reloadable = false;  ///< a new snapshot may change it while the server runs
  Since since = Since::kFoundation;
  bool common = false;  ///< shown in .env.example
};

enum class Type : std::uint8_t { kBool, kInt, kReal, kText, kSecret };
[[nodiscard]] std::string_view to_string(Type type);

/// One row of the settings table, type erased. The address of a row is its identity: rows are constants of namespace
/// scope, listed once in settings_table.cpp.
struct Row {
  using Default = std::variant<std::monostate, bool, std::int64_t, double, std::string_view>;

  About about;
  Type type = Type::kText;
  bool optional = false;                                        ///< may be absent; an empty text counts as absent
  Default fallback;                                             ///< monostate: absent
  std::int64_t min = std::numeric_limits<std::int64_t>::min();  ///< kInt
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  double real_min = std::numeric_limits<double>::lowest();  ///< kReal
  double real_max = std::numeric_limits<double>::max();
  std::string_view choices;  ///< kText: allowed values "a|b|c", compared without case; empty: any text
};

/// A row with its C++ type: bool, std::int64_t, double, std::string, Secret, or an optional of the middle three.
/// A default outside its own bounds does not compile.
template <class T>
struct Setting;

template <>
struct Setting<bool> : Row {
  constexpr Setting(About what, bool value) : Row{.about = what, .type = Type::kBool, .fallback = value} {}
};

template <>
struct Setting<std::int64_t> : Row {
  constexpr Setting(About what, std::int64_t value, std::int64_t least, std::int64_t most)
      : Row{.about = what, .type = Type::kInt, .fallback = value, .min = least, .max = most} {
    if (value < least || value > most) throw std::logic_error("default outside its bounds");
  }
};

template <>
struct Setting<std::optional<std::int64_t>> : Row {
  constexpr Setting(About what, std::int64_t least, std::int64_t most)
      : Row{.about = what, .type = Type::kInt, .optional = true, .min = least, .max = most} {}
};

template <>
struct Setting<double> : Row {
  constexpr Setting(About what, double value, double least, double most)
      : Row{.about = what, .type = Type::kReal, .fallback = value, .real_min = least, .real_max = most} {
    if (value < least || value > most) throw std::logic_error("default outside its bounds");
  }
};

template <>
struct Setting<std::string> : Row {
  constexpr Setting(About what, std::string_view value, std::string_view allowed = {})
      : Row{.about = what, .type = Type::kText, .fallback = value, .choices = allowed} {}
};

template <>
struct Setting<std::optional<std::string>> : Row {
  constexpr explicit Setting(About what) : Row{.about = what, .type = Type::kText, .optional = true} {}
};

/// An absent secret is an empty one.
template <>
struct Setting<Secret> : Row {
  constexpr explicit Setting(About what) : Row{.about = what, .type = Type::kSecret, .optional = true} {
    about.secret = true;
  }
};

}  // namespace nexus::config
