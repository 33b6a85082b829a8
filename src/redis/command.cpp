#include "redis/command.h"

#include "redis/slots.h"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace nexus::redis {
namespace {

/// SHA-1 is what Redis names scripts by; nothing here depends on its strength.
std::string sha1_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
    throw std::runtime_error("SHA-1 is not available");
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    out += kDigits[digest[i] >> 4U];
    out += kDigits[digest[i] & 15U];
  }
  return out;
}

}  // namespace

Script::Script(std::string text) : text_(std::move(text)), sha1_(sha1_hex(text_)) {}

Command::Command(std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) arg(word);
}

Command::Command(const Script& script, std::initializer_list<std::string_view> keys) : script_(&script) {
  arg(static_cast<std::int64_t>(keys.size()));
  for (const std::string_view one : keys) key(one);
}

Command& Command::key(std::string_view key) {
  if (!slot_) slot_ = slot_of(key);
  return arg(key);
}

Command& Command::arg(std::string_view text) {
  append_bulk(tail_, text);
  ++words_;
  return *this;
}

Command& Command::arg(std::int64_t number) {
  return arg(std::string_view(std::to_string(number)));
}

void Command::append_to(std::string& out, bool with_text) const {
  append_array_header(out, words_ + (script_ != nullptr ? 2 : 0));
  if (script_ != nullptr) {
    append_bulk(out, with_text ? "EVAL" : "EVALSHA");
    append_bulk(out, with_text ? script_->text() : script_->sha1());
  }
  out += tail_;
}

}  // namespace nexus::redis
