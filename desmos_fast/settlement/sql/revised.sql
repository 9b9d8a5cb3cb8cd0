-- The lines of one centre ($1) told by their patient or by an amount alone since $2, while their shares can still move (no state of $3): they
-- are decided again with what has come since, unless a person has answered what they say.
SELECT l.order_id, l.line, l.biller, l.part, l.payer, l.status, l.amount, l.invoice_number, l.lot, encode(l.insured_key, 'hex'),
       l.care_date, l.reject_code, l.parked, m.id, m.match_key, s.invoice_id, s.part
  FROM match AS m
  JOIN payment_order AS o ON o.tenant_id = $1 AND o.ref = substring(m.left_refs[1] FROM '^(.*)#')
  JOIN order_line AS l
         ON l.tenant_id = $1 AND l.order_id = o.id AND l.line = substring(m.left_refs[1] FROM '#([0-9]+)$')::integer
      AND l.match_id = m.id
  JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = l.share_invoice_id AND s.part = coalesce(l.share_part, l.part)
  JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id AND i.state = 'signed'
 WHERE m.tenant_id = $1 AND m.problem = 'A' AND m.status = 'confirmed' AND m.rule IN ('A3', 'A5') AND m.decided_by = 'auto'
   AND m.decided_at > $2 AND s.state <> ALL ($3::text[]) AND NOT l.answered
