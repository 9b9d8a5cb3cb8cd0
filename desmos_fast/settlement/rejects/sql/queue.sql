-- The rejected shares of one centre ($1) on a day ($2), each with what its code means on the day of the payment order that brought it.
-- The table: codes ($3 code, $4 kind of payer, $5 class, $6 owner or '', $7 from, $8 to), classes ($9 name, $10 owner, $11 from, $12 to).
-- What is asked for, NULL for any: $13 class, $14 owner, $15 code, $16 payer, $17 person, $18 fewest and $19 most days since that day,
-- $20 invoice.
-- What is done with them takes the place of the last line.
WITH known AS (
    SELECT * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::date[], $8::date[])
                  AS k (code, payer_kind, name, owner, since, until)
),
kind AS (
    SELECT * FROM unnest($9::text[], $10::text[], $11::date[], $12::date[]) AS c (name, owner, since, until)
),
rejected AS (
    SELECT s.invoice_id, s.part, s.payer, i.biller || '/' || i.number || '/' || s.part AS share, i.care_date, s.amount,
           greatest(s.amount - s.closed - s.announced, 0) AS still_open, coalesce(l.code, s.reject_code, '') AS code,
           coalesce(l.day, $2::date) AS told_on, coalesce(l.since, $2::date) AS since, l.order_line
      FROM share AS s
      JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id AND i.state = 'signed'
      LEFT JOIN LATERAL (
               SELECT coalesce(l.reject_code, '') AS code, o.payment_date AS day, o.ref || '#' || l.line AS order_line,
                      (f.imported_at AT TIME ZONE 'Europe/Paris')::date AS since
                 FROM order_line AS l
                 JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
                 JOIN return_file AS f ON f.tenant_id = $1 AND f.id = o.return_file_id
                WHERE l.tenant_id = $1 AND l.share_invoice_id = s.invoice_id AND coalesce(l.share_part, l.part) = s.part
                  AND l.match_id IS NOT NULL AND l.status = 'rejected' AND NOT l.answered
                ORDER BY o.payment_date DESC, o.ref DESC, l.line DESC LIMIT 1
           ) AS l ON true
     WHERE s.tenant_id = $1 AND s.state = 'rejected' AND ($16::text IS NULL OR s.payer = $16) AND ($20::uuid IS NULL OR s.invoice_id = $20)
),
told AS (
    SELECT r.*, coalesce(k.name, 'unknown') AS name, coalesce(nullif(k.owner, ''), c.owner) AS owner, a.person,
           greatest($2::date - r.told_on, 0) AS days
      FROM rejected AS r
      LEFT JOIN LATERAL (
               SELECT k.name, k.owner FROM known AS k
                WHERE k.code = r.code AND k.payer_kind IN ('any', split_part(r.payer, ':', 1))
                  AND k.since <= r.told_on AND coalesce(k.until >= r.told_on, true)
                ORDER BY k.payer_kind = 'any' LIMIT 1
           ) AS k ON true
      LEFT JOIN LATERAL (
               SELECT c.owner FROM kind AS c WHERE c.name = coalesce(k.name, 'unknown')
                ORDER BY (c.since <= r.told_on AND coalesce(c.until >= r.told_on, true)) DESC, c.since LIMIT 1
           ) AS c ON true
      LEFT JOIN LATERAL (
               SELECT d.detail ->> 'to' AS person FROM decision AS d
                WHERE d.tenant_id = $1 AND d.subject = r.share AND d.kind = 'assign' ORDER BY d.seq DESC LIMIT 1
           ) AS a ON true
),
asked AS (
    SELECT * FROM told
     WHERE ($13::text IS NULL OR name = $13) AND ($14::text IS NULL OR owner = $14) AND ($15::text IS NULL OR code = $15)
       AND ($17::text IS NULL OR person = $17) AND ($18::integer IS NULL OR days >= $18) AND ($19::integer IS NULL OR days <= $19)
)
--what--
