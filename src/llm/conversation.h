#pragma once

#include "llm/chat.h"

#include <span>
#include <string>
#include <vector>

namespace nexus::llm {

/// The messages as the APIs want them that keep the system's text apart and insist on turns.
struct Conversation {
  struct Turn {
    bool user = true;  ///< else the model
    std::string text;  ///< never empty
  };
  std::vector<std::string> system;
  std::vector<Turn> turns;  ///< alternating, from a user's turn to a user's turn
};

/// Empty messages are left out (an answer that was cut off before its first word), neighbours of one role become one
/// turn, turns of the model before the first of the user are dropped. Throws Error: kInvalid for a foreign role or when
/// the last turn is not the user's.
[[nodiscard]] Conversation conversation_of(std::span<const Message> messages);

}  // namespace nexus::llm
