-- Quotas: limits, counters, what was reported once, units that processes hold in advance; roll-ups of requests.

-- A tenant's tokens of a month pass 2^31; both tables hold a few rows per tenant, so that rewriting them is nothing.
ALTER TABLE plan_limits
  ALTER COLUMN daily_requests_limit TYPE bigint,
  ALTER COLUMN monthly_requests_limit TYPE bigint,
  ALTER COLUMN daily_tokens_limit TYPE bigint,
  ALTER COLUMN monthly_tokens_limit TYPE bigint;
ALTER TABLE usage_counters
  ALTER COLUMN requests_count TYPE bigint,
  ALTER COLUMN estimated_tokens_count TYPE bigint,
  ADD CONSTRAINT ck_usage_counters_period_type CHECK (period_type IN ('day', 'month')) NOT VALID;

-- Units that a process may still grant without asking. Together with requests_count they never exceed a hard cap, so
-- that processes cannot overspend between their flushes. A dead process's lease ends at expires_at.
CREATE TABLE quota_leases (
  tenant_id text NOT NULL,
  owner text NOT NULL,                       -- one process
  day_start timestamptz NOT NULL,
  month_start timestamptz NOT NULL,
  units bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, owner, day_start)
);
CREATE INDEX ix_quota_leases_expires_at ON quota_leases (expires_at);

-- Requests of a tenant by UTC day and route class, for the usage dashboards.
CREATE TABLE usage_rollups (
  tenant_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('request', 'rate_limited')),
  day_start timestamptz NOT NULL,
  route_class text NOT NULL,
  count bigint NOT NULL DEFAULT 0,
  last_at timestamptz NOT NULL,              -- newest of them
  PRIMARY KEY (tenant_id, kind, day_start, route_class)
);
