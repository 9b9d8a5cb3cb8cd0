-- A part is live in one lot at most, in one that was neither dissolved nor replaced, and that is the lot which its share names.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT m.invoice_id || ' ' || m.part AS subject,
           count(*) > 1 OR bool_or(l.state IN ('dissolved', 'replaced')) OR bool_or(s.lot_id IS DISTINCT FROM m.lot_id) AS wrong
      FROM lot_share AS m
      JOIN lot AS l ON l.tenant_id = $1 AND l.id = m.lot_id
      LEFT JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = m.invoice_id AND s.part = m.part
     WHERE m.tenant_id = $1 AND m.live
     GROUP BY m.invoice_id, m.part
  ) AS looked
