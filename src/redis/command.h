#pragma once

#include "redis/resp.h"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::redis {

/// A Lua script: sent by its SHA-1, and as text only where the server does not know it yet. Immutable; outlives the
/// calls that use it.
class Script {
 public:
  explicit Script(std::string text);
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::string& sha1() const { return sha1_; }

 private:
  std::string text_;
  std::string sha1_;  // lower-case hexadecimal
};

/// A command and the slot that decides where a cluster executes it. A value.
class Command {
 public:
  /// Without a key: any node of a cluster may execute it.
  Command(std::initializer_list<std::string_view> words);
  /// EVALSHA, or EVAL where the script is unknown. All keys must be of one slot; the first decides.
  Command(const Script& script, std::initializer_list<std::string_view> keys);

  /// Appends a key; the first one decides the node.
  Command& key(std::string_view key);
  Command& arg(std::string_view text);
  Command& arg(std::int64_t number);

  [[nodiscard]] std::optional<std::uint16_t> slot() const { return slot_; }
  [[nodiscard]] bool has_script() const { return script_ != nullptr; }
  /// Appends its bytes. `with_text`: EVAL instead of EVALSHA.
  void append_to(std::string& out, bool with_text = false) const;
  [[nodiscard]] std::size_t size() const { return tail_.size() + (script_ != nullptr ? script_->text().size() : 0); }

 private:
  const Script* script_ = nullptr;
  std::optional<std::uint16_t> slot_;
  std::size_t words_ = 0;  // in tail_
  std::string tail_;
};

}  // namespace nexus::redis
