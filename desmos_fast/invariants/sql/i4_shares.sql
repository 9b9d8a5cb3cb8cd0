-- The shares of a signed invoice are what it says that each pays, and make its total: what was moved to the patient counts once.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT i.biller || '/' || i.number AS subject,
           coalesce(sum(s.amount), 0) - coalesce(sum(s.closed) FILTER (WHERE s.state = 'to_patient'), 0) <> i.total
           OR coalesce(sum(s.amount) FILTER (WHERE s.part = 'amo'), 0) <> i.from_amo
           OR coalesce(sum(s.amount) FILTER (WHERE s.part = 'amc'), 0) <> i.from_amc AS wrong
      FROM invoice AS i LEFT JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = i.id
     WHERE i.tenant_id = $1 AND i.signed_at IS NOT NULL
     GROUP BY i.id, i.biller, i.number, i.total, i.from_amo, i.from_amc
  ) AS looked
