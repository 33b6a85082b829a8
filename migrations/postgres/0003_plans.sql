-- Plans: the catalogue's seed rows, and how requests for another plan end.

ALTER TABLE plan_upgrade_requests
  ADD COLUMN decided_by_actor_id text,
  ADD COLUMN decision_reason text,
  ADD COLUMN decided_at timestamptz,
  ADD CONSTRAINT ck_plan_upgrade_requests_status CHECK (status IN ('pending', 'approved', 'rejected')) NOT VALID;
CREATE INDEX ix_plan_upgrade_requests_tenant_id ON plan_upgrade_requests (tenant_id, id);
CREATE INDEX ix_plan_upgrade_requests_status ON plan_upgrade_requests (status, id);

-- An adopted catalogue stays as its owner left it.
WITH seeded AS (
  INSERT INTO plans (id, name)
  SELECT id, name FROM (VALUES ('free', 'Free'), ('pro', 'Pro'), ('enterprise', 'Enterprise')) AS seed (id, name)
  WHERE NOT EXISTS (SELECT 1 FROM plans)
  RETURNING id),
matrix (feature_key, free, pro, enterprise) AS (VALUES
  ('feature.audit_access',                  false, true,  true),
  ('feature.billing_webhook_test',          false, true,  true),
  ('feature.chargeback_reports',            false, false, true),
  ('feature.corpora_patch_provider_config', false, true,  true),
  ('feature.cost_controls',                 false, true,  true),
  ('feature.cost_visibility',               false, true,  true),
  ('feature.high_quota_tier',               false, false, true),
  ('feature.identity.jit',                  false, false, true),
  ('feature.identity.scim',                 false, false, true),
  ('feature.identity.sso',                  false, true,  true),
  ('feature.ops_admin_access',              false, true,  true),
  ('feature.retrieval.aws_bedrock',         false, false, true),
  ('feature.retrieval.gcp_vertex',          false, true,  true),
  ('feature.retrieval.local_pgvector',      true,  true,  true),
  ('feature.tts',                           false, true,  true))
INSERT INTO plan_features (plan_id, feature_key, enabled)
SELECT seeded.id, feature_key, CASE seeded.id WHEN 'free' THEN free WHEN 'pro' THEN pro ELSE enterprise END
FROM seeded CROSS JOIN matrix;
