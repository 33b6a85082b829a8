-- Answers kept for repeated requests (header Idempotency-Key): reservations of requests that are running, and bodies in
-- other forms than JSON. An adopted row is a completed answer.

ALTER TABLE idempotency_records
  ADD COLUMN state text NOT NULL DEFAULT 'completed',
  ADD COLUMN lease_owner text,               -- random, one per reservation
  ADD COLUMN lease_until timestamptz,
  ADD COLUMN request_id text,                -- of the request that was carried out
  ADD COLUMN response_headers_json jsonb,
  -- Where the body is: 'json' response_body_json, 'bytes' and 'sealed' response_blob, 'none' there is none, 'dropped'
  -- it was not kept. A sealed body's response_body_json is the same body without its values.
  ADD COLUMN response_form text NOT NULL DEFAULT 'json',
  ADD COLUMN response_blob bytea,
  ADD CONSTRAINT ck_idempotency_records_state CHECK (state IN ('in_progress', 'completed')) NOT VALID,
  ADD CONSTRAINT ck_idempotency_records_response_form
    CHECK (response_form IN ('json', 'bytes', 'sealed', 'none', 'dropped')) NOT VALID;
CREATE INDEX ix_idempotency_records_tenant_expires ON idempotency_records (tenant_id, expires_at);
