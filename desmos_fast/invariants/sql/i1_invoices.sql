-- Invoices that stored answers name are there, under the number that was answered.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT said.one ->> 'id' AS subject, i.id IS NULL AS wrong
      FROM idempotency AS k
     CROSS JOIN LATERAL jsonb_path_query(
               convert_from(k.body, 'UTF8')::jsonb,
               CASE k.route WHEN '/v1/invoices' THEN '$'::jsonpath ELSE '$.results[*] ? (exists (@.id))'::jsonpath END
           ) AS said (one)
      LEFT JOIN invoice AS i
             ON i.tenant_id = $1 AND i.id = (said.one ->> 'id')::uuid AND i.number = (said.one ->> 'number')::bigint
     WHERE k.tenant_id = $1 AND k.status BETWEEN 200 AND 299 AND k.route IN ('/v1/invoices', '/v1/invoices:batch', '/v1/invoices:stream')
  ) AS looked
