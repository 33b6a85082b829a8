-- Quotas: limits, counters, what was reported once, units that processes hold in advance; roll-ups of requests.

CREATE TABLE plan_limits (
  tenant_id TEXT PRIMARY KEY,                -- no row: the limits of the tenant's plan
  daily_requests_limit INTEGER,              -- request units; null: unlimited
  monthly_requests_limit INTEGER,
  daily_tokens_limit INTEGER,
  monthly_tokens_limit INTEGER,
  soft_cap_ratio REAL NOT NULL DEFAULT 0.8,
  hard_cap_enabled INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_counters (
  tenant_id TEXT NOT NULL,
  period_type TEXT NOT NULL CHECK (period_type IN ('day', 'month')),
  period_start INTEGER NOT NULL,             -- UTC midnight, UTC first of the month
  requests_count INTEGER NOT NULL DEFAULT 0,
  estimated_tokens_count INTEGER,            -- null until tokens were counted
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, period_type, period_start)
) STRICT, WITHOUT ROWID;

-- Units that a process may still grant without asking. Together with requests_count they never exceed a hard cap, so
-- that processes cannot overspend between their flushes. A dead process's lease ends at expires_at.
CREATE TABLE quota_leases (
  tenant_id TEXT NOT NULL,
  owner TEXT NOT NULL,                       -- one process
  day_start INTEGER NOT NULL,
  month_start INTEGER NOT NULL,
  units INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, owner, day_start)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_quota_leases_expires_at ON quota_leases (expires_at);

-- What is reported once per tenant and period.
CREATE TABLE quota_soft_cap_events (
  id INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  period_type TEXT NOT NULL,
  period_start INTEGER NOT NULL,
  metric TEXT NOT NULL,                      -- requests: soft cap reached; requests_overage: used above the limit
  created_at INTEGER NOT NULL,
  UNIQUE (tenant_id, period_type, period_start, metric)
) STRICT;

-- Requests of a tenant by UTC day and route class, for the usage dashboards.
CREATE TABLE usage_rollups (
  tenant_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('request', 'rate_limited')),
  day_start INTEGER NOT NULL,
  route_class TEXT NOT NULL,
  count INTEGER NOT NULL DEFAULT 0,
  last_at INTEGER NOT NULL,                  -- newest of them
  PRIMARY KEY (tenant_id, kind, day_start, route_class)
) STRICT, WITHOUT ROWID;
