-- Each signed invoice has one event of its signature and, when anything is due, one ledger entry; neither stands alone.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT coalesce(i.name, e.ref, v.invoice_id::text) AS subject,
           i.id IS NULL OR coalesce(v.times, 0) <> 1 OR coalesce(e.times, 0) <> (i.total > 0)::integer AS wrong
      FROM (
            SELECT id, biller || '/' || number AS name, total FROM invoice WHERE tenant_id = $1 AND signed_at IS NOT NULL
           ) AS i
      FULL JOIN (
            SELECT invoice_id, count(*) AS times FROM event WHERE tenant_id = $1 AND name = 'invoice.signed' GROUP BY invoice_id
           ) AS v ON v.invoice_id = i.id
      FULL JOIN (
            SELECT ref, count(*) AS times FROM ledger_entry WHERE tenant_id = $1 AND event = 'invoice.signed' GROUP BY ref
           ) AS e ON e.ref = i.name
  ) AS looked
