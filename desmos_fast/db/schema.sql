-- What all migrations make; seven of the eight leaves of each partitioned table are left out.
-- Compared by tests/db/test_migrations.py, written by `python -m tests.db.write_schema`.

CREATE FUNCTION public.account_scopes(wanted uuid) RETURNS TABLE(tenant_id uuid, finess text, kind text, member_id uuid, login text, name text, roles text[])
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT c.tenant_id, c.finess, m.kind, m.id, m.login, m.name, m.roles
      FROM member AS m JOIN centre AS c ON c.tenant_id = m.tenant_id
     WHERE m.account_id = wanted AND m.ended_at IS NULL ORDER BY c.tenant_id, m.kind
$$;

CREATE FUNCTION public.age_of(days integer) RETURNS text
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN (days <= 7) THEN '0-7'::text WHEN (days <= 30) THEN '8-30'::text WHEN (days <= 60) THEN '31-60'::text WHEN (days <= 90) THEN '61-90'::text ELSE '>90'::text END;

CREATE FUNCTION public.authenticate_key(wanted bytea) RETURNS TABLE(tenant_id uuid, finess text, kind text, key_id uuid, roles text[], left_s double precision, stale boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT c.tenant_id, c.finess, k.kind, k.id, k.roles, extract(epoch FROM k.expires_at - now())::double precision,
           k.used_at IS NULL OR k.used_at < now() - interval '1 minute'
      FROM api_key AS k JOIN centre AS c ON c.tenant_id = k.tenant_id
     WHERE k.hash = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
$$;

CREATE FUNCTION public.authenticate_session(wanted bytea) RETURNS TABLE(tenant_id uuid, finess text, kind text, member_id uuid, roles text[], session_id uuid, account_id uuid, strong boolean, left_s double precision, stale boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
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

CREATE FUNCTION public.check_move() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM state_move AS m WHERE m.thing = TG_ARGV[0] AND m.before = OLD.state AND m.after = NEW.state) THEN
        RAISE EXCEPTION '% cannot go from % to %', TG_ARGV[0], OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.close_entries() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    before bigint := CASE TG_OP WHEN 'UPDATE' THEN OLD.value ELSE 0 END;
    found bigint;
    unsound bigint;
BEGIN
    -- The end was touched, or taken back: it has moved since then, or nothing stands beyond it.
    IF NEW.value <= before THEN
        IF EXISTS (
            SELECT FROM ledger_entry
             WHERE tenant_id = NEW.tenant_id
               AND seq > (SELECT value FROM counter WHERE tenant_id = NEW.tenant_id AND kind = 'ledger' AND name = '')
        ) THEN
            RAISE EXCEPTION 'an entry stands beyond the end of the ledger' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END IF;
    SELECT count(*), min(e.seq) FILTER (WHERE l.balance IS DISTINCT FROM 0) INTO found, unsound
      FROM ledger_entry AS e
     CROSS JOIN LATERAL (
           SELECT sum(debit) - sum(credit) AS balance FROM ledger_line WHERE tenant_id = e.tenant_id AND entry_id = e.id
           ) AS l
     WHERE e.tenant_id = NEW.tenant_id AND e.seq > before AND e.seq <= NEW.value;
    IF unsound IS NOT NULL THEN
        RAISE EXCEPTION 'entry % has no lines, or they do not sum to zero', unsound USING ERRCODE = 'check_violation';
    END IF;
    IF found <> NEW.value - before THEN
        RAISE EXCEPTION 'the ledger ends at entry %, but % entries came after entry %', NEW.value, found, before
              USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.every_tenant() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT tenant_id FROM centre ORDER BY tenant_id
$$;

CREATE FUNCTION public.every_test_clock() RETURNS TABLE(tenant_id uuid, ahead_s bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT t.tenant_id, t.ahead_s FROM test_clock AS t
     WHERE NOT EXISTS (SELECT FROM api_key AS k WHERE k.tenant_id = t.tenant_id AND k.kind = 'live' AND k.revoked_at IS NULL)
$$;

CREATE FUNCTION public.find_account(wanted text, named text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT id FROM account WHERE login = wanted OR subject = named $$;

CREATE FUNCTION public.find_agent_code(wanted bytea, at timestamp with time zone) RETURNS TABLE(tenant_id uuid, code_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$ SELECT c.tenant_id, c.id FROM agent_code AS c WHERE c.hash = wanted AND c.used_at IS NULL AND c.ends_at > at $$;

CREATE FUNCTION public.follow_audit() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.follow_debtor() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    became text;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('index of ' || NEW.tenant_id, 4));
    SELECT encode(m.index, 'hex') INTO became FROM moved_index AS m
     WHERE m.tenant_id = NEW.tenant_id AND m.former = decode(NEW.debtor, 'hex');
    NEW.debtor := coalesce(became, NEW.debtor);
    RETURN NEW;
END
$$;

CREATE FUNCTION public.follow_index() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    became bytea;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('index of ' || NEW.tenant_id, 4));
    SELECT m.index INTO became FROM moved_index AS m WHERE m.tenant_id = NEW.tenant_id AND m.former = NEW.insured_key;
    NEW.insured_key := coalesce(became, NEW.insured_key);
    RETURN NEW;
END
$$;

CREATE FUNCTION public.forget_answers(most integer) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    WITH old AS (
        SELECT i.ctid FROM idempotency AS i
         WHERE i.tenant_id = current_setting('app.tenant')::uuid AND i.created_at < now() - interval '90 days'
         LIMIT most FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM idempotency AS i USING old
         WHERE i.ctid = old.ctid AND i.tenant_id = current_setting('app.tenant')::uuid RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

CREATE FUNCTION public.forget_attempts(older timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    DELETE FROM attempt WHERE key IN (
        SELECT key FROM attempt WHERE last_at < least(older, now() - interval '1 hour') ORDER BY last_at LIMIT 20 FOR UPDATE SKIP LOCKED
    )
$$;

CREATE FUNCTION public.forget_reader_events(older timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    DELETE FROM reader_event WHERE (tenant_id, seq) IN (
        SELECT e.tenant_id, e.seq FROM reader_event AS e WHERE e.received_at < least(older, now() - interval '1 day')
         ORDER BY e.received_at LIMIT 1000 FOR UPDATE SKIP LOCKED
    )
$$;

CREATE FUNCTION public.incidents_running(now timestamp with time zone) RETURNS TABLE(down bigint, degraded bigint, maintenance bigint, unattended_since timestamp with time zone, down_since timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT count(DISTINCT id) FILTER (WHERE kind = 'incident' AND degraded_at IS NULL AND ended_at IS NULL),
           count(DISTINCT id) FILTER (WHERE kind = 'incident' AND degraded_at IS NOT NULL AND ended_at IS NULL),
           count(DISTINCT id) FILTER (WHERE kind = 'maintenance' AND starts_at <= now AND ended_at > now),
           min(starts_at) FILTER (WHERE cause = 'provider' AND acknowledged_at IS NULL AND ended_at IS NULL),
           min(starts_at) FILTER (WHERE cause = 'provider' AND degraded_at IS NULL AND ended_at IS NULL)
      FROM incident WHERE cancelled_at IS NULL AND (ended_at IS NULL OR ended_at > now)
$$;

CREATE FUNCTION public.keep_agent() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF (OLD.blocked_at IS NOT NULL AND NEW.blocked_at IS DISTINCT FROM OLD.blocked_at) OR NEW.received < OLD.received THEN
        RAISE EXCEPTION 'an agent that is blocked stays so, and nothing is received twice' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.keep_agent_code() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF OLD.used_at IS NOT NULL THEN
        RAISE EXCEPTION 'a code is used once' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.keep_clock_ahead() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NEW.ahead_s < OLD.ahead_s THEN
        RAISE EXCEPTION 'a clock never goes back' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.keep_ended() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at THEN
        RAISE EXCEPTION 'what ended stays so' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.keep_incident() RETURNS trigger
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

CREATE FUNCTION public.keep_key_ended() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.offer_events() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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

CREATE FUNCTION public.open_entries() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    touched bigint;
    chains bigint;
BEGIN
    UPDATE counter AS c SET hash = c.hash
      FROM (SELECT tenant_id, min(seq) AS first FROM added GROUP BY tenant_id) AS a
     WHERE c.tenant_id = a.tenant_id AND c.kind = 'ledger' AND c.name = '' AND c.value < a.first;
    GET DIAGNOSTICS touched = ROW_COUNT;
    SELECT count(DISTINCT tenant_id) INTO chains FROM added;
    IF touched <> chains THEN
        RAISE EXCEPTION 'an entry is added at the end of the ledger, and nowhere else' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.open_lines() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT tenant_id, entry_id FROM added) AS a
         WHERE (SELECT seq FROM ledger_entry WHERE tenant_id = a.tenant_id AND id = a.entry_id)
               <= (SELECT value FROM counter WHERE tenant_id = a.tenant_id AND kind = 'ledger' AND name = '')
    ) THEN
        RAISE EXCEPTION 'an entry that is closed takes no more lines' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.refuse_amount() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.part = 'patient' AND NEW.amount >= (
        SELECT i.desk FROM invoice AS i WHERE i.tenant_id = NEW.tenant_id AND i.id = NEW.invoice_id
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the amount of a share is signed: % to % refused', OLD.amount, NEW.amount USING ERRCODE = 'check_violation';
END
$$;

CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is never changed: % refused', TG_ARGV[0], TG_OP USING ERRCODE = 'check_violation';
END
$$;

CREATE FUNCTION public.refuse_move() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_ARGV[0] = 'transport' THEN
        RAISE EXCEPTION 'transport cannot go from % to %', OLD.transport, NEW.transport USING ERRCODE = 'check_violation';
    END IF;
    RAISE EXCEPTION 'share cannot go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
END
$$;

CREATE FUNCTION public.refuse_second_use() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% has a match already', TG_ARGV[0] USING ERRCODE = 'unique_violation';
END
$$;

CREATE TABLE public.account (
    id uuid NOT NULL,
    login text NOT NULL,
    subject text,
    password text,
    sealed bytea,
    totp_since timestamp with time zone,
    totp_step bigint DEFAULT 0 NOT NULL,
    recovery bytea[] DEFAULT '{}'::bytea[] NOT NULL,
    code bytea,
    code_until timestamp with time zone,
    since timestamp with time zone NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT account_login_check CHECK ((login = lower(login)))
);

ALTER TABLE ONLY public.account FORCE ROW LEVEL SECURITY;

CREATE TABLE public.accounting_export (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    rank integer NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    settings_revision integer NOT NULL,
    entries bigint NOT NULL,
    lines bigint NOT NULL,
    amount bigint NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by text NOT NULL,
    CONSTRAINT accounting_export_amount_check CHECK ((amount >= 0)),
    CONSTRAINT accounting_export_check CHECK ((first_day <= last_day)),
    CONSTRAINT accounting_export_check1 CHECK ((last_seq >= (first_seq - 1))),
    CONSTRAINT accounting_export_entries_check CHECK ((entries >= 0)),
    CONSTRAINT accounting_export_first_seq_check CHECK ((first_seq > 0)),
    CONSTRAINT accounting_export_lines_check CHECK ((lines >= 0)),
    CONSTRAINT accounting_export_rank_check CHECK ((rank > 0)),
    CONSTRAINT accounting_export_settings_revision_check CHECK ((settings_revision >= 0))
);
ALTER TABLE ONLY public.accounting_export ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.accounting_export FORCE ROW LEVEL SECURITY;

CREATE TABLE public.accounting_settings (
    tenant_id uuid NOT NULL,
    revision integer NOT NULL,
    document jsonb NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT accounting_settings_revision_check CHECK ((revision > 0))
);
ALTER TABLE ONLY public.accounting_settings ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.accounting_settings FORCE ROW LEVEL SECURITY;

CREATE TABLE public.agent (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    desk text NOT NULL,
    enrolled_at timestamp with time zone NOT NULL,
    serial text NOT NULL,
    former text,
    ends_at timestamp with time zone NOT NULL,
    version text DEFAULT ''::text NOT NULL,
    system text DEFAULT ''::text NOT NULL,
    channel uuid,
    seen_at timestamp with time zone,
    received bigint DEFAULT 0 NOT NULL,
    blocked_at timestamp with time zone,
    blocked_by text,
    CONSTRAINT agent_kind_check CHECK ((kind = ANY (ARRAY['test'::text, 'live'::text])))
);
ALTER TABLE ONLY public.agent ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.agent FORCE ROW LEVEL SECURITY;

CREATE TABLE public.agent_code (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    desk text NOT NULL,
    hash bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by text NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT agent_code_desk_check CHECK (((length(desk) >= 1) AND (length(desk) <= 100))),
    CONSTRAINT agent_code_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT agent_code_kind_check CHECK ((kind = ANY (ARRAY['test'::text, 'live'::text])))
);
ALTER TABLE ONLY public.agent_code ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.agent_code FORCE ROW LEVEL SECURITY;

CREATE TABLE public.agent_report (
    tenant_id uuid NOT NULL,
    agent_id uuid NOT NULL,
    verdict text NOT NULL,
    findings jsonb NOT NULL,
    reported_at timestamp with time zone NOT NULL,
    CONSTRAINT agent_report_verdict_check CHECK ((verdict = ANY (ARRAY['recommended'::text, 'minimum'::text, 'unsupported'::text, 'unknown'::text])))
);
ALTER TABLE ONLY public.agent_report ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.agent_report FORCE ROW LEVEL SECURITY;

CREATE TABLE public.anomaly (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    stage text,
    subject uuid NOT NULL,
    expected jsonb,
    found jsonb,
    trace uuid,
    noticed_at timestamp with time zone NOT NULL,
    told_at timestamp with time zone,
    resolved_at timestamp with time zone,
    resolved_by text
);
ALTER TABLE ONLY public.anomaly ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.anomaly FORCE ROW LEVEL SECURITY;

CREATE TABLE public.api_key (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    label text DEFAULT ''::text NOT NULL,
    roles text[] DEFAULT '{admin}'::text[] NOT NULL,
    expires_at timestamp with time zone,
    used_at timestamp with time zone,
    replaces uuid,
    CONSTRAINT api_key_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT api_key_kind_check CHECK ((kind = ANY (ARRAY['test'::text, 'live'::text]))),
    CONSTRAINT api_key_roles_check CHECK ((cardinality(roles) > 0))
);
ALTER TABLE ONLY public.api_key ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.api_key FORCE ROW LEVEL SECURITY;

CREATE TABLE public.attempt (
    key bytea NOT NULL,
    failures integer NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT attempt_failures_check CHECK ((failures >= 0)),
    CONSTRAINT attempt_key_check CHECK ((octet_length(key) = 32))
);

CREATE TABLE public.audit (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    hash bytea NOT NULL,
    request text NOT NULL,
    items bigint NOT NULL,
    filter text NOT NULL,
    CONSTRAINT audit_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT audit_items_check CHECK ((items >= 0))
);
ALTER TABLE ONLY public.audit ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.audit FORCE ROW LEVEL SECURITY;

CREATE TABLE public.bank_entry (
    tenant_id uuid NOT NULL,
    bank_file_id uuid NOT NULL,
    first integer NOT NULL,
    kind text NOT NULL,
    account text NOT NULL,
    booking_date date NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    keys text[] NOT NULL,
    ref text NOT NULL,
    content_key text NOT NULL,
    occurrence integer NOT NULL,
    CONSTRAINT bank_entry_first_check CHECK ((first > 0)),
    CONSTRAINT bank_entry_kind_check CHECK ((kind = ANY (ARRAY['camt.053'::text, 'camt.054'::text])))
);
ALTER TABLE ONLY public.bank_entry ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.bank_entry FORCE ROW LEVEL SECURITY;

CREATE TABLE public.bank_file (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    sha256 bytea NOT NULL,
    format text NOT NULL,
    answer jsonb NOT NULL,
    imported_at timestamp with time zone NOT NULL,
    CONSTRAINT bank_file_sha256_check CHECK ((length(sha256) = 32))
);
ALTER TABLE ONLY public.bank_file ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.bank_file FORCE ROW LEVEL SECURITY;

CREATE TABLE public.bank_line (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    bank_file_id uuid NOT NULL,
    ref text NOT NULL,
    account text NOT NULL,
    booking_date date NOT NULL,
    amount bigint NOT NULL,
    content_key text NOT NULL,
    occurrence integer NOT NULL,
    document jsonb NOT NULL,
    duplicate_of text,
    match_id uuid,
    piece_of text
);
ALTER TABLE ONLY public.bank_line ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.bank_line FORCE ROW LEVEL SECURITY;

CREATE TABLE public.bank_mapping (
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    document jsonb NOT NULL,
    set_at timestamp with time zone NOT NULL,
    set_by text NOT NULL,
    CONSTRAINT bank_mapping_name_check CHECK ((name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'::text))
);
ALTER TABLE ONLY public.bank_mapping ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.bank_mapping FORCE ROW LEVEL SECURITY;

CREATE TABLE public.centre (
    tenant_id uuid NOT NULL,
    finess text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.centre ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.centre FORCE ROW LEVEL SECURITY;

CREATE TABLE public.centre_option (
    tenant_id uuid NOT NULL,
    option text NOT NULL,
    starts date NOT NULL,
    subscribed boolean NOT NULL,
    set_at timestamp with time zone NOT NULL,
    set_by text NOT NULL,
    CONSTRAINT centre_option_option_check CHECK ((option ~ '^[a-z][a-z_]{0,62}$'::text))
);
ALTER TABLE ONLY public.centre_option ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.centre_option FORCE ROW LEVEL SECURITY;

CREATE TABLE public.contact (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    finess text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    kinds text[] NOT NULL,
    active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.contact ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.contact FORCE ROW LEVEL SECURITY;

CREATE TABLE public.counter (
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    value bigint NOT NULL,
    hash bytea,
    CONSTRAINT counter_value_check CHECK ((value >= 0))
);
ALTER TABLE ONLY public.counter ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.counter FORCE ROW LEVEL SECURITY;

CREATE TABLE public.dead_ack (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    return_file_id uuid NOT NULL,
    why text NOT NULL,
    biller text NOT NULL,
    lot integer NOT NULL,
    lot_date date NOT NULL,
    says text NOT NULL,
    code text NOT NULL,
    record integer NOT NULL,
    noticed_at timestamp with time zone NOT NULL,
    CONSTRAINT dead_ack_says_check CHECK ((says = ANY (ARRAY['accepted'::text, 'refused'::text]))),
    CONSTRAINT dead_ack_why_check CHECK ((why = ANY (ARRAY['unknown'::text, 'conflict'::text])))
);
ALTER TABLE ONLY public.dead_ack ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.dead_ack FORCE ROW LEVEL SECURITY;

CREATE TABLE public.dead_return (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    sha256 bytea NOT NULL,
    ordinal integer,
    return_file_id uuid,
    code text NOT NULL,
    detail text NOT NULL,
    faults jsonb NOT NULL,
    size bigint NOT NULL,
    profile text NOT NULL,
    sealed bytea,
    state text DEFAULT 'open'::text NOT NULL,
    tries integer DEFAULT 1 NOT NULL,
    noticed_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ended_by text,
    ended_why text,
    taken_as uuid,
    CONSTRAINT dead_return_bytes CHECK ((((ordinal IS NULL) = (sealed IS NOT NULL)) AND ((ordinal IS NULL) = (return_file_id IS NULL)))),
    CONSTRAINT dead_return_ended CHECK ((((state = 'open'::text) = (ended_at IS NULL)) AND ((state = 'taken'::text) = (taken_as IS NOT NULL)))),
    CONSTRAINT dead_return_ordinal_check CHECK ((ordinal > 0)),
    CONSTRAINT dead_return_sha256_check CHECK ((length(sha256) = 32)),
    CONSTRAINT dead_return_size_check CHECK ((size >= 0)),
    CONSTRAINT dead_return_state_check CHECK ((state = ANY (ARRAY['open'::text, 'taken'::text, 'discarded'::text]))),
    CONSTRAINT dead_return_tries_check CHECK ((tries > 0))
);
ALTER TABLE ONLY public.dead_return ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.dead_return FORCE ROW LEVEL SECURITY;

CREATE TABLE public.decision (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    seq bigint NOT NULL,
    CONSTRAINT decision_seq_check CHECK ((seq > 0))
);
ALTER TABLE ONLY public.decision ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.decision FORCE ROW LEVEL SECURITY;

CREATE TABLE public.event (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    invoice_id uuid,
    subject uuid NOT NULL,
    part text,
    detail jsonb,
    happened_at timestamp with time zone NOT NULL,
    actor text
)
PARTITION BY HASH (tenant_id);
ALTER TABLE ONLY public.event ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.event FORCE ROW LEVEL SECURITY;

CREATE TABLE public.event_0 (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    invoice_id uuid,
    subject uuid NOT NULL,
    part text,
    detail jsonb,
    happened_at timestamp with time zone NOT NULL,
    actor text
);
ALTER TABLE ONLY public.event_0 ALTER COLUMN tenant_id SET STATISTICS 0;

CREATE TABLE public.file (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    biller text NOT NULL,
    sequence integer NOT NULL,
    name text NOT NULL,
    created_on date NOT NULL,
    state text NOT NULL,
    profile text NOT NULL,
    size bigint NOT NULL,
    sha256 bytea NOT NULL,
    sealed bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    leaving_at timestamp with time zone,
    ack_due date,
    resend_due date,
    resends smallint DEFAULT 0 NOT NULL,
    CONSTRAINT file_sequence_check CHECK (((sequence >= 1) AND (sequence <= 999999))),
    CONSTRAINT file_sha256_check CHECK ((length(sha256) = 32)),
    CONSTRAINT file_state_check CHECK ((state = ANY (ARRAY['built'::text, 'queued'::text, 'sent'::text, 'acknowledged'::text, 'dead'::text, 'cancelled'::text])))
);
ALTER TABLE ONLY public.file ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.file FORCE ROW LEVEL SECURITY;

CREATE TABLE public.follow_up_day (
    tenant_id uuid NOT NULL,
    day date NOT NULL,
    done_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.follow_up_day ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.follow_up_day FORCE ROW LEVEL SECURITY;

CREATE TABLE public.follow_up_setting (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    payer text,
    value text,
    since date NOT NULL,
    until date,
    source text NOT NULL,
    set_by text NOT NULL,
    set_at timestamp with time zone NOT NULL,
    CONSTRAINT follow_up_setting_check CHECK ((until >= since))
);
ALTER TABLE ONLY public.follow_up_setting ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.follow_up_setting FORCE ROW LEVEL SECURITY;

CREATE TABLE public.forbidden (
    tenant_id uuid NOT NULL,
    problem text NOT NULL,
    left_ref text NOT NULL,
    right_ref text NOT NULL,
    decision_id uuid NOT NULL,
    why text NOT NULL,
    CONSTRAINT forbidden_problem_check CHECK ((problem = ANY (ARRAY['A'::text, 'B'::text]))),
    CONSTRAINT forbidden_why_check CHECK ((why = ANY (ARRAY['undone_by_person'::text, 'refused_by_person'::text])))
);
ALTER TABLE ONLY public.forbidden ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.forbidden FORCE ROW LEVEL SECURITY;

CREATE TABLE public.idempotency (
    tenant_id uuid NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    headers jsonb,
    body bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.idempotency ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.idempotency FORCE ROW LEVEL SECURITY;

CREATE TABLE public.incident (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    what text NOT NULL,
    cause text NOT NULL,
    planned boolean NOT NULL,
    disaster boolean NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    declared_at timestamp with time zone NOT NULL,
    declared_by text NOT NULL,
    acknowledged_at timestamp with time zone,
    degraded_at timestamp with time zone,
    ended_at timestamp with time zone,
    cancelled_at timestamp with time zone,
    CONSTRAINT in_order CHECK (((acknowledged_at >= starts_at) AND (degraded_at >= starts_at) AND (ended_at >= starts_at) AND (ended_at >= degraded_at))),
    CONSTRAINT incident_cause_check CHECK ((cause = ANY (ARRAY['provider'::text, 'client'::text, 'payer'::text, 'maintenance'::text]))),
    CONSTRAINT incident_kind_check CHECK ((kind = ANY (ARRAY['incident'::text, 'maintenance'::text]))),
    CONSTRAINT incident_what_check CHECK (((length(what) >= 1) AND (length(what) <= 200))),
    CONSTRAINT of_its_kind CHECK ((((kind = 'maintenance'::text) = (cause = 'maintenance'::text)) AND (NOT ((kind = 'maintenance'::text) AND disaster))))
);
ALTER TABLE ONLY public.incident ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.incident FORCE ROW LEVEL SECURITY;

CREATE TABLE public.invoice (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    biller text NOT NULL,
    number bigint NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    security text NOT NULL,
    third_party text NOT NULL,
    created_on date NOT NULL,
    care_date date NOT NULL,
    destination integer NOT NULL,
    amc_number bigint NOT NULL,
    amc_apart boolean NOT NULL,
    executor_am bigint NOT NULL,
    fees bigint NOT NULL,
    amo bigint NOT NULL,
    amc bigint NOT NULL,
    amc_sum bigint NOT NULL,
    total bigint NOT NULL,
    from_amo bigint NOT NULL,
    from_amc bigint NOT NULL,
    desk bigint NOT NULL,
    insured_key bytea NOT NULL,
    content_hash bytea NOT NULL,
    sealed bytea NOT NULL,
    supersedes uuid,
    signed_at timestamp with time zone,
    CONSTRAINT invoice_content_hash_check CHECK ((length(content_hash) = 32)),
    CONSTRAINT invoice_desk_check CHECK ((desk >= 0)),
    CONSTRAINT invoice_from_amc_check CHECK ((from_amc >= 0)),
    CONSTRAINT invoice_from_amo_check CHECK ((from_amo >= 0)),
    CONSTRAINT invoice_insured_key_check CHECK ((length(insured_key) = 32)),
    CONSTRAINT invoice_number_check CHECK (((number >= 1) AND (number <= 999999999))),
    CONSTRAINT invoice_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'priced'::text, 'signed'::text, 'void'::text]))),
    CONSTRAINT shares_make_the_total CHECK ((((from_amo + from_amc) + desk) = total))
)
PARTITION BY HASH (tenant_id);
ALTER TABLE ONLY public.invoice ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.invoice FORCE ROW LEVEL SECURITY;

CREATE TABLE public.invoice_0 (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    biller text NOT NULL,
    number bigint NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    security text NOT NULL,
    third_party text NOT NULL,
    created_on date NOT NULL,
    care_date date NOT NULL,
    destination integer NOT NULL,
    amc_number bigint NOT NULL,
    amc_apart boolean NOT NULL,
    executor_am bigint NOT NULL,
    fees bigint NOT NULL,
    amo bigint NOT NULL,
    amc bigint NOT NULL,
    amc_sum bigint NOT NULL,
    total bigint NOT NULL,
    from_amo bigint NOT NULL,
    from_amc bigint NOT NULL,
    desk bigint NOT NULL,
    insured_key bytea NOT NULL,
    content_hash bytea NOT NULL,
    sealed bytea NOT NULL,
    supersedes uuid,
    signed_at timestamp with time zone,
    CONSTRAINT invoice_content_hash_check CHECK ((length(content_hash) = 32)),
    CONSTRAINT invoice_desk_check CHECK ((desk >= 0)),
    CONSTRAINT invoice_from_amc_check CHECK ((from_amc >= 0)),
    CONSTRAINT invoice_from_amo_check CHECK ((from_amo >= 0)),
    CONSTRAINT invoice_insured_key_check CHECK ((length(insured_key) = 32)),
    CONSTRAINT invoice_number_check CHECK (((number >= 1) AND (number <= 999999999))),
    CONSTRAINT invoice_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'priced'::text, 'signed'::text, 'void'::text]))),
    CONSTRAINT shares_make_the_total CHECK ((((from_amo + from_amc) + desk) = total))
);
ALTER TABLE ONLY public.invoice_0 ALTER COLUMN tenant_id SET STATISTICS 0;

CREATE TABLE public.learned_label (
    tenant_id uuid NOT NULL,
    revision integer NOT NULL,
    account text NOT NULL,
    label_key text NOT NULL,
    label text NOT NULL,
    payer text,
    forgotten boolean NOT NULL,
    taught_by text NOT NULL,
    taught_at timestamp with time zone NOT NULL,
    CONSTRAINT learned_label_revision_check CHECK ((revision > 0))
);
ALTER TABLE ONLY public.learned_label ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.learned_label FORCE ROW LEVEL SECURITY;

CREATE TABLE public.ledger_entry (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    seq bigint NOT NULL,
    event text NOT NULL,
    ref text NOT NULL,
    posted_at timestamp with time zone NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT ledger_entry_hash_check CHECK ((length(hash) = 32))
)
PARTITION BY HASH (tenant_id);
ALTER TABLE ONLY public.ledger_entry ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.ledger_entry FORCE ROW LEVEL SECURITY;

CREATE TABLE public.ledger_entry_0 (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    seq bigint NOT NULL,
    event text NOT NULL,
    ref text NOT NULL,
    posted_at timestamp with time zone NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT ledger_entry_hash_check CHECK ((length(hash) = 32))
);
ALTER TABLE ONLY public.ledger_entry_0 ALTER COLUMN tenant_id SET STATISTICS 0;

CREATE TABLE public.ledger_line (
    tenant_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    line smallint NOT NULL,
    account text NOT NULL,
    debit bigint NOT NULL,
    credit bigint NOT NULL,
    CONSTRAINT ledger_line_credit_check CHECK ((credit >= 0)),
    CONSTRAINT ledger_line_debit_check CHECK ((debit >= 0)),
    CONSTRAINT one_side CHECK (((debit = 0) <> (credit = 0)))
)
PARTITION BY HASH (tenant_id);
ALTER TABLE ONLY public.ledger_line ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.ledger_line FORCE ROW LEVEL SECURITY;

CREATE TABLE public.ledger_line_0 (
    tenant_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    line smallint NOT NULL,
    account text NOT NULL,
    debit bigint NOT NULL,
    credit bigint NOT NULL,
    CONSTRAINT ledger_line_credit_check CHECK ((credit >= 0)),
    CONSTRAINT ledger_line_debit_check CHECK ((debit >= 0)),
    CONSTRAINT one_side CHECK (((debit = 0) <> (credit = 0)))
);
ALTER TABLE ONLY public.ledger_line_0 ALTER COLUMN tenant_id SET STATISTICS 0;

CREATE TABLE public.look_up (
    tenant_id uuid NOT NULL,
    actor uuid NOT NULL,
    hour timestamp with time zone NOT NULL,
    in_hour bigint NOT NULL,
    day date NOT NULL,
    in_day bigint NOT NULL
);
ALTER TABLE ONLY public.look_up ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.look_up FORCE ROW LEVEL SECURITY;

CREATE TABLE public.lot (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    biller text NOT NULL,
    cycle integer NOT NULL,
    number smallint NOT NULL,
    flow smallint NOT NULL,
    destination integer NOT NULL,
    amc_number bigint NOT NULL,
    security text NOT NULL,
    lot_date date NOT NULL,
    state text NOT NULL,
    invoices integer NOT NULL,
    fees bigint NOT NULL,
    amo bigint NOT NULL,
    amc bigint NOT NULL,
    file_id uuid NOT NULL,
    arl_code text,
    created_at timestamp with time zone NOT NULL,
    ack_missing_at timestamp with time zone,
    signed_by text,
    signature bytea,
    first_record integer,
    records integer,
    CONSTRAINT lot_first_record_check CHECK ((first_record >= 2)),
    CONSTRAINT lot_flow_check CHECK ((flow = ANY (ARRAY[1, 2]))),
    CONSTRAINT lot_invoices_check CHECK (((invoices >= 1) AND (invoices <= 999))),
    CONSTRAINT lot_number_check CHECK (((number >= 1) AND (number <= 999))),
    CONSTRAINT lot_records_check CHECK ((records >= 3)),
    CONSTRAINT lot_state_check CHECK ((state = ANY (ARRAY['open'::text, 'sealed'::text, 'sent'::text, 'accepted'::text, 'refused'::text, 'replaced'::text, 'dissolved'::text])))
);
ALTER TABLE ONLY public.lot ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.lot FORCE ROW LEVEL SECURITY;

CREATE TABLE public.lot_replaced (
    tenant_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    replaces uuid NOT NULL
);
ALTER TABLE ONLY public.lot_replaced ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.lot_replaced FORCE ROW LEVEL SECURITY;

CREATE TABLE public.lot_share (
    tenant_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    part text NOT NULL,
    record integer NOT NULL,
    live boolean DEFAULT true NOT NULL
);
ALTER TABLE ONLY public.lot_share ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.lot_share FORCE ROW LEVEL SECURITY;

CREATE TABLE public.master_key (
    id integer NOT NULL,
    made_at timestamp with time zone NOT NULL,
    seals_at timestamp with time zone,
    indexes_at timestamp with time zone,
    done_at timestamp with time zone,
    CONSTRAINT master_key_id_check CHECK (((id > 0) AND (id < 65536)))
);

CREATE TABLE public.match (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    match_key text NOT NULL,
    problem text NOT NULL,
    status text NOT NULL,
    rule text NOT NULL,
    left_refs text[] NOT NULL,
    right_refs text[] NOT NULL,
    amount bigint NOT NULL,
    residual bigint NOT NULL,
    outcome text,
    evidence jsonb NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    CONSTRAINT match_problem_check CHECK ((problem = ANY (ARRAY['A'::text, 'B'::text])))
);
ALTER TABLE ONLY public.match ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.match FORCE ROW LEVEL SECURITY;

CREATE TABLE public.matching_settings (
    tenant_id uuid NOT NULL,
    revision integer NOT NULL,
    document jsonb NOT NULL,
    since timestamp with time zone NOT NULL,
    set_by text NOT NULL,
    CONSTRAINT matching_settings_revision_check CHECK ((revision > 0))
);
ALTER TABLE ONLY public.matching_settings ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.matching_settings FORCE ROW LEVEL SECURITY;

CREATE TABLE public.member (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    kind text NOT NULL,
    login text NOT NULL,
    name text NOT NULL,
    roles text[] NOT NULL,
    made_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT member_kind_check CHECK ((kind = ANY (ARRAY['test'::text, 'live'::text]))),
    CONSTRAINT member_roles_check CHECK ((cardinality(roles) > 0))
);
ALTER TABLE ONLY public.member ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.member FORCE ROW LEVEL SECURITY;

CREATE TABLE public.moved_index (
    tenant_id uuid NOT NULL,
    former bytea NOT NULL,
    index bytea NOT NULL,
    CONSTRAINT moved_index_former_check CHECK ((length(former) = 32)),
    CONSTRAINT moved_index_index_check CHECK ((length(index) = 32))
);
ALTER TABLE ONLY public.moved_index ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.moved_index FORCE ROW LEVEL SECURITY;

CREATE TABLE public.nomenclature_code (
    nomenclature text NOT NULL,
    code text NOT NULL,
    since date NOT NULL,
    until date,
    label text NOT NULL,
    data jsonb NOT NULL,
    import integer NOT NULL,
    CONSTRAINT nomenclature_code_check CHECK ((until >= since))
);

CREATE TABLE public.nomenclature_import (
    nomenclature text NOT NULL,
    number integer NOT NULL,
    since date NOT NULL,
    file text NOT NULL,
    sha256 bytea NOT NULL,
    codes integer NOT NULL,
    added integer NOT NULL,
    changed integer NOT NULL,
    ended integer NOT NULL,
    imported_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT nomenclature_import_added_check CHECK ((added >= 0)),
    CONSTRAINT nomenclature_import_changed_check CHECK ((changed >= 0)),
    CONSTRAINT nomenclature_import_codes_check CHECK ((codes >= 0)),
    CONSTRAINT nomenclature_import_ended_check CHECK ((ended >= 0)),
    CONSTRAINT nomenclature_import_number_check CHECK ((number > 0)),
    CONSTRAINT nomenclature_import_sha256_check CHECK ((length(sha256) = 32))
);

CREATE TABLE public.notice (
    tenant_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    anomaly_id uuid NOT NULL,
    told_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.notice ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.notice FORCE ROW LEVEL SECURITY;

CREATE TABLE public.order_line (
    tenant_id uuid NOT NULL,
    order_id uuid NOT NULL,
    line integer NOT NULL,
    biller text,
    part text,
    payer text NOT NULL,
    status text NOT NULL,
    amount bigint NOT NULL,
    invoice_number bigint,
    lot text,
    insured_key bytea,
    care_date date,
    reject_code text,
    share_invoice_id uuid,
    match_id uuid,
    parked boolean DEFAULT false NOT NULL,
    share_part text,
    piece_of integer,
    answered boolean DEFAULT false NOT NULL,
    CONSTRAINT order_line_status_check CHECK ((status = ANY (ARRAY['paid'::text, 'partial'::text, 'rejected'::text, 'recovery'::text])))
);
ALTER TABLE ONLY public.order_line ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.order_line FORCE ROW LEVEL SECURITY;

CREATE TABLE public.payment (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    means text NOT NULL,
    amount bigint NOT NULL,
    received_on date NOT NULL,
    reference text NOT NULL,
    plan text,
    plan_total bigint,
    recorded_at timestamp with time zone NOT NULL,
    unpaid_at timestamp with time zone,
    CONSTRAINT payment_amount_check CHECK ((amount <> 0)),
    CONSTRAINT payment_check CHECK (((plan IS NULL) = (plan_total IS NULL))),
    CONSTRAINT payment_means_check CHECK ((means = ANY (ARRAY['cash'::text, 'card'::text, 'cheque'::text, 'transfer'::text]))),
    CONSTRAINT payment_plan_total_check CHECK ((plan_total > 0))
);
ALTER TABLE ONLY public.payment ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.payment FORCE ROW LEVEL SECURITY;

CREATE TABLE public.payment_order (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    return_file_id uuid NOT NULL,
    ref text NOT NULL,
    kind text NOT NULL,
    payer text NOT NULL,
    emitter text NOT NULL,
    emitter_name text,
    biller text NOT NULL,
    payment_date date NOT NULL,
    payment_ref text NOT NULL,
    total bigint NOT NULL,
    line integer NOT NULL,
    match_id uuid,
    content_key bytea,
    CONSTRAINT payment_order_content_key_check CHECK ((length(content_key) = 32)),
    CONSTRAINT payment_order_kind_check CHECK ((kind = ANY (ARRAY['payment'::text, 'recovery'::text])))
);
ALTER TABLE ONLY public.payment_order ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.payment_order FORCE ROW LEVEL SECURITY;

CREATE TABLE public.payment_part (
    tenant_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    line smallint NOT NULL,
    invoice_id uuid,
    source_id uuid,
    amount bigint NOT NULL,
    CONSTRAINT payment_part_amount_check CHECK ((amount <> 0)),
    CONSTRAINT payment_part_check CHECK (((invoice_id IS NULL) <> (source_id IS NULL)))
);
ALTER TABLE ONLY public.payment_part ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.payment_part FORCE ROW LEVEL SECURITY;

CREATE TABLE public.reader (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    agent_id uuid NOT NULL,
    name text NOT NULL,
    present boolean NOT NULL,
    card text NOT NULL,
    atr text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    CONSTRAINT reader_card_check CHECK ((card = ANY (ARRAY['none'::text, 'inserted'::text, 'mute'::text])))
);
ALTER TABLE ONLY public.reader ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.reader FORCE ROW LEVEL SECURITY;

CREATE TABLE public.reader_event (
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL,
    agent_id uuid NOT NULL,
    number bigint NOT NULL,
    kind text NOT NULL,
    reader text NOT NULL,
    atr text NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.reader_event ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.reader_event FORCE ROW LEVEL SECURITY;

CREATE TABLE public.recycling (
    tenant_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    part text NOT NULL,
    successor_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    CONSTRAINT not_by_itself CHECK ((successor_id <> invoice_id)),
    CONSTRAINT recycling_part_check CHECK ((part = ANY (ARRAY['amo'::text, 'amc'::text])))
);
ALTER TABLE ONLY public.recycling ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.recycling FORCE ROW LEVEL SECURITY;

CREATE TABLE public.reminder (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    rule text NOT NULL,
    level smallint NOT NULL,
    debtor text NOT NULL,
    day date NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    items integer NOT NULL,
    amount bigint NOT NULL,
    made_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    ended_by text,
    why text,
    CONSTRAINT ended CHECK (((state = 'open'::text) = (ended_at IS NULL))),
    CONSTRAINT reminder_items_check CHECK ((items > 0)),
    CONSTRAINT reminder_level_check CHECK (((level >= 1) AND (level <= 9))),
    CONSTRAINT reminder_rule_check CHECK ((rule = ANY (ARRAY['amo'::text, 'amc'::text, 'patient'::text, 'reject'::text, 'order'::text, 'credit'::text, 'forclusion'::text]))),
    CONSTRAINT reminder_state_check CHECK ((state = ANY (ARRAY['open'::text, 'sent'::text, 'cancelled'::text, 'settled'::text])))
);
ALTER TABLE ONLY public.reminder ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.reminder FORCE ROW LEVEL SECURITY;

CREATE TABLE public.reminder_item (
    tenant_id uuid NOT NULL,
    reminder_id uuid NOT NULL,
    rule text NOT NULL,
    level smallint NOT NULL,
    subject text NOT NULL,
    invoice_id uuid,
    part text,
    care_date date,
    since date NOT NULL,
    amount bigint NOT NULL
);
ALTER TABLE ONLY public.reminder_item ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.reminder_item FORCE ROW LEVEL SECURITY;

CREATE TABLE public.return_file (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    sha256 bytea NOT NULL,
    kind text NOT NULL,
    sequence integer NOT NULL,
    answer jsonb NOT NULL,
    sealed bytea NOT NULL,
    imported_at timestamp with time zone NOT NULL,
    content_key bytea,
    sender text,
    dated date,
    CONSTRAINT return_file_content_key_check CHECK ((length(content_key) = 32)),
    CONSTRAINT return_file_kind_check CHECK ((kind = ANY (ARRAY['arl'::text, 'rsp'::text]))),
    CONSTRAINT return_file_sha256_check CHECK ((length(sha256) = 32))
);
ALTER TABLE ONLY public.return_file ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.return_file FORCE ROW LEVEL SECURITY;

CREATE TABLE public.role_use (
    tenant_id uuid NOT NULL,
    actor uuid NOT NULL,
    role text NOT NULL,
    used_on date NOT NULL
);
ALTER TABLE ONLY public.role_use ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.role_use FORCE ROW LEVEL SECURITY;

CREATE TABLE public.run (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    seq bigint NOT NULL,
    decisions bigint NOT NULL,
    settings text NOT NULL,
    at timestamp with time zone NOT NULL,
    by text NOT NULL,
    settings_revision integer DEFAULT 0 NOT NULL,
    kind text NOT NULL,
    ledger bigint NOT NULL,
    CONSTRAINT run_decisions_check CHECK ((decisions >= 0)),
    CONSTRAINT run_kind_check CHECK ((kind = ANY (ARRAY['test'::text, 'live'::text]))),
    CONSTRAINT run_ledger_check CHECK ((ledger >= 0)),
    CONSTRAINT run_seq_check CHECK ((seq > 0))
);
ALTER TABLE ONLY public.run ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.run FORCE ROW LEVEL SECURITY;

CREATE TABLE public.schedule (
    tenant_id uuid NOT NULL,
    revision integer NOT NULL,
    active boolean NOT NULL,
    days text[] NOT NULL,
    times text[] NOT NULL,
    skip_holidays boolean NOT NULL,
    settings jsonb NOT NULL,
    since timestamp with time zone NOT NULL,
    ran_due timestamp with time zone,
    last_run jsonb,
    CONSTRAINT schedule_revision_check CHECK ((revision > 0))
);
ALTER TABLE ONLY public.schedule ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.schedule FORCE ROW LEVEL SECURITY;

CREATE TABLE public.session (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    account_id uuid NOT NULL,
    hash bytea NOT NULL,
    strong boolean NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    used_at timestamp with time zone DEFAULT now() NOT NULL,
    idle_s integer NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT session_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT session_idle_s_check CHECK ((idle_s > 0))
);
ALTER TABLE ONLY public.session ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.session FORCE ROW LEVEL SECURITY;

CREATE TABLE public.share (
    tenant_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    part text NOT NULL,
    payer text NOT NULL,
    flow smallint NOT NULL,
    amount bigint NOT NULL,
    transport text NOT NULL,
    state text NOT NULL,
    announced bigint DEFAULT 0 NOT NULL,
    credited bigint DEFAULT 0 NOT NULL,
    reject_code text,
    lot_id uuid,
    closed bigint DEFAULT 0 NOT NULL,
    CONSTRAINT share_amount_check CHECK ((amount >= 0)),
    CONSTRAINT share_closed_check CHECK ((closed >= 0)),
    CONSTRAINT share_flow_check CHECK ((flow = ANY (ARRAY[0, 1, 2]))),
    CONSTRAINT share_part_check CHECK ((part = ANY (ARRAY['amo'::text, 'amc'::text, 'patient'::text])))
)
PARTITION BY HASH (tenant_id);
ALTER TABLE ONLY public.share ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.share FORCE ROW LEVEL SECURITY;

CREATE TABLE public.share_0 (
    tenant_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    part text NOT NULL,
    payer text NOT NULL,
    flow smallint NOT NULL,
    amount bigint NOT NULL,
    transport text NOT NULL,
    state text NOT NULL,
    announced bigint DEFAULT 0 NOT NULL,
    credited bigint DEFAULT 0 NOT NULL,
    reject_code text,
    lot_id uuid,
    closed bigint DEFAULT 0 NOT NULL,
    CONSTRAINT share_amount_check CHECK ((amount >= 0)),
    CONSTRAINT share_closed_check CHECK ((closed >= 0)),
    CONSTRAINT share_flow_check CHECK ((flow = ANY (ARRAY[0, 1, 2]))),
    CONSTRAINT share_part_check CHECK ((part = ANY (ARRAY['amo'::text, 'amc'::text, 'patient'::text])))
);
ALTER TABLE ONLY public.share_0 ALTER COLUMN tenant_id SET STATISTICS 0;

CREATE TABLE public.stage_total (
    tenant_id uuid NOT NULL,
    trace uuid NOT NULL,
    stage text NOT NULL,
    claims integer NOT NULL,
    fees bigint NOT NULL,
    amo bigint NOT NULL,
    amc bigint NOT NULL,
    hash bytea NOT NULL,
    noted_at timestamp with time zone NOT NULL,
    CONSTRAINT stage_total_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT stage_total_stage_check CHECK ((stage = ANY (ARRAY['signed'::text, 'lot'::text, 'file'::text, 'sent'::text, 'acknowledged'::text])))
);
ALTER TABLE ONLY public.stage_total ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.stage_total FORCE ROW LEVEL SECURITY;

CREATE TABLE public.state_move (
    thing text NOT NULL,
    before text NOT NULL,
    after text NOT NULL
);

CREATE TABLE public.tariff_pack (
    number integer NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    sha256 bytea NOT NULL,
    files jsonb NOT NULL,
    imported_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tariff_pack_number_check CHECK ((number > 0)),
    CONSTRAINT tariff_pack_sha256_check CHECK ((length(sha256) = 32))
);

CREATE TABLE public.test_clock (
    tenant_id uuid NOT NULL,
    ahead_s bigint NOT NULL,
    set_at timestamp with time zone NOT NULL,
    set_by text NOT NULL,
    CONSTRAINT test_clock_ahead_s_check CHECK (((ahead_s >= 0) AND (ahead_s <= 1000000000)))
);
ALTER TABLE ONLY public.test_clock ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.test_clock FORCE ROW LEVEL SECURITY;

CREATE TABLE public.tp_audit (
    tenant_id uuid NOT NULL,
    quarter text NOT NULL,
    report jsonb NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT tp_audit_quarter_check CHECK ((quarter ~ '^[0-9]{4}Q[1-4]$'::text))
);
ALTER TABLE ONLY public.tp_audit ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.tp_audit FORCE ROW LEVEL SECURITY;

CREATE TABLE public.webhook (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    url text NOT NULL,
    events text[] NOT NULL,
    sealed bytea NOT NULL,
    active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    paused_until timestamp with time zone,
    wake_at timestamp with time zone,
    wake_job bigint,
    sealed_until timestamp with time zone
);
ALTER TABLE ONLY public.webhook ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.webhook FORCE ROW LEVEL SECURITY;

CREATE TABLE public.webhook_delivery (
    tenant_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    seq bigint NOT NULL,
    event_id uuid NOT NULL,
    subject uuid NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    tried integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    status smallint,
    reason text,
    ended_at timestamp with time zone,
    CONSTRAINT webhook_delivery_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'dead'::text, 'dropped'::text])))
);
ALTER TABLE ONLY public.webhook_delivery ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.webhook_delivery FORCE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_delivery ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.webhook_delivery_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.webhook_secret (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    sealed bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone
);
ALTER TABLE ONLY public.webhook_secret ALTER COLUMN tenant_id SET STATISTICS 0;

ALTER TABLE ONLY public.webhook_secret FORCE ROW LEVEL SECURITY;

ALTER TABLE ONLY public.event ATTACH PARTITION public.event_0 FOR VALUES WITH (modulus 8, remainder 0);

ALTER TABLE ONLY public.invoice ATTACH PARTITION public.invoice_0 FOR VALUES WITH (modulus 8, remainder 0);

ALTER TABLE ONLY public.ledger_entry ATTACH PARTITION public.ledger_entry_0 FOR VALUES WITH (modulus 8, remainder 0);

ALTER TABLE ONLY public.ledger_line ATTACH PARTITION public.ledger_line_0 FOR VALUES WITH (modulus 8, remainder 0);

ALTER TABLE ONLY public.share ATTACH PARTITION public.share_0 FOR VALUES WITH (modulus 8, remainder 0);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_login_key UNIQUE (login);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.account
    ADD CONSTRAINT account_subject_key UNIQUE (subject);

ALTER TABLE ONLY public.accounting_export
    ADD CONSTRAINT accounting_export_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.accounting_export
    ADD CONSTRAINT accounting_export_tenant_id_first_day_key UNIQUE (tenant_id, first_day);

ALTER TABLE ONLY public.accounting_export
    ADD CONSTRAINT accounting_export_tenant_id_rank_key UNIQUE (tenant_id, rank);

ALTER TABLE ONLY public.accounting_settings
    ADD CONSTRAINT accounting_settings_pkey PRIMARY KEY (tenant_id, revision);

ALTER TABLE ONLY public.agent_code
    ADD CONSTRAINT agent_code_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.agent
    ADD CONSTRAINT agent_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.agent_report
    ADD CONSTRAINT agent_report_pkey PRIMARY KEY (tenant_id, agent_id);

ALTER TABLE ONLY public.anomaly
    ADD CONSTRAINT anomaly_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.attempt
    ADD CONSTRAINT attempt_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (tenant_id, seq);

ALTER TABLE ONLY public.bank_entry
    ADD CONSTRAINT bank_entry_pkey PRIMARY KEY (tenant_id, bank_file_id, first);

ALTER TABLE ONLY public.bank_file
    ADD CONSTRAINT bank_file_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.bank_file
    ADD CONSTRAINT bank_file_tenant_id_sha256_key UNIQUE (tenant_id, sha256);

ALTER TABLE ONLY public.bank_line
    ADD CONSTRAINT bank_line_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.bank_line
    ADD CONSTRAINT bank_line_tenant_id_ref_key UNIQUE (tenant_id, ref);

ALTER TABLE ONLY public.bank_mapping
    ADD CONSTRAINT bank_mapping_pkey PRIMARY KEY (tenant_id, name);

ALTER TABLE ONLY public.centre
    ADD CONSTRAINT centre_finess_key UNIQUE (finess);

ALTER TABLE ONLY public.centre_option
    ADD CONSTRAINT centre_option_pkey PRIMARY KEY (tenant_id, option, starts);

ALTER TABLE ONLY public.centre
    ADD CONSTRAINT centre_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.contact
    ADD CONSTRAINT contact_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.counter
    ADD CONSTRAINT counter_pkey PRIMARY KEY (tenant_id, kind, name);

ALTER TABLE ONLY public.dead_ack
    ADD CONSTRAINT dead_ack_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.dead_return
    ADD CONSTRAINT dead_return_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.event_0
    ADD CONSTRAINT event_0_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.file
    ADD CONSTRAINT file_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.file
    ADD CONSTRAINT file_tenant_id_biller_sequence_created_on_key UNIQUE (tenant_id, biller, sequence, created_on);

ALTER TABLE ONLY public.follow_up_day
    ADD CONSTRAINT follow_up_day_pkey PRIMARY KEY (tenant_id, day);

ALTER TABLE ONLY public.follow_up_setting
    ADD CONSTRAINT follow_up_setting_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.forbidden
    ADD CONSTRAINT forbidden_pkey PRIMARY KEY (tenant_id, problem, left_ref, right_ref, decision_id);

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (tenant_id, route, key);

ALTER TABLE ONLY public.incident
    ADD CONSTRAINT incident_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.invoice
    ADD CONSTRAINT invoice_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.invoice_0
    ADD CONSTRAINT invoice_0_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.invoice
    ADD CONSTRAINT invoice_tenant_id_biller_number_key UNIQUE (tenant_id, biller, number);

ALTER TABLE ONLY public.invoice_0
    ADD CONSTRAINT invoice_0_tenant_id_biller_number_key UNIQUE (tenant_id, biller, number);

ALTER TABLE ONLY public.learned_label
    ADD CONSTRAINT learned_label_pkey PRIMARY KEY (tenant_id, revision);

ALTER TABLE ONLY public.ledger_entry
    ADD CONSTRAINT ledger_entry_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.ledger_entry_0
    ADD CONSTRAINT ledger_entry_0_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.ledger_entry
    ADD CONSTRAINT ledger_entry_tenant_id_seq_key UNIQUE (tenant_id, seq);

ALTER TABLE ONLY public.ledger_entry_0
    ADD CONSTRAINT ledger_entry_0_tenant_id_seq_key UNIQUE (tenant_id, seq);

ALTER TABLE ONLY public.ledger_line
    ADD CONSTRAINT ledger_line_pkey PRIMARY KEY (tenant_id, entry_id, line);

ALTER TABLE ONLY public.ledger_line_0
    ADD CONSTRAINT ledger_line_0_pkey PRIMARY KEY (tenant_id, entry_id, line);

ALTER TABLE ONLY public.look_up
    ADD CONSTRAINT look_up_pkey PRIMARY KEY (tenant_id, actor);

ALTER TABLE ONLY public.lot
    ADD CONSTRAINT lot_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.lot_replaced
    ADD CONSTRAINT lot_replaced_pkey PRIMARY KEY (tenant_id, lot_id, replaces);

ALTER TABLE ONLY public.lot_share
    ADD CONSTRAINT lot_share_pkey PRIMARY KEY (tenant_id, lot_id, invoice_id, part);

ALTER TABLE public.lot
    ADD CONSTRAINT lot_signed CHECK ((num_nulls(signed_by, signature, first_record, records) = ANY (ARRAY[0, 4]))) NOT VALID;

ALTER TABLE ONLY public.lot
    ADD CONSTRAINT lot_tenant_id_biller_cycle_number_key UNIQUE (tenant_id, biller, cycle, number);

ALTER TABLE ONLY public.master_key
    ADD CONSTRAINT master_key_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.match
    ADD CONSTRAINT match_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.matching_settings
    ADD CONSTRAINT matching_settings_pkey PRIMARY KEY (tenant_id, revision);

ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.moved_index
    ADD CONSTRAINT moved_index_once UNIQUE (tenant_id, index);

ALTER TABLE ONLY public.moved_index
    ADD CONSTRAINT moved_index_pkey PRIMARY KEY (tenant_id, former);

ALTER TABLE ONLY public.nomenclature_code
    ADD CONSTRAINT nomenclature_code_pkey PRIMARY KEY (nomenclature, code, since);

ALTER TABLE ONLY public.nomenclature_import
    ADD CONSTRAINT nomenclature_import_pkey PRIMARY KEY (nomenclature, number);

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (tenant_id, contact_id, anomaly_id);

ALTER TABLE ONLY public.reminder_item
    ADD CONSTRAINT once_a_level UNIQUE (tenant_id, rule, subject, level);

ALTER TABLE ONLY public.reminder
    ADD CONSTRAINT one_a_day UNIQUE (tenant_id, rule, level, debtor, day);

ALTER TABLE ONLY public.order_line
    ADD CONSTRAINT order_line_pkey PRIMARY KEY (tenant_id, order_id, line);

ALTER TABLE ONLY public.payment_order
    ADD CONSTRAINT payment_order_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.payment_order
    ADD CONSTRAINT payment_order_tenant_id_ref_key UNIQUE (tenant_id, ref);

ALTER TABLE ONLY public.payment_part
    ADD CONSTRAINT payment_part_pkey PRIMARY KEY (tenant_id, payment_id, line);

ALTER TABLE ONLY public.payment
    ADD CONSTRAINT payment_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.reader_event
    ADD CONSTRAINT reader_event_pkey PRIMARY KEY (tenant_id, seq);

ALTER TABLE ONLY public.reader_event
    ADD CONSTRAINT reader_event_tenant_id_agent_id_number_key UNIQUE (tenant_id, agent_id, number);

ALTER TABLE ONLY public.reader
    ADD CONSTRAINT reader_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.recycling
    ADD CONSTRAINT recycling_pkey PRIMARY KEY (tenant_id, invoice_id, part);

ALTER TABLE ONLY public.recycling
    ADD CONSTRAINT recycling_successor UNIQUE (tenant_id, successor_id, part);

ALTER TABLE ONLY public.reminder_item
    ADD CONSTRAINT reminder_item_pkey PRIMARY KEY (tenant_id, reminder_id, subject);

ALTER TABLE ONLY public.reminder
    ADD CONSTRAINT reminder_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.return_file
    ADD CONSTRAINT return_file_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.return_file
    ADD CONSTRAINT return_file_tenant_id_sha256_key UNIQUE (tenant_id, sha256);

ALTER TABLE ONLY public.role_use
    ADD CONSTRAINT role_use_pkey PRIMARY KEY (tenant_id, actor, role);

ALTER TABLE ONLY public.run
    ADD CONSTRAINT run_in_order UNIQUE (tenant_id, seq);

ALTER TABLE ONLY public.run
    ADD CONSTRAINT run_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.share
    ADD CONSTRAINT share_pkey PRIMARY KEY (tenant_id, invoice_id, part);

ALTER TABLE ONLY public.share_0
    ADD CONSTRAINT share_0_pkey PRIMARY KEY (tenant_id, invoice_id, part);

ALTER TABLE ONLY public.stage_total
    ADD CONSTRAINT stage_total_pkey PRIMARY KEY (tenant_id, trace, stage);

ALTER TABLE ONLY public.state_move
    ADD CONSTRAINT state_move_pkey PRIMARY KEY (thing, before, after);

ALTER TABLE ONLY public.tariff_pack
    ADD CONSTRAINT tariff_pack_pkey PRIMARY KEY (number);

ALTER TABLE ONLY public.test_clock
    ADD CONSTRAINT test_clock_pkey PRIMARY KEY (tenant_id);

ALTER TABLE ONLY public.tp_audit
    ADD CONSTRAINT tp_audit_pkey PRIMARY KEY (tenant_id, quarter);

ALTER TABLE ONLY public.webhook_delivery
    ADD CONSTRAINT webhook_delivery_pkey PRIMARY KEY (tenant_id, webhook_id, seq);

ALTER TABLE ONLY public.webhook
    ADD CONSTRAINT webhook_pkey PRIMARY KEY (tenant_id, id);

ALTER TABLE ONLY public.webhook_secret
    ADD CONSTRAINT webhook_secret_pkey PRIMARY KEY (tenant_id, id);

CREATE INDEX agent_code_hash ON public.agent_code USING btree (hash) WHERE (used_at IS NULL);

CREATE UNIQUE INDEX anomaly_open ON public.anomaly USING btree (tenant_id, kind, subject) WHERE (resolved_at IS NULL);

CREATE INDEX anomaly_untold ON public.anomaly USING btree (tenant_id) WHERE (told_at IS NULL);

CREATE INDEX attempt_old ON public.attempt USING btree (last_at);

CREATE INDEX bank_entry_same ON public.bank_entry USING btree (tenant_id, account, amount, currency);

CREATE INDEX bank_line_account ON public.bank_line USING btree (tenant_id, account, booking_date);

CREATE INDEX bank_line_free ON public.bank_line USING btree (tenant_id) WHERE ((match_id IS NULL) AND (duplicate_of IS NULL));

CREATE UNIQUE INDEX bank_line_once ON public.bank_line USING btree (tenant_id, content_key, occurrence) WHERE (duplicate_of IS NULL);

CREATE UNIQUE INDEX contact_once ON public.contact USING btree (tenant_id, lower(email)) WHERE active;

CREATE UNIQUE INDEX dead_return_once ON public.dead_return USING btree (tenant_id, sha256, COALESCE(ordinal, 0));

CREATE INDEX dead_return_open ON public.dead_return USING btree (tenant_id, id) WHERE (state = 'open'::text);

CREATE INDEX decision_assigned ON public.decision USING btree (tenant_id, subject, seq) WHERE (kind = 'assign'::text);

CREATE UNIQUE INDEX decision_in_order ON public.decision USING btree (tenant_id, seq);

CREATE INDEX decision_subject ON public.decision USING btree (tenant_id, subject);

CREATE INDEX event_invoice ON ONLY public.event USING btree (tenant_id, invoice_id, id);

CREATE INDEX event_0_tenant_id_invoice_id_id_idx ON public.event_0 USING btree (tenant_id, invoice_id, id);

CREATE INDEX event_subject ON ONLY public.event USING btree (tenant_id, subject, id) WHERE (invoice_id IS NULL);

CREATE INDEX event_0_tenant_id_subject_id_idx ON public.event_0 USING btree (tenant_id, subject, id) WHERE (invoice_id IS NULL);

CREATE INDEX file_awaited ON public.file USING btree (tenant_id, ack_due) WHERE (state = 'sent'::text);

CREATE INDEX incident_running ON public.incident USING btree (starts_at) WHERE ((ended_at IS NULL) AND (cancelled_at IS NULL));

CREATE INDEX invoice_insured ON ONLY public.invoice USING btree (tenant_id, insured_key);

CREATE INDEX invoice_0_tenant_id_insured_key_idx ON public.invoice_0 USING btree (tenant_id, insured_key);

CREATE INDEX learned_label_last ON public.learned_label USING btree (tenant_id, account, label_key, revision DESC);

CREATE INDEX ledger_entry_ref ON ONLY public.ledger_entry USING btree (tenant_id, ref) WHERE (event <> 'invoice.signed'::text);

CREATE INDEX ledger_entry_0_tenant_id_ref_idx ON public.ledger_entry_0 USING btree (tenant_id, ref) WHERE (event <> 'invoice.signed'::text);

CREATE INDEX ledger_line_account ON ONLY public.ledger_line USING btree (tenant_id, account);

CREATE INDEX ledger_line_0_tenant_id_account_idx ON public.ledger_line_0 USING btree (tenant_id, account);

CREATE INDEX lot_file ON public.lot USING btree (tenant_id, file_id);

CREATE INDEX lot_named ON public.lot USING btree (tenant_id, biller, number, lot_date);

CREATE INDEX lot_replaced_by ON public.lot_replaced USING btree (tenant_id, replaces);

CREATE UNIQUE INDEX lot_share_one_live ON public.lot_share USING btree (tenant_id, invoice_id, part) WHERE live;

CREATE INDEX lot_unanswered ON public.lot USING btree (tenant_id, biller, number) WHERE (state = ANY (ARRAY['open'::text, 'sealed'::text, 'sent'::text]));

CREATE INDEX match_by_person ON public.match USING btree (tenant_id, problem) WHERE ((status = 'confirmed'::text) AND (decided_by <> 'auto'::text));

CREATE UNIQUE INDEX match_confirmed_once ON public.match USING btree (tenant_id, match_key) WHERE (status = 'confirmed'::text);

CREATE INDEX match_of_credits ON public.match USING btree (tenant_id, decided_at) WHERE ((problem = 'B'::text) AND (status = 'confirmed'::text));

CREATE INDEX match_of_lines ON public.match USING btree (tenant_id, decided_at) WHERE ((problem = 'A'::text) AND (status = 'confirmed'::text) AND (rule = ANY (ARRAY['A3'::text, 'A5'::text])));

CREATE INDEX match_run ON public.match USING btree (tenant_id, run_id);

CREATE INDEX match_undecided ON public.match USING btree (tenant_id, (left_refs[1]), id) WHERE (status <> 'confirmed'::text);

CREATE INDEX match_undecided_listed ON public.match USING btree (tenant_id, status, id) WHERE (status <> 'confirmed'::text);

CREATE INDEX match_undecided_right ON public.match USING btree (tenant_id, (right_refs[1])) WHERE (status <> 'confirmed'::text);

CREATE INDEX member_account ON public.member USING btree (account_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX member_once ON public.member USING btree (tenant_id, account_id, kind) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX nomenclature_code_open ON public.nomenclature_code USING btree (nomenclature, code) WHERE (until IS NULL);

CREATE INDEX notice_anomaly ON public.notice USING btree (tenant_id, anomaly_id);

CREATE INDEX order_line_free ON public.order_line USING btree (tenant_id) WHERE (match_id IS NULL);

CREATE INDEX order_line_share ON public.order_line USING btree (tenant_id, share_invoice_id, part) WHERE (match_id IS NOT NULL);

CREATE INDEX payment_order_content ON public.payment_order USING btree (tenant_id, content_key);

CREATE INDEX payment_order_free ON public.payment_order USING btree (tenant_id) WHERE (match_id IS NULL);

CREATE INDEX payment_part_invoice ON public.payment_part USING btree (tenant_id, invoice_id);

CREATE INDEX payment_part_source ON public.payment_part USING btree (tenant_id, source_id) WHERE (source_id IS NOT NULL);

CREATE INDEX payment_plan ON public.payment USING btree (tenant_id, plan) WHERE (plan IS NOT NULL);

CREATE INDEX payment_recorded ON public.payment USING btree (tenant_id, recorded_at);

CREATE INDEX payment_unpaid ON public.payment USING btree (tenant_id, unpaid_at) WHERE (unpaid_at IS NOT NULL);

CREATE INDEX reader_event_old ON public.reader_event USING btree (received_at);

CREATE INDEX reader_of ON public.reader USING btree (tenant_id, agent_id);

CREATE INDEX reminder_open ON public.reminder USING btree (tenant_id, id) WHERE (state = 'open'::text);

CREATE UNIQUE INDEX return_file_content ON public.return_file USING btree (tenant_id, content_key);

CREATE INDEX return_file_sent ON public.return_file USING btree (tenant_id, kind, sender, sequence, dated);

CREATE INDEX session_member ON public.session USING btree (tenant_id, member_id, id);

CREATE INDEX share_waiting ON ONLY public.share USING btree (tenant_id, flow) WHERE (state = ANY (ARRAY['open'::text, 'file_refused'::text]));

CREATE INDEX share_0_tenant_id_flow_idx ON public.share_0 USING btree (tenant_id, flow) WHERE (state = ANY (ARRAY['open'::text, 'file_refused'::text]));

CREATE INDEX share_rejected ON ONLY public.share USING btree (tenant_id, invoice_id, part) WHERE (state = 'rejected'::text);

CREATE INDEX share_0_tenant_id_invoice_id_part_idx ON public.share_0 USING btree (tenant_id, invoice_id, part) WHERE (state = 'rejected'::text);

CREATE INDEX share_lot ON ONLY public.share USING btree (tenant_id, lot_id);

CREATE INDEX share_0_tenant_id_lot_id_idx ON public.share_0 USING btree (tenant_id, lot_id);

CREATE INDEX webhook_delivery_dead ON public.webhook_delivery USING btree (tenant_id, webhook_id, seq) WHERE (state = 'dead'::text);

CREATE INDEX webhook_delivery_due ON public.webhook_delivery USING btree (tenant_id, webhook_id, seq) WHERE (state = 'waiting'::text);

CREATE INDEX webhook_delivery_waiting ON public.webhook_delivery USING btree (tenant_id, webhook_id, subject, seq) WHERE (state = 'waiting'::text);

CREATE INDEX webhook_secret_of ON public.webhook_secret USING btree (tenant_id, webhook_id);

ALTER INDEX public.event_pkey ATTACH PARTITION public.event_0_pkey;

ALTER INDEX public.event_invoice ATTACH PARTITION public.event_0_tenant_id_invoice_id_id_idx;

ALTER INDEX public.event_subject ATTACH PARTITION public.event_0_tenant_id_subject_id_idx;

ALTER INDEX public.invoice_pkey ATTACH PARTITION public.invoice_0_pkey;

ALTER INDEX public.invoice_tenant_id_biller_number_key ATTACH PARTITION public.invoice_0_tenant_id_biller_number_key;

ALTER INDEX public.invoice_insured ATTACH PARTITION public.invoice_0_tenant_id_insured_key_idx;

ALTER INDEX public.ledger_entry_pkey ATTACH PARTITION public.ledger_entry_0_pkey;

ALTER INDEX public.ledger_entry_ref ATTACH PARTITION public.ledger_entry_0_tenant_id_ref_idx;

ALTER INDEX public.ledger_entry_tenant_id_seq_key ATTACH PARTITION public.ledger_entry_0_tenant_id_seq_key;

ALTER INDEX public.ledger_line_pkey ATTACH PARTITION public.ledger_line_0_pkey;

ALTER INDEX public.ledger_line_account ATTACH PARTITION public.ledger_line_0_tenant_id_account_idx;

ALTER INDEX public.share_pkey ATTACH PARTITION public.share_0_pkey;

ALTER INDEX public.share_waiting ATTACH PARTITION public.share_0_tenant_id_flow_idx;

ALTER INDEX public.share_rejected ATTACH PARTITION public.share_0_tenant_id_invoice_id_part_idx;

ALTER INDEX public.share_lot ATTACH PARTITION public.share_0_tenant_id_lot_id_idx;

CREATE TRIGGER ahead BEFORE UPDATE ON public.test_clock FOR EACH ROW EXECUTE FUNCTION public.keep_clock_ahead();

CREATE TRIGGER ended BEFORE UPDATE OF revoked_at, expires_at ON public.api_key FOR EACH ROW EXECUTE FUNCTION public.keep_key_ended();

CREATE TRIGGER ended BEFORE UPDATE OF ended_at ON public.member FOR EACH ROW EXECUTE FUNCTION public.keep_ended();

CREATE TRIGGER ended BEFORE UPDATE OF ended_at ON public.session FOR EACH ROW EXECUTE FUNCTION public.keep_ended();

CREATE TRIGGER file_moves BEFORE UPDATE OF state ON public.file FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION public.check_move('file');

CREATE TRIGGER followed AFTER INSERT ON public.audit REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.follow_audit();

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('the audit');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.decision FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('decision');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.event FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('event');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.event_0 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('event');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.forbidden FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('forbidden');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.learned_label FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('learned_label');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('the ledger');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_entry_0 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('the ledger');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_line FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('the ledger');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.ledger_line_0 FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('the ledger');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.matching_settings FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('matching_settings');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.recycling FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('recycling');

CREATE TRIGGER for_ever BEFORE DELETE OR UPDATE OR TRUNCATE ON public.run FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change('run');

CREATE TRIGGER invoice_moves BEFORE UPDATE OF state ON public.invoice FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION public.check_move('invoice');

CREATE TRIGGER kept BEFORE UPDATE OF blocked_at, received ON public.agent FOR EACH ROW EXECUTE FUNCTION public.keep_agent();

CREATE TRIGGER kept BEFORE UPDATE ON public.agent_code FOR EACH ROW EXECUTE FUNCTION public.keep_agent_code();

CREATE CONSTRAINT TRIGGER ledger_begin AFTER INSERT ON public.counter DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((new.kind = 'ledger'::text) AND (new.value <> 0))) EXECUTE FUNCTION public.close_entries();

CREATE CONSTRAINT TRIGGER ledger_end AFTER UPDATE OF value, hash ON public.counter DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (((new.kind = 'ledger'::text) AND ((new.value <> old.value) OR (pg_trigger_depth() > 0)))) EXECUTE FUNCTION public.close_entries();

CREATE TRIGGER lot_moves BEFORE UPDATE OF state ON public.lot FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION public.check_move('lot');

CREATE TRIGGER offered AFTER INSERT ON public.event REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.offer_events();

CREATE TRIGGER offered AFTER INSERT ON public.event_0 REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.offer_events();

CREATE TRIGGER opened AFTER INSERT ON public.ledger_entry REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.open_entries();

CREATE TRIGGER opened AFTER INSERT ON public.ledger_entry_0 REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.open_entries();

CREATE TRIGGER opened AFTER INSERT ON public.ledger_line REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.open_lines();

CREATE TRIGGER opened AFTER INSERT ON public.ledger_line_0 REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.open_lines();

CREATE TRIGGER share_amount BEFORE UPDATE OF amount ON public.share FOR EACH ROW WHEN (((new.amount < old.amount) OR ((new.amount > old.amount) AND (old.part <> 'patient'::text)))) EXECUTE FUNCTION public.refuse_amount();

CREATE TRIGGER share_share_moves BEFORE UPDATE OF state ON public.share FOR EACH ROW WHEN (((old.state IS DISTINCT FROM new.state) AND (((old.state || '>'::text) || new.state) <> ALL ('{sent>file_refused,sent>pending,sent>received,received>pending,pending>file_refused,open>lotted,lotted>open,lotted>sent,file_refused>lotted,announced>announced_part,announced>file_refused,announced>indu,announced>lotted,announced>open,announced>pending,announced>received,announced>rejected,announced>sent,announced>settled,announced>settled_part,announced_part>announced,announced_part>file_refused,announced_part>indu,announced_part>lotted,announced_part>open,announced_part>pending,announced_part>received,announced_part>rejected,announced_part>sent,announced_part>settled,announced_part>settled_part,announced_part>written_off,due>not_due,due>paid,due>part_paid,due>refund_due,due>written_off,file_refused>announced,file_refused>announced_part,file_refused>indu,file_refused>rejected,file_refused>settled,file_refused>settled_part,file_refused>void,indu>announced,indu>announced_part,indu>file_refused,indu>lotted,indu>open,indu>pending,indu>received,indu>rejected,indu>sent,indu>settled,indu>settled_part,indu>to_patient,indu>written_off,lotted>announced,lotted>announced_part,lotted>indu,lotted>rejected,lotted>settled,lotted>settled_part,lotted>void,not_due>due,not_due>refund_due,open>announced,open>announced_part,open>indu,open>rejected,open>settled,open>settled_part,open>time_barred,open>to_patient,open>void,paid>due,paid>part_paid,paid>refund_due,part_paid>due,part_paid>paid,part_paid>refund_due,part_paid>written_off,pending>announced,pending>announced_part,pending>indu,pending>rejected,pending>settled,pending>settled_part,pending>time_barred,pending>to_patient,received>announced,received>announced_part,received>indu,received>rejected,received>settled,received>settled_part,received>time_barred,received>to_patient,refund_due>due,refund_due>not_due,refund_due>paid,refund_due>part_paid,rejected>announced,rejected>announced_part,rejected>file_refused,rejected>indu,rejected>lotted,rejected>open,rejected>pending,rejected>received,rejected>recycled,rejected>sent,rejected>settled,rejected>settled_part,rejected>time_barred,rejected>to_patient,rejected>written_off,sent>announced,sent>announced_part,sent>indu,sent>rejected,sent>settled,sent>settled_part,sent>time_barred,settled>announced,settled>announced_part,settled>file_refused,settled>indu,settled>lotted,settled>open,settled>pending,settled>received,settled>rejected,settled>sent,settled>settled_part,settled_part>announced,settled_part>announced_part,settled_part>file_refused,settled_part>indu,settled_part>lotted,settled_part>open,settled_part>pending,settled_part>received,settled_part>rejected,settled_part>sent,settled_part>settled,settled_part>to_patient,settled_part>written_off}'::text[])))) EXECUTE FUNCTION public.refuse_move('share');

CREATE TRIGGER share_transport_moves BEFORE UPDATE OF transport ON public.share FOR EACH ROW WHEN (((old.transport IS DISTINCT FROM new.transport) AND (((old.transport || '>'::text) || new.transport) <> ALL ('{sent>file_refused,sent>pending,sent>received,received>pending,pending>file_refused,open>lotted,lotted>open,lotted>sent,file_refused>lotted}'::text[])))) EXECUTE FUNCTION public.refuse_move('transport');

CREATE TRIGGER stopped_once BEFORE UPDATE ON public.incident FOR EACH ROW EXECUTE FUNCTION public.keep_incident();

CREATE TRIGGER used_once BEFORE UPDATE OF match_id ON public.bank_line FOR EACH ROW WHEN ((old.match_id <> new.match_id)) EXECUTE FUNCTION public.refuse_second_use('bank_line');

CREATE TRIGGER used_once BEFORE UPDATE OF match_id ON public.order_line FOR EACH ROW WHEN ((old.match_id <> new.match_id)) EXECUTE FUNCTION public.refuse_second_use('order_line');

CREATE TRIGGER used_once BEFORE UPDATE OF match_id ON public.payment_order FOR EACH ROW WHEN ((old.match_id <> new.match_id)) EXECUTE FUNCTION public.refuse_second_use('payment_order');

ALTER TABLE ONLY public.accounting_export
    ADD CONSTRAINT accounting_export_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.accounting_settings
    ADD CONSTRAINT accounting_settings_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.agent_code
    ADD CONSTRAINT agent_code_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.agent_report
    ADD CONSTRAINT agent_report_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agent(tenant_id, id);

ALTER TABLE ONLY public.agent
    ADD CONSTRAINT agent_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.anomaly
    ADD CONSTRAINT anomaly_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.api_key
    ADD CONSTRAINT api_key_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.bank_entry
    ADD CONSTRAINT bank_entry_tenant_id_bank_file_id_fkey FOREIGN KEY (tenant_id, bank_file_id) REFERENCES public.bank_file(tenant_id, id);

ALTER TABLE ONLY public.bank_file
    ADD CONSTRAINT bank_file_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.bank_line
    ADD CONSTRAINT bank_line_tenant_id_bank_file_id_fkey FOREIGN KEY (tenant_id, bank_file_id) REFERENCES public.bank_file(tenant_id, id);

ALTER TABLE ONLY public.bank_mapping
    ADD CONSTRAINT bank_mapping_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.centre_option
    ADD CONSTRAINT centre_option_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.contact
    ADD CONSTRAINT contact_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.counter
    ADD CONSTRAINT counter_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.dead_ack
    ADD CONSTRAINT dead_ack_tenant_id_return_file_id_fkey FOREIGN KEY (tenant_id, return_file_id) REFERENCES public.return_file(tenant_id, id);

ALTER TABLE ONLY public.dead_return
    ADD CONSTRAINT dead_return_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.dead_return
    ADD CONSTRAINT dead_return_tenant_id_return_file_id_fkey FOREIGN KEY (tenant_id, return_file_id) REFERENCES public.return_file(tenant_id, id);

ALTER TABLE ONLY public.dead_return
    ADD CONSTRAINT dead_return_tenant_id_taken_as_fkey FOREIGN KEY (tenant_id, taken_as) REFERENCES public.return_file(tenant_id, id);

ALTER TABLE ONLY public.decision
    ADD CONSTRAINT decision_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.file
    ADD CONSTRAINT file_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.follow_up_day
    ADD CONSTRAINT follow_up_day_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.follow_up_setting
    ADD CONSTRAINT follow_up_setting_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.forbidden
    ADD CONSTRAINT forbidden_tenant_id_decision_id_fkey FOREIGN KEY (tenant_id, decision_id) REFERENCES public.decision(tenant_id, id);

ALTER TABLE ONLY public.idempotency
    ADD CONSTRAINT idempotency_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.incident
    ADD CONSTRAINT incident_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.learned_label
    ADD CONSTRAINT learned_label_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.ledger_line_0
    ADD CONSTRAINT ledger_line_0_of_entry FOREIGN KEY (tenant_id, entry_id) REFERENCES public.ledger_entry_0(tenant_id, id);

ALTER TABLE ONLY public.look_up
    ADD CONSTRAINT look_up_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.lot_replaced
    ADD CONSTRAINT lot_replaced_tenant_id_lot_id_fkey FOREIGN KEY (tenant_id, lot_id) REFERENCES public.lot(tenant_id, id);

ALTER TABLE ONLY public.lot_replaced
    ADD CONSTRAINT lot_replaced_tenant_id_replaces_fkey FOREIGN KEY (tenant_id, replaces) REFERENCES public.lot(tenant_id, id);

ALTER TABLE ONLY public.lot_share
    ADD CONSTRAINT lot_share_tenant_id_lot_id_fkey FOREIGN KEY (tenant_id, lot_id) REFERENCES public.lot(tenant_id, id);

ALTER TABLE ONLY public.lot
    ADD CONSTRAINT lot_tenant_id_file_id_fkey FOREIGN KEY (tenant_id, file_id) REFERENCES public.file(tenant_id, id);

ALTER TABLE ONLY public.lot
    ADD CONSTRAINT lot_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.match
    ADD CONSTRAINT match_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.matching_settings
    ADD CONSTRAINT matching_settings_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.member
    ADD CONSTRAINT member_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.notice
    ADD CONSTRAINT notice_tenant_id_contact_id_fkey FOREIGN KEY (tenant_id, contact_id) REFERENCES public.contact(tenant_id, id);

ALTER TABLE ONLY public.order_line
    ADD CONSTRAINT order_line_tenant_id_order_id_fkey FOREIGN KEY (tenant_id, order_id) REFERENCES public.payment_order(tenant_id, id);

ALTER TABLE ONLY public.payment_order
    ADD CONSTRAINT payment_order_tenant_id_return_file_id_fkey FOREIGN KEY (tenant_id, return_file_id) REFERENCES public.return_file(tenant_id, id);

ALTER TABLE ONLY public.payment_part
    ADD CONSTRAINT payment_part_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES public.invoice(tenant_id, id);

ALTER TABLE ONLY public.payment_part
    ADD CONSTRAINT payment_part_tenant_id_payment_id_fkey FOREIGN KEY (tenant_id, payment_id) REFERENCES public.payment(tenant_id, id);

ALTER TABLE ONLY public.payment_part
    ADD CONSTRAINT payment_part_tenant_id_source_id_fkey FOREIGN KEY (tenant_id, source_id) REFERENCES public.payment(tenant_id, id);

ALTER TABLE ONLY public.payment
    ADD CONSTRAINT payment_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.reader_event
    ADD CONSTRAINT reader_event_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agent(tenant_id, id);

ALTER TABLE ONLY public.reader
    ADD CONSTRAINT reader_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES public.agent(tenant_id, id);

ALTER TABLE ONLY public.recycling
    ADD CONSTRAINT recycling_tenant_id_decision_id_fkey FOREIGN KEY (tenant_id, decision_id) REFERENCES public.decision(tenant_id, id);

ALTER TABLE ONLY public.recycling
    ADD CONSTRAINT recycling_tenant_id_invoice_id_part_fkey FOREIGN KEY (tenant_id, invoice_id, part) REFERENCES public.share(tenant_id, invoice_id, part);

ALTER TABLE ONLY public.recycling
    ADD CONSTRAINT recycling_tenant_id_successor_id_part_fkey FOREIGN KEY (tenant_id, successor_id, part) REFERENCES public.share(tenant_id, invoice_id, part);

ALTER TABLE ONLY public.reminder_item
    ADD CONSTRAINT reminder_item_tenant_id_reminder_id_fkey FOREIGN KEY (tenant_id, reminder_id) REFERENCES public.reminder(tenant_id, id);

ALTER TABLE ONLY public.reminder
    ADD CONSTRAINT reminder_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.return_file
    ADD CONSTRAINT return_file_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.role_use
    ADD CONSTRAINT role_use_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.run
    ADD CONSTRAINT run_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.schedule
    ADD CONSTRAINT schedule_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.session
    ADD CONSTRAINT session_tenant_id_member_id_fkey FOREIGN KEY (tenant_id, member_id) REFERENCES public.member(tenant_id, id);

ALTER TABLE ONLY public.share_0
    ADD CONSTRAINT share_0_of_invoice FOREIGN KEY (tenant_id, invoice_id) REFERENCES public.invoice_0(tenant_id, id);

ALTER TABLE ONLY public.stage_total
    ADD CONSTRAINT stage_total_tenant_id_trace_fkey FOREIGN KEY (tenant_id, trace) REFERENCES public.file(tenant_id, id);

ALTER TABLE ONLY public.test_clock
    ADD CONSTRAINT test_clock_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.tp_audit
    ADD CONSTRAINT tp_audit_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE ONLY public.webhook_delivery
    ADD CONSTRAINT webhook_delivery_tenant_id_webhook_id_fkey FOREIGN KEY (tenant_id, webhook_id) REFERENCES public.webhook(tenant_id, id);

ALTER TABLE ONLY public.webhook_secret
    ADD CONSTRAINT webhook_secret_tenant_id_webhook_id_fkey FOREIGN KEY (tenant_id, webhook_id) REFERENCES public.webhook(tenant_id, id);

ALTER TABLE ONLY public.webhook
    ADD CONSTRAINT webhook_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES public.centre(tenant_id);

ALTER TABLE public.account ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.accounting_export ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.accounting_settings ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.agent ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.agent_code ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.agent_report ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.anomaly ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.api_key ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.bank_entry ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.bank_file ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.bank_line ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.bank_mapping ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.centre ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.centre_option ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.contact ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.counter ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.dead_ack ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.dead_return ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.decision ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.event ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.file ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.follow_up_day ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.follow_up_setting ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.forbidden ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.incident ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.invoice ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.learned_label ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ledger_entry ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.ledger_line ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.look_up ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.lot ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.lot_replaced ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.lot_share ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.match ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.matching_settings ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.member ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.moved_index ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.notice ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_account ON public.account TO desmos_app USING ((id = ( SELECT (current_setting('app.account'::text))::uuid AS current_setting))) WITH CHECK ((id = ( SELECT (current_setting('app.account'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.accounting_export USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.accounting_settings USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.agent TO desmos_app USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.agent_code TO desmos_app USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.agent_report TO desmos_app USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.anomaly USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.api_key TO desmos_app USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.audit USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.bank_entry USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.bank_file USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.bank_line USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.bank_mapping USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.centre_option USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.contact USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.counter USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.dead_ack USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.dead_return USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.decision USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.event USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.file USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.follow_up_day USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.follow_up_setting USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.forbidden USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.idempotency USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.incident TO desmos_app USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.invoice USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.learned_label USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.ledger_entry USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.ledger_line USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.look_up USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.lot USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.lot_replaced USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.lot_share USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.match USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.matching_settings USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.member TO desmos_app USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.moved_index USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.notice USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.order_line USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.payment USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.payment_order USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.payment_part USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.reader TO desmos_app USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.reader_event TO desmos_app USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.recycling USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.reminder USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.reminder_item USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.return_file USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.role_use USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.run USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.schedule USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.session TO desmos_app USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.share USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.stage_total USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.test_clock USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.tp_audit USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.webhook USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.webhook_delivery USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

CREATE POLICY one_tenant ON public.webhook_secret USING ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting))) WITH CHECK ((tenant_id = ( SELECT (current_setting('app.tenant'::text))::uuid AS current_setting)));

ALTER TABLE public.order_line ENABLE ROW LEVEL SECURITY;

CREATE POLICY owner_only ON public.account TO desmos_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_only ON public.agent TO desmos_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_only ON public.agent_code TO desmos_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_only ON public.api_key TO desmos_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_only ON public.centre TO desmos_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_only ON public.incident TO desmos_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_only ON public.member TO desmos_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_only ON public.reader TO desmos_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_only ON public.reader_event TO desmos_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_only ON public.session TO desmos_owner USING (true) WITH CHECK (true);

CREATE POLICY owner_only ON public.test_clock TO desmos_owner USING (true);

ALTER TABLE public.payment ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.payment_order ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.payment_part ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.reader ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.reader_event ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.recycling ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.reminder ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.reminder_item ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.return_file ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.role_use ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.run ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.schedule ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.session ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.share ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.stage_total ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.test_clock ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tp_audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_delivery ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.webhook_secret ENABLE ROW LEVEL SECURITY;

REVOKE ALL ON FUNCTION public.account_scopes(wanted uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION public.account_scopes(wanted uuid) TO desmos_app;

REVOKE ALL ON FUNCTION public.authenticate_key(wanted bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.authenticate_key(wanted bytea) TO desmos_app;

REVOKE ALL ON FUNCTION public.authenticate_session(wanted bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.authenticate_session(wanted bytea) TO desmos_app;

REVOKE ALL ON FUNCTION public.every_tenant() FROM PUBLIC;
GRANT ALL ON FUNCTION public.every_tenant() TO desmos_app;

REVOKE ALL ON FUNCTION public.every_test_clock() FROM PUBLIC;
GRANT ALL ON FUNCTION public.every_test_clock() TO desmos_app;

REVOKE ALL ON FUNCTION public.find_account(wanted text, named text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.find_account(wanted text, named text) TO desmos_app;

REVOKE ALL ON FUNCTION public.find_agent_code(wanted bytea, at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.find_agent_code(wanted bytea, at timestamp with time zone) TO desmos_app;

REVOKE ALL ON FUNCTION public.forget_answers(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_answers(most integer) TO desmos_app;

REVOKE ALL ON FUNCTION public.forget_attempts(older timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_attempts(older timestamp with time zone) TO desmos_app;

REVOKE ALL ON FUNCTION public.forget_reader_events(older timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.forget_reader_events(older timestamp with time zone) TO desmos_app;

REVOKE ALL ON FUNCTION public.incidents_running(now timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.incidents_running(now timestamp with time zone) TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.account TO desmos_app;

GRANT UPDATE(subject) ON TABLE public.account TO desmos_app;

GRANT UPDATE(password) ON TABLE public.account TO desmos_app;

GRANT UPDATE(sealed) ON TABLE public.account TO desmos_app;

GRANT UPDATE(totp_since) ON TABLE public.account TO desmos_app;

GRANT UPDATE(totp_step) ON TABLE public.account TO desmos_app;

GRANT UPDATE(recovery) ON TABLE public.account TO desmos_app;

GRANT UPDATE(code) ON TABLE public.account TO desmos_app;

GRANT UPDATE(code_until) ON TABLE public.account TO desmos_app;

GRANT UPDATE(since) ON TABLE public.account TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.accounting_export TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.accounting_settings TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.agent TO desmos_app;

GRANT UPDATE(serial) ON TABLE public.agent TO desmos_app;

GRANT UPDATE(former) ON TABLE public.agent TO desmos_app;

GRANT UPDATE(ends_at) ON TABLE public.agent TO desmos_app;

GRANT UPDATE(version) ON TABLE public.agent TO desmos_app;

GRANT UPDATE(system) ON TABLE public.agent TO desmos_app;

GRANT UPDATE(channel) ON TABLE public.agent TO desmos_app;

GRANT UPDATE(seen_at) ON TABLE public.agent TO desmos_app;

GRANT UPDATE(received) ON TABLE public.agent TO desmos_app;

GRANT UPDATE(blocked_at) ON TABLE public.agent TO desmos_app;

GRANT UPDATE(blocked_by) ON TABLE public.agent TO desmos_app;

GRANT INSERT ON TABLE public.agent_code TO desmos_app;

GRANT SELECT(tenant_id) ON TABLE public.agent_code TO desmos_app;

GRANT SELECT(id) ON TABLE public.agent_code TO desmos_app;

GRANT SELECT(kind) ON TABLE public.agent_code TO desmos_app;

GRANT SELECT(desk) ON TABLE public.agent_code TO desmos_app;

GRANT SELECT(made_at) ON TABLE public.agent_code TO desmos_app;

GRANT SELECT(made_by) ON TABLE public.agent_code TO desmos_app;

GRANT SELECT(ends_at) ON TABLE public.agent_code TO desmos_app;

GRANT SELECT(used_at),UPDATE(used_at) ON TABLE public.agent_code TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.agent_report TO desmos_app;

GRANT UPDATE(verdict) ON TABLE public.agent_report TO desmos_app;

GRANT UPDATE(findings) ON TABLE public.agent_report TO desmos_app;

GRANT UPDATE(reported_at) ON TABLE public.agent_report TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.anomaly TO desmos_app;

GRANT UPDATE(found) ON TABLE public.anomaly TO desmos_app;

GRANT UPDATE(told_at) ON TABLE public.anomaly TO desmos_app;

GRANT UPDATE(resolved_at) ON TABLE public.anomaly TO desmos_app;

GRANT UPDATE(resolved_by) ON TABLE public.anomaly TO desmos_app;

GRANT SELECT(tenant_id),INSERT(tenant_id) ON TABLE public.api_key TO desmos_app;

GRANT SELECT(id),INSERT(id) ON TABLE public.api_key TO desmos_app;

GRANT SELECT(kind),INSERT(kind) ON TABLE public.api_key TO desmos_app;

GRANT INSERT(hash) ON TABLE public.api_key TO desmos_app;

GRANT SELECT(created_at),INSERT(created_at) ON TABLE public.api_key TO desmos_app;

GRANT SELECT(revoked_at),UPDATE(revoked_at) ON TABLE public.api_key TO desmos_app;

GRANT SELECT(label),INSERT(label) ON TABLE public.api_key TO desmos_app;

GRANT SELECT(roles),INSERT(roles) ON TABLE public.api_key TO desmos_app;

GRANT SELECT(expires_at),INSERT(expires_at),UPDATE(expires_at) ON TABLE public.api_key TO desmos_app;

GRANT SELECT(used_at),UPDATE(used_at) ON TABLE public.api_key TO desmos_app;

GRANT SELECT(replaces),INSERT(replaces) ON TABLE public.api_key TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.attempt TO desmos_app;

GRANT UPDATE(failures) ON TABLE public.attempt TO desmos_app;

GRANT UPDATE(last_at) ON TABLE public.attempt TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.audit TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.bank_entry TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.bank_file TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.bank_line TO desmos_app;

GRANT UPDATE(match_id) ON TABLE public.bank_line TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.bank_mapping TO desmos_app;

GRANT UPDATE(document) ON TABLE public.bank_mapping TO desmos_app;

GRANT UPDATE(set_at) ON TABLE public.bank_mapping TO desmos_app;

GRANT UPDATE(set_by) ON TABLE public.bank_mapping TO desmos_app;

GRANT SELECT ON TABLE public.centre_option TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.contact TO desmos_app;

GRANT UPDATE(active) ON TABLE public.contact TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.counter TO desmos_app;

GRANT UPDATE(value) ON TABLE public.counter TO desmos_app;

GRANT UPDATE(hash) ON TABLE public.counter TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.dead_ack TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.dead_return TO desmos_app;

GRANT UPDATE(code) ON TABLE public.dead_return TO desmos_app;

GRANT UPDATE(detail) ON TABLE public.dead_return TO desmos_app;

GRANT UPDATE(faults) ON TABLE public.dead_return TO desmos_app;

GRANT UPDATE(profile) ON TABLE public.dead_return TO desmos_app;

GRANT UPDATE(state) ON TABLE public.dead_return TO desmos_app;

GRANT UPDATE(tries) ON TABLE public.dead_return TO desmos_app;

GRANT UPDATE(ended_at) ON TABLE public.dead_return TO desmos_app;

GRANT UPDATE(ended_by) ON TABLE public.dead_return TO desmos_app;

GRANT UPDATE(ended_why) ON TABLE public.dead_return TO desmos_app;

GRANT UPDATE(taken_as) ON TABLE public.dead_return TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.decision TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.event TO desmos_app;

GRANT INSERT ON TABLE public.event_0 TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.file TO desmos_app;

GRANT UPDATE(state) ON TABLE public.file TO desmos_app;

GRANT UPDATE(sent_at) ON TABLE public.file TO desmos_app;

GRANT UPDATE(leaving_at) ON TABLE public.file TO desmos_app;

GRANT UPDATE(ack_due) ON TABLE public.file TO desmos_app;

GRANT UPDATE(resend_due) ON TABLE public.file TO desmos_app;

GRANT UPDATE(resends) ON TABLE public.file TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.follow_up_day TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.follow_up_setting TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.forbidden TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.idempotency TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.incident TO desmos_app;

GRANT UPDATE(cause) ON TABLE public.incident TO desmos_app;

GRANT UPDATE(acknowledged_at) ON TABLE public.incident TO desmos_app;

GRANT UPDATE(degraded_at) ON TABLE public.incident TO desmos_app;

GRANT UPDATE(ended_at) ON TABLE public.incident TO desmos_app;

GRANT UPDATE(cancelled_at) ON TABLE public.incident TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.invoice TO desmos_app;

GRANT UPDATE(state) ON TABLE public.invoice TO desmos_app;

GRANT UPDATE(signed_at) ON TABLE public.invoice TO desmos_app;

GRANT INSERT ON TABLE public.invoice_0 TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.learned_label TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.ledger_entry TO desmos_app;

GRANT INSERT ON TABLE public.ledger_entry_0 TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.ledger_line TO desmos_app;

GRANT INSERT ON TABLE public.ledger_line_0 TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.look_up TO desmos_app;

GRANT UPDATE(hour) ON TABLE public.look_up TO desmos_app;

GRANT UPDATE(in_hour) ON TABLE public.look_up TO desmos_app;

GRANT UPDATE(day) ON TABLE public.look_up TO desmos_app;

GRANT UPDATE(in_day) ON TABLE public.look_up TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.lot TO desmos_app;

GRANT UPDATE(state) ON TABLE public.lot TO desmos_app;

GRANT UPDATE(arl_code) ON TABLE public.lot TO desmos_app;

GRANT UPDATE(ack_missing_at) ON TABLE public.lot TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.lot_replaced TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.lot_share TO desmos_app;

GRANT UPDATE(live) ON TABLE public.lot_share TO desmos_app;

GRANT SELECT ON TABLE public.master_key TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.match TO desmos_app;

GRANT UPDATE(status) ON TABLE public.match TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.matching_settings TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.member TO desmos_app;

GRANT UPDATE(name) ON TABLE public.member TO desmos_app;

GRANT UPDATE(roles) ON TABLE public.member TO desmos_app;

GRANT UPDATE(used_at) ON TABLE public.member TO desmos_app;

GRANT UPDATE(ended_at) ON TABLE public.member TO desmos_app;

GRANT SELECT ON TABLE public.moved_index TO desmos_app;

GRANT SELECT ON TABLE public.nomenclature_code TO desmos_app;

GRANT SELECT ON TABLE public.nomenclature_import TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.notice TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.order_line TO desmos_app;

GRANT UPDATE(share_invoice_id) ON TABLE public.order_line TO desmos_app;

GRANT UPDATE(match_id) ON TABLE public.order_line TO desmos_app;

GRANT UPDATE(parked) ON TABLE public.order_line TO desmos_app;

GRANT UPDATE(share_part) ON TABLE public.order_line TO desmos_app;

GRANT UPDATE(answered) ON TABLE public.order_line TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.payment TO desmos_app;

GRANT UPDATE(unpaid_at) ON TABLE public.payment TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.payment_order TO desmos_app;

GRANT UPDATE(match_id) ON TABLE public.payment_order TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.payment_part TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.reader TO desmos_app;

GRANT UPDATE(present) ON TABLE public.reader TO desmos_app;

GRANT UPDATE(card) ON TABLE public.reader TO desmos_app;

GRANT UPDATE(atr) ON TABLE public.reader TO desmos_app;

GRANT UPDATE(changed_at) ON TABLE public.reader TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.reader_event TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.recycling TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.reminder TO desmos_app;

GRANT UPDATE(state) ON TABLE public.reminder TO desmos_app;

GRANT UPDATE(amount) ON TABLE public.reminder TO desmos_app;

GRANT UPDATE(ended_at) ON TABLE public.reminder TO desmos_app;

GRANT UPDATE(ended_by) ON TABLE public.reminder TO desmos_app;

GRANT UPDATE(why) ON TABLE public.reminder TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.reminder_item TO desmos_app;

GRANT UPDATE(amount) ON TABLE public.reminder_item TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.return_file TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.role_use TO desmos_app;

GRANT UPDATE(used_on) ON TABLE public.role_use TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.run TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.schedule TO desmos_app;

GRANT UPDATE(revision) ON TABLE public.schedule TO desmos_app;

GRANT UPDATE(active) ON TABLE public.schedule TO desmos_app;

GRANT UPDATE(days) ON TABLE public.schedule TO desmos_app;

GRANT UPDATE(times) ON TABLE public.schedule TO desmos_app;

GRANT UPDATE(skip_holidays) ON TABLE public.schedule TO desmos_app;

GRANT UPDATE(settings) ON TABLE public.schedule TO desmos_app;

GRANT UPDATE(since) ON TABLE public.schedule TO desmos_app;

GRANT UPDATE(ran_due) ON TABLE public.schedule TO desmos_app;

GRANT UPDATE(last_run) ON TABLE public.schedule TO desmos_app;

GRANT INSERT ON TABLE public.session TO desmos_app;

GRANT SELECT(tenant_id) ON TABLE public.session TO desmos_app;

GRANT SELECT(id) ON TABLE public.session TO desmos_app;

GRANT SELECT(member_id) ON TABLE public.session TO desmos_app;

GRANT SELECT(account_id) ON TABLE public.session TO desmos_app;

GRANT SELECT(strong),UPDATE(strong) ON TABLE public.session TO desmos_app;

GRANT SELECT(made_at) ON TABLE public.session TO desmos_app;

GRANT SELECT(used_at),UPDATE(used_at) ON TABLE public.session TO desmos_app;

GRANT SELECT(idle_s) ON TABLE public.session TO desmos_app;

GRANT SELECT(ends_at) ON TABLE public.session TO desmos_app;

GRANT SELECT(ended_at),UPDATE(ended_at) ON TABLE public.session TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.share TO desmos_app;

GRANT UPDATE(amount) ON TABLE public.share TO desmos_app;

GRANT UPDATE(transport) ON TABLE public.share TO desmos_app;

GRANT UPDATE(state) ON TABLE public.share TO desmos_app;

GRANT UPDATE(announced) ON TABLE public.share TO desmos_app;

GRANT UPDATE(credited) ON TABLE public.share TO desmos_app;

GRANT UPDATE(reject_code) ON TABLE public.share TO desmos_app;

GRANT UPDATE(lot_id) ON TABLE public.share TO desmos_app;

GRANT UPDATE(closed) ON TABLE public.share TO desmos_app;

GRANT INSERT ON TABLE public.share_0 TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.stage_total TO desmos_app;

GRANT SELECT ON TABLE public.state_move TO desmos_app;

GRANT SELECT ON TABLE public.tariff_pack TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.test_clock TO desmos_app;

GRANT UPDATE(ahead_s) ON TABLE public.test_clock TO desmos_app;

GRANT UPDATE(set_at) ON TABLE public.test_clock TO desmos_app;

GRANT UPDATE(set_by) ON TABLE public.test_clock TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.tp_audit TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.webhook TO desmos_app;

GRANT UPDATE(active) ON TABLE public.webhook TO desmos_app;

GRANT UPDATE(failures) ON TABLE public.webhook TO desmos_app;

GRANT UPDATE(paused_until) ON TABLE public.webhook TO desmos_app;

GRANT UPDATE(wake_at) ON TABLE public.webhook TO desmos_app;

GRANT UPDATE(wake_job) ON TABLE public.webhook TO desmos_app;

GRANT UPDATE(sealed_until) ON TABLE public.webhook TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.webhook_delivery TO desmos_app;

GRANT UPDATE(state) ON TABLE public.webhook_delivery TO desmos_app;

GRANT UPDATE(tried) ON TABLE public.webhook_delivery TO desmos_app;

GRANT UPDATE(next_at) ON TABLE public.webhook_delivery TO desmos_app;

GRANT UPDATE(status) ON TABLE public.webhook_delivery TO desmos_app;

GRANT UPDATE(reason) ON TABLE public.webhook_delivery TO desmos_app;

GRANT UPDATE(ended_at) ON TABLE public.webhook_delivery TO desmos_app;

GRANT SELECT,INSERT ON TABLE public.webhook_secret TO desmos_app;

GRANT UPDATE(ends_at) ON TABLE public.webhook_secret TO desmos_app;
