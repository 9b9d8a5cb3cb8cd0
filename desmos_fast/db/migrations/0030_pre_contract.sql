-- Secrets of a webhook one after the other; the clock of a test centre, which may be ahead; the options that a centre subscribed to.
-- depends: 0029_pre_master_keys

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- The first secret of a webhook stays where it is; those after it are here. The newest has no end, the ones before it sign until theirs.
ALTER TABLE webhook ADD COLUMN sealed_until timestamptz;
GRANT UPDATE (sealed_until) ON webhook TO desmos_app;
CREATE TABLE webhook_secret (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL,
    ends_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhook (tenant_id, id)
);
CREATE INDEX webhook_secret_of ON webhook_secret (tenant_id, webhook_id);

-- By how much the clock of a test centre is ahead. It never goes back: what was due stays due.
CREATE TABLE test_clock (
    tenant_id uuid PRIMARY KEY REFERENCES centre (tenant_id),
    ahead_s bigint NOT NULL CHECK (ahead_s BETWEEN 0 AND 1000000000),
    set_at timestamptz NOT NULL,
    set_by text NOT NULL
);
CREATE FUNCTION keep_clock_ahead() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.ahead_s < OLD.ahead_s THEN
        RAISE EXCEPTION 'a clock never goes back' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER ahead BEFORE UPDATE ON test_clock FOR EACH ROW EXECUTE FUNCTION keep_clock_ahead();

-- Written by the owner alone: what a centre subscribed to is not the centre's to say. No row of an option is its default.
CREATE TABLE centre_option (
    tenant_id uuid NOT NULL REFERENCES centre (tenant_id),
    option text NOT NULL CHECK (option ~ '^[a-z][a-z_]{0,62}$'),
    starts date NOT NULL,
    subscribed boolean NOT NULL,
    set_at timestamptz NOT NULL,
    set_by text NOT NULL,
    PRIMARY KEY (tenant_id, option, starts)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['webhook_secret', 'test_clock', 'centre_option'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON %I USING (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))'
            ' WITH CHECK (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))', name
        );
        EXECUTE format('GRANT SELECT ON %I TO desmos_app', name);
        EXECUTE format('ALTER TABLE %I ALTER COLUMN tenant_id SET STATISTICS 0', name);
    END LOOP;
END
$$;
GRANT INSERT ON webhook_secret, test_clock TO desmos_app;
GRANT UPDATE (ends_at) ON webhook_secret TO desmos_app;
GRANT UPDATE (ahead_s, set_at, set_by) ON test_clock TO desmos_app;

-- What every process must know of all centres before it opens a transaction of one: whose clocks are ahead, and nothing else of them.
-- A centre with a live key has the clock of everybody.
CREATE POLICY owner_only ON test_clock TO CURRENT_USER USING (true);
CREATE FUNCTION every_test_clock() RETURNS TABLE (tenant_id uuid, ahead_s bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT t.tenant_id, t.ahead_s FROM test_clock AS t
     WHERE NOT EXISTS (SELECT FROM api_key AS k WHERE k.tenant_id = t.tenant_id AND k.kind = 'live' AND k.revoked_at IS NULL)
$$;
REVOKE ALL ON FUNCTION every_test_clock() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION every_test_clock() TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP FUNCTION every_test_clock();
DROP TABLE centre_option;
DROP TABLE test_clock;
DROP FUNCTION keep_clock_ahead();
DROP TABLE webhook_secret;
ALTER TABLE webhook DROP COLUMN sealed_until;
