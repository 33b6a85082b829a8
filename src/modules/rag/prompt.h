#pragma once

#include "modules/rag/llm.h"
#include "modules/rag/sessions_repository.h"
#include "modules/retrieval/ports.h"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace nexus::rag {

/// Tokens of a text as they are budgeted: 0 for empty, else max(1, floor(code points / ratio)) (contract 02 §2.2).
[[nodiscard]] std::size_t estimate_tokens(std::string_view text, double chars_per_token);

struct PromptBudget {
  double chars_per_token = 4.0;
  std::size_t history_tokens = 2000;
  std::size_t context_tokens = 6000;
};

/// The one place where a conversation becomes model input: an instruction, the retrieved passages fenced, numbered and
/// labelled as data that carries no instructions, the newest history that fits, and the question once.
[[nodiscard]] std::vector<ChatMessage> build_messages(std::string_view question, std::span<const StoredMessage> history,
                                                      std::span<const retrieval::Passage> context,
                                                      const PromptBudget& budget);

}  // namespace nexus::rag
