-- Following what was sent: until when an answer is due, what replaces what, totals from stage to stage, and what is out of the ordinary.
-- depends: 0007_pre_states

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

ALTER TABLE file VALIDATE CONSTRAINT file_state_check;

-- `leaving_at` is written before the first byte is handed over: from then on a payer may have the file, whatever its state says.
ALTER TABLE file
    ADD COLUMN leaving_at timestamptz,
    ADD COLUMN ack_due date,
    ADD COLUMN resend_due date,
    ADD COLUMN resends smallint NOT NULL DEFAULT 0;
-- Files are few: one a build.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX file_awaited ON file (tenant_id, ack_due) WHERE state = 'sent';
ALTER TABLE lot ADD COLUMN ack_missing_at timestamptz;

CREATE TABLE lot_replaced (
    tenant_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    replaces uuid NOT NULL,
    PRIMARY KEY (tenant_id, lot_id, replaces),
    FOREIGN KEY (tenant_id, lot_id) REFERENCES lot (tenant_id, id),
    FOREIGN KEY (tenant_id, replaces) REFERENCES lot (tenant_id, id)
);
CREATE INDEX lot_replaced_by ON lot_replaced (tenant_id, replaces);

-- An answer that no lot of ours takes: one to a lot that we do not have, or that says otherwise than the first one did.
CREATE TABLE dead_ack (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    return_file_id uuid NOT NULL,
    why text NOT NULL CHECK (why IN ('unknown', 'conflict')),
    biller text NOT NULL,
    lot integer NOT NULL,
    lot_date date NOT NULL,
    says text NOT NULL CHECK (says IN ('accepted', 'refused')),
    code text NOT NULL,
    record integer NOT NULL,
    noticed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, return_file_id) REFERENCES return_file (tenant_id, id)
);

-- What a file comes to at each stage, counted anew; each hash stands on the one before.
CREATE TABLE stage_total (
    tenant_id uuid NOT NULL,
    trace uuid NOT NULL,
    stage text NOT NULL CHECK (stage IN ('signed', 'lot', 'file', 'sent', 'acknowledged')),
    claims integer NOT NULL,
    fees bigint NOT NULL,
    amo bigint NOT NULL,
    amc bigint NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    noted_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, trace, stage),
    FOREIGN KEY (tenant_id, trace) REFERENCES file (tenant_id, id)
);

CREATE TABLE anomaly (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    kind text NOT NULL,
    stage text,
    subject uuid NOT NULL,
    expected jsonb,
    found jsonb,
    trace uuid,
    noticed_at timestamptz NOT NULL,
    told_at timestamptz,
    resolved_at timestamptz,
    resolved_by text,
    PRIMARY KEY (tenant_id, id)
);
-- Of one thing one is open at a time, however often it is seen.
CREATE UNIQUE INDEX anomaly_open ON anomaly (tenant_id, kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX anomaly_untold ON anomaly (tenant_id) WHERE told_at IS NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['lot_replaced', 'dead_ack', 'stage_total', 'anomaly'] LOOP
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
GRANT UPDATE (leaving_at, ack_due, resend_due, resends) ON file TO desmos_app;
GRANT UPDATE (ack_missing_at) ON lot TO desmos_app;
GRANT UPDATE (found, told_at, resolved_at, resolved_by) ON anomaly TO desmos_app;

-- A worker that looks after every centre by turns: it learns that they exist, and sees the rows of one at a time.
CREATE FUNCTION every_tenant() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT tenant_id FROM centre ORDER BY tenant_id
$$;
REVOKE ALL ON FUNCTION every_tenant() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION every_tenant() TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP FUNCTION every_tenant();
DROP TABLE anomaly;
DROP TABLE stage_total;
DROP TABLE dead_ack;
DROP TABLE lot_replaced;
ALTER TABLE lot DROP COLUMN ack_missing_at;
DROP INDEX file_awaited;
ALTER TABLE file DROP COLUMN leaving_at, DROP COLUMN ack_due, DROP COLUMN resend_due, DROP COLUMN resends;
