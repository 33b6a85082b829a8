#include "modules/rag/fake_llm.h"

namespace nexus::rag {

llm::Completion FakeLlm::generate(const Prompt& /*prompt*/, const DeltaSink& sink, const std::stop_token& stop) const {
  for (const std::string_view piece : {"This ", "is ", "a ", "fake ", "response. "})
    if (stop.stop_requested() || !sink(std::string(piece))) return {.usage = {}, .finish = llm::Finish::kStopped};
  return {};
}

}  // namespace nexus::rag
