-- The shares of one centre ($1) of which nothing is told, in no state of $2: what they are due is all open.
SELECT s.invoice_id, i.biller, i.number, s.part, s.payer, s.amount, t.number, i.insured_key, i.care_date
  FROM share AS s
  JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id AND i.state = 'signed'
  LEFT JOIN lot AS t ON t.tenant_id = $1 AND t.id = s.lot_id
 WHERE s.tenant_id = $1 AND s.part <> 'patient' AND s.state = s.transport AND s.announced = 0 AND s.credited = 0 AND s.closed = 0
   AND s.state <> ALL ($2::text[])
