-- Signatures: what a card signed of a lot is kept with it, and where the lot stands in its file, to be looked at again before it leaves.
-- depends: 0007_pre_states

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

ALTER TABLE lot
    ADD COLUMN signed_by text,
    ADD COLUMN signature bytea,
    ADD COLUMN first_record integer CHECK (first_record >= 2),
    ADD COLUMN records integer CHECK (records >= 3);
ALTER TABLE lot ADD CONSTRAINT lot_signed CHECK (
    num_nulls(signed_by, signature, first_record, records) IN (0, 4)
) NOT VALID;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
ALTER TABLE lot
    DROP COLUMN signed_by,
    DROP COLUMN signature,
    DROP COLUMN first_record,
    DROP COLUMN records;
