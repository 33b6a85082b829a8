#include "modules/rag/citations.h"

#include "crypto/hash.h"
#include "modules/rag/run_stream.h"
#include "text/utf8.h"

namespace nexus::rag {
namespace {

constexpr std::size_t kQuoteChars = 240;

void append_usage(json::Writer& w, const llm::Usage& usage) {
  if (!usage.input_tokens && !usage.output_tokens) return;
  w.key("usage").begin_object();
  if (usage.input_tokens) w.field("input_tokens", *usage.input_tokens);
  if (usage.output_tokens) w.field("output_tokens", *usage.output_tokens);
  w.end_object();
}

}  // namespace

std::string excerpt(std::string_view text, std::size_t max_chars) {
  const std::size_t end = text::byte_offset(text, max_chars);
  if (end >= text.size()) return std::string(text);
  const std::size_t blank = text.substr(0, end).find_last_of(" \n\t");
  const std::size_t cut = blank == std::string_view::npos || blank < end / 2 ? end : blank;
  return std::string(text.substr(0, cut)).append("…");
}

void append_citation(json::Writer& writer, const retrieval::Passage& passage) {
  writer.begin_object();
  writer.field("source", passage.source).field("score", passage.score);
  writer.key("metadata").raw(passage.metadata.empty() ? std::string_view("{}") : std::string_view(passage.metadata));
  writer.field("chunk_id", passage.chunk_id);
  if (passage.document_id) writer.field("document_id", *passage.document_id);
  if (passage.document_version) writer.field("version", *passage.document_version);
  if (passage.start_byte && passage.end_byte)
    writer.field("start", *passage.start_byte).field("end", *passage.end_byte);
  writer.field("sha256", crypto::sha256_hex(passage.text)).field("quote", excerpt(passage.text, kQuoteChars));
  writer.end_object();
}

std::string final_data(const RunPlan& plan, std::string_view answer, const llm::Completion& completion) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("text", answer).key("citations").begin_array();
  for (const retrieval::Passage& passage : plan.context) append_citation(w, passage);
  w.end_array().field("top_k", plan.top_k);
  if (completion.finish != llm::Finish::kStop) w.field("finish_reason", llm::to_string(completion.finish));
  append_usage(w, completion.usage);
  w.end_object();
  return out;
}

}  // namespace nexus::rag
