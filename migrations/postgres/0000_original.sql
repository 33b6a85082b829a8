-- The schema of the product that this one replaces, exactly as its last migration (0032_benchmark_runs) leaves it.
-- Names, types, defaults, keys and indexes are a promise: adopted databases have them, and the original may still write
-- to them. A database that has it already skips this file. What is ours comes in the steps after it.
-- SQLite has no such step: only we have ever written to it.
--
-- Conventions of the original: ids are text (most of them UUIDs), except where a type says otherwise; enumerations are
-- text without a check; tenant_id null means the platform or all tenants.

CREATE EXTENSION IF NOT EXISTS vector;

-- Migration history ---------------------------------------------------------------------------------------------------

-- Revision of the original's own tool. On a database of ours it says that this baseline is there, so that the original
-- may start on it.
CREATE TABLE alembic_version (
  version_num varchar(32) NOT NULL,
  CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES ('0032_benchmark_runs');

-- Identity: service users and their API keys --------------------------------------------------------------------------

-- Service users of a tenant; each API key acts as one.
CREATE TABLE users (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  email varchar,
  role varchar NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz DEFAULT now()
);
CREATE INDEX ix_users_tenant_id ON users (tenant_id);

-- key_hash is what is stored of a key. A revoked or expired key stays as a row.
CREATE TABLE api_keys (
  id varchar PRIMARY KEY,
  user_id varchar NOT NULL REFERENCES users (id),
  tenant_id varchar NOT NULL,
  key_prefix varchar NOT NULL,
  key_hash varchar NOT NULL,
  name varchar,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz DEFAULT now(),
  expires_at timestamptz
);
CREATE INDEX ix_api_keys_expires_at ON api_keys (expires_at);
CREATE UNIQUE INDEX ix_api_keys_key_hash ON api_keys (key_hash);
CREATE INDEX ix_api_keys_tenant_id ON api_keys (tenant_id);

-- Audit ---------------------------------------------------------------------------------------------------------------

-- One row per event, append only. Without tenant: an event of the platform.
CREATE TABLE audit_events (
  id bigserial PRIMARY KEY,
  occurred_at timestamptz NOT NULL,
  tenant_id varchar,
  actor_type varchar NOT NULL,
  actor_id varchar,
  actor_role varchar,
  event_type varchar NOT NULL,
  outcome varchar NOT NULL,
  resource_type varchar,
  resource_id varchar,
  request_id varchar,
  ip_address varchar,
  user_agent varchar,
  metadata_json jsonb,
  error_code varchar,
  created_at timestamptz DEFAULT now()
);
CREATE INDEX ix_audit_events_event_type ON audit_events (event_type);
CREATE INDEX ix_audit_events_event_type_occurred_at ON audit_events (event_type, occurred_at DESC);
CREATE INDEX ix_audit_events_occurred_at ON audit_events (occurred_at);
CREATE INDEX ix_audit_events_outcome_occurred_at ON audit_events (outcome, occurred_at DESC);
CREATE INDEX ix_audit_events_request_id ON audit_events (request_id);
CREATE INDEX ix_audit_events_tenant_id ON audit_events (tenant_id);
CREATE INDEX ix_audit_events_tenant_occurred_at ON audit_events (tenant_id, occurred_at DESC);

-- Corpora, documents, chunks ------------------------------------------------------------------------------------------

-- What is searched together.
CREATE TABLE corpora (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  name varchar NOT NULL,
  provider_config_json jsonb NOT NULL,
  created_at timestamptz DEFAULT now()
);
CREATE INDEX ix_corpora_tenant_id ON corpora (tenant_id);

-- One row per uploaded or written text, with the state of its ingestion. No key to corpora.
CREATE TABLE documents (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  corpus_id varchar NOT NULL,
  filename varchar NOT NULL,
  content_type varchar NOT NULL,
  source varchar NOT NULL DEFAULT 'upload',
  status varchar NOT NULL,
  error_message varchar,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  ingest_source varchar NOT NULL DEFAULT 'upload_file',
  storage_path varchar,
  metadata_json jsonb NOT NULL DEFAULT '{}',
  last_reindexed_at timestamptz,
  failure_reason text,
  queued_at timestamptz,
  processing_started_at timestamptz,
  completed_at timestamptz,
  last_job_id varchar
);
CREATE INDEX ix_documents_corpus_id ON documents (corpus_id);
CREATE INDEX ix_documents_status ON documents (status);
CREATE INDEX ix_documents_status_completed_at ON documents (status, completed_at);
CREATE INDEX ix_documents_status_processing_started_at ON documents (status, processing_started_at);
CREATE INDEX ix_documents_status_queued_at ON documents (status, queued_at);
CREATE INDEX ix_documents_tenant_id ON documents (tenant_id);

-- What search finds. Those of the demo corpus belong to no document.
CREATE TABLE chunks (
  id uuid PRIMARY KEY,
  corpus_id varchar NOT NULL,
  document_uri varchar NOT NULL,
  chunk_index integer NOT NULL,
  text text NOT NULL,
  embedding vector(768),
  metadata_json jsonb NOT NULL,
  created_at timestamptz DEFAULT now(),
  document_id varchar,
  CONSTRAINT fk_chunks_document_id FOREIGN KEY (document_id) REFERENCES documents (id)
);
CREATE INDEX ix_chunks_corpus_id ON chunks (corpus_id);
CREATE INDEX ix_chunks_document_id ON chunks (document_id);

-- Sessions ------------------------------------------------------------------------------------------------------------

-- Conversations.
CREATE TABLE sessions (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  created_at timestamptz DEFAULT now(),
  last_seen_at timestamptz DEFAULT now()
);
CREATE INDEX ix_sessions_tenant_id ON sessions (tenant_id);

-- Questions and answers of a session, in order of created_at.
CREATE TABLE messages (
  id uuid PRIMARY KEY,
  session_id varchar REFERENCES sessions (id),
  role varchar NOT NULL,
  content text NOT NULL,
  created_at timestamptz DEFAULT now()
);
CREATE INDEX ix_messages_session_id ON messages (session_id);

-- State of the agent after each run.
CREATE TABLE checkpoints (
  id uuid PRIMARY KEY,
  session_id varchar REFERENCES sessions (id),
  state_json jsonb NOT NULL,
  created_at timestamptz DEFAULT now()
);
CREATE INDEX ix_checkpoints_session_id ON checkpoints (session_id);

-- Runs and benchmarks -------------------------------------------------------------------------------------------------

-- One row per run, without tenant or text.
CREATE TABLE query_log (
  id uuid PRIMARY KEY,
  query_id uuid NOT NULL,
  started_at timestamptz NOT NULL,
  completed_at timestamptz NOT NULL,
  latency_ms integer NOT NULL,
  retrieved_chunks integer NOT NULL DEFAULT 0,
  status varchar(32) NOT NULL,
  CONSTRAINT ck_query_log_status CHECK (status IN ('ok', 'error', 'cancelled'))
);
CREATE INDEX ix_query_log_completed_at_desc ON query_log (completed_at DESC);

-- Results of retrieval benchmarks; the original never writes it.
CREATE TABLE benchmark_runs (
  id uuid PRIMARY KEY,
  fixture_version varchar(64) NOT NULL,
  embedding_provider varchar(32) NOT NULL,
  generated_at timestamptz NOT NULL DEFAULT now(),
  case_count integer NOT NULL DEFAULT 0,
  metrics jsonb NOT NULL,
  artifact_url text
);
CREATE INDEX ix_benchmark_runs_generated_at ON benchmark_runs (generated_at);
CREATE INDEX ix_benchmark_runs_generated_at_desc ON benchmark_runs (generated_at DESC);

-- Plans, quotas, usage ------------------------------------------------------------------------------------------------

-- The catalogue: free, pro, enterprise.
CREATE TABLE plans (
  id varchar PRIMARY KEY,
  name varchar NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz DEFAULT now()
);
CREATE INDEX ix_plans_active ON plans (is_active);

-- What a plan contains.
CREATE TABLE plan_features (
  plan_id varchar NOT NULL REFERENCES plans (id),
  feature_key varchar NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  config_json jsonb,
  created_at timestamptz DEFAULT now(),
  PRIMARY KEY (plan_id, feature_key)
);
CREATE INDEX ix_plan_features_plan_id ON plan_features (plan_id);

-- Which plan a tenant has and had.
CREATE TABLE tenant_plan_assignments (
  tenant_id varchar NOT NULL,
  effective_from timestamptz NOT NULL,
  plan_id varchar NOT NULL REFERENCES plans (id),
  effective_to timestamptz,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant_id, effective_from)
);
CREATE INDEX ix_tenant_plan_assignments_active ON tenant_plan_assignments (tenant_id, is_active);
CREATE INDEX ix_tenant_plan_assignments_tenant ON tenant_plan_assignments (tenant_id);
CREATE UNIQUE INDEX uq_tenant_plan_assignments_active ON tenant_plan_assignments (tenant_id) WHERE is_active;

-- Exceptions of single tenants. Null: as the plan says.
CREATE TABLE tenant_feature_overrides (
  tenant_id varchar NOT NULL,
  feature_key varchar NOT NULL,
  enabled boolean,
  config_json jsonb,
  created_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant_id, feature_key)
);
CREATE INDEX ix_tenant_feature_overrides_tenant ON tenant_feature_overrides (tenant_id);

-- Tenants that asked for another plan.
CREATE TABLE plan_upgrade_requests (
  id bigserial PRIMARY KEY,
  tenant_id varchar NOT NULL,
  current_plan_id varchar NOT NULL,
  target_plan_id varchar NOT NULL,
  reason text,
  status varchar NOT NULL,
  requested_by_actor_id varchar,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_plan_upgrade_requests_tenant ON plan_upgrade_requests (tenant_id);

-- Quotas of single tenants. Null: unlimited.
CREATE TABLE plan_limits (
  tenant_id varchar PRIMARY KEY,
  daily_requests_limit integer,
  monthly_requests_limit integer,
  daily_tokens_limit integer,
  monthly_tokens_limit integer,
  soft_cap_ratio double precision NOT NULL DEFAULT 0.8,
  hard_cap_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_plan_limits_tenant_id ON plan_limits (tenant_id);

-- Requests and tokens of a tenant by UTC day and month.
CREATE TABLE usage_counters (
  tenant_id varchar NOT NULL,
  period_type varchar NOT NULL,
  period_start timestamptz NOT NULL,
  requests_count integer NOT NULL DEFAULT 0,
  estimated_tokens_count integer,
  updated_at timestamptz DEFAULT now(),
  PRIMARY KEY (tenant_id, period_type, period_start)
);
CREATE INDEX ix_usage_counters_tenant_period ON usage_counters (tenant_id, period_type, period_start);

-- What is reported once per tenant and period.
CREATE TABLE quota_soft_cap_events (
  id bigserial PRIMARY KEY,
  tenant_id varchar NOT NULL,
  period_type varchar NOT NULL,
  period_start timestamptz NOT NULL,
  metric varchar NOT NULL,
  created_at timestamptz DEFAULT now(),
  CONSTRAINT uq_quota_soft_cap_events_scope UNIQUE (tenant_id, period_type, period_start, metric)
);
CREATE INDEX ix_quota_soft_cap_events_tenant ON quota_soft_cap_events (tenant_id);

-- Idempotency ---------------------------------------------------------------------------------------------------------

-- Answers kept for repeated requests.
CREATE TABLE idempotency_records (
  id bigserial PRIMARY KEY,
  tenant_id varchar NOT NULL,
  actor_id varchar NOT NULL,
  method varchar NOT NULL,
  path varchar NOT NULL,
  idem_key varchar NOT NULL,
  request_hash varchar NOT NULL,
  response_status integer NOT NULL,
  response_body_json jsonb,
  created_at timestamptz DEFAULT now(),
  expires_at timestamptz NOT NULL,
  CONSTRAINT uq_idempotency_records_scope UNIQUE (tenant_id, actor_id, method, path, idem_key)
);
CREATE INDEX ix_idempotency_records_actor ON idempotency_records (actor_id);
CREATE INDEX ix_idempotency_records_expires_at ON idempotency_records (expires_at);
CREATE INDEX ix_idempotency_records_tenant ON idempotency_records (tenant_id);

-- Authorization -------------------------------------------------------------------------------------------------------

-- Rules over attributes; the highest priority decides, deny first.
CREATE TABLE authorization_policies (
  id varchar PRIMARY KEY,
  tenant_id varchar,
  name varchar NOT NULL,
  version integer NOT NULL DEFAULT 1,
  effect varchar NOT NULL,
  resource_type varchar NOT NULL,
  action varchar NOT NULL,
  condition_json jsonb,
  priority integer NOT NULL DEFAULT 100,
  enabled boolean NOT NULL DEFAULT true,
  created_by varchar,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_authz_policies_tenant_enabled_resource_action_priority ON
  authorization_policies (tenant_id, enabled, resource_type, action, priority DESC);

-- Grants on single documents.
CREATE TABLE document_permissions (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  document_id varchar NOT NULL REFERENCES documents (id),
  principal_type varchar NOT NULL,
  principal_id varchar NOT NULL,
  permission varchar NOT NULL,
  granted_by varchar,
  expires_at timestamptz,
  created_at timestamptz DEFAULT now(),
  CONSTRAINT uq_doc_permissions_principal_permission
    UNIQUE (tenant_id, document_id, principal_type, principal_id, permission)
);
CREATE INDEX ix_doc_permissions_tenant_document ON document_permissions (tenant_id, document_id);
CREATE INDEX ix_doc_permissions_tenant_principal ON document_permissions (tenant_id, principal_type, principal_id);

-- Attributes of documents for the policies.
CREATE TABLE document_labels (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  document_id varchar NOT NULL REFERENCES documents (id),
  key varchar NOT NULL,
  value varchar NOT NULL,
  CONSTRAINT uq_document_labels_key UNIQUE (tenant_id, document_id, key)
);
CREATE INDEX ix_document_labels_tenant ON document_labels (tenant_id);

-- Attributes of callers for the policies.
CREATE TABLE principal_attributes (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  principal_type varchar NOT NULL,
  principal_id varchar NOT NULL,
  attrs_json jsonb,
  updated_at timestamptz DEFAULT now(),
  CONSTRAINT uq_principal_attributes_identity UNIQUE (tenant_id, principal_type, principal_id)
);
CREATE INDEX ix_principal_attributes_tenant ON principal_attributes (tenant_id);

-- Identity providers, provisioned users, single sign-on ---------------------------------------------------------------

-- OIDC providers of a tenant.
CREATE TABLE identity_providers (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  type varchar NOT NULL,
  name varchar NOT NULL,
  issuer varchar NOT NULL,
  client_id varchar NOT NULL,
  client_secret_ref varchar NOT NULL,
  auth_url varchar NOT NULL,
  token_url varchar NOT NULL,
  jwks_url varchar NOT NULL,
  scopes_json jsonb,
  enabled boolean NOT NULL DEFAULT false,
  default_role varchar NOT NULL,
  role_mapping_json jsonb,
  jit_enabled boolean NOT NULL DEFAULT false,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_identity_providers_tenant_enabled ON identity_providers (tenant_id, enabled);
CREATE INDEX ix_identity_providers_tenant_id ON identity_providers (tenant_id);

-- People, as provisioned or as seen at sign-on.
CREATE TABLE tenant_users (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  external_subject varchar NOT NULL,
  email varchar,
  display_name varchar,
  status varchar NOT NULL,
  role varchar NOT NULL,
  last_login_at timestamptz,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(),
  CONSTRAINT uq_tenant_users_subject UNIQUE (tenant_id, external_subject)
);
CREATE INDEX ix_tenant_users_tenant_email ON tenant_users (tenant_id, email);
CREATE INDEX ix_tenant_users_tenant_id ON tenant_users (tenant_id);
CREATE INDEX ix_tenant_users_tenant_role ON tenant_users (tenant_id, role);

-- Which provisioned identity is which user.
CREATE TABLE scim_identities (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  external_id varchar NOT NULL,
  user_id varchar NOT NULL REFERENCES tenant_users (id),
  provider_id varchar REFERENCES identity_providers (id),
  last_sync_at timestamptz,
  active boolean NOT NULL DEFAULT true,
  CONSTRAINT uq_scim_identities_external UNIQUE (tenant_id, external_id)
);
CREATE INDEX ix_scim_identities_tenant_id ON scim_identities (tenant_id);
CREATE INDEX ix_scim_identities_user_id ON scim_identities (user_id);

-- Groups as provisioned; a group may stand for a role.
CREATE TABLE scim_groups (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  external_id varchar NOT NULL,
  display_name varchar NOT NULL,
  role_binding varchar,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_scim_groups_tenant_id ON scim_groups (tenant_id);

-- Who is in which group.
CREATE TABLE scim_group_memberships (
  group_id varchar NOT NULL REFERENCES scim_groups (id),
  user_id varchar NOT NULL REFERENCES tenant_users (id),
  CONSTRAINT uq_scim_group_memberships PRIMARY KEY (group_id, user_id)
);

-- Bearer tokens of connectors, hashed.
CREATE TABLE scim_tokens (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  token_prefix varchar NOT NULL,
  token_hash varchar NOT NULL,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz DEFAULT now(),
  CONSTRAINT uq_scim_tokens_hash UNIQUE (token_hash)
);
CREATE UNIQUE INDEX ix_scim_tokens_hash ON scim_tokens (token_hash);
CREATE INDEX ix_scim_tokens_tenant ON scim_tokens (tenant_id);

-- Tokens given out after sign-on, hashed.
CREATE TABLE sso_sessions (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  user_id varchar NOT NULL REFERENCES tenant_users (id),
  provider_id varchar REFERENCES identity_providers (id),
  token_prefix varchar NOT NULL,
  token_hash varchar NOT NULL,
  created_at timestamptz DEFAULT now(),
  last_seen_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  CONSTRAINT uq_sso_sessions_hash UNIQUE (token_hash)
);
CREATE UNIQUE INDEX ix_sso_sessions_hash ON sso_sessions (token_hash);
CREATE INDEX ix_sso_sessions_tenant ON sso_sessions (tenant_id);
CREATE INDEX ix_sso_sessions_user ON sso_sessions (user_id);

-- Costs ---------------------------------------------------------------------------------------------------------------

-- Rates by provider and component, valid from effective_from until effective_to.
CREATE TABLE pricing_catalog (
  id varchar PRIMARY KEY,
  version varchar NOT NULL,
  provider varchar NOT NULL,
  component varchar NOT NULL,
  rate_type varchar NOT NULL,
  rate_value_usd numeric(12,6) NOT NULL,
  effective_from timestamptz NOT NULL,
  effective_to timestamptz,
  active boolean NOT NULL DEFAULT true,
  metadata_json jsonb
);
CREATE INDEX ix_pricing_catalog_provider_component_active ON pricing_catalog (provider, component, active);
CREATE INDEX ix_pricing_catalog_version ON pricing_catalog (version);

-- What each use cost.
CREATE TABLE usage_cost_events (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  request_id varchar,
  session_id varchar,
  route_class varchar NOT NULL,
  component varchar NOT NULL,
  provider varchar NOT NULL,
  units_json jsonb,
  unit_cost_json jsonb,
  cost_usd numeric(12,6) NOT NULL,
  occurred_at timestamptz NOT NULL DEFAULT now(),
  metadata_json jsonb
);
CREATE INDEX ix_usage_cost_events_component ON usage_cost_events (tenant_id, component, occurred_at);
CREATE INDEX ix_usage_cost_events_request ON usage_cost_events (request_id);
CREATE INDEX ix_usage_cost_events_tenant_occurred ON usage_cost_events (tenant_id, occurred_at);

-- What a tenant may spend in a month, and what happens then.
CREATE TABLE tenant_budgets (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  monthly_budget_usd numeric(12,2) NOT NULL,
  warn_ratio numeric(5,4) NOT NULL DEFAULT 0.8,
  enforce_hard_cap boolean NOT NULL DEFAULT false,
  hard_cap_mode varchar NOT NULL DEFAULT 'block',
  current_month_override_usd numeric(12,2),
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(),
  CONSTRAINT uq_tenant_budgets_tenant UNIQUE (tenant_id)
);
CREATE INDEX ix_tenant_budgets_tenant ON tenant_budgets (tenant_id);

-- Spending and forecast of a month.
CREATE TABLE tenant_budget_snapshots (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  year_month varchar(7) NOT NULL,
  budget_usd numeric(12,2) NOT NULL,
  spend_usd numeric(12,6) NOT NULL,
  forecast_usd numeric(12,6),
  warn_triggered_at timestamptz,
  cap_triggered_at timestamptz,
  status varchar NOT NULL,
  computed_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_budget_snapshots_month UNIQUE (tenant_id, year_month)
);
CREATE INDEX ix_tenant_budget_snapshots_tenant ON tenant_budget_snapshots (tenant_id);

-- Costs of a period, by component.
CREATE TABLE chargeback_reports (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  period_start timestamptz NOT NULL,
  period_end timestamptz NOT NULL,
  currency varchar NOT NULL DEFAULT 'USD',
  total_usd numeric(12,6) NOT NULL,
  breakdown_json jsonb,
  generated_at timestamptz NOT NULL DEFAULT now(),
  generated_by varchar
);
CREATE INDEX ix_chargeback_reports_tenant ON chargeback_reports (tenant_id);

-- Service levels and scaling ------------------------------------------------------------------------------------------

-- Objectives for latency and availability; null tenant: for all.
CREATE TABLE sla_policies (
  id varchar PRIMARY KEY,
  tenant_id varchar,
  name varchar NOT NULL,
  tier varchar NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  config_json jsonb NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_by varchar,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_sla_policies_tenant_name_version UNIQUE (tenant_id, name, version)
);
CREATE INDEX ix_sla_policies_tenant ON sla_policies (tenant_id);

-- Which policy a tenant has.
CREATE TABLE tenant_sla_assignments (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  policy_id varchar NOT NULL REFERENCES sla_policies (id),
  effective_from timestamptz NOT NULL,
  effective_to timestamptz,
  override_json jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_tenant_sla_assignments_tenant UNIQUE (tenant_id)
);
CREATE INDEX ix_tenant_sla_assignments_tenant ON tenant_sla_assignments (tenant_id);

-- Latencies and errors of one window.
CREATE TABLE sla_measurements (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  route_class varchar NOT NULL,
  window_start timestamptz NOT NULL,
  window_end timestamptz NOT NULL,
  request_count integer NOT NULL,
  error_count integer NOT NULL,
  p50_ms double precision,
  p95_ms double precision,
  p99_ms double precision,
  availability_pct numeric(5,2),
  saturation_pct numeric(5,2),
  computed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_sla_measurements_tenant_route_window_end ON sla_measurements (tenant_id, route_class, window_end);

-- Objectives that were missed, open until they are met again.
CREATE TABLE sla_incidents (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  policy_id varchar NOT NULL REFERENCES sla_policies (id),
  route_class varchar NOT NULL,
  breach_type varchar NOT NULL,
  severity varchar NOT NULL,
  status varchar NOT NULL,
  first_breach_at timestamptz NOT NULL,
  last_breach_at timestamptz NOT NULL,
  details_json jsonb,
  resolved_at timestamptz
);
CREATE INDEX ix_sla_incidents_tenant ON sla_incidents (tenant_id);

-- Bounds and targets for the number of replicas.
CREATE TABLE autoscaling_profiles (
  id varchar PRIMARY KEY,
  name varchar NOT NULL,
  scope varchar NOT NULL,
  tenant_id varchar,
  route_class varchar,
  min_replicas integer NOT NULL,
  max_replicas integer NOT NULL,
  target_p95_ms integer NOT NULL,
  target_queue_depth integer NOT NULL,
  cooldown_seconds integer NOT NULL,
  step_up integer NOT NULL,
  step_down integer NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_autoscaling_profiles_tenant ON autoscaling_profiles (tenant_id);

-- What was recommended or done.
CREATE TABLE autoscaling_actions (
  id varchar PRIMARY KEY,
  profile_id varchar NOT NULL REFERENCES autoscaling_profiles (id),
  tenant_id varchar,
  route_class varchar NOT NULL,
  action varchar NOT NULL,
  from_replicas integer NOT NULL,
  to_replicas integer NOT NULL,
  reason text NOT NULL,
  signal_json jsonb,
  executed boolean NOT NULL DEFAULT false,
  executed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_autoscaling_actions_tenant ON autoscaling_actions (tenant_id);

-- User interface ------------------------------------------------------------------------------------------------------

-- Things to do that the interface shows.
CREATE TABLE ui_actions (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  actor_id varchar NOT NULL,
  action_type varchar NOT NULL,
  request_json jsonb,
  status varchar NOT NULL,
  result_json jsonb,
  error_code varchar,
  error_message text,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_ui_actions_status ON ui_actions (status);
CREATE INDEX ix_ui_actions_tenant_created_at ON ui_actions (tenant_id, created_at);

-- Backups and regions -------------------------------------------------------------------------------------------------

-- Backups, running and done, and where each lies.
CREATE TABLE backup_jobs (
  id bigserial PRIMARY KEY,
  tenant_scope varchar,
  backup_type varchar NOT NULL,
  status varchar NOT NULL,
  manifest_uri varchar,
  started_at timestamptz DEFAULT now(),
  completed_at timestamptz,
  error_code varchar,
  error_message text,
  created_by_actor_id varchar,
  metadata_json jsonb
);
CREATE INDEX ix_backup_jobs_started_at ON backup_jobs (started_at);
CREATE INDEX ix_backup_jobs_status ON backup_jobs (status);

-- Restores that were tried.
CREATE TABLE restore_drills (
  id bigserial PRIMARY KEY,
  status varchar NOT NULL,
  started_at timestamptz DEFAULT now(),
  completed_at timestamptz,
  report_json jsonb,
  rto_seconds integer,
  verified_manifest_uri varchar,
  error_code varchar,
  error_message text
);
CREATE INDEX ix_restore_drills_started_at ON restore_drills (started_at);
CREATE INDEX ix_restore_drills_status ON restore_drills (status);

-- Which region leads. One row.
CREATE TABLE failover_cluster_state (
  id serial PRIMARY KEY,
  active_primary_region varchar NOT NULL,
  epoch integer NOT NULL DEFAULT 1,
  last_transition_at timestamptz DEFAULT now(),
  cooldown_until timestamptz,
  freeze_writes boolean NOT NULL DEFAULT false,
  metadata_json jsonb,
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_failover_cluster_state_active_primary ON failover_cluster_state (active_primary_region);

-- What each region last said of itself.
CREATE TABLE region_status (
  region_id varchar PRIMARY KEY,
  role varchar NOT NULL,
  health_status varchar NOT NULL,
  replication_lag_seconds integer,
  last_heartbeat_at timestamptz,
  writable boolean NOT NULL DEFAULT false,
  metadata_json jsonb,
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_region_status_health_updated ON region_status (health_status, updated_at);

-- Failovers: asked for, done, rolled back.
CREATE TABLE failover_events (
  id bigserial PRIMARY KEY,
  from_region varchar,
  to_region varchar,
  mode varchar NOT NULL,
  status varchar NOT NULL,
  reason text,
  requested_by_actor_id varchar,
  approval_token_id varchar,
  request_id varchar,
  started_at timestamptz DEFAULT now(),
  completed_at timestamptz,
  error_code varchar,
  error_message text,
  report_json jsonb
);
CREATE INDEX ix_failover_events_request_id ON failover_events (request_id);
CREATE INDEX ix_failover_events_status_started ON failover_events (status, started_at);

-- Permits to fail over, used once, hashed.
CREATE TABLE failover_tokens (
  id varchar PRIMARY KEY,
  token_hash varchar NOT NULL,
  requested_by_actor_id varchar,
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  created_at timestamptz DEFAULT now(),
  purpose varchar NOT NULL
);
CREATE INDEX ix_failover_tokens_expires_at ON failover_tokens (expires_at);
CREATE INDEX ix_failover_tokens_token_hash ON failover_tokens (token_hash);

-- Governance ----------------------------------------------------------------------------------------------------------

-- How long a tenant's rows of each kind live.
CREATE TABLE retention_policies (
  tenant_id varchar PRIMARY KEY,
  messages_ttl_days integer,
  checkpoints_ttl_days integer,
  audit_ttl_days integer,
  documents_ttl_days integer,
  backups_ttl_days integer,
  hard_delete_enabled boolean NOT NULL DEFAULT false,
  anonymize_instead_of_delete boolean NOT NULL DEFAULT true,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);

-- What must not be deleted.
CREATE TABLE legal_holds (
  id bigserial PRIMARY KEY,
  tenant_id varchar NOT NULL,
  scope_type varchar NOT NULL,
  scope_id varchar,
  reason text NOT NULL,
  created_by_actor_id varchar,
  created_at timestamptz DEFAULT now(),
  expires_at timestamptz,
  is_active boolean NOT NULL DEFAULT true,
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_legal_holds_expires_at ON legal_holds (expires_at);
CREATE INDEX ix_legal_holds_is_active ON legal_holds (is_active);
CREATE INDEX ix_legal_holds_scope ON legal_holds (scope_type, scope_id);
CREATE INDEX ix_legal_holds_scope_type ON legal_holds (scope_type);
CREATE INDEX ix_legal_holds_tenant_active ON legal_holds (tenant_id, is_active);
CREATE INDEX ix_legal_holds_tenant_id ON legal_holds (tenant_id);

-- Requests of people about their own data.
CREATE TABLE dsar_requests (
  id bigserial PRIMARY KEY,
  tenant_id varchar NOT NULL,
  request_type varchar NOT NULL,
  subject_type varchar NOT NULL,
  subject_id varchar NOT NULL,
  status varchar NOT NULL,
  requested_by_actor_id varchar,
  approved_by_actor_id varchar,
  artifact_uri varchar,
  report_json jsonb,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now(),
  completed_at timestamptz,
  error_code varchar,
  error_message text
);
CREATE INDEX ix_dsar_requests_created_at ON dsar_requests (created_at);
CREATE INDEX ix_dsar_requests_status ON dsar_requests (status);
CREATE INDEX ix_dsar_requests_tenant ON dsar_requests (tenant_id);
CREATE INDEX ix_dsar_requests_tenant_status ON dsar_requests (tenant_id, status);

-- Rules over governed actions, by priority.
CREATE TABLE policy_rules (
  id bigserial PRIMARY KEY,
  tenant_id varchar,
  rule_key varchar NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  priority integer NOT NULL DEFAULT 100,
  condition_json jsonb NOT NULL DEFAULT '{}',
  action_json jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_policy_rules_priority ON policy_rules (priority);
CREATE INDEX ix_policy_rules_rule_key ON policy_rules (rule_key);
CREATE INDEX ix_policy_rules_rule_priority ON policy_rules (rule_key, priority);
CREATE INDEX ix_policy_rules_tenant ON policy_rules (tenant_id);

-- Runs of retention for one tenant, with a report.
CREATE TABLE governance_retention_runs (
  id bigserial PRIMARY KEY,
  tenant_id varchar NOT NULL,
  status varchar NOT NULL,
  started_at timestamptz DEFAULT now(),
  completed_at timestamptz,
  report_json jsonb,
  error_code varchar,
  error_message text,
  created_by_actor_id varchar
);
CREATE INDEX ix_governance_retention_runs_status ON governance_retention_runs (status);
CREATE INDEX ix_governance_retention_runs_tenant_id ON governance_retention_runs (tenant_id);
CREATE INDEX ix_governance_retention_runs_tenant_started ON governance_retention_runs (tenant_id, started_at);

-- Runs of maintenance tasks.
CREATE TABLE retention_runs (
  id bigserial PRIMARY KEY,
  tenant_id varchar,
  task varchar NOT NULL,
  last_run_at timestamptz NOT NULL DEFAULT now(),
  outcome varchar NOT NULL,
  details_json jsonb
);
CREATE INDEX ix_retention_runs_task ON retention_runs (task);
CREATE INDEX ix_retention_runs_task_last_run ON retention_runs (task, last_run_at);
CREATE INDEX ix_retention_runs_tenant ON retention_runs (tenant_id);

-- Keys and encryption -------------------------------------------------------------------------------------------------

-- Data keys of tenants, wrapped by the key-management provider.
CREATE TABLE tenant_keys (
  id bigserial PRIMARY KEY,
  tenant_id varchar NOT NULL,
  key_alias varchar NOT NULL,
  key_version integer NOT NULL,
  provider varchar NOT NULL,
  key_ref varchar NOT NULL,
  status varchar NOT NULL,
  created_at timestamptz DEFAULT now(),
  activated_at timestamptz,
  retired_at timestamptz,
  metadata_json jsonb,
  CONSTRAINT uq_tenant_keys_version UNIQUE (tenant_id, key_alias, key_version)
);
CREATE INDEX ix_tenant_keys_status ON tenant_keys (status);
CREATE INDEX ix_tenant_keys_tenant_id ON tenant_keys (tenant_id);
CREATE INDEX ix_tenant_keys_tenant_status_version ON tenant_keys (tenant_id, status, key_version DESC);

-- Objects at rest, encrypted under a tenant's key.
CREATE TABLE encrypted_blobs (
  id bigserial PRIMARY KEY,
  tenant_id varchar NOT NULL,
  resource_type varchar NOT NULL,
  resource_id varchar NOT NULL,
  key_id bigint NOT NULL REFERENCES tenant_keys (id),
  wrapped_dek text NOT NULL,
  nonce text NOT NULL,
  tag text NOT NULL,
  cipher_text text NOT NULL,
  aad_json jsonb NOT NULL,
  checksum_sha256 varchar NOT NULL,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_encrypted_blobs_resource_id ON encrypted_blobs (resource_id);
CREATE INDEX ix_encrypted_blobs_resource_type ON encrypted_blobs (resource_type);
CREATE INDEX ix_encrypted_blobs_tenant_id ON encrypted_blobs (tenant_id);
CREATE INDEX ix_encrypted_blobs_tenant_resource ON encrypted_blobs (tenant_id, resource_type, resource_id);

-- Rotations of a tenant's key and how far each got.
CREATE TABLE key_rotation_jobs (
  id bigserial PRIMARY KEY,
  tenant_id varchar NOT NULL,
  from_key_id bigint NOT NULL,
  to_key_id bigint NOT NULL,
  status varchar NOT NULL,
  total_items integer NOT NULL DEFAULT 0,
  processed_items integer NOT NULL DEFAULT 0,
  failed_items integer NOT NULL DEFAULT 0,
  started_at timestamptz,
  completed_at timestamptz,
  error_code varchar,
  error_message text,
  report_json jsonb,
  created_at timestamptz DEFAULT now()
);
CREATE INDEX ix_key_rotation_jobs_status ON key_rotation_jobs (status);
CREATE INDEX ix_key_rotation_jobs_tenant_id ON key_rotation_jobs (tenant_id);
CREATE INDEX ix_key_rotation_jobs_tenant_status_created ON key_rotation_jobs (tenant_id, status, created_at DESC);

-- Keys of the installation, by purpose.
CREATE TABLE platform_keys (
  key_id varchar PRIMARY KEY,
  purpose varchar NOT NULL,
  status varchar NOT NULL,
  secret_ciphertext text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  retired_at timestamptz,
  activated_at timestamptz
);
CREATE INDEX ix_platform_keys_activated_at ON platform_keys (activated_at);
CREATE INDEX ix_platform_keys_purpose ON platform_keys (purpose);
CREATE INDEX ix_platform_keys_purpose_status_created ON platform_keys (purpose, status, created_at);
CREATE INDEX ix_platform_keys_status ON platform_keys (status);

-- Compliance ----------------------------------------------------------------------------------------------------------

-- Controls and how each is checked.
CREATE TABLE control_catalog (
  control_id varchar PRIMARY KEY,
  title varchar NOT NULL,
  trust_criteria varchar NOT NULL,
  description text NOT NULL,
  owner_role varchar NOT NULL,
  check_type varchar NOT NULL,
  frequency varchar NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  severity varchar NOT NULL,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_control_catalog_trust_criteria ON control_catalog (trust_criteria);

-- Where a control's evidence comes from.
CREATE TABLE control_mappings (
  id bigserial PRIMARY KEY,
  control_id varchar NOT NULL REFERENCES control_catalog (control_id),
  signal_type varchar NOT NULL,
  signal_ref varchar NOT NULL,
  condition_json jsonb NOT NULL,
  evidence_template_json jsonb,
  created_at timestamptz DEFAULT now(),
  updated_at timestamptz DEFAULT now()
);
CREATE INDEX ix_control_mappings_control_id ON control_mappings (control_id);

-- What checking a control found.
CREATE TABLE control_evaluations (
  id bigserial PRIMARY KEY,
  control_id varchar NOT NULL REFERENCES control_catalog (control_id),
  tenant_scope varchar,
  status varchar NOT NULL,
  score integer,
  evaluated_at timestamptz DEFAULT now(),
  window_start timestamptz NOT NULL,
  window_end timestamptz NOT NULL,
  findings_json jsonb,
  evidence_refs_json jsonb,
  error_code varchar,
  error_message text
);
CREATE INDEX ix_control_evaluations_control_eval ON control_evaluations (control_id, evaluated_at DESC);
CREATE INDEX ix_control_evaluations_status_eval ON control_evaluations (status, evaluated_at DESC);

-- Signed archives of evidence for auditors.
CREATE TABLE evidence_bundles (
  id bigserial PRIMARY KEY,
  bundle_type varchar NOT NULL,
  period_start timestamptz NOT NULL,
  period_end timestamptz NOT NULL,
  status varchar NOT NULL,
  manifest_uri varchar,
  signature varchar,
  checksum_sha256 varchar,
  generated_by_actor_id varchar,
  generated_at timestamptz,
  expires_at timestamptz,
  metadata_json jsonb
);
CREATE INDEX ix_evidence_bundles_status_generated ON evidence_bundles (status, generated_at DESC);

-- Single pieces of evidence.
CREATE TABLE compliance_artifacts (
  id bigserial PRIMARY KEY,
  artifact_type varchar NOT NULL,
  control_id varchar REFERENCES control_catalog (control_id),
  artifact_uri varchar,
  checksum_sha256 varchar,
  created_by_actor_id varchar,
  created_at timestamptz DEFAULT now(),
  metadata_json jsonb
);
CREATE INDEX ix_compliance_artifacts_type_created ON compliance_artifacts (artifact_type, created_at DESC);

-- The state of all controls at one moment.
CREATE TABLE compliance_snapshots (
  id varchar PRIMARY KEY,
  tenant_id varchar,
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by varchar,
  status varchar NOT NULL,
  summary_json jsonb NOT NULL,
  controls_json jsonb NOT NULL,
  captured_at timestamptz,
  results_json jsonb,
  artifact_paths_json jsonb
);
CREATE INDEX ix_compliance_snapshots_captured_at ON compliance_snapshots (captured_at);
CREATE INDEX ix_compliance_snapshots_created ON compliance_snapshots (created_at);
CREATE INDEX ix_compliance_snapshots_status ON compliance_snapshots (status);
CREATE INDEX ix_compliance_snapshots_tenant ON compliance_snapshots (tenant_id);

-- Alerts, incidents, operators ----------------------------------------------------------------------------------------

-- When to raise an alert; null tenant: for all.
CREATE TABLE alert_rules (
  rule_id varchar PRIMARY KEY,
  tenant_id varchar,
  name varchar NOT NULL,
  severity varchar NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  source varchar NOT NULL,
  expression_json jsonb NOT NULL DEFAULT '{}',
  "window" varchar NOT NULL DEFAULT '5m',
  thresholds_json jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_alert_rules_severity ON alert_rules (severity);
CREATE INDEX ix_alert_rules_source ON alert_rules (source);
CREATE INDEX ix_alert_rules_tenant ON alert_rules (tenant_id);
CREATE INDEX ix_alert_rules_tenant_enabled ON alert_rules (tenant_id, enabled);

-- Alerts that were raised.
CREATE TABLE alert_events (
  id varchar PRIMARY KEY,
  tenant_id varchar,
  rule_id varchar NOT NULL REFERENCES alert_rules (rule_id),
  severity varchar NOT NULL,
  status varchar NOT NULL,
  source varchar NOT NULL,
  triggered boolean NOT NULL,
  metrics_json jsonb,
  reason text,
  occurred_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_alert_events_rule ON alert_events (rule_id);
CREATE INDEX ix_alert_events_rule_occurred ON alert_events (rule_id, occurred_at);
CREATE INDEX ix_alert_events_status ON alert_events (status);
CREATE INDEX ix_alert_events_tenant ON alert_events (tenant_id);
CREATE INDEX ix_alert_events_tenant_occurred ON alert_events (tenant_id, occurred_at);

-- Incidents, from an alert or opened by hand.
CREATE TABLE ops_incidents (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  category varchar NOT NULL,
  rule_id varchar REFERENCES alert_rules (rule_id),
  severity varchar NOT NULL,
  status varchar NOT NULL,
  title varchar NOT NULL,
  summary text,
  dedupe_key varchar NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT now(),
  acknowledged_at timestamptz,
  acknowledged_by varchar,
  assigned_to varchar,
  resolved_at timestamptz,
  resolved_by varchar,
  details_json jsonb
);
CREATE INDEX ix_ops_incidents_category ON ops_incidents (category);
CREATE INDEX ix_ops_incidents_dedupe_key ON ops_incidents (dedupe_key);
CREATE INDEX ix_ops_incidents_status ON ops_incidents (status);
CREATE INDEX ix_ops_incidents_tenant ON ops_incidents (tenant_id);
CREATE INDEX ix_ops_incidents_tenant_status_opened ON ops_incidents (tenant_id, status, opened_at);

-- What happened in an incident.
CREATE TABLE incident_timeline_events (
  id bigserial PRIMARY KEY,
  incident_id varchar NOT NULL REFERENCES ops_incidents (id),
  tenant_id varchar NOT NULL,
  event_type varchar NOT NULL,
  actor_id varchar,
  note text,
  metadata_json jsonb,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_incident_timeline_incident ON incident_timeline_events (incident_id);
CREATE INDEX ix_incident_timeline_incident_created ON incident_timeline_events (incident_id, created_at);
CREATE INDEX ix_incident_timeline_tenant ON incident_timeline_events (tenant_id);

-- What operators did, each once per idempotency key.
CREATE TABLE operator_actions (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  action_type varchar NOT NULL,
  idempotency_key varchar NOT NULL,
  requested_by varchar NOT NULL,
  status varchar NOT NULL,
  request_json jsonb,
  result_json jsonb,
  error_code varchar,
  requested_at timestamptz NOT NULL DEFAULT now(),
  completed_at timestamptz,
  CONSTRAINT uq_operator_actions_idempotency UNIQUE (tenant_id, requested_by, action_type, idempotency_key)
);
CREATE INDEX ix_operator_actions_action_type ON operator_actions (action_type);
CREATE INDEX ix_operator_actions_requested_by ON operator_actions (requested_by);
CREATE INDEX ix_operator_actions_status ON operator_actions (status);
CREATE INDEX ix_operator_actions_tenant ON operator_actions (tenant_id);
CREATE INDEX ix_operator_actions_tenant_requested ON operator_actions (tenant_id, requested_at);

-- Notifications -------------------------------------------------------------------------------------------------------

-- Webhooks of a tenant; secrets are encrypted.
CREATE TABLE notification_destinations (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  destination_url varchar NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  secret_encrypted text,
  headers_json jsonb,
  CONSTRAINT uq_notification_destinations_tenant_url UNIQUE (tenant_id, destination_url)
);
CREATE INDEX ix_notification_destinations_enabled ON notification_destinations (enabled);
CREATE INDEX ix_notification_destinations_tenant_enabled ON notification_destinations (tenant_id, enabled);
CREATE INDEX ix_notification_destinations_tenant_id ON notification_destinations (tenant_id);

-- Which incidents go to which destinations.
CREATE TABLE notification_routes (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  name varchar NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  priority integer NOT NULL DEFAULT 100,
  match_json jsonb,
  destinations_json jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_notification_routes_tenant_enabled_priority ON notification_routes (tenant_id, enabled, priority);
CREATE INDEX ix_notification_routes_tenant_id ON notification_routes (tenant_id);

-- Notifications to deliver, with retries.
CREATE TABLE notification_jobs (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  incident_id varchar REFERENCES ops_incidents (id),
  alert_event_id varchar REFERENCES alert_events (id),
  destination varchar NOT NULL,
  dedupe_key varchar NOT NULL,
  dedupe_window_start timestamptz NOT NULL,
  payload_json jsonb NOT NULL DEFAULT '{}',
  status varchar NOT NULL,
  next_attempt_at timestamptz NOT NULL,
  attempt_count integer NOT NULL DEFAULT 0,
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_notification_jobs_dedupe_window
    UNIQUE (tenant_id, incident_id, destination, dedupe_key, dedupe_window_start)
);
CREATE INDEX ix_notification_jobs_alert_event_id ON notification_jobs (alert_event_id);
CREATE INDEX ix_notification_jobs_incident_created ON notification_jobs (incident_id, created_at);
CREATE INDEX ix_notification_jobs_incident_id ON notification_jobs (incident_id);
CREATE INDEX ix_notification_jobs_next_attempt_at ON notification_jobs (next_attempt_at);
CREATE INDEX ix_notification_jobs_status ON notification_jobs (status);
CREATE INDEX ix_notification_jobs_tenant ON notification_jobs (tenant_id);
CREATE INDEX ix_notification_jobs_tenant_status_next ON notification_jobs (tenant_id, status, next_attempt_at);

-- Each attempt to deliver one.
CREATE TABLE notification_attempts (
  id bigserial PRIMARY KEY,
  job_id varchar NOT NULL REFERENCES notification_jobs (id),
  attempt_no integer NOT NULL,
  started_at timestamptz NOT NULL,
  finished_at timestamptz,
  outcome varchar NOT NULL,
  error text,
  payload_sha256 varchar,
  CONSTRAINT uq_notification_attempts_job_attempt UNIQUE (job_id, attempt_no)
);
CREATE INDEX ix_notification_attempts_job_id ON notification_attempts (job_id);
CREATE INDEX ix_notification_attempts_job_started ON notification_attempts (job_id, started_at);
CREATE INDEX ix_notification_attempts_outcome ON notification_attempts (outcome);

-- Jobs that were given up.
CREATE TABLE notification_dead_letters (
  id varchar PRIMARY KEY,
  tenant_id varchar NOT NULL,
  job_id varchar NOT NULL REFERENCES notification_jobs (id),
  reason varchar NOT NULL,
  last_error text,
  payload_json jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT uq_notification_dead_letters_job UNIQUE (job_id)
);
CREATE INDEX ix_notification_dead_letters_job_id ON notification_dead_letters (job_id);
CREATE INDEX ix_notification_dead_letters_tenant ON notification_dead_letters (tenant_id);
CREATE INDEX ix_notification_dead_letters_tenant_created ON notification_dead_letters (tenant_id, created_at);
