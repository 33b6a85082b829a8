#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <libpq-fe.h>
#include <limits>
#include <type_traits>

namespace nexus::db::postgres {

/// Object ids of the built-in types, fixed by PostgreSQL (catalog/pg_type.dat).
namespace oids {
inline constexpr Oid kBool = 16, kBytea = 17, kChar = 18, kName = 19, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25,
                     kOid = 26, kXid = 28, kJson = 114, kFloat4 = 700, kFloat8 = 701, kUnknown = 705, kBpchar = 1042,
                     kVarchar = 1043, kDate = 1082, kTimestamp = 1114, kTimestamptz = 1184, kNumeric = 1700,
                     kVoid = 2278, kUuid = 2950, kJsonb = 3802, kXid8 = 5069;
inline constexpr Oid kFirstOfDatabase = 16384;  ///< from here on ids differ from database to database
}  // namespace oids

/// How the bytes of a type are laid out in the binary format.
enum class Form : std::uint8_t {
  kUnsupported,
  kVoid,
  kBool,
  kInt2,
  kInt4,
  kUint4,
  kInt8,
  kFloat4,
  kFloat8,
  kText,
  kJsonb,  ///< a version byte, then text
  kBytea,
  kDate,
  kTime,  ///< microseconds since 2000-01-01, of timestamptz and timestamp (taken as UTC)
  kNumeric,
  kUuid,
  kVector,  ///< pgvector: length, unused, floats
};

/// The form of a built-in type; those of the database itself are looked up (TypeCatalog).
[[nodiscard]] constexpr Form form_of(Oid type) {
  switch (type) {
    case oids::kBool:
      return Form::kBool;
    case oids::kInt2:
      return Form::kInt2;
    case oids::kInt4:
      return Form::kInt4;
    case oids::kOid:
    case oids::kXid:
      return Form::kUint4;
    case oids::kInt8:
    case oids::kXid8:
      return Form::kInt8;
    case oids::kFloat4:
      return Form::kFloat4;
    case oids::kFloat8:
      return Form::kFloat8;
    case oids::kChar:
    case oids::kName:
    case oids::kText:
    case oids::kJson:
    case oids::kUnknown:
    case oids::kBpchar:
    case oids::kVarchar:
      return Form::kText;
    case oids::kJsonb:
      return Form::kJsonb;
    case oids::kBytea:
      return Form::kBytea;
    case oids::kDate:
      return Form::kDate;
    case oids::kTimestamp:
    case oids::kTimestamptz:
      return Form::kTime;
    case oids::kNumeric:
      return Form::kNumeric;
    case oids::kUuid:
      return Form::kUuid;
    case oids::kVoid:
      return Form::kVoid;
    default:
      return Form::kUnsupported;
  }
}

inline constexpr std::int64_t kEpochUs = 946'684'800'000'000;  ///< 2000-01-01, where PostgreSQL's times begin
inline constexpr std::int64_t kEpochDays = 10'957;
inline constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();  ///< 'infinity', here and there
inline constexpr std::int64_t kMinusInfinity = std::numeric_limits<std::int64_t>::min();

/// Numbers in network order.
template <class T>
[[nodiscard]] T read_big(const char* bytes) {
  using Bits = std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;
  Bits bits = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bits = static_cast<Bits>(static_cast<Bits>(bits << 8U) | static_cast<unsigned char>(bytes[i]));
  }
  return std::bit_cast<T>(bits);
}

template <class T>
[[nodiscard]] std::array<char, sizeof(T)> big(T value) {
  using Bits = std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;
  auto bits = std::bit_cast<Bits>(value);
  std::array<char, sizeof(T)> out{};
  for (std::size_t i = sizeof(T); i-- > 0;) {
    out[i] = static_cast<char>(bits & 0xffU);
    bits = static_cast<Bits>(bits >> 8U);
  }
  return out;
}

}  // namespace nexus::db::postgres
