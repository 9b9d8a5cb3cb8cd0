-- Lines matched by patient or amount are decided again with what comes later: where to find them, and which part a line without one went to.
-- depends: 0007_pre_states

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

ALTER TABLE order_line ADD COLUMN share_part text;
GRANT UPDATE (share_part) ON order_line TO desmos_app;

-- As short as those rules are rare.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX match_of_lines ON match (tenant_id, decided_at)
    WHERE problem = 'A' AND status = 'confirmed' AND rule IN ('A3', 'A5');

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP INDEX match_of_lines;
ALTER TABLE order_line DROP COLUMN share_part;
