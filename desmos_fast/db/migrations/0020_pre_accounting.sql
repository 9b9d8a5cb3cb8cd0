-- What a centre says of its books, and the periods that were exported: each once, one after the other.
-- depends: 0012_pre_line_revision

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- A period that was exported is written again under the settings it had: no revision is ever changed.
CREATE TABLE accounting_settings (
    tenant_id uuid NOT NULL REFERENCES centre,
    revision integer NOT NULL CHECK (revision > 0),
    document jsonb NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, revision)
);

-- Days and entries follow those of the export before without a gap: what came late for a closed day is in the next one.
CREATE TABLE accounting_export (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    rank integer NOT NULL CHECK (rank > 0),
    first_day date NOT NULL,
    last_day date NOT NULL,
    first_seq bigint NOT NULL CHECK (first_seq > 0),
    last_seq bigint NOT NULL,
    settings_revision integer NOT NULL CHECK (settings_revision >= 0),
    entries bigint NOT NULL CHECK (entries >= 0),
    lines bigint NOT NULL CHECK (lines >= 0),
    amount bigint NOT NULL CHECK (amount >= 0),
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, rank),
    UNIQUE (tenant_id, first_day),
    CHECK (first_day <= last_day),
    CHECK (last_seq >= first_seq - 1)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['accounting_settings', 'accounting_export'] LOOP
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

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP TABLE accounting_export;
DROP TABLE accounting_settings;
