-- Identity, audit, corpora, documents, chunks, index, sessions, jobs. Times are INTEGER microseconds UTC.

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  email TEXT,
  role TEXT NOT NULL CHECK (role IN ('reader', 'editor', 'admin')),
  is_active INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ix_users_tenant_id ON users (tenant_id);

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  tenant_id TEXT NOT NULL,
  key_prefix TEXT NOT NULL,
  key_hash TEXT NOT NULL UNIQUE,
  hash_version INTEGER NOT NULL DEFAULT 0,   -- 0: bare SHA-256 (adopted), n >= 1: HMAC-SHA-256 under pepper n
  name TEXT,
  expires_at INTEGER,
  last_used_at INTEGER,
  revoked_at INTEGER,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ix_api_keys_tenant_id ON api_keys (tenant_id, created_at);

-- Each write that changes what caches hold bumps its scope here, in the same transaction.
CREATE TABLE cache_versions (
  scope TEXT PRIMARY KEY,                    -- 'auth:<tenant>', 'corpus:<tenant>/<corpus>', ...
  version INTEGER NOT NULL                   -- from the counter row '#'
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_cache_versions_version ON cache_versions (version);

CREATE TABLE audit_events (
  id INTEGER PRIMARY KEY,                    -- grows: pruning never removes the newest row
  occurred_at INTEGER NOT NULL,
  tenant_id TEXT,
  actor_type TEXT NOT NULL,
  actor_id TEXT,
  actor_role TEXT,
  event_type TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('success', 'failure')),
  resource_type TEXT,
  resource_id TEXT,
  request_id TEXT,
  ip_address TEXT,
  user_agent TEXT,
  metadata_json TEXT CHECK (metadata_json IS NULL OR json_valid(metadata_json)),
  error_code TEXT,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ix_audit_events_tenant_time ON audit_events (tenant_id, occurred_at, id);

CREATE TABLE audit_chain (
  tenant_id TEXT NOT NULL,                   -- '' is the platform chain
  seq INTEGER NOT NULL,                      -- from 1, without gaps
  event_id INTEGER NOT NULL,
  prev_hash BLOB NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (tenant_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_checkpoints (
  tenant_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  prev_seq INTEGER NOT NULL,                 -- seq of the checkpoint before, 0 for the first
  hash BLOB NOT NULL,
  merkle_root BLOB NOT NULL,                 -- over the event hashes since the previous checkpoint
  created_at INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  signature BLOB NOT NULL,
  PRIMARY KEY (tenant_id, seq),
  UNIQUE (tenant_id, prev_seq)               -- two processes cannot both follow one checkpoint
) STRICT, WITHOUT ROWID;

CREATE TABLE corpora (
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  provider_config_json TEXT NOT NULL CHECK (json_valid(provider_config_json)),
  embedding_model TEXT,                      -- model that the chunks carry; null until the first chunk
  embedding_dimension INTEGER,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  corpus_id TEXT NOT NULL,
  filename TEXT NOT NULL,
  content_type TEXT NOT NULL,
  source TEXT NOT NULL DEFAULT 'upload',
  ingest_source TEXT NOT NULL DEFAULT 'upload_file',
  storage_path TEXT,                         -- object key under DATA_DIR/objects, never derived from input
  metadata_json TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata_json)),
  status TEXT NOT NULL CHECK (status IN ('queued', 'processing', 'succeeded', 'failed')),
  error_message TEXT,
  failure_reason TEXT,
  version INTEGER NOT NULL DEFAULT 1,        -- grows with each ingestion that replaces the chunks
  byte_count INTEGER NOT NULL DEFAULT 0,
  sha256 TEXT,
  chunks_done INTEGER NOT NULL DEFAULT 0,
  chunks_total INTEGER,
  queued_at INTEGER,
  processing_started_at INTEGER,
  completed_at INTEGER,
  last_reindexed_at INTEGER,
  last_job_id TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_documents_created ON documents (tenant_id, created_at, id);
CREATE INDEX ix_documents_corpus ON documents (tenant_id, corpus_id, created_at, id);

-- What a citation can be checked against: the text that was chunked, by version.
CREATE TABLE document_texts (
  tenant_id TEXT NOT NULL,
  document_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  text TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (tenant_id, document_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE chunks (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  corpus_id TEXT NOT NULL,
  document_id TEXT,
  document_uri TEXT NOT NULL,
  chunk_index INTEGER NOT NULL,
  text TEXT NOT NULL,
  embedding BLOB,                            -- little-endian f32 of the model's own length
  embedding_model TEXT,
  document_version INTEGER,
  start_byte INTEGER,                        -- span in document_texts.text
  end_byte INTEGER,
  metadata_json TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata_json)),
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ix_chunks_document ON chunks (tenant_id, document_id, chunk_index);
CREATE INDEX ix_chunks_unembedded ON chunks (tenant_id, corpus_id) WHERE embedding_model IS NULL;
CREATE INDEX ix_chunks_corpus ON chunks (tenant_id, corpus_id, chunk_index);

-- The search index of a corpus: immutable segments and tombstones, written with the chunks they index. A tombstone
-- hides the chunks of a document in every segment of a smaller seq.
CREATE TABLE index_segments (
  tenant_id TEXT NOT NULL,
  corpus_id TEXT NOT NULL,
  seq INTEGER NOT NULL,                      -- grows within the corpus
  generation INTEGER NOT NULL,               -- index_state.version when it was written: a merge keeps seq, not this
  chunk_count INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  PRIMARY KEY (tenant_id, corpus_id, seq)
) STRICT;
CREATE TABLE index_tombstones (
  tenant_id TEXT NOT NULL,
  corpus_id TEXT NOT NULL,
  document_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, corpus_id, document_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE index_state (
  tenant_id TEXT NOT NULL,
  corpus_id TEXT NOT NULL,
  next_seq INTEGER NOT NULL,
  version INTEGER NOT NULL,                  -- bumped by every change of segments or tombstones
  PRIMARY KEY (tenant_id, corpus_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  tenant_id TEXT NOT NULL,
  id TEXT NOT NULL,
  subject_id TEXT,                           -- principal who opened it; null: adopted, anyone of the tenant
  next_seq INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE messages (
  tenant_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  seq INTEGER NOT NULL,                      -- order within the session
  id TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
  content TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'complete' CHECK (status IN ('complete', 'partial')),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, session_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (
  tenant_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  id TEXT NOT NULL,                          -- grows with time: a session's checkpoints lie together, newest last
  state_json TEXT NOT NULL CHECK (json_valid(state_json)),
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, session_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE query_log (
  id TEXT PRIMARY KEY,
  query_id TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  completed_at INTEGER NOT NULL,
  latency_ms INTEGER NOT NULL,
  retrieved_chunks INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL CHECK (status IN ('ok', 'error', 'cancelled'))
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_query_log_completed_at ON query_log (completed_at);

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  payload_json TEXT NOT NULL CHECK (json_valid(payload_json)),
  state TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'done', 'dead')),
  run_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  lease_until INTEGER,
  lease_owner TEXT,
  dedupe_key TEXT,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_jobs_due ON jobs (kind, state, tenant_id, run_at) WHERE state IN ('queued', 'leased');
CREATE UNIQUE INDEX ux_jobs_dedupe ON jobs (tenant_id, kind, dedupe_key) WHERE dedupe_key IS NOT NULL AND state IN ('queued', 'leased');
-- Fairness between tenants: when each was last served, by kind.
CREATE TABLE job_turns (
  kind TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  served_at INTEGER NOT NULL,
  PRIMARY KEY (kind, tenant_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE worker_heartbeats (
  worker_id TEXT PRIMARY KEY,
  started_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  kinds TEXT NOT NULL
) STRICT, WITHOUT ROWID;
