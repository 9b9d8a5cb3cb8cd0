-- A centre that came since the last ANALYZE must not look like one without rows.
-- depends: 0004_pre_return_content

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- With statistics, a tenant that they do not list is taken for one row: every index that begins with the tenant then seems as good as the
-- right one, and a join of two thousand shares reads two thousand times two thousand. Without, each tenant is a fixed part of the table.
DO $$
DECLARE
    name regclass;
BEGIN
    FOR name IN
        SELECT a.attrelid::regclass
          FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
         WHERE a.attname = 'tenant_id' AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN tenant_id SET STATISTICS 0', name);
    END LOOP;
END
$$;

-- migrate: rollback
DO $$
DECLARE
    name regclass;
BEGIN
    FOR name IN
        SELECT a.attrelid::regclass
          FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
         WHERE a.attname = 'tenant_id' AND c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN tenant_id SET STATISTICS -1', name);
    END LOOP;
END
$$;
