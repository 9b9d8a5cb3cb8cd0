-- The people of a centre who are told of what is out of the ordinary, and which of it each was told.
-- depends: 0012_pre_line_revision

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- No kinds are all of them. `finess` is the centre's: the role that tells people sees no centre.
CREATE TABLE contact (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    finess text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    kinds text[] NOT NULL,
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX contact_once ON contact (tenant_id, lower(email)) WHERE active;

-- An anomaly is held while people are told of it: its row is not referred to.
CREATE TABLE notice (
    tenant_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    anomaly_id uuid NOT NULL,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, contact_id, anomaly_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contact (tenant_id, id)
);
CREATE INDEX notice_anomaly ON notice (tenant_id, anomaly_id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['contact', 'notice'] LOOP
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
GRANT UPDATE (active) ON contact TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP TABLE notice;
DROP TABLE contact;
