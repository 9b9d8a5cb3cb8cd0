-- The ledger guards itself: every entry sums to zero and has lines when its transaction ends, is numbered without a gap, and never changes.
-- depends: 0012_pre_line_revision

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- Rows are found by their keys, however many there are, by a plan that is made once: one kept from a long block, or from a young ledger, would
-- read all of it for one entry.
-- A trigger that waits for the end of a transaction is one of rows, and entries come by a million: the row that it watches is the end of the
-- chain, of which there is one. Entries touch it, so that none gets past it.
CREATE FUNCTION open_entries() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
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

CREATE FUNCTION open_lines() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
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

CREATE FUNCTION close_entries() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
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

CREATE CONSTRAINT TRIGGER ledger_begin AFTER INSERT ON counter DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.kind = 'ledger' AND NEW.value <> 0) EXECUTE FUNCTION close_entries();
-- Who only asks where the end is changes nothing and waits for nothing: entries touch it from within a trigger.
CREATE CONSTRAINT TRIGGER ledger_end AFTER UPDATE OF value, hash ON counter DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.kind = 'ledger' AND (NEW.value <> OLD.value OR pg_trigger_depth() > 0)) EXECUTE FUNCTION close_entries();

-- A leaf can be named too, so each has its own.
DO $$
DECLARE
    parent text;
    name text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['ledger_entry', 'ledger_line'] LOOP
        FOREACH name IN ARRAY ARRAY[parent] || ARRAY(SELECT parent || '_' || leaf FROM generate_series(0, 7) AS leaf) LOOP
            EXECUTE format(
                'CREATE TRIGGER opened AFTER INSERT ON %I REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION %I()',
                name, CASE parent WHEN 'ledger_entry' THEN 'open_entries' ELSE 'open_lines' END
            );
            EXECUTE format(
                'CREATE TRIGGER for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(%L)',
                name, 'the ledger'
            );
        END LOOP;
    END LOOP;
END
$$;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DO $$
DECLARE
    parent text;
    name text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['ledger_entry', 'ledger_line'] LOOP
        FOREACH name IN ARRAY ARRAY[parent] || ARRAY(SELECT parent || '_' || leaf FROM generate_series(0, 7) AS leaf) LOOP
            EXECUTE format('DROP TRIGGER for_ever ON %I', name);
            EXECUTE format('DROP TRIGGER opened ON %I', name);
        END LOOP;
    END LOOP;
END
$$;
DROP TRIGGER ledger_end ON counter;
DROP TRIGGER ledger_begin ON counter;
DROP FUNCTION close_entries();
DROP FUNCTION open_lines();
DROP FUNCTION open_entries();
