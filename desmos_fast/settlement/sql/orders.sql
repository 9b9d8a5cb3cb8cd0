-- The orders of one centre ($1) that may be decided: those that are free, those whose credit ($3: since when) or lines are decided again,
-- those of free lines. What credits name ($2) is given too when it is taken for good: what a text says holds against amounts.
WITH young AS MATERIALIZED (
    SELECT id FROM match
     WHERE tenant_id = $1 AND problem = 'B' AND status = 'confirmed' AND decided_by = 'auto' AND decided_at > $3
)
SELECT o.id, o.ref, o.kind, o.payer, o.emitter, o.emitter_name, o.payment_date, o.payment_ref, o.total, o.match_id,
       o.match_id IS NULL OR o.match_id IN (SELECT id FROM young) AS free, o.biller
  FROM payment_order AS o
 WHERE o.tenant_id = $1
   AND o.id IN (
       SELECT f.id FROM payment_order AS f WHERE f.tenant_id = $1 AND f.match_id IS NULL AND f.total <> 0
       UNION
       SELECT y.id FROM payment_order AS y WHERE y.tenant_id = $1 AND y.match_id IN (SELECT id FROM young)
       UNION
       SELECT l.order_id FROM order_line AS l WHERE l.tenant_id = $1 AND l.match_id IS NULL
       UNION
       SELECT t.id FROM payment_order AS t WHERE t.tenant_id = $1 AND upper(btrim(t.payment_ref)) = ANY ($2::text[])
       UNION
       SELECT r.id
         FROM match AS m
         JOIN payment_order AS r ON r.tenant_id = $1 AND r.ref = substring(m.left_refs[1] FROM '^(.*)#')
        WHERE m.tenant_id = $1 AND m.problem = 'A' AND m.status = 'confirmed' AND m.rule IN ('A3', 'A5') AND m.decided_by = 'auto'
          AND m.decided_at > $3
   )
