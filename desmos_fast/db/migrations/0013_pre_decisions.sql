-- What people decide: numbered without a gap, kept for ever, and never overruled by a run; pieces of lines; what a share is closed by.
-- depends: 0012_pre_line_revision

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- Nothing has written a decision before this version: the table is empty.
-- squawk-ignore adding-required-field
ALTER TABLE decision ADD COLUMN seq bigint NOT NULL CHECK (seq > 0);
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX decision_in_order ON decision (tenant_id, seq);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX decision_subject ON decision (tenant_id, subject);

-- `decisions` is the number of the last decision that the run knew: what comes before what is told by it.
CREATE TABLE run (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    decisions bigint NOT NULL CHECK (decisions >= 0),
    settings text NOT NULL,
    at timestamptz NOT NULL,
    by text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT run_in_order UNIQUE (tenant_id, seq)
);

CREATE TABLE forbidden (
    tenant_id uuid NOT NULL,
    problem text NOT NULL CHECK (problem IN ('A', 'B')),
    left_ref text NOT NULL,
    right_ref text NOT NULL,
    decision_id uuid NOT NULL,
    why text NOT NULL CHECK (why IN ('undone_by_person', 'refused_by_person')),
    PRIMARY KEY (tenant_id, problem, left_ref, right_ref, decision_id),
    FOREIGN KEY (tenant_id, decision_id) REFERENCES decision (tenant_id, id)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['run', 'forbidden'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON %I USING (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))'
            ' WITH CHECK (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))',
            name
        );
        EXECUTE format('GRANT SELECT, INSERT ON %I TO desmos_app', name);
        EXECUTE format('ALTER TABLE %I ALTER COLUMN tenant_id SET STATISTICS 0', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['decision', 'run', 'forbidden'] LOOP
        EXECUTE format(
            'CREATE TRIGGER for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(%L)',
            name, name
        );
    END LOOP;
END
$$;

-- A line, an order, a credit is used by one match: it is given free before another one takes it.
CREATE FUNCTION refuse_second_use() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% has a match already', TG_ARGV[0] USING ERRCODE = 'unique_violation';
END
$$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['order_line', 'payment_order', 'bank_line'] LOOP
        EXECUTE format(
            'CREATE TRIGGER used_once BEFORE UPDATE OF match_id ON %I FOR EACH ROW WHEN (OLD.match_id <> NEW.match_id)'
            ' EXECUTE FUNCTION refuse_second_use(%L)',
            name, name
        );
    END LOOP;
END
$$;

-- A piece is a line of its own; the line that it is of is taken by the record of the split. `answered`: a person has dealt with what the
-- line says, so that it counts for its amount and no more in the state of its share.
ALTER TABLE order_line ADD COLUMN piece_of integer, ADD COLUMN answered boolean NOT NULL DEFAULT false;
ALTER TABLE bank_line ADD COLUMN piece_of text;
GRANT UPDATE (answered) ON order_line TO desmos_app;

-- `closed` is how much of the amount is owed no more: given up, moved to the patient, billed again. What is open is amount - closed - announced.
ALTER TABLE share ADD COLUMN closed bigint NOT NULL DEFAULT 0 CHECK (closed >= 0);
GRANT UPDATE (closed, amount) ON share TO desmos_app;

-- What a payer owes is signed; the patient's part rises by what a person moves to it.
CREATE FUNCTION refuse_amount() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the amount of a share is signed: % to % refused', OLD.amount, NEW.amount USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER share_amount BEFORE UPDATE OF amount ON share FOR EACH ROW
    WHEN (NEW.amount < OLD.amount OR NEW.amount > OLD.amount AND OLD.part <> 'patient') EXECUTE FUNCTION refuse_amount();

-- The patient has paid, and owes more by a decision.
INSERT INTO state_move (thing, before, after) VALUES
    ('share', 'paid', 'part_paid'),
    ('share', 'refund_due', 'part_paid')
    ON CONFLICT DO NOTHING;
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

-- As short as what is not matched; the signatures, which are most of the ledger, are found by their invoice.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX match_undecided_right ON match (tenant_id, (right_refs[1])) WHERE status <> 'confirmed';
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX match_undecided_listed ON match (tenant_id, status, id) WHERE status <> 'confirmed';
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ledger_entry_ref ON ledger_entry (tenant_id, ref) WHERE event <> 'invoice.signed';

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP INDEX ledger_entry_ref;
DROP INDEX match_undecided_listed;
DROP INDEX match_undecided_right;
DELETE FROM state_move WHERE (thing, before, after) IN (('share', 'paid', 'part_paid'), ('share', 'refund_due', 'part_paid'));
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
DROP TRIGGER share_amount ON share;
DROP FUNCTION refuse_amount();
ALTER TABLE share DROP COLUMN closed;
REVOKE UPDATE (amount) ON share FROM desmos_app;
ALTER TABLE bank_line DROP COLUMN piece_of;
ALTER TABLE order_line DROP COLUMN piece_of, DROP COLUMN answered;
DROP TRIGGER used_once ON bank_line;
DROP TRIGGER used_once ON payment_order;
DROP TRIGGER used_once ON order_line;
DROP FUNCTION refuse_second_use();
DROP TABLE forbidden;
DROP TABLE run;
DROP TRIGGER for_ever ON decision;
DROP INDEX decision_subject;
ALTER TABLE decision DROP COLUMN seq;
