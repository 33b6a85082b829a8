#pragma once

#include "base/secret.h"
#include "crypto/ed25519.h"
#include "modules/audit/audit_repository.h"
#include "modules/audit/audit_types.h"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::audit {

/// Signs checkpoints and knows the public keys that older ones were signed with. Thread-safe.
class CheckpointSigner {
 public:
  virtual ~CheckpointSigner() = default;
  [[nodiscard]] virtual std::string key_id() const = 0;
  /// 64 bytes (Ed25519, RFC 8032).
  [[nodiscard]] virtual std::string sign(std::string_view text) const = 0;
  /// False also when the key is unknown.
  [[nodiscard]] virtual bool verify(std::string_view key_id, std::string_view text,
                                    std::string_view signature) const = 0;
};

/// Ed25519 with a key from DATA_DIR/secrets (AUDIT_SIGNING_KEY) and, after a change of keys, the public keys of before.
/// A key's id is "ed25519:" and the first 32 hexadecimal digits of the SHA-256 of its public half.
class Ed25519CheckpointSigner final : public CheckpointSigner {
 public:
  /// `key` is 64 hexadecimal digits or PEM. Throws crypto::CryptoError.
  explicit Ed25519CheckpointSigner(const Secret& key, std::span<const crypto::Ed25519PublicKey> trusted = {});

  [[nodiscard]] std::string key_id() const override { return key_id_; }
  [[nodiscard]] std::string sign(std::string_view text) const override;
  [[nodiscard]] bool verify(std::string_view key_id, std::string_view text, std::string_view signature) const override;
  [[nodiscard]] const crypto::Ed25519Signer& signer() const { return signer_; }
  [[nodiscard]] static std::string id_of(const crypto::Ed25519PublicKey& key);

 private:
  crypto::Ed25519Signer signer_;
  std::string key_id_;
  std::map<std::string, crypto::Ed25519PublicKey, std::less<>> trusted_;
};

/// What is signed: the canonical JSON of the checkpoint without key and signature, behind a fixed first line that keeps
/// the signature from meaning anything else.
[[nodiscard]] std::string signed_text(const Checkpoint& checkpoint);

/// Makes, keeps and reads checkpoints. Thread-safe.
class Checkpoints {
 public:
  /// `outside` is the folder outside the database that gets a copy of each; empty for none.
  Checkpoints(std::shared_ptr<const CheckpointSigner> signer, std::filesystem::path outside);

  /// The signed checkpoint for what is behind the last one; empty when there is nothing new. Not stored yet.
  [[nodiscard]] std::optional<Checkpoint> next(db::Snapshot& db, std::string_view chain, Timestamp now) const;
  /// Writes the copy outside the database, durably and atomically. Throws std::system_error.
  void publish(const Checkpoint& checkpoint) const;
  [[nodiscard]] bool is_authentic(const Checkpoint& checkpoint) const;
  /// The copies outside the database that belong to the chain, in order of seq. A file that cannot be read is reported
  /// as a checkpoint without signature, so that it fails the verification.
  [[nodiscard]] std::vector<Checkpoint> published(std::string_view chain) const;

 private:
  [[nodiscard]] std::filesystem::path folder_of(std::string_view chain) const;

  std::shared_ptr<const CheckpointSigner> signer_;
  std::filesystem::path outside_;
  AuditRepository repository_;
};

}  // namespace nexus::audit
