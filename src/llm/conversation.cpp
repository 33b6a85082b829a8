#include "llm/conversation.h"

#include <string_view>

namespace nexus::llm {
namespace {

constexpr std::string_view kBetween = "\n\n";

void add_turn(std::vector<Conversation::Turn>& turns, bool user, const std::string& text) {
  if (turns.empty() && !user) return;
  if (!turns.empty() && turns.back().user == user) {
    turns.back().text.append(kBetween).append(text);
    return;
  }
  turns.push_back({.user = user, .text = text});
}

}  // namespace

Conversation conversation_of(std::span<const Message> messages) {
  Conversation out;
  for (const Message& message : messages) {
    const bool user = message.role == "user";
    const bool system = message.role == "system";
    if (!user && !system && message.role != "assistant") {
      throw Error(Failure::kInvalid, "a message has a role other than system, user and assistant");
    }
    // Providers refuse blank turns, and one in the history would spoil every later question.
    if (message.content.find_first_not_of(" \t\r\n\f\v") == std::string::npos) continue;
    if (system) {
      out.system.push_back(message.content);
    } else {
      add_turn(out.turns, user, message.content);
    }
  }
  if (out.turns.empty() || !out.turns.back().user) {
    throw Error(Failure::kInvalid, "the conversation does not end with a question");
  }
  return out;
}

}  // namespace nexus::llm
