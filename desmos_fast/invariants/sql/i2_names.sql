-- No key, number, content of a file, order or bank line is there twice.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT 'key ' || route || ' ' || key AS subject, count(*) > 1 AS wrong
      FROM idempotency WHERE tenant_id = $1 GROUP BY route, key
     UNION ALL
    SELECT 'invoice ' || biller || '/' || number, count(*) > 1 FROM invoice WHERE tenant_id = $1 GROUP BY biller, number
     UNION ALL
    SELECT 'lot ' || biller || '/' || cycle || '/' || number, count(*) > 1 FROM lot WHERE tenant_id = $1 GROUP BY biller, cycle, number
     UNION ALL
    SELECT 'file ' || biller || '/' || sequence || ' of ' || created_on, count(*) > 1
      FROM file WHERE tenant_id = $1 GROUP BY biller, sequence, created_on
     UNION ALL
    SELECT 'return file ' || encode(sha256, 'hex'), count(*) > 1 FROM return_file WHERE tenant_id = $1 GROUP BY sha256
     UNION ALL
    SELECT 'bank file ' || encode(sha256, 'hex'), count(*) > 1 FROM bank_file WHERE tenant_id = $1 GROUP BY sha256
     UNION ALL
    SELECT 'order ' || ref, count(*) > 1 FROM payment_order WHERE tenant_id = $1 GROUP BY ref
     UNION ALL
    SELECT 'bank line ' || ref, count(*) > 1 FROM bank_line WHERE tenant_id = $1 GROUP BY ref
     UNION ALL
    SELECT 'bank content ' || content_key || '/' || occurrence, count(*) > 1
      FROM bank_line WHERE tenant_id = $1 AND duplicate_of IS NULL GROUP BY content_key, occurrence
  ) AS looked
