-- Master keys and which of them are in use, so that they change while the service runs; each patient's index moves at one instant.
-- depends: 0024_pre_access

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- The key itself is not here: a number, and since when new rows are sealed and indexed under it. The first one, 0, needs no row.
CREATE TABLE master_key (
    id integer PRIMARY KEY CHECK (id > 0 AND id < 65536),
    made_at timestamptz NOT NULL,
    seals_at timestamptz,
    indexes_at timestamptz,
    done_at timestamptz
);
GRANT SELECT ON master_key TO desmos_app;

-- While keys change: what each index became. Nobody's number can be read from it, and it is emptied at the end.
CREATE TABLE moved_index (
    tenant_id uuid NOT NULL,
    former bytea NOT NULL CHECK (length(former) = 32),
    index bytea NOT NULL CHECK (length(index) = 32),
    PRIMARY KEY (tenant_id, former),
    CONSTRAINT moved_index_once UNIQUE (tenant_id, index)
);
ALTER TABLE moved_index ENABLE ROW LEVEL SECURITY;
ALTER TABLE moved_index FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON moved_index USING (tenant_id = (SELECT current_setting('app.tenant')::uuid))
    WITH CHECK (tenant_id = (SELECT current_setting('app.tenant')::uuid));
GRANT SELECT ON moved_index TO desmos_app;
ALTER TABLE moved_index ALTER COLUMN tenant_id SET STATISTICS 0;

-- What is written under the former index of a patient who moved goes where the patient's other rows are. These are triggers of invoices, lines
-- of orders and reminders while keys change, and of nothing else at any other time: a trigger on a row makes every COPY slower.
CREATE FUNCTION follow_index() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    became bytea;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('index of ' || NEW.tenant_id, 4));
    SELECT m.index INTO became FROM moved_index AS m WHERE m.tenant_id = NEW.tenant_id AND m.former = NEW.insured_key;
    NEW.insured_key := coalesce(became, NEW.insured_key);
    RETURN NEW;
END
$$;
CREATE FUNCTION follow_debtor() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP FUNCTION follow_debtor();
DROP FUNCTION follow_index();
DROP TABLE moved_index;
DROP TABLE master_key;
