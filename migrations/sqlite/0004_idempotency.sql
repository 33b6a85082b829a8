-- Answers kept for repeated requests (header Idempotency-Key), and reservations of requests that are running.

CREATE TABLE idempotency_records (
  id INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL,
  actor_id TEXT NOT NULL,                    -- credential id
  method TEXT NOT NULL,
  path TEXT NOT NULL,                        -- as sent, with /v1, without query
  idem_key TEXT NOT NULL,
  request_hash TEXT NOT NULL,                -- SHA-256 of the canonical request, hex
  response_status INTEGER NOT NULL,          -- 0 while in progress
  response_body_json TEXT CHECK (response_body_json IS NULL OR json_valid(response_body_json)),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'completed' CHECK (state IN ('in_progress', 'completed')),
  lease_owner TEXT,                          -- random, one per reservation
  lease_until INTEGER,
  request_id TEXT,                           -- of the request that was carried out
  response_headers_json TEXT CHECK (response_headers_json IS NULL OR json_valid(response_headers_json)),
  -- Where the body is: 'json' response_body_json, 'bytes' and 'sealed' response_blob, 'none' there is none, 'dropped'
  -- it was not kept. A sealed body's response_body_json is the same body without its values.
  response_form TEXT NOT NULL DEFAULT 'json' CHECK (response_form IN ('json', 'bytes', 'sealed', 'none', 'dropped')),
  response_blob BLOB,
  UNIQUE (tenant_id, actor_id, method, path, idem_key)
) STRICT;
CREATE INDEX ix_idempotency_records_expires_at ON idempotency_records (expires_at);
CREATE INDEX ix_idempotency_records_tenant_expires ON idempotency_records (tenant_id, expires_at);
