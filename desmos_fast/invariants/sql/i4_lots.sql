-- A lot counts and sums the invoices that it holds.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT l.biller || '/' || l.cycle || '/' || l.number AS subject,
           (l.invoices, l.fees, l.amo, l.amc) IS DISTINCT FROM (m.invoices, m.fees, m.amo, m.amc) AS wrong
      FROM lot AS l
      LEFT JOIN (
            SELECT held.lot_id, count(*)::integer AS invoices, sum(i.fees)::bigint AS fees, sum(i.amo)::bigint AS amo,
                   sum(CASE held.flow WHEN 1 THEN i.amc ELSE i.amc_sum END)::bigint AS amc
              FROM (
                    SELECT DISTINCT s.lot_id, s.invoice_id, o.flow
                      FROM lot_share AS s JOIN lot AS o ON o.tenant_id = $1 AND o.id = s.lot_id
                     WHERE s.tenant_id = $1
                   ) AS held
              JOIN invoice AS i ON i.tenant_id = $1 AND i.id = held.invoice_id
             GROUP BY held.lot_id
           ) AS m ON m.lot_id = l.id
     WHERE l.tenant_id = $1
  ) AS looked
