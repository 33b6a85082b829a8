-- Runs of maintenance tasks, and what their look for old rows needs.

CREATE TABLE retention_runs (
  id INTEGER PRIMARY KEY,
  tenant_id TEXT,                            -- null: of all tenants
  task TEXT NOT NULL,
  last_run_at INTEGER NOT NULL,              -- when it began
  outcome TEXT NOT NULL CHECK (outcome IN ('running', 'success', 'failure', 'interrupted')),
  details_json TEXT CHECK (details_json IS NULL OR json_valid(details_json)),
  completed_at INTEGER,
  lease_until INTEGER                        -- while running: when others may take it for dead
) STRICT;
CREATE INDEX ix_retention_runs_task ON retention_runs (task, last_run_at);
CREATE INDEX ix_retention_runs_tenant ON retention_runs (tenant_id, task, last_run_at);
CREATE UNIQUE INDEX ux_retention_runs_running ON retention_runs (task, COALESCE(tenant_id, '')) WHERE outcome = 'running';

CREATE INDEX ix_documents_storage_path ON documents (storage_path) WHERE storage_path IS NOT NULL;
CREATE INDEX ix_jobs_finished ON jobs (updated_at) WHERE state IN ('done', 'dead');
