#include "modules/audit/checkpoints.h"

#include "base/encoding.h"
#include "crypto/ed25519.h"
#include "crypto/merkle.h"
#include "json/json.h"

#include <boost/json/object.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace nexus::audit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "nexusrag audit checkpoint v1\n";
constexpr std::size_t kMaxFileBytes = 16 * 1024;

boost::json::object body_of(const Checkpoint& checkpoint) {
  return {{"tenant_id", checkpoint.tenant_id},
          {"seq", checkpoint.seq},
          {"prev_seq", checkpoint.prev_seq},
          {"hash", hex_encode(checkpoint.hash)},
          {"merkle_root", hex_encode(checkpoint.merkle_root)},
          {"created_at", iso(checkpoint.created_at)}};
}

Digest digest_from_hex(const boost::json::value& text) {
  const auto bytes = hex_decode(std::string_view(text.as_string()));
  Digest digest{};
  if (!bytes || bytes->size() != digest.size()) throw std::invalid_argument("digest");
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

Checkpoint parse_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const auto json = json::parse(text, {.max_bytes = kMaxFileBytes, .duplicates = json::Duplicates::kRefuse});
  const auto& object = json.as_object();
  const auto created_at = parse_iso(std::string_view(object.at("created_at").as_string()));
  const auto signature = base64_decode(std::string_view(object.at("signature").as_string()));
  if (!created_at || !signature) throw std::invalid_argument("created_at or signature");
  return {.tenant_id = std::string(object.at("tenant_id").as_string()),
          .seq = object.at("seq").as_int64(),
          .prev_seq = object.at("prev_seq").as_int64(),
          .hash = digest_from_hex(object.at("hash")),
          .merkle_root = digest_from_hex(object.at("merkle_root")),
          .created_at = *created_at,
          .key_id = std::string(object.at("key_id").as_string()),
          .signature = std::string(as_text(*signature))};
}

[[noreturn]] void throw_errno(const fs::path& path) {
  throw std::system_error(errno, std::generic_category(), path.string());
}

/// Closes on every path out.
class FileHandle {
 public:
  explicit FileHandle(int fd) : fd_(fd) {}
  ~FileHandle() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

void write_durably(const fs::path& path, std::string_view text) {
  fs::path draft = path;
  draft += ".tmp." + std::to_string(::getpid());
  {
    const FileHandle file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0) throw_errno(draft);
    while (!text.empty()) {
      const ssize_t written = ::write(file.get(), text.data(), text.size());
      if (written < 0 && errno != EINTR) throw_errno(draft);
      if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(file.get()) != 0) throw_errno(draft);
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) throw_errno(path);
  const FileHandle folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) throw_errno(path.parent_path());
}

}  // namespace

Ed25519CheckpointSigner::Ed25519CheckpointSigner(const Secret& key, std::span<const crypto::Ed25519PublicKey> trusted)
    : signer_(crypto::Ed25519Signer::from_text(key)), key_id_(id_of(signer_.public_key())) {
  trusted_.emplace(key_id_, signer_.public_key());
  for (const crypto::Ed25519PublicKey& other : trusted) trusted_.emplace(id_of(other), other);
}

std::string Ed25519CheckpointSigner::sign(std::string_view text) const {
  return std::string(as_text(signer_.sign(text)));
}

bool Ed25519CheckpointSigner::verify(std::string_view key_id, std::string_view text, std::string_view signature) const {
  const auto key = trusted_.find(key_id);
  return key != trusted_.end() && crypto::ed25519_verify(key->second, text, as_bytes(signature));
}

std::string Ed25519CheckpointSigner::id_of(const crypto::Ed25519PublicKey& key) {
  return "ed25519:" + hex_encode(crypto::sha256(key)).substr(0, 32);
}

std::string signed_text(const Checkpoint& checkpoint) {
  return std::string(kFirstLine) + json::canonical(body_of(checkpoint));
}

Checkpoints::Checkpoints(std::shared_ptr<const CheckpointSigner> signer, fs::path outside)
    : signer_(std::move(signer)), outside_(std::move(outside)) {}

std::optional<Checkpoint> Checkpoints::next(db::Snapshot& db, std::string_view chain, Timestamp now) const {
  const std::optional<Checkpoint> last = repository_.last_checkpoint(db, chain);
  Checkpoint made{.tenant_id = std::string(chain), .prev_seq = last ? last->seq : 0, .created_at = now};
  crypto::MerkleTree tree;
  auto links = repository_.hashes(db, chain, made.prev_seq);
  while (links.next()) {
    made.seq = links.i64(0);
    std::copy_n(links.blob(2).begin(), std::min(links.blob(2).size(), made.hash.size()), made.hash.begin());
    tree.add(crypto::merkle_leaf(as_text(made.hash)));
  }
  if (made.seq == 0) return std::nullopt;
  made.merkle_root = tree.root();
  made.key_id = signer_->key_id();
  made.signature = signer_->sign(signed_text(made));
  return made;
}

bool Checkpoints::is_authentic(const Checkpoint& checkpoint) const {
  return signer_ && signer_->verify(checkpoint.key_id, signed_text(checkpoint), checkpoint.signature);
}

fs::path Checkpoints::folder_of(std::string_view chain) const {
  return outside_ / (chain.empty() ? std::string("platform") : "tenant-" + percent_encode(chain));
}

void Checkpoints::publish(const Checkpoint& checkpoint) const {
  if (outside_.empty()) return;
  boost::json::object body = body_of(checkpoint);
  body["key_id"] = checkpoint.key_id;
  body["signature"] = base64url_encode(as_bytes(checkpoint.signature));
  const fs::path folder = folder_of(checkpoint.tenant_id);
  fs::create_directories(folder);
  std::string name = std::to_string(checkpoint.seq);
  name.insert(0, name.size() < 20 ? 20 - name.size() : 0, '0');
  write_durably(folder / (name + ".json"), json::canonical(body) + "\n");
}

std::vector<Checkpoint> Checkpoints::published(std::string_view chain) const {
  std::vector<Checkpoint> found;
  if (outside_.empty() || !fs::is_directory(folder_of(chain))) return found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_of(chain))) {
    if (entry.path().extension() != ".json") continue;
    try {
      found.push_back(parse_file(entry.path()));
      if (found.back().tenant_id != chain) found.back().signature.clear();
    } catch (const std::exception&) {
      // The caller reports it: a checkpoint without signature is not authentic.
      found.push_back({.tenant_id = std::string(chain), .key_id = entry.path().filename().string()});
    }
  }
  std::sort(found.begin(), found.end(), [](const Checkpoint& a, const Checkpoint& b) { return a.seq < b.seq; });
  return found;
}

}  // namespace nexus::audit
