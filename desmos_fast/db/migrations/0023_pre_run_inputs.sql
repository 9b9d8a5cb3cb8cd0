-- What a run read, so that it can be played again: the payers of which kind of key, and where the ledger ended when it began.
-- depends: 0013_pre_decisions

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- Nothing has written a run before this version: the table is empty.
-- squawk-ignore adding-required-field
ALTER TABLE run ADD COLUMN kind text NOT NULL CHECK (kind IN ('test', 'live')), ADD COLUMN ledger bigint NOT NULL CHECK (ledger >= 0);

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
ALTER TABLE run DROP COLUMN ledger, DROP COLUMN kind;
