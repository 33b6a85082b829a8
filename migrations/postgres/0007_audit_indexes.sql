-- Filters of an audit log that are rare among many events: each is a range of one index, in the order of the list, so
-- that a page costs the same at any depth. Only what people search for has one; most events are successes without a
-- resource id, and the partial indexes leave those out.
CREATE INDEX ix_audit_events_tenant_type ON audit_events (tenant_id, event_type, occurred_at, id);
CREATE INDEX ix_audit_events_tenant_resource ON audit_events (tenant_id, resource_id, occurred_at, id)
  WHERE resource_id IS NOT NULL;
CREATE INDEX ix_audit_events_tenant_failures ON audit_events (tenant_id, outcome, occurred_at, id)
  WHERE outcome = 'failure';
