-- Moves: a document, a lot and a file go from state to state only along the lines of their life; a share never leaves an end.
-- depends: 0002_pre_rights

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

CREATE TABLE state_move (
    thing text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    PRIMARY KEY (thing, before, after)
);
INSERT INTO state_move (thing, before, after) VALUES
    ('invoice', 'draft', 'priced'),
    ('invoice', 'draft', 'void'),
    ('invoice', 'priced', 'draft'),
    ('invoice', 'priced', 'signed'),
    ('invoice', 'priced', 'void'),
    ('invoice', 'signed', 'void'),
    ('lot', 'open', 'sealed'),
    ('lot', 'sealed', 'sent'),
    ('lot', 'sealed', 'dissolved'),
    ('lot', 'sent', 'accepted'),
    ('lot', 'sent', 'refused'),
    ('lot', 'refused', 'replaced'),
    ('file', 'built', 'queued'),
    ('file', 'queued', 'sent'),
    ('file', 'queued', 'dead'),
    ('file', 'sent', 'acknowledged'),
    ('file', 'sent', 'dead'),
    ('file', 'dead', 'sent');
GRANT SELECT ON state_move TO desmos_app;

CREATE FUNCTION check_move() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM state_move AS m WHERE m.thing = TG_ARGV[0] AND m.before = OLD.state AND m.after = NEW.state) THEN
        RAISE EXCEPTION '% cannot go from % to %', TG_ARGV[0], OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% cannot leave %', TG_ARGV[0], OLD.state USING ERRCODE = 'check_violation';
END
$$;

-- The conditions are the executor's own: rows that do not move, and shares that may, never reach the functions.
CREATE TRIGGER invoice_moves BEFORE UPDATE OF state ON invoice FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION check_move('invoice');
CREATE TRIGGER lot_moves BEFORE UPDATE OF state ON lot FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION check_move('lot');
CREATE TRIGGER file_moves BEFORE UPDATE OF state ON file FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION check_move('file');
CREATE TRIGGER share_ends BEFORE UPDATE OF state ON share FOR EACH ROW
    WHEN (OLD.state IN ('recycled', 'to_patient', 'written_off', 'time_barred', 'void') AND NEW.state IS DISTINCT FROM OLD.state)
    EXECUTE FUNCTION refuse_move('share');

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP TRIGGER share_ends ON share;
DROP TRIGGER file_moves ON file;
DROP TRIGGER lot_moves ON lot;
DROP TRIGGER invoice_moves ON invoice;
DROP FUNCTION refuse_move();
DROP FUNCTION check_move();
DROP TABLE state_move;
