-- The figures of one centre ($1) in one statement, so in one snapshot: what is counted in one place agrees with every other.
-- What stands of each part on a day, and the parameters from $2 to $6, are those of dunning/sql/standing.sql, which takes the place of the next
-- line; $7 is how many rows each list shows, oldest first. Each column is a JSON array or object.
WITH
--standing--
, alarmed AS (
    SELECT DISTINCT s.invoice_id
      FROM lot AS l JOIN share AS s ON s.tenant_id = $1 AND s.lot_id = l.id AND s.state = 'sent'
     WHERE l.tenant_id = $1 AND l.state = 'sent' AND l.ack_missing_at IS NOT NULL
),
document AS (
    SELECT i.state, i.total, i.id IN (SELECT invoice_id FROM alarmed) AS ack_missing,
           (SELECT array_agg(DISTINCT s.state ORDER BY s.state) FROM share AS s WHERE s.tenant_id = $1 AND s.invoice_id = i.id) AS shares
      FROM invoice AS i
     WHERE i.tenant_id = $1
),
claimed AS (
    SELECT s.invoice_id, s.part, s.payer, s.state, s.amount, s.reject_code, greatest(s.amount - s.announced, 0) AS still_open
      FROM share AS s JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id AND i.state = 'signed'
     WHERE s.tenant_id = $1
),
credit AS (
    SELECT b.ref, b.account, b.booking_date, b.amount, b.document ->> 'label' AS label,
           coalesce(m.evidence ->> 'why', 'not_examined') AS why, m.status AS word
      FROM bank_line AS b
      LEFT JOIN LATERAL (
               SELECT evidence, status FROM match
                WHERE tenant_id = $1 AND left_refs[1] = b.ref AND status <> 'confirmed' AND status <> 'undone'
                ORDER BY id DESC LIMIT 1
           ) AS m ON true
     WHERE b.tenant_id = $1 AND b.match_id IS NULL AND b.duplicate_of IS NULL AND b.amount > 0 AND b.document ->> 'currency' = 'EUR'
),
announced AS (
    SELECT o.ref || '#' || l.line AS ref, l.payer, o.payment_ref, o.payment_date, l.status, l.amount, l.part, l.invoice_number,
           coalesce(m.evidence ->> 'why', 'not_examined') AS why, m.status AS word
      FROM order_line AS l
      JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
      LEFT JOIN LATERAL (
               SELECT evidence, status FROM match
                WHERE tenant_id = $1 AND left_refs[1] = o.ref || '#' || l.line AND status <> 'confirmed' AND status <> 'undone'
                ORDER BY id DESC LIMIT 1
           ) AS m ON true
     WHERE l.tenant_id = $1 AND l.match_id IS NULL
),
-- What is cut, and pieces that were made whole again, have a record and no match.
cut AS (
    SELECT coalesce(sum(gone) FILTER (WHERE problem = 'A'), 0) AS lines, coalesce(sum(gone) FILTER (WHERE problem = 'B'), 0) AS credits
      FROM (
               SELECT problem, CASE status WHEN 'split' THEN 1 ELSE cardinality(right_refs) END AS gone
                 FROM match WHERE tenant_id = $1 AND rule = 'split'
           ) AS m
)
SELECT (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT state, shares, ack_missing, count(*) AS count, sum(total) AS cents FROM document GROUP BY state, shares, ack_missing
        ) AS r) AS invoices,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT part, state, count(*) AS count, sum(amount) AS cents FROM standing GROUP BY part, state ORDER BY part, state
        ) AS r) AS shares,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT state, count(*) AS count, sum(amo + amc) AS cents FROM lot WHERE tenant_id = $1 GROUP BY state ORDER BY state
        ) AS r) AS lots,
       (SELECT coalesce(json_object_agg(state, count), '{}') FROM (
            SELECT state, count(*) AS count FROM file WHERE tenant_id = $1 GROUP BY state ORDER BY state
        ) AS r) AS files,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT coalesce(c.reject_code, '') AS code, c.payer, coalesce(l.day, (now() AT TIME ZONE 'Europe/Paris')::date) AS day, count(*) AS count,
                   sum(c.still_open) AS cents
              FROM claimed AS c
              LEFT JOIN LATERAL (
                       SELECT max(o.payment_date) AS day
                         FROM order_line AS l JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
                        WHERE l.tenant_id = $1 AND l.share_invoice_id = c.invoice_id AND coalesce(l.share_part, l.part) = c.part
                          AND l.match_id IS NOT NULL AND l.status = 'rejected'
                   ) AS l ON true
             WHERE c.state = 'rejected' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ) AS r) AS rejects,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT payer, coalesce(c.expected, 0) AS expected, coalesce(c.still_open, 0) AS open, coalesce(o.announced, 0) AS announced,
                   coalesce(o.received, 0) AS received
              FROM (SELECT payer, sum(amount) AS expected, sum(still_open) AS still_open
                      FROM standing WHERE part <> 'patient' GROUP BY payer) AS c
              FULL JOIN (SELECT payer, sum(total) AS announced, sum(total) FILTER (WHERE match_id IS NOT NULL) AS received
                           FROM payment_order WHERE tenant_id = $1 GROUP BY payer) AS o USING (payer)
             ORDER BY payer
        ) AS r) AS payers,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT why, count(*) AS count, sum(amount) AS cents FROM credit GROUP BY why ORDER BY why
        ) AS r) AS credit_reasons,
       (SELECT coalesce(json_agg(r), '[]') FROM (SELECT * FROM credit ORDER BY booking_date, ref LIMIT $7) AS r) AS credit_list,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT why, count(*) AS count, sum(amount) AS cents FROM announced GROUP BY why ORDER BY why
        ) AS r) AS line_reasons,
       (SELECT coalesce(json_agg(r), '[]') FROM (SELECT * FROM announced ORDER BY payment_date, ref LIMIT $7) AS r) AS line_list,
       (SELECT json_build_object('count', count(*), 'cents', coalesce(sum(amount), 0)) FROM bank_line
         WHERE tenant_id = $1 AND duplicate_of IS NULL AND match_id IS NULL AND amount < 0 AND document ->> 'currency' = 'EUR') AS debits,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT document ->> 'currency' AS currency, count(*) AS count, sum(amount) AS cents FROM bank_line
             WHERE tenant_id = $1 AND duplicate_of IS NULL AND document ->> 'currency' <> 'EUR' GROUP BY 1 ORDER BY 1
        ) AS r) AS foreign_lines,
       (SELECT coalesce(json_object_agg(kind, balance), '{}') FROM (
            SELECT split_part(account, ':', 1) AS kind, sum(debit) - sum(credit) AS balance
              FROM ledger_line WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1
        ) AS r) AS ledger,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT payer, age, count(*) AS count, sum("open") AS cents, count(*) FILTER (WHERE late) AS late_count,
                   coalesce(sum("open") FILTER (WHERE late), 0) AS late_cents
              FROM outstanding GROUP BY payer, age ORDER BY payer
        ) AS r) AS ageing,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT payer, status, count(*) AS count, sum(penalty) AS cents FROM penalty GROUP BY payer, status ORDER BY payer
        ) AS r) AS penalties,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT stage, count(*) AS count, sum("open") AS cents FROM expiring WHERE stage IS NOT NULL GROUP BY stage ORDER BY stage
        ) AS r) AS forclusion,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT payer, identified, disputed, count(*) AS count, sum(amount) AS cents FROM indu GROUP BY 1, 2, 3 ORDER BY payer
        ) AS r) AS indus,
       (SELECT json_build_object('count', count(*), 'cents', coalesce(sum(amount), 0)) FROM uncredited) AS orders_uncredited,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT kind, count(*) AS count, sum(paid_on - sent_on) AS days,
                   percentile_disc(0.5) WITHIN GROUP (ORDER BY paid_on - sent_on) AS median
              FROM standing WHERE part <> 'patient' AND amount > 0 AND sent_on <= paid_on AND paid_on > $2::date - 90 GROUP BY kind ORDER BY kind
        ) AS r) AS days_to_pay,
       (SELECT json_build_array(
            (SELECT json_build_object(
                 'of', 'lines', 'all', count(*) - (SELECT lines FROM cut),
                 'matched', count(*) FILTER (WHERE match_id IS NOT NULL) - (SELECT lines FROM cut),
                 'by_person', (SELECT coalesce(sum(cardinality(left_refs)), 0) FROM match
                                WHERE tenant_id = $1 AND problem = 'A' AND status = 'confirmed' AND decided_by <> 'auto'),
                 'ambiguous', (SELECT count(*) FROM announced WHERE word = 'ambiguous'),
                 'suggested', (SELECT count(*) FROM announced WHERE word = 'suggested')
             ) FROM order_line WHERE tenant_id = $1),
            (SELECT json_build_object(
                 'of', 'credits', 'all', count(*) - (SELECT credits FROM cut),
                 'matched', count(*) FILTER (WHERE match_id IS NOT NULL) - (SELECT credits FROM cut),
                 'by_person', (SELECT coalesce(sum(cardinality(left_refs)), 0) FROM match
                                WHERE tenant_id = $1 AND problem = 'B' AND status = 'confirmed' AND decided_by <> 'auto'),
                 'ambiguous', (SELECT count(*) FROM credit WHERE word = 'ambiguous'),
                 'suggested', (SELECT count(*) FROM credit WHERE word = 'suggested')
             ) FROM bank_line WHERE tenant_id = $1 AND duplicate_of IS NULL AND amount > 0 AND document ->> 'currency' = 'EUR')
        )) AS automatic,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT rule, count(*) AS count, sum(amount) AS cents FROM reminder WHERE tenant_id = $1 AND state = 'open' GROUP BY rule ORDER BY rule
        ) AS r) AS reminders_open
