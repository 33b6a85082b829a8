-- Identity, audit, corpora, documents, chunks, index, sessions, jobs.
--
-- Tables of the original get columns that are nullable or have a constant default: it can go on writing to them, and
-- adding the columns rewrites no row. Checks on them are NOT VALID: they hold for new rows, and an adopted row outside
-- the vocabulary stops nothing. What scans or updates a table says why.

-- Adopting a large database takes longer than a request may, but must not queue everybody behind a lock for ever.
SET LOCAL lock_timeout = '60s';

-- Identity ------------------------------------------------------------------------------------------------------------

ALTER TABLE api_keys
  ADD COLUMN hash_version integer NOT NULL DEFAULT 0;  -- 0: bare SHA-256 (adopted), n >= 1: HMAC-SHA-256 under pepper n
CREATE INDEX ix_api_keys_tenant_created ON api_keys (tenant_id, created_at);

-- Each write that changes what caches hold bumps its scope here, in the same transaction.
CREATE TABLE cache_versions (
  scope text PRIMARY KEY,                    -- 'auth:<tenant>', 'corpus:<tenant>/<corpus>', ...
  version bigint NOT NULL                    -- from the counter row '#'
);
CREATE INDEX ix_cache_versions_version ON cache_versions (version);

-- Audit ---------------------------------------------------------------------------------------------------------------

CREATE INDEX ix_audit_events_tenant_time ON audit_events (tenant_id, occurred_at, id);

-- The chains of an adopted database begin empty: hashes are of the RFC 8785 text, which the program links (see
-- docs/operations/postgresql.md), not SQL.
CREATE TABLE audit_chain (
  tenant_id text NOT NULL,                   -- '' is the platform chain
  seq bigint NOT NULL,                       -- from 1, without gaps
  event_id bigint NOT NULL,
  prev_hash bytea NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (tenant_id, seq)
);

CREATE TABLE audit_checkpoints (
  tenant_id text NOT NULL,
  seq bigint NOT NULL,
  prev_seq bigint NOT NULL,                  -- seq of the checkpoint before, 0 for the first
  hash bytea NOT NULL,
  merkle_root bytea NOT NULL,                -- over the event hashes since the previous checkpoint
  created_at timestamptz NOT NULL,
  key_id text NOT NULL,
  signature bytea NOT NULL,
  PRIMARY KEY (tenant_id, seq),
  UNIQUE (tenant_id, prev_seq)               -- two processes cannot both follow one checkpoint
);

-- Ids are a tenant's own ----------------------------------------------------------------------------------------------
-- In the original the ids of corpora, documents and sessions are unique over all tenants; here two tenants may have the
-- same. So the keys that point at them carry the tenant. The index on the id alone is what the original looks up by.

ALTER TABLE corpora
  ADD COLUMN embedding_model text,           -- model that the chunks carry; null until the first chunk, or adopted
  ADD COLUMN embedding_dimension integer;

ALTER TABLE documents
  ADD COLUMN version integer NOT NULL DEFAULT 1,     -- grows with each ingestion that replaces the chunks
  ADD COLUMN byte_count bigint NOT NULL DEFAULT 0,   -- 0 and no sha256: adopted, the size is not known
  ADD COLUMN sha256 text,
  ADD COLUMN chunks_done integer NOT NULL DEFAULT 0,
  ADD COLUMN chunks_total integer,
  -- Listed and compared by ranges of object keys, which must be in the order of bytes whatever the database's locale.
  ALTER COLUMN storage_path TYPE varchar COLLATE "C";

ALTER TABLE chunks
  ADD COLUMN tenant_id varchar,
  ADD COLUMN embedding_model text,           -- null: no vector yet, or one of the original's
  ADD COLUMN document_version integer,       -- null: adopted, the text that was chunked is not kept
  ADD COLUMN start_byte bigint,              -- span in document_texts.text; null: adopted
  ADD COLUMN end_byte bigint;

ALTER TABLE sessions
  ADD COLUMN subject_id text,                -- principal who opened it; null: adopted, anyone of the tenant
  ADD COLUMN next_seq bigint NOT NULL DEFAULT 1;

ALTER TABLE messages
  ADD COLUMN tenant_id varchar,
  ADD COLUMN seq bigint,                     -- order within the session
  ADD COLUMN status varchar NOT NULL DEFAULT 'complete';

ALTER TABLE checkpoints
  ADD COLUMN tenant_id varchar;

-- Adopted rows: one pass over each table that had no tenant. Vectors lie outside the rows and are not copied. Times
-- that the original's schema lets be null are filled, because here lists are in their order.
UPDATE users SET created_at = now() WHERE created_at IS NULL;
UPDATE api_keys SET created_at = now() WHERE created_at IS NULL;
UPDATE corpora SET created_at = now() WHERE created_at IS NULL;
UPDATE audit_events SET created_at = occurred_at WHERE created_at IS NULL;
UPDATE sessions SET created_at = COALESCE(created_at, last_seen_at, now()),
  last_seen_at = COALESCE(last_seen_at, created_at, now())
  WHERE created_at IS NULL OR last_seen_at IS NULL;
UPDATE messages SET created_at = now() WHERE created_at IS NULL;
UPDATE chunks c SET tenant_id = d.tenant_id
  FROM documents d WHERE d.id = c.document_id AND c.tenant_id IS NULL;
UPDATE chunks c SET tenant_id = k.tenant_id
  FROM corpora k WHERE k.id = c.corpus_id AND c.document_id IS NULL AND c.tenant_id IS NULL;
UPDATE documents d SET chunks_done = n.chunks, chunks_total = n.chunks
  FROM (SELECT document_id, count(*) AS chunks FROM chunks WHERE document_id IS NOT NULL GROUP BY document_id) n
  WHERE n.document_id = d.id AND d.status = 'succeeded';
UPDATE messages m SET tenant_id = o.tenant_id, seq = o.seq
  FROM (SELECT q.id, s.tenant_id, row_number() OVER (PARTITION BY q.session_id
                                                     ORDER BY q.created_at, q.role = 'user' DESC, q.id) AS seq
        FROM messages q JOIN sessions s ON s.id = q.session_id) o
  WHERE o.id = m.id;
UPDATE sessions s SET next_seq = n.seq + 1
  FROM (SELECT session_id, max(seq) AS seq FROM messages GROUP BY session_id) n WHERE n.session_id = s.id;
UPDATE checkpoints c SET tenant_id = s.tenant_id FROM sessions s WHERE s.id = c.session_id;

-- Vocabularies, after the updates above: a check that is not valid yet still holds for every row that is written, and an
-- adopted row outside it must not stop the adoption.
ALTER TABLE users
  ADD CONSTRAINT ck_users_role CHECK (role IN ('reader', 'editor', 'admin')) NOT VALID;
ALTER TABLE audit_events
  ADD CONSTRAINT ck_audit_events_outcome CHECK (outcome IN ('success', 'failure')) NOT VALID;
ALTER TABLE documents
  ADD CONSTRAINT ck_documents_status CHECK (status IN ('queued', 'processing', 'succeeded', 'failed')) NOT VALID;
ALTER TABLE messages
  ADD CONSTRAINT ck_messages_role CHECK (role IN ('user', 'assistant')) NOT VALID,
  ADD CONSTRAINT ck_messages_status CHECK (status IN ('complete', 'partial')) NOT VALID;

ALTER TABLE chunks DROP CONSTRAINT fk_chunks_document_id;
ALTER TABLE document_permissions DROP CONSTRAINT document_permissions_document_id_fkey;
ALTER TABLE document_labels DROP CONSTRAINT document_labels_document_id_fkey;
ALTER TABLE messages DROP CONSTRAINT messages_session_id_fkey;
ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_session_id_fkey;

ALTER TABLE corpora DROP CONSTRAINT corpora_pkey, ADD CONSTRAINT corpora_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE documents DROP CONSTRAINT documents_pkey, ADD CONSTRAINT documents_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE sessions DROP CONSTRAINT sessions_pkey, ADD CONSTRAINT sessions_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX ix_corpora_id ON corpora (id);
CREATE INDEX ix_documents_id ON documents (id);
CREATE INDEX ix_sessions_id ON sessions (id);

ALTER TABLE chunks ADD CONSTRAINT fk_chunks_document_id
  FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, id);
ALTER TABLE document_permissions ADD CONSTRAINT document_permissions_document_id_fkey
  FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, id) ON DELETE CASCADE;
ALTER TABLE document_labels ADD CONSTRAINT document_labels_document_id_fkey
  FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, id) ON DELETE CASCADE;
ALTER TABLE messages ADD CONSTRAINT messages_session_id_fkey
  FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id);
ALTER TABLE checkpoints ADD CONSTRAINT checkpoints_session_id_fkey
  FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id);

CREATE INDEX ix_documents_created ON documents (tenant_id, created_at, id);
CREATE INDEX ix_documents_corpus ON documents (tenant_id, corpus_id, created_at, id);
CREATE INDEX ix_chunks_document ON chunks (tenant_id, document_id, chunk_index);
CREATE INDEX ix_chunks_unembedded ON chunks (tenant_id, corpus_id) WHERE embedding_model IS NULL;
CREATE INDEX ix_chunks_corpus ON chunks (tenant_id, corpus_id, chunk_index);
CREATE UNIQUE INDEX ux_messages_session_seq ON messages (tenant_id, session_id, seq);
CREATE INDEX ix_checkpoints_session ON checkpoints (tenant_id, session_id, id);

-- The planner knows nothing of the new columns yet, and may not have looked at the rest since the rows were rewritten.
ANALYZE corpora, documents, chunks, sessions, messages, checkpoints;

-- What the original writes while it still runs beside us names no tenant. The triggers add it, from the only document,
-- corpus or session of that id; our own rows pay for the condition alone.

CREATE FUNCTION nexusrag_tenant_of_session(session varchar) RETURNS varchar LANGUAGE plpgsql STABLE AS $$
DECLARE
  found varchar;
BEGIN
  SELECT min(tenant_id) INTO found FROM sessions WHERE id = session HAVING count(*) = 1;
  IF found IS NULL THEN
    RAISE foreign_key_violation USING MESSAGE = format('session %L is unknown, or of several tenants', session);
  END IF;
  RETURN found;
END $$;

CREATE FUNCTION nexusrag_fill_chunk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.document_id IS NULL THEN
    SELECT min(tenant_id) INTO NEW.tenant_id FROM corpora WHERE id = NEW.corpus_id HAVING count(*) = 1;
    RETURN NEW;
  END IF;
  SELECT min(tenant_id) INTO NEW.tenant_id FROM documents WHERE id = NEW.document_id HAVING count(*) = 1;
  IF NEW.tenant_id IS NULL THEN
    RAISE foreign_key_violation
      USING MESSAGE = format('document %L is unknown, or of several tenants', NEW.document_id);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER tr_chunks_tenant BEFORE INSERT ON chunks
  FOR EACH ROW WHEN (NEW.tenant_id IS NULL) EXECUTE FUNCTION nexusrag_fill_chunk();

CREATE FUNCTION nexusrag_fill_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.tenant_id := nexusrag_tenant_of_session(NEW.session_id);
  UPDATE sessions SET next_seq = next_seq + 1 WHERE tenant_id = NEW.tenant_id AND id = NEW.session_id
    RETURNING next_seq - 1 INTO NEW.seq;
  RETURN NEW;
END $$;
CREATE TRIGGER tr_messages_tenant BEFORE INSERT ON messages
  FOR EACH ROW WHEN (NEW.tenant_id IS NULL AND NEW.session_id IS NOT NULL) EXECUTE FUNCTION nexusrag_fill_message();

CREATE FUNCTION nexusrag_fill_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.tenant_id := nexusrag_tenant_of_session(NEW.session_id);
  RETURN NEW;
END $$;
CREATE TRIGGER tr_checkpoints_tenant BEFORE INSERT ON checkpoints
  FOR EACH ROW WHEN (NEW.tenant_id IS NULL AND NEW.session_id IS NOT NULL) EXECUTE FUNCTION nexusrag_fill_checkpoint();

-- Documents: their text, and the embedded engine's search index ------------------------------------------------------

-- What a citation can be checked against: the text that was chunked, by version.
CREATE TABLE document_texts (
  tenant_id varchar NOT NULL,
  document_id varchar NOT NULL,
  version integer NOT NULL,
  text text NOT NULL,
  sha256 text NOT NULL,
  PRIMARY KEY (tenant_id, document_id)
);

-- The search index of a corpus: immutable segments and tombstones, written with the chunks they index. A tombstone
-- hides the chunks of a document in every segment of a smaller seq.
CREATE TABLE index_segments (
  tenant_id varchar NOT NULL,
  corpus_id varchar NOT NULL,
  seq bigint NOT NULL,                       -- grows within the corpus
  generation bigint NOT NULL,                -- index_state.version when it was written: a merge keeps seq, not this
  chunk_count bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (tenant_id, corpus_id, seq)
);
CREATE TABLE index_tombstones (
  tenant_id varchar NOT NULL,
  corpus_id varchar NOT NULL,
  document_id varchar NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (tenant_id, corpus_id, document_id)
);
CREATE TABLE index_state (
  tenant_id varchar NOT NULL,
  corpus_id varchar NOT NULL,
  next_seq bigint NOT NULL,
  version bigint NOT NULL,                   -- bumped by every change of segments or tombstones
  PRIMARY KEY (tenant_id, corpus_id)
);

-- Jobs ----------------------------------------------------------------------------------------------------------------

CREATE TABLE jobs (
  id text PRIMARY KEY,
  tenant_id text NOT NULL,
  kind text NOT NULL,
  payload_json jsonb NOT NULL,
  state text NOT NULL CHECK (state IN ('queued', 'leased', 'done', 'dead')),
  run_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  lease_until timestamptz,
  lease_owner text,
  dedupe_key text,
  last_error text,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE INDEX ix_jobs_due ON jobs (kind, state, tenant_id, run_at) WHERE state IN ('queued', 'leased');
CREATE UNIQUE INDEX ux_jobs_dedupe ON jobs (tenant_id, kind, dedupe_key)
  WHERE dedupe_key IS NOT NULL AND state IN ('queued', 'leased');
-- Fairness between tenants: when each was last served, by kind.
CREATE TABLE job_turns (
  kind text NOT NULL,
  tenant_id text NOT NULL,
  served_at timestamptz NOT NULL,
  PRIMARY KEY (kind, tenant_id)
);
CREATE TABLE worker_heartbeats (
  worker_id text PRIMARY KEY,
  started_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  kinds text NOT NULL
);
