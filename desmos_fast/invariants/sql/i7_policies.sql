-- Every table with a tenant is behind forced policies, views show what their reader may see, and the role that serves (it asks) stands below them.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT c.relname::text AS subject,
           CASE WHEN c.relkind IN ('v', 'm') THEN NOT coalesce(c.reloptions && ARRAY['security_invoker=on', 'security_invoker=true'], false)
                ELSE NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid))
           END AS wrong
      FROM pg_class AS c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
       AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
     UNION ALL
    SELECT 'role ' || r.rolname,
           r.rolsuper OR r.rolbypassrls
           OR EXISTS (SELECT FROM pg_class AS c WHERE c.relowner = r.oid AND c.relnamespace = 'public'::regnamespace)
      FROM pg_roles AS r WHERE r.rolname = current_user
     UNION ALL
    SELECT 'leaf ' || c.relname, has_table_privilege(c.oid, 'SELECT, UPDATE, DELETE, TRUNCATE')
      FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relispartition AND c.relkind = 'r'
  ) AS looked
