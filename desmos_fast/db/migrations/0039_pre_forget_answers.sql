-- What a key was answered is kept for 90 days: within them the key gives it again, after them nobody needs it.
-- depends: 0038_pre_agent_report

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- Of the centre that is set, some at a time so that no transaction is long; the service itself can take away nothing younger.
CREATE FUNCTION forget_answers(most int) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
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
REVOKE ALL ON FUNCTION forget_answers(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forget_answers(int) TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP FUNCTION forget_answers(int);
