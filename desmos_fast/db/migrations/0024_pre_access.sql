-- Keys with roles, labels and an end, which a centre keeps itself; the trail of who looked at what, which is only added to.
-- depends: 0007_pre_states

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- A key that is there may do what it could before: everything.
ALTER TABLE api_key
    ADD COLUMN label text NOT NULL DEFAULT '',
    ADD COLUMN roles text[] NOT NULL DEFAULT '{admin}' CHECK (cardinality(roles) > 0),
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN used_at timestamptz,
    ADD COLUMN replaces uuid;

-- The role that serves sees and makes keys of its centre, and never reads a HMAC. What told keys to their owner alone stays beside it.
CREATE POLICY one_tenant ON api_key TO desmos_app USING (tenant_id = (SELECT current_setting('app.tenant')::uuid))
    WITH CHECK (tenant_id = (SELECT current_setting('app.tenant')::uuid));
GRANT SELECT (tenant_id, id, kind, label, roles, created_at, expires_at, used_at, revoked_at, replaces) ON api_key TO desmos_app;
GRANT INSERT (tenant_id, id, kind, hash, label, roles, created_at, expires_at, replaces) ON api_key TO desmos_app;
GRANT UPDATE (expires_at, used_at, revoked_at) ON api_key TO desmos_app;

CREATE FUNCTION keep_key_ended() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at THEN
        RAISE EXCEPTION 'a key that is revoked stays revoked' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.expires_at < coalesce(NEW.expires_at, 'infinity') THEN
        RAISE EXCEPTION 'the end of a key only comes nearer' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER ended BEFORE UPDATE OF revoked_at, expires_at ON api_key FOR EACH ROW EXECUTE FUNCTION keep_key_ended();

-- `left_s` is how long the key still lasts, without end when null; `stale` says that its last use is to be noted.
-- A service of before names four columns, which the new one has too; both statements are one transaction.
-- squawk-ignore ban-drop-function
DROP FUNCTION authenticate_key(bytea);
CREATE FUNCTION authenticate_key(wanted bytea)
    RETURNS TABLE (tenant_id uuid, finess text, kind text, key_id uuid, roles text[], left_s double precision, stale boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT c.tenant_id, c.finess, k.kind, k.id, k.roles, extract(epoch FROM k.expires_at - now())::double precision,
           k.used_at IS NULL OR k.used_at < now() - interval '1 minute'
      FROM api_key AS k JOIN centre AS c ON c.tenant_id = k.tenant_id
     WHERE k.hash = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
$$;
REVOKE ALL ON FUNCTION authenticate_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authenticate_key(bytea) TO desmos_app;

-- Nothing has written an audit before this version: the table is empty.
-- squawk-ignore adding-required-field
ALTER TABLE audit ADD COLUMN request text NOT NULL, ADD COLUMN items bigint NOT NULL CHECK (items >= 0), ADD COLUMN filter text NOT NULL;

-- A row enters after the last one and nowhere else, so that none is left out and none slips in.
CREATE FUNCTION follow_audit() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT tenant_id, count(*) AS many, min(seq) AS first, max(seq) AS last FROM added GROUP BY tenant_id) AS a
         WHERE a.last - a.first + 1 <> a.many OR a.first < 1
            OR (a.first > 1 AND NOT EXISTS (SELECT FROM audit WHERE tenant_id = a.tenant_id AND seq = a.first - 1))
    ) THEN
        RAISE EXCEPTION 'the audit has no gaps' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER followed AFTER INSERT ON audit REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION follow_audit();
CREATE TRIGGER for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('the audit');

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP TRIGGER for_ever ON audit;
DROP TRIGGER followed ON audit;
DROP FUNCTION follow_audit();
ALTER TABLE audit DROP COLUMN filter, DROP COLUMN items, DROP COLUMN request;
DROP FUNCTION authenticate_key(bytea);
CREATE FUNCTION authenticate_key(wanted bytea) RETURNS TABLE (tenant_id uuid, finess text, kind text, key_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT c.tenant_id, c.finess, k.kind, k.id
      FROM api_key AS k JOIN centre AS c ON c.tenant_id = k.tenant_id
     WHERE k.hash = wanted AND k.revoked_at IS NULL
$$;
REVOKE ALL ON FUNCTION authenticate_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authenticate_key(bytea) TO desmos_app;
DROP TRIGGER ended ON api_key;
DROP FUNCTION keep_key_ended();
DROP POLICY one_tenant ON api_key;
REVOKE ALL (tenant_id, id, kind, hash, label, roles, created_at, expires_at, used_at, revoked_at, replaces) ON api_key FROM desmos_app;
ALTER TABLE api_key DROP COLUMN replaces, DROP COLUMN used_at, DROP COLUMN expires_at, DROP COLUMN roles, DROP COLUMN label;
