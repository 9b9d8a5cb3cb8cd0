-- Follow-up: delays that a centre sets for itself, reminders with what is in each, the days that were looked at, quarterly audits.
-- depends: 0007_pre_states

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- Rows are only added: of those that cover a day the last one holds. No payer is every payer; no value takes earlier rows back.
CREATE TABLE follow_up_setting (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    name text NOT NULL,
    payer text,
    value text,
    since date NOT NULL,
    until date CHECK (until >= since),
    source text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- `debtor` is whom it is for: a payer, the index of an insured person in hexadecimal, a bank account.
CREATE TABLE reminder (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    rule text NOT NULL CHECK (rule IN ('amo', 'amc', 'patient', 'reject', 'order', 'credit', 'forclusion')),
    level smallint NOT NULL CHECK (level BETWEEN 1 AND 9),
    debtor text NOT NULL,
    day date NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'sent', 'cancelled', 'settled')),
    items integer NOT NULL CHECK (items > 0),
    amount bigint NOT NULL,
    made_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    why text,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT one_a_day UNIQUE (tenant_id, rule, level, debtor, day),
    CONSTRAINT ended CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE INDEX reminder_open ON reminder (tenant_id, id) WHERE state = 'open';

-- What is reminded of is reminded of once at each level. `amount` is what was open then; of one that was sent, what it said.
CREATE TABLE reminder_item (
    tenant_id uuid NOT NULL,
    reminder_id uuid NOT NULL,
    rule text NOT NULL,
    level smallint NOT NULL,
    subject text NOT NULL,
    invoice_id uuid,
    part text,
    care_date date,
    since date NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (tenant_id, reminder_id, subject),
    CONSTRAINT once_a_level UNIQUE (tenant_id, rule, subject, level),
    FOREIGN KEY (tenant_id, reminder_id) REFERENCES reminder (tenant_id, id)
);

CREATE TABLE follow_up_day (
    tenant_id uuid NOT NULL REFERENCES centre,
    day date NOT NULL,
    done_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, day)
);

CREATE TABLE tp_audit (
    tenant_id uuid NOT NULL REFERENCES centre,
    quarter text NOT NULL CHECK (quarter ~ '^[0-9]{4}Q[1-4]$'),
    report jsonb NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, quarter)
);

CREATE FUNCTION age_of(days integer) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN days <= 7 THEN '0-7' WHEN days <= 30 THEN '8-30' WHEN days <= 60 THEN '31-60' WHEN days <= 90 THEN '61-90' ELSE '>90' END;

-- Few matches are a person's: what the others are is told by taking these away.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX match_by_person ON match (tenant_id, problem) WHERE status = 'confirmed' AND decided_by <> 'auto';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['follow_up_setting', 'reminder', 'reminder_item', 'follow_up_day', 'tp_audit'] LOOP
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
GRANT UPDATE (state, amount, ended_at, ended_by, why) ON reminder TO desmos_app;
GRANT UPDATE (amount) ON reminder_item TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP INDEX match_by_person;
DROP FUNCTION age_of(integer);
DROP TABLE tp_audit;
DROP TABLE follow_up_day;
DROP TABLE reminder_item;
DROP TABLE reminder;
DROP TABLE follow_up_setting;
