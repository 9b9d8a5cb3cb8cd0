-- The payments of one centre ($1) that may be that of a share: invoice ($2) and part ($3). What is matched is looked for on the invoices of the
-- same patient, what is not among all that is free.
WITH own AS (
    SELECT s.invoice_id, s.part, s.payer, s.amount, greatest(s.amount - s.closed - s.announced, 0) AS still_open, i.biller, i.number,
           i.insured_key, i.care_date
      FROM share AS s JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id
     WHERE s.tenant_id = $1 AND s.invoice_id = $2 AND s.part = $3
),
line AS (
    SELECT l.*
      FROM own
      JOIN invoice AS i ON i.tenant_id = $1 AND i.insured_key = own.insured_key
      JOIN order_line AS l ON l.tenant_id = $1 AND l.share_invoice_id = i.id AND l.match_id IS NOT NULL
     UNION ALL
    SELECT l.* FROM order_line AS l WHERE l.tenant_id = $1 AND l.match_id IS NULL
),
found AS (
    SELECT o.ref || '#' || l.line AS order_line, l.payer, o.payment_ref, o.payment_date, o.match_id IS NOT NULL AS credited, l.amount,
           l.invoice_number, l.care_date, coalesce(l.share_part, l.part) AS part,
           CASE WHEN l.match_id IS NOT NULL THEN 'matched' WHEN l.parked THEN 'parked' ELSE 'free' END AS place,
           l.share_invoice_id, l.invoice_number = own.number AND coalesce(l.biller, o.biller) = own.biller AS same_number,
           l.insured_key = own.insured_key AS same_patient, l.care_date = own.care_date AS same_day,
           l.amount IN (own.amount, own.still_open) AS same_amount, l.part = own.part AS same_part
      FROM own
     CROSS JOIN line AS l
      JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
     WHERE l.status IN ('paid', 'partial') AND l.amount > 0 AND own.payer IN (l.payer, o.emitter)
)
SELECT f.order_line, f.payer, f.payment_ref, f.payment_date, f.credited, f.amount, f.invoice_number, f.care_date, f.part, f.place,
       i.biller || '/' || i.number || '/' || f.part AS share, f.same_number, f.same_patient, f.same_day, f.same_amount, f.same_part
  FROM found AS f
  LEFT JOIN invoice AS i ON i.tenant_id = $1 AND i.id = f.share_invoice_id
 WHERE f.same_number OR f.same_patient AND (f.same_day OR f.same_amount) OR f.same_day AND f.same_amount
 ORDER BY (coalesce(f.same_number, false)::integer + coalesce(f.same_patient, false)::integer + coalesce(f.same_day, false)::integer
           + f.same_amount::integer) DESC, f.payment_date DESC, f.order_line
