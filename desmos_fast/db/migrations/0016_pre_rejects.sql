-- Rejects: what was billed again and by which invoice; returns that cannot be read; which orders and files were announced before.
-- depends: 0013_pre_decisions

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- A rejected part is billed again once: its successor may be rejected and billed again in its turn.
CREATE TABLE recycling (
    tenant_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    part text NOT NULL CHECK (part IN ('amo', 'amc')),
    successor_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, invoice_id, part),
    CONSTRAINT recycling_successor UNIQUE (tenant_id, successor_id, part),
    CONSTRAINT not_by_itself CHECK (successor_id <> invoice_id),
    FOREIGN KEY (tenant_id, invoice_id, part) REFERENCES share (tenant_id, invoice_id, part),
    FOREIGN KEY (tenant_id, successor_id, part) REFERENCES share (tenant_id, invoice_id, part),
    FOREIGN KEY (tenant_id, decision_id) REFERENCES decision (tenant_id, id)
);

-- A return that was refused, or one payment order of it that was announced before: `ordinal` is its place in the file, and the bytes are then
-- those of the return that was imported.
CREATE TABLE dead_return (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    ordinal integer CHECK (ordinal > 0),
    return_file_id uuid,
    code text NOT NULL,
    detail text NOT NULL,
    faults jsonb NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    profile text NOT NULL,
    sealed bytea,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'taken', 'discarded')),
    tries integer NOT NULL DEFAULT 1 CHECK (tries > 0),
    noticed_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    ended_why text,
    taken_as uuid,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, return_file_id) REFERENCES return_file (tenant_id, id),
    FOREIGN KEY (tenant_id, taken_as) REFERENCES return_file (tenant_id, id),
    CONSTRAINT dead_return_bytes CHECK ((ordinal IS NULL) = (sealed IS NOT NULL) AND (ordinal IS NULL) = (return_file_id IS NULL)),
    CONSTRAINT dead_return_ended CHECK ((state = 'open') = (ended_at IS NULL) AND (state = 'taken') = (taken_as IS NOT NULL))
);
CREATE UNIQUE INDEX dead_return_once ON dead_return (tenant_id, sha256, coalesce(ordinal, 0));
CREATE INDEX dead_return_open ON dead_return (tenant_id, id) WHERE state = 'open';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['recycling', 'dead_return'] LOOP
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
GRANT UPDATE (code, detail, faults, profile, state, tries, ended_at, ended_by, ended_why, taken_as) ON dead_return TO desmos_app;
CREATE TRIGGER for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON recycling FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('recycling');

-- HMAC of one payment order under a key of the centre: an order that comes again, in whatever file, must not pay twice.
ALTER TABLE payment_order ADD COLUMN content_key bytea CHECK (length(content_key) = 32);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX payment_order_content ON payment_order (tenant_id, content_key);
-- Who sent a file under which number and day: another content under the same ones is a conflict.
ALTER TABLE return_file ADD COLUMN sender text, ADD COLUMN dated date;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX return_file_sent ON return_file (tenant_id, kind, sender, sequence, dated);

-- The queue of rejects is as short as what is rejected.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX share_rejected ON share (tenant_id, invoice_id, part) WHERE state = 'rejected';
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX decision_assigned ON decision (tenant_id, subject, seq) WHERE kind = 'assign';

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP INDEX decision_assigned;
DROP INDEX share_rejected;
DROP INDEX return_file_sent;
ALTER TABLE return_file DROP COLUMN sender, DROP COLUMN dated;
DROP INDEX payment_order_content;
ALTER TABLE payment_order DROP COLUMN content_key;
DROP TABLE dead_return;
DROP TABLE recycling;
