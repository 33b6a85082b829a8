-- What PostgresIndex searches (src/modules/retrieval/postgres_index.h): the vectors of `chunks`, and one row a chunk with
-- its terms. No counterpart in SQLite, whose corpora are searched through index_segments.

-- The statistics of a corpus over the chunks that are indexed: these numbers plus the deltas that wait.
CREATE TABLE search_corpora (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- stands before every lexeme; never given twice
  tenant_id varchar NOT NULL,
  corpus_id varchar NOT NULL,
  chunks bigint NOT NULL DEFAULT 0,
  length bigint NOT NULL DEFAULT 0,                        -- terms that count for a chunk's length, of all chunks
  UNIQUE (tenant_id, corpus_id)
);

-- The terms of a chunk. Apart from `chunks`, because a new version of that row would be a new entry in its vector index,
-- and because the original, while it writes beside us, knows nothing of it: what it deletes goes from here too, what it
-- adds is indexed in the background. Rows are added and deleted, never updated.
CREATE TABLE search_chunks (
  chunk_id uuid PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE,
  tenant_id varchar NOT NULL,
  corpus bigint NOT NULL,             -- search_corpora.number
  document_id varchar,                -- null: of no document
  length integer NOT NULL,
  terms tsvector NOT NULL,            -- lexeme: number, ':', term. For the index: a search reads `frequencies`
  frequencies bytea NOT NULL          -- the terms and how often each occurs (postgres_text.h)
);
-- Stays in the row wherever it can: it is read of every candidate.
ALTER TABLE search_chunks ALTER COLUMN frequencies SET STORAGE MAIN;
CREATE INDEX ix_search_chunks_document ON search_chunks (corpus, document_id);
-- Without a pending list: every search would read it from end to end.
CREATE INDEX ix_search_chunks_terms ON search_chunks USING gin (terms) WITH (fastupdate = off);

-- How many chunks hold a lexeme, but for the deltas that wait.
CREATE TABLE search_terms (
  lexeme text COLLATE "C" PRIMARY KEY,
  chunks bigint NOT NULL
);

-- What statements added to and took from the statistics. Appended by the transactions that write chunks, which so never
-- wait for each other; summed up in the background.
CREATE TABLE search_deltas (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  corpus bigint NOT NULL,
  chunks bigint NOT NULL,
  length bigint NOT NULL,
  lexemes text[] NOT NULL,
  holders bigint[] NOT NULL           -- of each lexeme; negative: taken away
);
CREATE INDEX ix_search_deltas_corpus ON search_deltas (corpus, id);

CREATE FUNCTION nexusrag_count_search_chunks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  sign bigint := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
  -- A corpus that goes as a whole has lost its row already, and its statistics with it.
  INSERT INTO search_deltas (corpus, chunks, length, lexemes, holders)
  SELECT c.corpus, sign * c.chunks, sign * c.length, coalesce(t.lexemes, '{}'), coalesce(t.holders, '{}')
  FROM (SELECT corpus, count(*) AS chunks, coalesce(sum(length), 0) AS length FROM changed GROUP BY corpus) c
  LEFT JOIN (SELECT corpus, array_agg(lexeme) AS lexemes, array_agg(sign * n) AS holders
             FROM (SELECT corpus, lexeme, count(*) AS n FROM changed, unnest(terms) GROUP BY corpus, lexeme) g
             GROUP BY corpus) t ON t.corpus = c.corpus
  WHERE EXISTS (SELECT 1 FROM search_corpora WHERE number = c.corpus);
  RETURN NULL;
END $$;
CREATE TRIGGER tr_search_chunks_added AFTER INSERT ON search_chunks
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION nexusrag_count_search_chunks();
CREATE TRIGGER tr_search_chunks_removed AFTER DELETE ON search_chunks
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION nexusrag_count_search_chunks();

-- From here on vectors stand in their rows, two rows to a page: comparing them one by one would else look up each in
-- the table beside (a scan took five times as long). Adopted rows keep their place until they are written again.
ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE PLAIN, SET (toast_tuple_target = 4000);

-- Adopted corpora: the original's default model is the only one whose vectors we can ask without knowing more.
UPDATE corpora k SET embedding_model = 'fake', embedding_dimension = 768
  WHERE k.embedding_model IS NULL
    AND EXISTS (SELECT 1 FROM chunks c WHERE c.tenant_id = k.tenant_id AND c.corpus_id = k.id AND c.embedding IS NOT NULL
                  AND c.embedding_model IS NULL);

-- Building this over many rows takes minutes, during which nothing could be written: then PostgresIndex builds it in
-- the background, and searches scan until it is there.
DO $$
BEGIN
  IF (SELECT count(*) FROM (SELECT 1 FROM chunks WHERE embedding IS NOT NULL LIMIT 20001) c) <= 20000 THEN
    CREATE INDEX ix_chunks_embedding ON chunks USING hnsw (embedding vector_cosine_ops);
  END IF;
END $$;
