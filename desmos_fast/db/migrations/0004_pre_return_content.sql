-- What an RSP says, whatever its envelope: a content that came before must not pay twice.
-- depends: 0003_pre_moves

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- HMAC of the payment orders under a key of the centre; an ARL has none, for it may be said again without harm.
ALTER TABLE return_file ADD COLUMN content_key bytea CHECK (length(content_key) = 32);
-- A few rows a day, and the runner's transaction leaves no room for CONCURRENTLY.
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX return_file_content ON return_file (tenant_id, content_key);

-- migrate: rollback
DROP INDEX return_file_content;
ALTER TABLE return_file DROP COLUMN content_key;
