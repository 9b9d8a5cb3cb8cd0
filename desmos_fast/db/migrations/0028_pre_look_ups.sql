-- How much each account looked up, and which of its rights it used.
-- depends: 0027_pre_people

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- One row for each key and user: what it saw in the hour and on the day of its last look.
CREATE TABLE look_up (
    tenant_id uuid NOT NULL REFERENCES centre,
    actor uuid NOT NULL,
    hour timestamptz NOT NULL,
    in_hour bigint NOT NULL,
    day date NOT NULL,
    in_day bigint NOT NULL,
    PRIMARY KEY (tenant_id, actor)
);

-- The last day on which a key or a user asked for something that this role opens.
CREATE TABLE role_use (
    tenant_id uuid NOT NULL REFERENCES centre,
    actor uuid NOT NULL,
    role text NOT NULL,
    used_on date NOT NULL,
    PRIMARY KEY (tenant_id, actor, role)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['look_up', 'role_use'] LOOP
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
GRANT UPDATE (hour, in_hour, day, in_day) ON look_up TO desmos_app;
GRANT UPDATE (used_on) ON role_use TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP TABLE role_use;
DROP TABLE look_up;
