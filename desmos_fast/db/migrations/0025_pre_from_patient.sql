-- What a payer sends after its share was moved to the patient is taken from the patient's part, never below what was signed.
-- depends: 0015_pre_payments 0024_pre_access

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

CREATE OR REPLACE FUNCTION refuse_amount() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.part = 'patient' AND NEW.amount >= (
        SELECT i.desk FROM invoice AS i WHERE i.tenant_id = NEW.tenant_id AND i.id = NEW.invoice_id
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the amount of a share is signed: % to % refused', OLD.amount, NEW.amount USING ERRCODE = 'check_violation';
END
$$;

-- A patient who owes nothing any more, before or after what was paid is given back; the refund may come back.
INSERT INTO state_move (thing, before, after) VALUES
    ('share', 'due', 'not_due'),
    ('share', 'refund_due', 'not_due'),
    ('share', 'not_due', 'refund_due');
DROP TRIGGER share_share_moves ON share;
DO $$
DECLARE
    sending text[] := ARRAY(SELECT before || '>' || after FROM state_move WHERE thing = 'transport' ORDER BY before DESC, after);
    shown text[] := sending || ARRAY(SELECT before || '>' || after FROM state_move WHERE thing = 'share' ORDER BY before, after);
BEGIN
    EXECUTE format(
        'CREATE TRIGGER share_share_moves BEFORE UPDATE OF state ON share FOR EACH ROW'
        ' WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ''>'' || NEW.state) <> ALL (%L::text[]))'
        ' EXECUTE FUNCTION refuse_move(''share'')',
        shown
    );
END
$$;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DELETE FROM state_move WHERE (thing, before, after) IN (
    ('share', 'due', 'not_due'), ('share', 'refund_due', 'not_due'), ('share', 'not_due', 'refund_due'));
DROP TRIGGER share_share_moves ON share;
DO $$
DECLARE
    sending text[] := ARRAY(SELECT before || '>' || after FROM state_move WHERE thing = 'transport' ORDER BY before DESC, after);
    shown text[] := sending || ARRAY(SELECT before || '>' || after FROM state_move WHERE thing = 'share' ORDER BY before, after);
BEGIN
    EXECUTE format(
        'CREATE TRIGGER share_share_moves BEFORE UPDATE OF state ON share FOR EACH ROW'
        ' WHEN (OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || ''>'' || NEW.state) <> ALL (%L::text[]))'
        ' EXECUTE FUNCTION refuse_move(''share'')',
        shown
    );
END
$$;
CREATE OR REPLACE FUNCTION refuse_amount() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the amount of a share is signed: % to % refused', OLD.amount, NEW.amount USING ERRCODE = 'check_violation';
END
$$;
