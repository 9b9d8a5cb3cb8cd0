-- The lines of one centre ($1) that a run decides: those that are free, and those told by their patient or by an amount alone since $2. The
-- last column says whether a line may be settled as it stands: it pays something or nothing, its order waits for its credit, and nobody has
-- said anything of it.
SELECT l.order_id, l.line, o.ref, l.biller, o.biller, l.part, l.payer, l.amount, l.invoice_number, l.lot, l.insured_key, l.care_date, l.parked,
       l.match_id IS NULL AND l.status IN ('paid', 'partial') AND l.reject_code IS NULL AND NOT l.answered AND l.piece_of IS NULL
           AND o.match_id IS NULL
           AND o.ref || '#' || l.line NOT IN (SELECT left_ref FROM forbidden WHERE tenant_id = $1 AND problem = 'A')
  FROM order_line AS l
  JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
 WHERE l.tenant_id = $1
   AND (l.match_id IS NULL OR l.match_id IN (
           SELECT id FROM match
            WHERE tenant_id = $1 AND problem = 'A' AND status = 'confirmed' AND rule IN ('A3', 'A5') AND decided_at > $2
       ))
