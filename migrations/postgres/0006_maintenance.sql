-- Runs of maintenance tasks, and what their look for old rows needs.

ALTER TABLE retention_runs
  ADD COLUMN completed_at timestamptz,
  ADD COLUMN lease_until timestamptz,        -- while running: when others may take it for dead
  ADD CONSTRAINT ck_retention_runs_outcome
    CHECK (outcome IN ('running', 'success', 'failure', 'interrupted')) NOT VALID;
CREATE INDEX ix_retention_runs_tenant_task ON retention_runs (tenant_id, task, last_run_at);
CREATE UNIQUE INDEX ux_retention_runs_running ON retention_runs (task, COALESCE(tenant_id, ''))
  WHERE outcome = 'running';

CREATE INDEX ix_documents_storage_path ON documents (storage_path) WHERE storage_path IS NOT NULL;
CREATE INDEX ix_jobs_finished ON jobs (updated_at) WHERE state IN ('done', 'dead');
