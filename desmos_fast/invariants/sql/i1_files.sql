-- Claim files, returns and statements that stored answers name are there.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT said.one ->> 'id' AS subject, coalesce(f.id, r.id, b.id) IS NULL AS wrong
      FROM idempotency AS k
     CROSS JOIN LATERAL jsonb_path_query(
               convert_from(k.body, 'UTF8')::jsonb,
               CASE k.route WHEN '/v1/lots:build' THEN '$.files[*]'::jsonpath ELSE '$'::jsonpath END
           ) AS said (one)
      LEFT JOIN file AS f ON k.route = '/v1/lots:build' AND f.tenant_id = $1 AND f.id = (said.one ->> 'id')::uuid
      LEFT JOIN return_file AS r ON k.route = '/v1/returns' AND r.tenant_id = $1 AND r.id = (said.one ->> 'id')::uuid
      LEFT JOIN bank_file AS b ON k.route = '/v1/bank-statements' AND b.tenant_id = $1 AND b.id = (said.one ->> 'id')::uuid
     WHERE k.tenant_id = $1 AND k.status BETWEEN 200 AND 299
       AND k.route IN ('/v1/lots:build', '/v1/returns', '/v1/bank-statements')
  ) AS looked
