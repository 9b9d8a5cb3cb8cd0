-- What a centre sets for matching and which labels people explained, by one number of changes, which each run keeps.
-- depends: 0013_pre_decisions

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

CREATE TABLE matching_settings (
    tenant_id uuid NOT NULL REFERENCES centre,
    revision integer NOT NULL CHECK (revision > 0),
    document jsonb NOT NULL,
    since timestamptz NOT NULL,
    set_by text NOT NULL,
    PRIMARY KEY (tenant_id, revision)
);

-- A null payer is not a payer at all; the last word on an account and key counts.
CREATE TABLE learned_label (
    tenant_id uuid NOT NULL REFERENCES centre,
    revision integer NOT NULL CHECK (revision > 0),
    account text NOT NULL,
    label_key text NOT NULL,
    label text NOT NULL,
    payer text,
    forgotten boolean NOT NULL,
    taught_by text NOT NULL,
    taught_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, revision)
);
CREATE INDEX learned_label_last ON learned_label (tenant_id, account, label_key, revision DESC);

-- Nobody set anything before this version.
ALTER TABLE run ADD COLUMN settings_revision integer NOT NULL DEFAULT 0;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['matching_settings', 'learned_label'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON %I USING (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))'
            ' WITH CHECK (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))',
            name
        );
        EXECUTE format('GRANT SELECT, INSERT ON %I TO desmos_app', name);
        EXECUTE format('ALTER TABLE %I ALTER COLUMN tenant_id SET STATISTICS 0', name);
        EXECUTE format(
            'CREATE TRIGGER for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(%L)',
            name, name
        );
    END LOOP;
END
$$;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
ALTER TABLE run DROP COLUMN settings_revision;
DROP TABLE learned_label;
DROP TABLE matching_settings;
