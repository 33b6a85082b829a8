#pragma once

#include "http/endpoint.h"
#include "modules/rag/run_service.h"
#include "modules/rag/run_types.h"

#include <memory>
#include <variant>
#include <vector>

namespace nexus::rag {

/// Rows of the question-answering routes: run, search, sessions. Handlers only; the rules are RunService's.
class RunApi {
 public:
  /// `retrieval`: the lane of what searches; not the db lane where a search waits for another machine.
  RunApi(RunService& service, RunServices& services, http::LaneKind retrieval = http::LaneKind::kDb)
      : service_(service), services_(services), retrieval_(retrieval) {}

  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;

  std::variant<http::Reply, std::unique_ptr<http::EventStream>> run(http::Call& call, const RunRequest& in) const;
  SearchAnswer search(http::Call& call, const SearchRequest& in) const;
  SessionList list_sessions(http::Call& call, const SessionQuery& in) const;
  MessageList list_messages(http::Call& call, const SessionPath& in) const;
  void delete_session(http::Call& call, const SessionPath& in) const;

 private:
  [[nodiscard]] StoredSession visible_session(db::Snapshot& snapshot, const http::Call& call,
                                              const std::string& id) const;

  RunService& service_;
  RunServices& services_;
  http::LaneKind retrieval_;
};

}  // namespace nexus::rag
