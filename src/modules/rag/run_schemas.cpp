#include "modules/rag/run_types.h"

namespace nexus::schema {

using rag::MessageList;
using rag::MessageView;
using rag::RunRequest;
using rag::SearchAnswer;
using rag::SearchHit;
using rag::SearchRequest;
using rag::SessionList;
using rag::SessionPath;
using rag::SessionQuery;
using rag::SessionView;

template <>
const Fields<RunRequest>& fields_of() {
  static const auto fields = Fields<RunRequest>::closed({
      field("session_id", &RunRequest::session_id, doc("Conversation to continue or to open; yours to choose.")),
      field("corpus_id", &RunRequest::corpus_id, doc("Corpus to answer from.")),
      field("message", &RunRequest::message, doc("The question."),
            example("What are the release gates for Agent 2.0?")),
      field("top_k", &RunRequest::top_k, ge(1), le(50),
            doc("Chunks to retrieve; at most 20 are used. Absent: the corpus's default.")),
      field("audio", &RunRequest::audio, defaulted(), doc("Also synthesise speech.")),
  });
  return fields;
}

template <>
const Fields<SearchRequest>& fields_of() {
  static const auto fields = Fields<SearchRequest>::closed({
      field("corpus_id", &SearchRequest::corpus_id),
      field("query", &SearchRequest::query, min_length(1)),
      field("top_k", &SearchRequest::top_k, ge(1), le(100), doc("Hits to return. Absent: the corpus's default.")),
      field("mode", &SearchRequest::mode, one_of({"hybrid", "dense", "lexical"}),
            doc("Overrides the corpus's retrieval mode.")),
      field("explain", &SearchRequest::explain, defaulted(),
            doc("Also return the lexical and dense parts of each score.")),
  });
  return fields;
}

template <>
const Fields<SearchHit>& fields_of() {
  static const Fields<SearchHit> fields{
      field("chunk_id", &SearchHit::chunk_id),
      field("document_id", &SearchHit::document_id),
      field("source", &SearchHit::source),
      field("score", &SearchHit::score, doc("In [0,1], descending.")),
      field("text", &SearchHit::text),
      field("metadata", &SearchHit::metadata),
      field("document_version", &SearchHit::document_version),
      field("start", &SearchHit::start, doc("First byte of the chunk in the document's text.")),
      field("end", &SearchHit::end, doc("One past its last byte.")),
      field("sha256", &SearchHit::sha256, doc("Of the chunk's text, lower-case hex.")),
      field("lexical", &SearchHit::lexical, doc("BM25 score; with explain only.")),
      field("dense", &SearchHit::dense, doc("Cosine similarity; with explain only.")),
  };
  return fields;
}

template <>
const Fields<SearchAnswer>& fields_of() {
  static const Fields<SearchAnswer> fields{field("corpus_id", &SearchAnswer::corpus_id),
                                           field("mode", &SearchAnswer::mode), field("top_k", &SearchAnswer::top_k),
                                           field("hits", &SearchAnswer::hits)};
  return fields;
}

template <>
const Fields<SessionView>& fields_of() {
  static const Fields<SessionView> fields{field("id", &SessionView::id), field("subject_id", &SessionView::subject_id),
                                          field("created_at", &SessionView::created_at),
                                          field("last_seen_at", &SessionView::last_seen_at)};
  return fields;
}

template <>
const Fields<SessionList>& fields_of() {
  static const Fields<SessionList> fields{field("items", &SessionList::items)};
  return fields;
}

template <>
const Fields<SessionQuery>& fields_of() {
  static const Fields<SessionQuery> fields{query_field("limit", &SessionQuery::limit, ge(1), le(200), defaulted())};
  return fields;
}

template <>
const Fields<SessionPath>& fields_of() {
  static const Fields<SessionPath> fields{
      path_field("session_id", &SessionPath::session_id),
      query_field("after", &SessionPath::after, ge(0), defaulted(), doc("seq of the last message already seen.")),
      query_field("limit", &SessionPath::limit, ge(1), le(500), defaulted())};
  return fields;
}

template <>
const Fields<MessageView>& fields_of() {
  static const Fields<MessageView> fields{
      field("seq", &MessageView::seq),       field("id", &MessageView::id),
      field("role", &MessageView::role),     field("content", &MessageView::content),
      field("status", &MessageView::status), field("created_at", &MessageView::created_at)};
  return fields;
}

template <>
const Fields<MessageList>& fields_of() {
  static const Fields<MessageList> fields{field("session_id", &MessageList::session_id),
                                          field("items", &MessageList::items),
                                          field("next_after", &MessageList::next_after)};
  return fields;
}

}  // namespace nexus::schema
