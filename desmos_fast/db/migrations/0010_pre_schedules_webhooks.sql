-- Schedules and webhooks: when a centre's lots are built by themselves, who is told of what happens, and each telling as a row.
-- depends: 0008_pre_follow

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- `days` and `times` are those of Paris. Due times after `since` and after `ran_due` are still to be done.
CREATE TABLE schedule (
    tenant_id uuid PRIMARY KEY REFERENCES centre,
    revision integer NOT NULL CHECK (revision > 0),
    active boolean NOT NULL,
    days text[] NOT NULL,
    times text[] NOT NULL,
    skip_holidays boolean NOT NULL,
    settings jsonb NOT NULL,
    since timestamptz NOT NULL,
    ran_due timestamptz,
    last_run jsonb
);

-- An empty list of events is all of them; `sealed` is the secret that deliveries are signed with. `wake_at` is when the job `wake_job`
-- looks again, so that others need not.
CREATE TABLE webhook (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    sealed bytea NOT NULL,
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    paused_until timestamptz,
    wake_at timestamptz,
    wake_job bigint,
    PRIMARY KEY (tenant_id, id)
);

-- The outbox: one row for each event that a webhook is to be told of, made in the transaction of the event. `subject` is what the order
-- is kept for. A delivery that is being made is due again when whoever makes it must have died.
CREATE TABLE webhook_delivery (
    tenant_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    event_id uuid NOT NULL,
    subject uuid NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead', 'dropped')),
    tried integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT '-infinity',
    status smallint,
    reason text,
    ended_at timestamptz,
    PRIMARY KEY (tenant_id, webhook_id, seq),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhook (tenant_id, id)
);
CREATE INDEX webhook_delivery_waiting ON webhook_delivery (tenant_id, webhook_id, subject, seq) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_due ON webhook_delivery (tenant_id, webhook_id, seq) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_dead ON webhook_delivery (tenant_id, webhook_id, seq) WHERE state = 'dead';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['schedule', 'webhook', 'webhook_delivery'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON %I USING (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))'
            ' WITH CHECK (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))',
            name
        );
        EXECUTE format('GRANT SELECT, INSERT ON %I TO desmos_app', name);
        -- As for the tables of before: a centre that came since the last ANALYZE must not look like one without rows.
        EXECUTE format('ALTER TABLE %I ALTER COLUMN tenant_id SET STATISTICS 0', name);
    END LOOP;
END
$$;
GRANT UPDATE (revision, active, days, times, skip_holidays, settings, since, ran_due, last_run) ON schedule TO desmos_app;
GRANT UPDATE (active, failures, paused_until, wake_at, wake_job) ON webhook TO desmos_app;
GRANT UPDATE (state, tried, next_at, status, reason, ended_at) ON webhook_delivery TO desmos_app;

-- What happened to a lot, a file or a webhook, and not to one invoice.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX event_subject ON event (tenant_id, subject, id) WHERE invoice_id IS NULL;

-- Whoever adds events, by whichever way, adds their deliveries with them, and wakes whoever makes these. A webhook is not told of itself:
-- what is told of one that does not answer would never end.
CREATE FUNCTION offer_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM webhook WHERE active) THEN
        RETURN NULL;
    END IF;
    WITH told AS (
        INSERT INTO webhook_delivery (tenant_id, webhook_id, event_id, subject)
        SELECT a.tenant_id, w.id, a.id, coalesce(a.invoice_id, a.subject)
          FROM added AS a JOIN webhook AS w ON w.tenant_id = a.tenant_id
         WHERE w.active AND w.id <> a.subject AND (w.events = '{}' OR a.name = ANY (w.events))
         ORDER BY a.id
     RETURNING tenant_id, webhook_id
    )
    INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, status)
    SELECT 0, 'deliver_webhook', convert_to(json_build_object('tenant', t.tenant_id, 'webhook', t.webhook_id)::text, 'UTF8'), now(), 'queued'
      FROM (SELECT DISTINCT tenant_id, webhook_id FROM told) AS t;
    RETURN NULL;
END
$$;

-- Rows enter by COPY into a leaf, or by the parent: a trigger of the statement is asked on the table that it names.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['event'] || ARRAY(SELECT 'event_' || leaf FROM generate_series(0, 7) AS leaf) LOOP
        EXECUTE format(
            'CREATE TRIGGER offered AFTER INSERT ON %I REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION offer_events()', name
        );
    END LOOP;
END
$$;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['event'] || ARRAY(SELECT 'event_' || leaf FROM generate_series(0, 7) AS leaf) LOOP
        EXECUTE format('DROP TRIGGER offered ON %I', name);
    END LOOP;
END
$$;
DROP FUNCTION offer_events();
DROP INDEX event_subject;
DROP TABLE webhook_delivery;
DROP TABLE webhook;
DROP TABLE schedule;
