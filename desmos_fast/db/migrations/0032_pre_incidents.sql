-- Incidents of the service and maintenance, as a centre's contract counts them: what began when, was declared, attended to and over.
-- depends: 0024_pre_access

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- One incident of the whole service has the same id in every centre. Between `degraded_at` and `ended_at` it runs degraded.
CREATE TABLE incident (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('incident', 'maintenance')),
    what text NOT NULL CHECK (length(what) BETWEEN 1 AND 200),
    cause text NOT NULL CHECK (cause IN ('provider', 'client', 'payer', 'maintenance')),
    planned boolean NOT NULL,
    disaster boolean NOT NULL,
    starts_at timestamptz NOT NULL,
    declared_at timestamptz NOT NULL,
    declared_by text NOT NULL,
    acknowledged_at timestamptz,
    degraded_at timestamptz,
    ended_at timestamptz,
    cancelled_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT of_its_kind CHECK ((kind = 'maintenance') = (cause = 'maintenance') AND NOT (kind = 'maintenance' AND disaster)),
    CONSTRAINT in_order CHECK (
        acknowledged_at >= starts_at AND degraded_at >= starts_at AND ended_at >= starts_at AND ended_at >= degraded_at
    )
);
CREATE INDEX incident_running ON incident (starts_at) WHERE ended_at IS NULL AND cancelled_at IS NULL;

ALTER TABLE incident ALTER COLUMN tenant_id SET STATISTICS 0;
ALTER TABLE incident ENABLE ROW LEVEL SECURITY;
ALTER TABLE incident FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON incident TO desmos_app USING (tenant_id = (SELECT current_setting('app.tenant')::uuid))
WITH CHECK (tenant_id = (SELECT current_setting('app.tenant')::uuid));
DO $$
BEGIN
    EXECUTE format('CREATE POLICY owner_only ON incident TO %I USING (true) WITH CHECK (true)', current_user);
END
$$;
GRANT SELECT, INSERT ON incident TO desmos_app;
GRANT UPDATE (cause, acknowledged_at, degraded_at, ended_at, cancelled_at) ON incident TO desmos_app;

-- What a clock showed when it stopped is what the contract counts.
CREATE FUNCTION keep_incident() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF OLD.acknowledged_at <> NEW.acknowledged_at OR (OLD.acknowledged_at IS NULL) < (NEW.acknowledged_at IS NULL)
        OR OLD.degraded_at <> NEW.degraded_at OR (OLD.degraded_at IS NULL) < (NEW.degraded_at IS NULL)
        OR OLD.cancelled_at <> NEW.cancelled_at OR (OLD.cancelled_at IS NULL) < (NEW.cancelled_at IS NULL)
        OR (OLD.kind = 'incident' AND (OLD.ended_at <> NEW.ended_at OR (OLD.ended_at IS NULL) < (NEW.ended_at IS NULL))) THEN
        RAISE EXCEPTION 'a clock of an incident stops once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER stopped_once BEFORE UPDATE ON incident FOR EACH ROW EXECUTE FUNCTION keep_incident();

-- What a worker shows of all centres, of which it sees one at a time: how many run, and the oldest instants from which clocks run.
CREATE FUNCTION incidents_running(now timestamptz)
RETURNS TABLE (down bigint, degraded bigint, maintenance bigint, unattended_since timestamptz, down_since timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT count(DISTINCT id) FILTER (WHERE kind = 'incident' AND degraded_at IS NULL AND ended_at IS NULL),
           count(DISTINCT id) FILTER (WHERE kind = 'incident' AND degraded_at IS NOT NULL AND ended_at IS NULL),
           count(DISTINCT id) FILTER (WHERE kind = 'maintenance' AND starts_at <= now AND ended_at > now),
           min(starts_at) FILTER (WHERE cause = 'provider' AND acknowledged_at IS NULL AND ended_at IS NULL),
           min(starts_at) FILTER (WHERE cause = 'provider' AND degraded_at IS NULL AND ended_at IS NULL)
      FROM incident WHERE cancelled_at IS NULL AND (ended_at IS NULL OR ended_at > now)
$$;
REVOKE ALL ON FUNCTION incidents_running(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION incidents_running(timestamptz) TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP FUNCTION incidents_running(timestamptz);
DROP TABLE incident;
DROP FUNCTION keep_incident();
