-- The outbox of the billing webhook: every event with what became of it. An event is stored by the transaction that
-- causes it, together with its job (kind 'billing.webhook'), which holds the schedule.

CREATE TABLE billing_outbox (
  delivery_id text PRIMARY KEY,              -- UUIDv4; the same in every attempt
  tenant_id text NOT NULL,
  event_type text NOT NULL,
  dedupe_key text NOT NULL,                  -- used once for a tenant and event type, as long as the row lives
  payload text NOT NULL CHECK (payload::json IS NOT NULL),  -- text, not a JSON type: its bytes are what is signed
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
  attempts integer NOT NULL DEFAULT 0,       -- deliveries tried, since the event was stored
  status_code integer,                       -- of the last attempt; null: there was no answer
  last_error text,                           -- a code, never a text from elsewhere
  job_id text NOT NULL,
  created_at timestamptz NOT NULL,
  last_attempt_at timestamptz,
  finished_at timestamptz,                   -- delivered or given up
  UNIQUE (tenant_id, event_type, dedupe_key)
);
CREATE INDEX ix_billing_outbox_tenant_created ON billing_outbox (tenant_id, created_at, delivery_id);
CREATE INDEX ix_billing_outbox_created ON billing_outbox (created_at, delivery_id);
CREATE INDEX ix_billing_outbox_finished ON billing_outbox (finished_at) WHERE finished_at IS NOT NULL;
