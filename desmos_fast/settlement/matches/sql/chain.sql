-- One record ($2) of a centre ($1) and the way from the journal over the match and its orders to the invoices, all in one statement: at
-- most $3 of each.
WITH told AS (
    SELECT m.*, CASE m.problem WHEN 'A' THEN ARRAY[substring(m.left_refs[1] FROM '^(.*)#')] ELSE m.right_refs END AS order_refs,
           CASE m.problem WHEN 'A' THEN substring(m.left_refs[1] FROM '#([0-9]+)$')::integer END AS line
      FROM match AS m WHERE m.tenant_id = $1 AND m.id = $2
),
paid AS (
    SELECT o.id, o.ref, o.kind, o.payer, o.emitter, o.payment_date, o.payment_ref, o.total, o.match_id
      FROM told AS t JOIN payment_order AS o ON o.tenant_id = $1 AND o.ref = ANY (t.order_refs)
     ORDER BY o.ref LIMIT $3
),
said AS (
    SELECT p.ref || '#' || l.line AS name, l.status, l.amount, l.payer, l.part, l.invoice_number, l.lot, l.care_date, l.reject_code,
           l.match_id, l.share_invoice_id, coalesce(l.share_part, l.part) AS share_part, l.piece_of
      FROM told AS t CROSS JOIN paid AS p
      JOIN order_line AS l ON l.tenant_id = $1 AND l.order_id = p.id AND (t.line IS NULL OR l.line = t.line)
     ORDER BY p.ref, l.line LIMIT $3
),
owed AS (
    SELECT DISTINCT i.id AS invoice, i.biller || '/' || i.number || '/' || s.part AS name, i.care_date, s.payer, s.amount, s.closed, s.announced,
           s.credited, s.state
      FROM said AS d
      JOIN invoice AS i ON i.tenant_id = $1 AND i.id = d.share_invoice_id
      JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = i.id AND s.part = d.share_part
),
posted AS (
    SELECT e.seq, e.event, e.ref, e.posted_at = t.decided_at AS own, encode(e.hash, 'hex') AS hash,
           (SELECT json_agg(json_build_array(l.account, l.debit, l.credit) ORDER BY l.line)
              FROM ledger_line AS l WHERE l.tenant_id = $1 AND l.entry_id = e.id) AS lines
      FROM told AS t
      JOIN ledger_entry AS e ON e.tenant_id = $1 AND e.ref = ANY (t.left_refs) AND e.event <> 'invoice.signed'
     ORDER BY e.seq LIMIT $3
),
received AS (
    SELECT b.ref, b.account, b.booking_date, b.amount, b.document ->> 'label' AS label, b.match_id, b.piece_of
      FROM told AS t JOIN bank_line AS b ON b.tenant_id = $1 AND b.ref = ANY (t.left_refs) AND t.problem = 'B'
     ORDER BY b.ref LIMIT $3
),
decided AS (
    SELECT d.id, d.seq, d.kind, d.subject, d.detail, d.decided_by, d.decided_at, d.id = t.run_id AS made
      FROM told AS t JOIN decision AS d ON d.tenant_id = $1 AND (d.id = t.run_id OR d.subject = t.id::text AND d.kind = 'undo')
)
SELECT t.id, t.match_key, t.problem, t.status, t.rule, t.left_refs, t.right_refs, t.amount, t.residual, t.outcome,
       t.evidence ->> 'why' AS why, t.decided_by, t.decided_at,
       match_holds AS holds, t.evidence,
       (SELECT to_json(d) FROM decided AS d WHERE d.made) AS decision,
       (SELECT to_json(d) FROM decided AS d WHERE NOT d.made) AS undone_by,
       (SELECT coalesce(json_agg(p ORDER BY p.seq), '[]') FROM posted AS p) AS entries,
       (SELECT coalesce(json_agg(r ORDER BY r.ref), '[]') FROM received AS r) AS credits,
       (SELECT coalesce(json_agg(p ORDER BY p.ref), '[]') FROM paid AS p) AS orders,
       (SELECT coalesce(json_agg(s), '[]') FROM said AS s) AS lines,
       (SELECT coalesce(json_agg(o ORDER BY o.name), '[]') FROM owed AS o) AS shares
  FROM told AS t
 CROSS JOIN LATERAL (
--holds--
       ) AS h (match_holds)
