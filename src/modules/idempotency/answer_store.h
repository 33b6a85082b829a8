#pragma once

#include "base/secret.h"
#include "crypto/secretbox.h"
#include "http/message.h"
#include "modules/idempotency/record.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::idempotency {

/// Turns answers into what the table keeps and back. Bodies of answers with a secret leave this class only sealed, with
/// AES-256-GCM under a key derived from a platform secret and bound to `context` (tenant, actor, method, path, key,
/// fingerprint): moved to another row they do not open. Thread-safe.
class AnswerStore {
 public:
  /// Without `secret`, answers with a secret are not kept at all. `former` secrets still open what they sealed.
  AnswerStore(std::size_t max_body_bytes, const Secret& secret, const std::vector<Secret>& former);

  /// A body over the limit, a file, or a secret without a key is kept as `dropped`: that the request was carried out is
  /// remembered, its answer is not.
  [[nodiscard]] StoredAnswer pack(const http::Reply& sent, bool secret_answer, std::string_view context) const;

  /// The answer as it was sent, with its kept headers. Empty when its body was dropped or cannot be opened.
  [[nodiscard]] std::optional<http::Reply> unpack(const StoredAnswer& stored, std::string_view context) const;

 private:
  std::size_t max_body_bytes_;
  std::optional<crypto::SecretBox> box_;
};

/// The body with every text and number outside `meta` replaced: nothing in it can be a secret, and its shape is still
/// seen in the table. Empty when it is not JSON.
[[nodiscard]] std::optional<std::string> without_values(std::string_view json_body);

}  // namespace nexus::idempotency
