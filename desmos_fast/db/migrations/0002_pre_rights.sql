-- Rights: every tenant's rows behind forced row-level security; the application's role owns nothing and deletes nothing.
-- depends: 0001_pre_tables

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'counter', 'invoice', 'share', 'file', 'lot', 'lot_share', 'return_file', 'payment_order', 'order_line', 'bank_file',
        'bank_line', 'match', 'decision', 'ledger_entry', 'ledger_line', 'event', 'idempotency', 'audit'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format(
            'CREATE POLICY one_tenant ON %I USING (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))'
            ' WITH CHECK (tenant_id = (SELECT current_setting(''app.tenant'')::uuid))',
            name
        );
        EXECUTE format('GRANT SELECT, INSERT ON %I TO desmos_app', name);
    END LOOP;
    -- Bulk rows enter by COPY, which row-level security refuses on a parent: a leaf takes INSERT and shows nothing.
    FOREACH name IN ARRAY ARRAY['invoice', 'share', 'ledger_entry', 'ledger_line', 'event'] LOOP
        FOR leaf IN 0..7 LOOP
            EXECUTE format('GRANT INSERT ON %I TO desmos_app', name || '_' || leaf);
        END LOOP;
    END LOOP;
    FOREACH name IN ARRAY ARRAY['centre', 'api_key'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY owner_only ON %I TO %I USING (true) WITH CHECK (true)', name, current_user);
    END LOOP;
END
$$;

GRANT UPDATE (value, hash) ON counter TO desmos_app;
GRANT UPDATE (state, signed_at) ON invoice TO desmos_app;
GRANT UPDATE (transport, state, announced, credited, reject_code, lot_id) ON share TO desmos_app;
GRANT UPDATE (state, sent_at) ON file TO desmos_app;
GRANT UPDATE (state, arl_code) ON lot TO desmos_app;
GRANT UPDATE (live) ON lot_share TO desmos_app;
GRANT UPDATE (match_id) ON payment_order TO desmos_app;
GRANT UPDATE (share_invoice_id, match_id, parked) ON order_line TO desmos_app;
GRANT UPDATE (match_id) ON bank_line TO desmos_app;
GRANT UPDATE (status) ON match TO desmos_app;

CREATE FUNCTION authenticate_key(wanted bytea) RETURNS TABLE (tenant_id uuid, finess text, kind text, key_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT c.tenant_id, c.finess, k.kind, k.id
      FROM api_key AS k JOIN centre AS c ON c.tenant_id = k.tenant_id
     WHERE k.hash = wanted AND k.revoked_at IS NULL
$$;
REVOKE ALL ON FUNCTION authenticate_key(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION authenticate_key(bytea) TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP FUNCTION authenticate_key(bytea);
