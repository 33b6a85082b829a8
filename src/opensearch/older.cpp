#include "opensearch/older.h"

#include "json/json.h"
#include "opensearch/answers.h"
#include "opensearch/layout.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::opensearch {
namespace {

void write_older(json::Writer& w, const Claim& claim) {
  const auto term = [&](std::string_view field, std::string_view value) {
    w.begin_object().key("term").begin_object().field(field, value).end_object().end_object();
  };
  w.begin_object().key("bool").begin_object().key("filter").begin_array();
  term("tenant", claim.subject.tenant_id);
  term("corpus", claim.subject.corpus_id);
  if (claim.subject.kind == Kind::kDocument) term("document", claim.subject.document_id);
  w.begin_object().key("range").begin_object().key("seq").begin_object().field("lt", claim.seq);
  w.end_object().end_object().end_object().end_array().end_object().end_object();
}

}  // namespace

void refresh(Cluster& cluster, std::int64_t timeout_ms, std::stop_token stop) {
  static_cast<void>(cluster.send({.method = "POST",
                                  .path = "/" + cluster.index() + "/_refresh",
                                  .timeout_ms = timeout_ms,
                                  .stop = std::move(stop)}));
}

void delete_older(Cluster& cluster, std::span<const Claim> claims, std::int64_t timeout_ms, std::stop_token stop) {
  if (claims.empty()) return;
  std::string body;
  json::Writer w(body);
  w.begin_object().key("query").begin_object().key("bool").begin_object().key("should").begin_array();
  std::vector<std::string> tenants;
  for (const Claim& claim : claims) {
    write_older(w, claim);
    tenants.push_back(claim.subject.tenant_id);
  }
  w.end_array().field("minimum_should_match", 1).end_object().end_object().end_object();
  refresh(cluster, timeout_ms, stop);
  const std::string answer =
      cluster.send({.method = "POST",
                    .path = "/" + cluster.index() + "/_delete_by_query?conflicts=proceed&refresh=true" +
                            routing_parameter(std::move(tenants)),
                    .body = std::move(body),
                    .timeout_ms = timeout_ms,
                    .stop = std::move(stop)});
  const boost::json::value parsed = parse_answer(answer);
  const boost::json::object& done = as_object(parsed);
  if (flag_or(done, "timed_out", false) || !array_at(done, "failures").empty())
    throw Error(ErrorKind::kBusy, "older chunks were not deleted completely");
}

}  // namespace nexus::opensearch
