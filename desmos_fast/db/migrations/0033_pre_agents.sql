-- Agents of workstations: codes that let one in, certificates, the readers and events that they tell of.
-- depends: 0024_pre_access

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- A code lets one agent in, once; only its HMAC is kept.
CREATE TABLE agent_code (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('test', 'live')),
    desk text NOT NULL CHECK (length(desk) BETWEEN 1 AND 100),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    ends_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX agent_code_hash ON agent_code (hash) WHERE used_at IS NULL;

-- `serial` is that of the certificate given last, `former` of the one that it is to replace, until the new one is shown.
-- `channel` is the connection that it has, `received` the number of its last event that is kept.
CREATE TABLE agent (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('test', 'live')),
    desk text NOT NULL,
    enrolled_at timestamptz NOT NULL,
    serial text NOT NULL,
    former text,
    ends_at timestamptz NOT NULL,
    version text NOT NULL DEFAULT '',
    system text NOT NULL DEFAULT '',
    channel uuid,
    seen_at timestamptz,
    received bigint NOT NULL DEFAULT 0,
    blocked_at timestamptz,
    blocked_by text,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE reader (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    agent_id uuid NOT NULL,
    name text NOT NULL,
    present boolean NOT NULL,
    card text NOT NULL CHECK (card IN ('none', 'inserted', 'mute')),
    atr text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agent (tenant_id, id)
);
CREATE INDEX reader_of ON reader (tenant_id, agent_id);

-- `seq` has no gap in a centre, `number` none in an agent.
CREATE TABLE reader_event (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL,
    agent_id uuid NOT NULL,
    number bigint NOT NULL,
    kind text NOT NULL,
    reader text NOT NULL,
    atr text NOT NULL,
    happened_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, agent_id, number),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agent (tenant_id, id)
);
CREATE INDEX reader_event_old ON reader_event (received_at);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['agent_code', 'agent', 'reader', 'reader_event'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON %I TO desmos_app USING (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))'
            ' WITH CHECK (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))',
            name
        );
        EXECUTE format('CREATE POLICY owner_only ON %I TO %I USING (true) WITH CHECK (true)', name, current_user);
        EXECUTE format('ALTER TABLE %I ALTER COLUMN tenant_id SET STATISTICS 0', name);
    END LOOP;
END
$$;
GRANT SELECT (tenant_id, id, kind, desk, made_at, made_by, ends_at, used_at), INSERT, UPDATE (used_at) ON agent_code TO desmos_app;
GRANT SELECT, INSERT ON agent, reader, reader_event TO desmos_app;
GRANT UPDATE (serial, former, ends_at, version, system, channel, seen_at, received, blocked_at, blocked_by) ON agent TO desmos_app;
GRANT UPDATE (present, card, atr, changed_at) ON reader TO desmos_app;

-- Who is blocked stays so, a code is used once, and what was received is not received again.
CREATE FUNCTION keep_agent() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF (OLD.blocked_at IS NOT NULL AND NEW.blocked_at IS DISTINCT FROM OLD.blocked_at) OR NEW.received < OLD.received THEN
        RAISE EXCEPTION 'an agent that is blocked stays so, and nothing is received twice' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER kept BEFORE UPDATE OF blocked_at, received ON agent FOR EACH ROW EXECUTE FUNCTION keep_agent();
CREATE FUNCTION keep_agent_code() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.used_at IS NOT NULL THEN
        RAISE EXCEPTION 'a code is used once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER kept BEFORE UPDATE ON agent_code FOR EACH ROW EXECUTE FUNCTION keep_agent_code();

-- Who comes with a code belongs to no centre yet: the code says to which.
CREATE FUNCTION find_agent_code(wanted bytea, at timestamptz) RETURNS TABLE (tenant_id uuid, code_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT c.tenant_id, c.id FROM agent_code AS c WHERE c.hash = wanted AND c.used_at IS NULL AND c.ends_at > at $$;

-- What readers did is news for some days; a few at a time, so that nobody waits for it.
CREATE FUNCTION forget_reader_events(older timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    DELETE FROM reader_event WHERE (tenant_id, seq) IN (
        SELECT e.tenant_id, e.seq FROM reader_event AS e WHERE e.received_at < least(older, now() - interval '1 day')
         ORDER BY e.received_at LIMIT 1000 FOR UPDATE SKIP LOCKED
    )
$$;
REVOKE ALL ON FUNCTION find_agent_code(bytea, timestamptz), forget_reader_events(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_agent_code(bytea, timestamptz), forget_reader_events(timestamptz) TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP FUNCTION forget_reader_events(timestamptz);
DROP FUNCTION find_agent_code(bytea, timestamptz);
DROP TABLE reader_event;
DROP TABLE reader;
DROP TABLE agent;
DROP TABLE agent_code;
DROP FUNCTION keep_agent_code();
DROP FUNCTION keep_agent();
