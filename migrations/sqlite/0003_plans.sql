-- Plans: the catalogue with its seed rows, who has which plan, exceptions of single tenants, requests for another plan.

CREATE TABLE plans (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  is_active INTEGER NOT NULL DEFAULT 1,      -- 0: can no longer be assigned; who has it keeps it
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_plans_is_active ON plans (is_active);

CREATE TABLE plan_features (
  plan_id TEXT NOT NULL REFERENCES plans (id),
  feature_key TEXT NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 1,
  config_json TEXT CHECK (config_json IS NULL OR json_valid(config_json)),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (plan_id, feature_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant_plan_assignments (
  tenant_id TEXT NOT NULL,
  effective_from INTEGER NOT NULL,
  plan_id TEXT NOT NULL REFERENCES plans (id),
  effective_to INTEGER,                      -- exclusive; null: until another plan is assigned
  is_active INTEGER NOT NULL DEFAULT 1,      -- 0: replaced by a later assignment
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, effective_from)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ux_tenant_plan_assignments_active ON tenant_plan_assignments (tenant_id) WHERE is_active;

CREATE TABLE tenant_feature_overrides (
  tenant_id TEXT NOT NULL,
  feature_key TEXT NOT NULL,
  enabled INTEGER,                           -- null: as the plan says
  config_json TEXT CHECK (config_json IS NULL OR json_valid(config_json)),  -- null: as the plan says
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, feature_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE plan_upgrade_requests (
  id INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  current_plan_id TEXT NOT NULL,             -- when the request was made
  target_plan_id TEXT NOT NULL,
  reason TEXT,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'rejected')),
  requested_by_actor_id TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  decided_by_actor_id TEXT,
  decision_reason TEXT,
  decided_at INTEGER
) STRICT;
CREATE INDEX ix_plan_upgrade_requests_tenant_id ON plan_upgrade_requests (tenant_id, id);
CREATE INDEX ix_plan_upgrade_requests_status ON plan_upgrade_requests (status, id);

INSERT INTO plans (id, name, is_active, created_at) VALUES
  ('free', 'Free', 1, unixepoch() * 1000000),
  ('pro', 'Pro', 1, unixepoch() * 1000000),
  ('enterprise', 'Enterprise', 1, unixepoch() * 1000000);

WITH matrix (feature_key, free, pro, enterprise) AS (VALUES
  ('feature.audit_access',                  0, 1, 1),
  ('feature.billing_webhook_test',          0, 1, 1),
  ('feature.chargeback_reports',            0, 0, 1),
  ('feature.corpora_patch_provider_config', 0, 1, 1),
  ('feature.cost_controls',                 0, 1, 1),
  ('feature.cost_visibility',               0, 1, 1),
  ('feature.high_quota_tier',               0, 0, 1),
  ('feature.identity.jit',                  0, 0, 1),
  ('feature.identity.scim',                 0, 0, 1),
  ('feature.identity.sso',                  0, 1, 1),
  ('feature.ops_admin_access',              0, 1, 1),
  ('feature.retrieval.aws_bedrock',         0, 0, 1),
  ('feature.retrieval.gcp_vertex',          0, 1, 1),
  ('feature.retrieval.local_pgvector',      1, 1, 1),
  ('feature.tts',                           0, 1, 1))
INSERT INTO plan_features (plan_id, feature_key, enabled, config_json, created_at)
SELECT 'free', feature_key, free, NULL, unixepoch() * 1000000 FROM matrix
UNION ALL SELECT 'pro', feature_key, pro, NULL, unixepoch() * 1000000 FROM matrix
UNION ALL SELECT 'enterprise', feature_key, enterprise, NULL, unixepoch() * 1000000 FROM matrix;
