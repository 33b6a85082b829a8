#include "app/statements.h"

#include "db/cache_versions.h"
#include "modules/audit/adoption_repository.h"
#include "modules/audit/audit_repository.h"
#include "modules/auth/keys_repository.h"
#include "modules/billing/billing_repository.h"
#include "modules/documents/documents_repository.h"
#include "modules/documents/objects_repository.h"
#include "modules/idempotency/idempotency_repository.h"
#include "modules/ingestion/chunks_repository.h"
#include "modules/jobs/jobs_repository.h"
#include "modules/maintenance/retention_runs_repository.h"
#include "modules/plans/plans_repository.h"
#include "modules/quotas/quotas_repository.h"
#include "modules/rag/sessions_repository.h"
#include "modules/retrieval/index_repository.h"
#include "modules/retrieval/passages_repository.h"
#include "modules/retrieval/postgres_index_repository.h"
#include "modules/stats/stats_repository.h"
#include "modules/usage/usage_repository.h"
#include "opensearch/outbox_repository.h"

namespace nexus::app {

std::vector<const db::Statement*> all_statements() {
  std::vector<const db::Statement*> out;
  for (const db::StatementList list :
       {audit::audit_statements(), auth::auth_statements(), documents::documents_statements(),
        documents::objects_statements(), ingestion::chunks_statements(), jobs::jobs_statements(),
        rag::sessions_statements(), retrieval::index_statements(), retrieval::passages_statements(),
        db::cache_versions_statements(), billing::billing_statements(), idempotency::idempotency_statements(),
        plans::plans_statements(), quotas::quotas_statements(), usage::usage_statements(),
        maintenance::maintenance_statements(), stats::stats_statements(), audit::adoption_statements(),
        opensearch::outbox_statements()})
    out.insert(out.end(), list.begin(), list.end());
  return out;
}

std::vector<const db::Statement*> all_statements(std::string_view engine) {
  std::vector<const db::Statement*> out = all_statements();
  if (engine == "postgres") {
    const db::StatementList own = retrieval::postgres::postgres_index_statements();
    out.insert(out.end(), own.begin(), own.end());
  }
  return out;
}

}  // namespace nexus::app
