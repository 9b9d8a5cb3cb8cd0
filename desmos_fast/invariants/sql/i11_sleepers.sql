-- Sessions of this database that wait inside a transaction for longer than $1 seconds.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT 'process ' || pid || ' of ' || usename AS subject,
           state LIKE 'idle in transaction%' AND clock_timestamp() - state_change > make_interval(secs => $1) AS wrong
      FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state IS NOT NULL
  ) AS looked
