-- What a search cluster outside of the database has still to be told. A row says "these chunks changed": it is written
-- by the transaction that changes them, and whoever delivers it sends what the rows hold by then. One row a document,
-- so a document that changes often is delivered as it is last.

CREATE TABLE index_outbox (
  tenant_id TEXT NOT NULL,
  corpus_id TEXT NOT NULL,
  document_id TEXT NOT NULL,                 -- '': the chunks of no document, and of kind 'corpus'
  kind TEXT NOT NULL CHECK (kind IN ('document', 'corpus')),  -- 'corpus': everything older than seq goes
  seq INTEGER NOT NULL,                      -- the external version in the index; grows within the corpus
  state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'dead')),
  attempts INTEGER NOT NULL DEFAULT 0,       -- since the last change
  due_at INTEGER NOT NULL,                   -- of a claimed row: the end of its lease
  lease_owner TEXT,
  last_error TEXT,                           -- a code, never a text from elsewhere
  created_at INTEGER NOT NULL,               -- of the oldest change that is not delivered
  PRIMARY KEY (tenant_id, corpus_id, document_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_index_outbox_due ON index_outbox (tenant_id, due_at) WHERE state = 'pending';

-- The last number given in each corpus. It outlives the corpus: a number never means two things.
CREATE TABLE index_outbox_seq (
  tenant_id TEXT NOT NULL,
  corpus_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, corpus_id)
) STRICT, WITHOUT ROWID;
