-- A return that was refused is a return or waits: what is said to be taken is there, and what is open or given up was not imported.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT 'dead return ' || d.id AS subject,
           CASE WHEN d.ordinal IS NULL THEN (d.state = 'taken') <> (f.id IS NOT NULL) OR d.taken_as IS DISTINCT FROM f.id
                ELSE (d.state = 'taken') <> (o.id IS NOT NULL) END AS wrong
      FROM dead_return AS d
      LEFT JOIN return_file AS f ON f.tenant_id = $1 AND f.sha256 = d.sha256
      LEFT JOIN payment_order AS o
             ON o.tenant_id = $1 AND o.ref = left(encode(d.sha256, 'hex'), 16) || ':' || d.ordinal AND d.ordinal IS NOT NULL
     WHERE d.tenant_id = $1
  ) AS looked
