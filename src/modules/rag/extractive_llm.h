#pragma once

#include "modules/rag/llm.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::rag {

/// One sentence chosen for an answer.
struct ChosenSentence {
  std::size_t passage = 0;  ///< index into the context; cited as [passage + 1]
  std::size_t begin = 0;    ///< bytes in the passage's text
  std::size_t end = 0;
  double score = 0;
};

/// At most `most` sentences that say most about the question, in reading order, grouped by source with the best source
/// first. A sentence counts by the rarity of the question's words in it and by its passage's score; without a common
/// word the first sentence of a passage that is close in meaning stands in. Empty: nothing fits.
[[nodiscard]] std::vector<ChosenSentence> choose_sentences(std::string_view question,
                                                           std::span<const retrieval::Passage> context,
                                                           std::size_t most);

/// Answers with the sources' own sentences, each followed by the number of its passage; says plainly when nothing
/// matches. Deterministic, needs no model.
class ExtractiveLlm final : public Llm {
 public:
  static constexpr std::size_t kMostSentences = 5;

  [[nodiscard]] std::string_view name() const override { return "extractive"; }
  [[nodiscard]] bool reads_messages() const override { return false; }
  llm::Completion generate(const Prompt& prompt, const DeltaSink& sink, const std::stop_token& stop) const override;
};

}  // namespace nexus::rag
