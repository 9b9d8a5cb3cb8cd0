-- The desk: what patients pay, for which invoices, what is given back and taken back; their shares move with it both ways.
-- depends: 0013_pre_decisions

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- Below zero it is a refund. `plan` is care to come, `plan_total` what was said then that all of it is worth.
CREATE TABLE payment (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    means text NOT NULL CHECK (means IN ('cash', 'card', 'cheque', 'transfer')),
    amount bigint NOT NULL CHECK (amount <> 0),
    received_on date NOT NULL,
    reference text NOT NULL,
    plan text,
    plan_total bigint CHECK (plan_total > 0),
    recorded_at timestamptz NOT NULL,
    unpaid_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((plan IS NULL) = (plan_total IS NULL))
);
CREATE INDEX payment_plan ON payment (tenant_id, plan) WHERE plan IS NOT NULL;
CREATE INDEX payment_recorded ON payment (tenant_id, recorded_at);
CREATE INDEX payment_unpaid ON payment (tenant_id, unpaid_at) WHERE unpaid_at IS NOT NULL;

-- What of a payment is for an invoice; of a refund, which invoice or which other payment it gives back.
CREATE TABLE payment_part (
    tenant_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    line smallint NOT NULL,
    invoice_id uuid,
    source_id uuid,
    amount bigint NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (tenant_id, payment_id, line),
    FOREIGN KEY (tenant_id, payment_id) REFERENCES payment (tenant_id, id),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoice (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES payment (tenant_id, id),
    CHECK ((invoice_id IS NULL) <> (source_id IS NULL))
);
CREATE INDEX payment_part_invoice ON payment_part (tenant_id, invoice_id);
CREATE INDEX payment_part_source ON payment_part (tenant_id, source_id) WHERE source_id IS NOT NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['payment', 'payment_part'] LOOP
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
END
$$;
GRANT UPDATE (unpaid_at) ON payment TO desmos_app;

-- Payments come, bounce and are given back in any order.
INSERT INTO state_move (thing, before, after)
SELECT 'share', one.name, other.name
  FROM unnest(ARRAY['due', 'part_paid', 'paid', 'refund_due']) AS one (name)
  JOIN unnest(ARRAY['due', 'part_paid', 'paid', 'refund_due']) AS other (name) ON other.name <> one.name
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

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DELETE FROM state_move WHERE (thing, before, after) IN (
    ('share', 'due', 'refund_due'), ('share', 'part_paid', 'due'), ('share', 'part_paid', 'refund_due'), ('share', 'paid', 'due'),
    ('share', 'refund_due', 'due'));
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
DROP TABLE payment_part;
DROP TABLE payment;
