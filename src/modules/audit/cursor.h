#pragma once

#include "base/secret.h"
#include "crypto/hash.h"
#include "modules/audit/audit_repository.h"

#include <string>
#include <string_view>

namespace nexus::audit {

/// Opaque page cursors: the position of the last row shown, bound by an HMAC to the tenant and the filter of its list.
/// So a cursor can neither be edited nor carried to another list.
class CursorCodec {
 public:
  explicit CursorCodec(const Secret& key) : key_(key.reveal()) {}

  [[nodiscard]] std::string encode(std::string_view tenant, const EventFilter& filter, Position position) const;
  /// Throws ApiError INVALID_CURSOR.
  [[nodiscard]] Position decode(std::string_view tenant, const EventFilter& filter, std::string_view cursor) const;

 private:
  [[nodiscard]] crypto::Digest tag(std::string_view tenant, const EventFilter& filter, std::string_view position) const;

  crypto::HmacKey key_;
};

}  // namespace nexus::audit
