-- Statements in several formats: how a bank's CSV is read, which entries a statement and a notification may both tell of, and lines by account.
-- depends: 0013_pre_decisions

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

CREATE TABLE bank_mapping (
    tenant_id uuid NOT NULL REFERENCES centre,
    name text NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    document jsonb NOT NULL,
    set_at timestamptz NOT NULL,
    set_by text NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- Entries of camt files whose lines were new. `keys` are the bank's references under the key of the centre; `ref`, `content_key` and
-- `occurrence` are those of the first line.
CREATE TABLE bank_entry (
    tenant_id uuid NOT NULL,
    bank_file_id uuid NOT NULL,
    first integer NOT NULL CHECK (first > 0),
    kind text NOT NULL CHECK (kind IN ('camt.053', 'camt.054')),
    account text NOT NULL,
    booking_date date NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    keys text [] NOT NULL,
    ref text NOT NULL,
    content_key text NOT NULL,
    occurrence integer NOT NULL,
    PRIMARY KEY (tenant_id, bank_file_id, first),
    FOREIGN KEY (tenant_id, bank_file_id) REFERENCES bank_file (tenant_id, id)
);
CREATE INDEX bank_entry_same ON bank_entry (tenant_id, account, amount, currency);

-- A statement is as short as its lines are few: the table is read once for each that is imported.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX bank_line_account ON bank_line (tenant_id, account, booking_date);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['bank_mapping', 'bank_entry'] LOOP
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
GRANT UPDATE (document, set_at, set_by) ON bank_mapping TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP INDEX bank_line_account;
DROP TABLE bank_entry;
DROP TABLE bank_mapping;
