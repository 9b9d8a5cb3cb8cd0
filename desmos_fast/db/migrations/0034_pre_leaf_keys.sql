-- Foreign keys between partitioned tables are held between their leaves.
-- depends: 0033_pre_agents

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- Both tables are cut by the same hash into as many leaves, so the row that is named stands in the leaf of the same number: to look for it
-- there costs a fraction of planning a search over all of them. Rows that are there already were held to the key that goes; the next migration looks at them again, with writers at work.
DO $$
BEGIN
    FOR leaf IN 0..7 LOOP
        EXECUTE format(
            'ALTER TABLE %I ADD CONSTRAINT %I FOREIGN KEY (tenant_id, invoice_id) REFERENCES %I (tenant_id, id) NOT VALID',
            'share_' || leaf, 'share_' || leaf || '_of_invoice', 'invoice_' || leaf
        );
        EXECUTE format(
            'ALTER TABLE %I ADD CONSTRAINT %I FOREIGN KEY (tenant_id, entry_id) REFERENCES %I (tenant_id, id) NOT VALID',
            'ledger_line_' || leaf, 'ledger_line_' || leaf || '_of_entry', 'ledger_entry_' || leaf
        );
    END LOOP;
END
$$;
-- squawk-ignore ban-drop-constraint
ALTER TABLE share DROP CONSTRAINT share_tenant_id_invoice_id_fkey;
-- squawk-ignore ban-drop-constraint
ALTER TABLE ledger_line DROP CONSTRAINT ledger_line_tenant_id_entry_id_fkey;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
ALTER TABLE share ADD CONSTRAINT share_tenant_id_invoice_id_fkey FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoice (tenant_id, id);
ALTER TABLE ledger_line
    ADD CONSTRAINT ledger_line_tenant_id_entry_id_fkey FOREIGN KEY (tenant_id, entry_id) REFERENCES ledger_entry (tenant_id, id);
DO $$
BEGIN
    FOR leaf IN 0..7 LOOP
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', 'share_' || leaf, 'share_' || leaf || '_of_invoice');
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', 'ledger_line_' || leaf, 'ledger_line_' || leaf || '_of_entry');
    END LOOP;
END
$$;
