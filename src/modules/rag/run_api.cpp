#include "modules/rag/run_api.h"

#include "base/errors.h"
#include "base/ids.h"
#include "http/plain.h"
#include "modules/rag/run_stream.h"

namespace nexus::rag {

using enum http::Verb;
using enum http::RouteClass;

std::vector<http::Endpoint> RunApi::endpoints() const {
  return {
      http::stream<&RunApi::run>(*this, {.verb = kPost,
                                         .path = "/run",
                                         .operation = "run",
                                         .role = Role::kReader,
                                         .route_class = kRun,
                                         .body = http::BodyKind::kJson,
                                         .lane = retrieval_,
                                         .kill_switch = "kill.run",
                                         .forbids_tenant_in_body = true,
                                         .tag = "run",
                                         .summary = "Ask a question and stream the cited answer"}),
      http::plain<&RunApi::search>(*this, {.verb = kPost,
                                           .path = "/search",
                                           .operation = "search",
                                           .role = Role::kReader,
                                           .route_class = kRead,
                                           .body = http::BodyKind::kJson,
                                           .lane = retrieval_,
                                           .legacy_alias = false,
                                           .tag = "run",
                                           .summary = "Retrieve passages without generating an answer"}),
      http::plain<&RunApi::list_sessions>(*this, {.verb = kGet,
                                                  .path = "/sessions",
                                                  .operation = "list_sessions",
                                                  .role = Role::kReader,
                                                  .route_class = kRead,
                                                  .legacy_alias = false,
                                                  .tag = "run",
                                                  .summary = "List your conversations, newest first"}),
      http::plain<&RunApi::list_messages>(*this, {.verb = kGet,
                                                  .path = "/sessions/{session_id}/messages",
                                                  .operation = "list_session_messages",
                                                  .role = Role::kReader,
                                                  .route_class = kRead,
                                                  .legacy_alias = false,
                                                  .tag = "run",
                                                  .summary = "Read the messages of a conversation"}),
      http::plain<&RunApi::delete_session>(*this, {.verb = kDelete,
                                                   .path = "/sessions/{session_id}",
                                                   .operation = "delete_session",
                                                   .role = Role::kReader,
                                                   .route_class = kMutation,
                                                   .legacy_alias = false,
                                                   .success = 204,
                                                   .tag = "run",
                                                   .summary = "Delete a conversation"}),
  };
}

std::variant<http::Reply, std::unique_ptr<http::EventStream>> RunApi::run(http::Call& call,
                                                                          const RunRequest& in) const {
  const std::string* last_event = call.request.header("Last-Event-ID");
  if (last_event != nullptr && !last_event->empty()) {
    const std::optional<std::uint64_t> seq = parse_last_event_id(*last_event);
    return std::make_unique<ResumeStream>(seq ? service_.find_run(call, in) : FoundRun{}, seq.value_or(0), uuid4(),
                                          in.session_id);
  }
  return std::make_unique<RunStream>(services_, service_.prepare(call, in));
}

SearchAnswer RunApi::search(http::Call& call, const SearchRequest& in) const {
  return service_.search(call, in);
}

SessionList RunApi::list_sessions(http::Call& call, const SessionQuery& in) const {
  return services_.db.read([&](db::Snapshot& snapshot) {
    std::optional<std::string_view> subject;
    if (call.principal().role != Role::kAdmin) subject = call.principal().subject_id;
    SessionList list;
    for (StoredSession& session : services_.sessions.list(snapshot, call.tenant(), subject, in.limit))
      list.items.push_back({.id = std::move(session.id),
                            .subject_id = std::move(session.subject_id),
                            .created_at = session.created_at,
                            .last_seen_at = session.last_seen_at});
    return list;
  });
}

StoredSession RunApi::visible_session(db::Snapshot& snapshot, const http::Call& call, const std::string& id) const {
  std::optional<StoredSession> session = services_.sessions.find(snapshot, call.tenant(), id);
  const bool visible = session && (!session->subject_id || *session->subject_id == call.principal().subject_id ||
                                   call.principal().role == Role::kAdmin);
  if (!visible) throw ApiError(errors::kNotFound, "Session not found");
  return std::move(*session);
}

MessageList RunApi::list_messages(http::Call& call, const SessionPath& in) const {
  return services_.db.read([&](db::Snapshot& snapshot) {
    const StoredSession session = visible_session(snapshot, call, in.session_id);
    MessageList list{.session_id = session.id, .items = {}, .next_after = std::nullopt};
    for (StoredMessage& message :
         services_.sessions.messages(snapshot, call.tenant(), in.session_id, in.after, in.limit + 1)) {
      if (std::cmp_equal(list.items.size(), in.limit)) {
        list.next_after = list.items.back().seq;
        break;
      }
      list.items.push_back({.seq = message.seq,
                            .id = std::move(message.id),
                            .role = std::move(message.role),
                            .content = std::move(message.content),
                            .status = std::move(message.status),
                            .created_at = message.created_at});
    }
    return list;
  });
}

void RunApi::delete_session(http::Call& call, const SessionPath& in) const {
  services_.db.write([&](db::Tx& tx) {
    (void)visible_session(tx, call, in.session_id);
    services_.sessions.remove(tx, call.tenant(), in.session_id);
  });
}

}  // namespace nexus::rag
