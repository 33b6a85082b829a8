#pragma once

#include "base/time.h"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace nexus::db {

/// Text that is JSON: bound as `jsonb` where the engine has it, as checked TEXT otherwise.
struct Json {
  std::string_view text;
};

/// An embedding: bytes of little-endian floats in SQLite; pgvector's `vector` in PostgreSQL, where every column of that
/// type has kVectorColumnSize elements and shorter vectors are padded with zeros. Longer ones are
/// refused.
struct Vector {
  std::span<const float> values;
};
inline constexpr std::size_t kVectorColumnSize = 768;

/// One bound parameter. Borrows its text or bytes: the argument must outlive the statement call (not the cursor).
class Value {
 public:
  enum class Type : std::uint8_t { kNull, kInt, kReal, kBool, kText, kBlob, kTime, kJson, kVector };

  Value(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): parameters read as plain values
  Value(std::nullopt_t) {}  // NOLINT(google-explicit-constructor)
  Value(bool b) : type_(Type::kBool), int_(b ? 1 : 0) {}  // NOLINT(google-explicit-constructor)
  template <std::integral I>
  requires(!std::same_as<I, bool>) Value(I i)
      : type_(Type::kInt), int_(static_cast<std::int64_t>(i)) {}  // NOLINT(google-explicit-constructor)
  Value(double d) : type_(Type::kReal), real_(d) {}               // NOLINT(google-explicit-constructor)
  Value(Timestamp t) : type_(Type::kTime), int_(t.us) {}          // NOLINT(google-explicit-constructor)
  Value(Json j) : type_(Type::kJson), text_(j.text) {}            // NOLINT(google-explicit-constructor)
  template <class S>
  requires(std::convertible_to<const S&, std::string_view> && !std::same_as<S, std::nullptr_t>) Value(const S& s)
      : type_(Type::kText), text_(s) {}  // NOLINT(google-explicit-constructor)
  Value(std::span<const std::byte> b)    // NOLINT(google-explicit-constructor)
      : type_(Type::kBlob), text_(reinterpret_cast<const char*>(b.data()), b.size()) {}
  Value(Vector v)  // NOLINT(google-explicit-constructor)
      : type_(Type::kVector), text_(reinterpret_cast<const char*>(v.values.data()), v.values.size_bytes()) {}
  template <class T>
  Value(const std::optional<T>& o) {  // NOLINT(google-explicit-constructor)
    if (o) *this = Value(*o);
  }

  [[nodiscard]] Type type() const noexcept { return type_; }
  [[nodiscard]] std::int64_t integer() const noexcept { return int_; }  ///< kInt, kBool (0/1), kTime (µs)
  [[nodiscard]] double real() const noexcept { return real_; }
  [[nodiscard]] std::string_view text() const noexcept { return text_; }  ///< kText, kJson, kBlob, kVector (its bytes)

 private:
  Type type_ = Type::kNull;
  std::int64_t int_ = 0;
  double real_ = 0;
  std::string_view text_;
};

}  // namespace nexus::db
