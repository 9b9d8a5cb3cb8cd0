-- What stands of every part of a signed invoice of one centre ($1) on a day ($2), as common tables that other queries begin with. $3: the terms of
-- each kind of payer or payer, $4: a day, $5: how many working days there were up to it and each day after it, $6: lists of states and limits.
limits AS MATERIALIZED (
    SELECT ARRAY(SELECT json_array_elements_text($6::json -> 'awaited')) AS awaited,
           ARRAY(SELECT json_array_elements_text($6::json -> 'claimable')) AS claimable,
           ($6::json ->> 'answer_months')::integer AS answer_months, ($6::json ->> 'barred_years')::integer AS barred_years
),
stage AS MATERIALIZED (
    SELECT s ->> 0 AS name, (s ->> 1)::integer AS months FROM json_array_elements($6::json -> 'stages') AS s
),
term AS MATERIALIZED (
    SELECT * FROM json_to_recordset($3::json)
        AS t (key text, since date, until date, clock text, delay integer, unit text, flat bigint, flat_days integer, rate integer, years integer)
),
gone AS MATERIALIZED (
    SELECT l.id, (f.sent_at AT TIME ZONE 'Europe/Paris')::date AS sent_on,
           (SELECT (min(e.happened_at) AT TIME ZONE 'Europe/Paris')::date FROM event AS e
             WHERE e.tenant_id = $1 AND e.subject = l.id AND e.invoice_id IS NULL AND e.name = 'ack.accepted') AS acked_on
      FROM lot AS l JOIN file AS f ON f.tenant_id = $1 AND f.id = l.file_id
     WHERE l.tenant_id = $1
),
said AS (
    SELECT l.share_invoice_id AS invoice_id, coalesce(l.share_part, l.part) AS part, l.status, l.amount, o.payment_date,
           CASE l.status WHEN 'rejected' THEN (SELECT r.imported_at FROM return_file AS r WHERE r.tenant_id = $1 AND r.id = o.return_file_id) END
               AS refused_at,
           sum(l.amount) OVER (PARTITION BY l.share_invoice_id, coalesce(l.share_part, l.part) ORDER BY o.payment_date, o.ref, l.line) AS so_far
      FROM order_line AS l
      JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
     WHERE l.tenant_id = $1 AND l.match_id IS NOT NULL AND l.share_invoice_id IS NOT NULL
),
history AS MATERIALIZED (
    SELECT d.invoice_id, d.part, min(d.payment_date) FILTER (WHERE d.so_far >= s.amount) AS paid_on,
           (max(d.refused_at) AT TIME ZONE 'Europe/Paris')::date AS refused_on,
           (-sum(d.amount) FILTER (WHERE d.amount < 0))::bigint AS taken, max(d.payment_date) FILTER (WHERE d.amount < 0) AS taken_on,
           max(d.payment_date) FILTER (WHERE d.amount > 0) AS last_paid_on
      FROM said AS d
      JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = d.invoice_id AND s.part = d.part
     GROUP BY d.invoice_id, d.part
),
part AS (
    SELECT s.invoice_id, s.part, s.payer, s.state, s.amount, i.biller, i.number, i.care_date, (i.signed_at AT TIME ZONE 'Europe/Paris')::date AS signed_on, g.sent_on, g.acked_on,
           greatest(s.amount - s.closed - s.announced, 0) AS still_open,
           CASE split_part(s.payer, ':', 1) WHEN 'amo' THEN 'amo' WHEN 'patient' THEN 'patient' ELSE 'amc' END AS kind
      FROM share AS s
      JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id AND i.state = 'signed'
      LEFT JOIN gone AS g ON g.id = s.lot_id
     WHERE s.tenant_id = $1
),
standing AS MATERIALIZED (
    SELECT p.*, t.clock, t.delay, t.unit, t.flat, t.flat_days, t.rate, t.years, h.paid_on, h.refused_on, h.taken, h.taken_on, h.last_paid_on,
           CASE t.clock WHEN 'ack' THEN p.acked_on WHEN 'sent' THEN p.sent_on ELSE p.signed_on END AS start,
           $2::date - p.signed_on AS days,
           age_of($2::date - p.signed_on) AS age
      FROM part AS p
      LEFT JOIN term AS t
             ON t.key = CASE WHEN p.payer IN (SELECT key FROM term) THEN p.payer ELSE p.kind END AND p.signed_on BETWEEN t.since AND t.until
      LEFT JOIN history AS h ON h.invoice_id = p.invoice_id AND h.part = p.part
),
-- Until today, or until the day on which the part was paid in full; days before those that are numbered count as the first of them. The clock of
-- a part that nothing started counts nothing.
counted AS (
    SELECT s.*, coalesce(s.paid_on, $2::date) AS ended,
           CASE s.unit WHEN 'working' THEN ($5::integer[])[greatest(coalesce(s.paid_on, $2::date) - $4::date, 0) + 1]
                                           - ($5::integer[])[CASE WHEN s.start < $4::date THEN 1 ELSE s.start - $4::date + 1 END]
                ELSE coalesce(s.paid_on, $2::date) - s.start END AS waited
      FROM standing AS s
),
outstanding AS (
    SELECT invoice_id || '/' || part AS place, biller || '/' || number AS invoice, invoice_id, part, payer, kind, state, amount, still_open AS "open", care_date, signed_on, age, days,
           start, waited, delay, unit, (state = ANY (SELECT unnest(awaited) FROM limits) AND coalesce(waited > delay, false)) AS late
      FROM counted
     WHERE still_open > 0
),
-- Nothing is owed for a part that the payer refused, whatever it did later, nor for one that a person closed without its payment.
penalty AS (
    SELECT invoice_id::text AS place, biller || '/' || number AS invoice, invoice_id, payer, amount, clock, start, paid_on,
           CASE WHEN paid_on IS NULL THEN 'running' ELSE 'due' END AS status, waited AS days, delay, unit, flat, flat_days, rate,
           CASE WHEN waited <= delay + flat_days THEN flat ELSE (amount * rate + 500) / 1000 END AS penalty
      FROM counted
     WHERE part = 'amo' AND amount > 0 AND refused_on IS NULL AND waited > delay AND flat + rate > 0
       AND (paid_on IS NOT NULL OR state = ANY (SELECT unnest(awaited) FROM limits))
),
expiring AS (
    SELECT e.invoice_id || '/' || e.part AS place, e.biller || '/' || e.number AS invoice, e.invoice_id, e.part, e.payer, e.state, e.still_open AS "open", e.care_date, e.barred_on,
           CASE WHEN $2::date >= e.barred_on THEN 'barred'
                ELSE (SELECT g.name FROM stage AS g WHERE e.care_date + make_interval(months => g.months) <= $2::date
                       ORDER BY g.months DESC LIMIT 1) END AS stage
      FROM (
               SELECT *, (date_trunc('quarter', care_date) + make_interval(months => 3 + 12 * years))::date AS barred_on FROM standing
                WHERE still_open > 0 AND part <> 'patient' AND state = ANY (SELECT unnest(claimable) FROM limits)
           ) AS e
),
flag AS (
    SELECT DISTINCT ON (subject) subject, (detail ->> 'disputed')::boolean AS disputed, detail ->> 'why' AS why
      FROM decision WHERE tenant_id = $1 AND kind = 'dispute' ORDER BY subject, decided_at DESC, id DESC
),
taken AS (
    SELECT s.invoice_id || '/' || s.part AS place, s.biller || '/' || s.number || '/' || s.part AS subject, s.payer, 'share' AS source, true AS identified,
           s.biller || '/' || s.number AS invoice, s.invoice_id, s.part, s.taken AS amount, s.taken_on, s.last_paid_on AS paid_on
      FROM standing AS s
     WHERE s.state = 'indu'
     UNION ALL
    SELECT o.id || '/' || l.line, o.ref || '#' || l.line, l.payer, 'line', false, NULL, NULL, NULL, -l.amount, o.payment_date, NULL
      FROM order_line AS l JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
     WHERE l.tenant_id = $1 AND l.parked AND l.status = 'recovery'
     UNION ALL
    -- What credits were less than their orders, or more when below zero: only people leave such a remainder.
    SELECT m.id::text, m.id::text, substring(m.evidence #>> '{values,remainder,0}' FROM 6), 'match', false, NULL, NULL, NULL, -m.residual,
           (SELECT max(b.booking_date) FROM bank_line AS b WHERE b.tenant_id = $1 AND b.match_id = m.id), NULL
      FROM decision AS d
      JOIN match AS m ON m.tenant_id = $1 AND m.id = CASE WHEN d.kind IN ('match', 'accept') THEN d.subject::uuid END
     WHERE d.tenant_id = $1 AND m.problem = 'B' AND m.status = 'confirmed' AND m.residual <> 0
       AND starts_with(m.evidence #>> '{values,remainder,0}', 'indu:')
),
indu AS (
    SELECT t.*, (t.taken_on + make_interval(months => (SELECT answer_months FROM limits)))::date AS answer_by,
           (t.paid_on + make_interval(years => (SELECT barred_years FROM limits)))::date AS barred_on,
           t.taken_on > (t.paid_on + make_interval(years => (SELECT barred_years FROM limits)))::date AS barred,
           coalesce(f.disputed, false) AS disputed, f.why
      FROM taken AS t LEFT JOIN flag AS f ON f.subject = t.subject
),
uncredited AS (
    SELECT o.id::text AS place, o.ref, o.payer, o.payment_ref, o.payment_date, o.total AS amount, $2::date - o.payment_date AS days
      FROM payment_order AS o
     WHERE o.tenant_id = $1 AND o.match_id IS NULL AND o.total > 0
),
unexplained AS (
    SELECT b.id::text AS place, b.ref, b.account, b.document ->> 'label' AS label, b.booking_date, b.amount, $2::date - b.booking_date AS days
      FROM bank_line AS b
     WHERE b.tenant_id = $1 AND b.match_id IS NULL AND b.duplicate_of IS NULL AND b.amount > 0 AND b.document ->> 'currency' = 'EUR'
)
