-- People of a centre: who they are for it, how they are known, where they are signed in, and how often somebody tried.
-- depends: 0024_pre_access

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- A person is the same one in each centre, so that this table belongs to none. Who serves sees one person at a time.
-- Sessions from before `since` have ended; `totp_step` is the last step of which a code was taken.
CREATE TABLE account (
    id uuid PRIMARY KEY,
    login text NOT NULL UNIQUE CHECK (login = lower(login)),
    subject text UNIQUE,
    password text,
    sealed bytea,
    totp_since timestamptz,
    totp_step bigint NOT NULL DEFAULT 0,
    recovery bytea[] NOT NULL DEFAULT '{}',
    code bytea,
    code_until timestamptz,
    since timestamptz NOT NULL,
    made_at timestamptz NOT NULL
);
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
ALTER TABLE account FORCE ROW LEVEL SECURITY;
CREATE POLICY one_account ON account TO desmos_app USING (id = (SELECT current_setting('app.account')::uuid))
    WITH CHECK (id = (SELECT current_setting('app.account')::uuid));
GRANT SELECT, INSERT ON account TO desmos_app;
GRANT UPDATE (subject, password, sealed, totp_since, totp_step, recovery, code, code_until, since) ON account TO desmos_app;

-- What a person may do in one centre, with keys of one kind.
CREATE TABLE member (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('test', 'live')),
    login text NOT NULL,
    name text NOT NULL,
    roles text[] NOT NULL CHECK (cardinality(roles) > 0),
    made_at timestamptz NOT NULL,
    used_at timestamptz,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX member_once ON member (tenant_id, account_id, kind) WHERE ended_at IS NULL;
CREATE INDEX member_account ON member (account_id) WHERE ended_at IS NULL;

-- `strong`: it is this person by more than a password.
CREATE TABLE session (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    account_id uuid NOT NULL,
    hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    strong boolean NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    idle_s integer NOT NULL CHECK (idle_s > 0),
    ends_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, member_id) REFERENCES member (tenant_id, id)
);
CREATE INDEX session_member ON session (tenant_id, member_id, id);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['member', 'session'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON %I TO desmos_app USING (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))'
            ' WITH CHECK (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))',
            name
        );
        EXECUTE format('ALTER TABLE %I ALTER COLUMN tenant_id SET STATISTICS 0', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['account', 'member', 'session'] LOOP
        EXECUTE format('CREATE POLICY owner_only ON %I TO %I USING (true) WITH CHECK (true)', name, current_user);
    END LOOP;
END
$$;
GRANT SELECT, INSERT ON member TO desmos_app;
GRANT UPDATE (name, roles, used_at, ended_at) ON member TO desmos_app;
GRANT SELECT (tenant_id, id, member_id, account_id, strong, made_at, used_at, idle_s, ends_at, ended_at) ON session TO desmos_app;
GRANT INSERT ON session TO desmos_app;
GRANT UPDATE (strong, used_at, ended_at) ON session TO desmos_app;

-- What ended stays so.
CREATE FUNCTION keep_ended() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at THEN
        RAISE EXCEPTION 'what ended stays so' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER ended BEFORE UPDATE OF ended_at ON member FOR EACH ROW EXECUTE FUNCTION keep_ended();
CREATE TRIGGER ended BEFORE UPDATE OF ended_at ON session FOR EACH ROW EXECUTE FUNCTION keep_ended();

-- Wrong tries, by the HMAC of a login or an address: it names nobody and belongs to no centre.
CREATE TABLE attempt (
    key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    failures integer NOT NULL CHECK (failures >= 0),
    last_at timestamptz NOT NULL
);
CREATE INDEX attempt_old ON attempt (last_at);
GRANT SELECT, INSERT, UPDATE (failures, last_at) ON attempt TO desmos_app;

CREATE FUNCTION find_account(wanted text, named text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT id FROM account WHERE login = wanted OR subject = named $$;

CREATE FUNCTION account_scopes(wanted uuid)
    RETURNS TABLE (tenant_id uuid, finess text, kind text, member_id uuid, login text, name text, roles text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT c.tenant_id, c.finess, m.kind, m.id, m.login, m.name, m.roles
      FROM member AS m JOIN centre AS c ON c.tenant_id = m.tenant_id
     WHERE m.account_id = wanted AND m.ended_at IS NULL ORDER BY c.tenant_id, m.kind
$$;

-- `left_s` is how long the session still lasts, used or not; `stale` says that its last use is to be noted.
CREATE FUNCTION authenticate_session(wanted bytea)
    RETURNS TABLE (
        tenant_id uuid, finess text, kind text, member_id uuid, roles text[], session_id uuid, account_id uuid, strong boolean,
        left_s double precision, stale boolean
    )
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT c.tenant_id, c.finess, m.kind, m.id, m.roles, s.id, s.account_id, s.strong,
           extract(epoch FROM least(s.ends_at, s.used_at + make_interval(secs => s.idle_s)) - now())::double precision,
           s.used_at < now() - make_interval(secs => least(60.0, s.idle_s / 4.0))
      FROM session AS s
      JOIN member AS m ON m.tenant_id = s.tenant_id AND m.id = s.member_id
      JOIN account AS a ON a.id = s.account_id
      JOIN centre AS c ON c.tenant_id = s.tenant_id
     WHERE s.hash = wanted AND s.ended_at IS NULL AND m.ended_at IS NULL AND s.made_at >= a.since
       AND s.ends_at > now() AND s.used_at + make_interval(secs => s.idle_s) > now()
$$;

-- A try of long ago says nothing any more; a few at a time, so that nobody waits for it.
CREATE FUNCTION forget_attempts(older timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    DELETE FROM attempt WHERE key IN (
        SELECT key FROM attempt WHERE last_at < least(older, now() - interval '1 hour') ORDER BY last_at LIMIT 20 FOR UPDATE SKIP LOCKED
    )
$$;
REVOKE ALL ON FUNCTION find_account(text, text), account_scopes(uuid), authenticate_session(bytea), forget_attempts(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_account(text, text), account_scopes(uuid), authenticate_session(bytea), forget_attempts(timestamptz)
    TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP FUNCTION forget_attempts(timestamptz);
DROP FUNCTION authenticate_session(bytea);
DROP FUNCTION account_scopes(uuid);
DROP FUNCTION find_account(text, text);
DROP TABLE attempt;
DROP TABLE session;
DROP TABLE member;
DROP FUNCTION keep_ended();
DROP TABLE account;
