-- Records of one centre ($1), the newest first: $2 problem, $3 status, $4 rule, $5 payer, $6 also those that hold no more, $7 after which one,
-- $8 how many, $9 outcome.
SELECT t.id, t.match_key AS match_id, t.problem, t.status, t.rule, t.left_refs AS "left", t.right_refs AS "right", t.amount, t.residual,
       t.outcome, t.evidence ->> 'why' AS why, t.decided_by, t.decided_at, h.holds
  FROM match AS t
 CROSS JOIN LATERAL (
--holds--
       ) AS h (holds)
 WHERE t.tenant_id = $1
--named--
   AND ($2::text IS NULL OR t.problem = $2)
   AND ($3::text IS NULL OR t.status = $3)
   AND ($4::text IS NULL OR t.rule = $4)
   AND ($9::text IS NULL OR t.outcome = $9)
   AND ($5::text IS NULL OR CASE t.problem
           WHEN 'A' THEN EXISTS (
               SELECT FROM payment_order AS o JOIN order_line AS l ON l.tenant_id = $1 AND l.order_id = o.id
                WHERE o.tenant_id = $1 AND o.ref = substring(t.left_refs[1] FROM '^(.*)#')
                  AND l.line = substring(t.left_refs[1] FROM '#([0-9]+)$')::integer AND l.payer = $5
           )
           ELSE EXISTS (SELECT FROM payment_order AS o WHERE o.tenant_id = $1 AND o.ref = ANY (t.right_refs) AND o.payer = $5)
       END)
   AND ($6::boolean OR h.holds)
   AND ($7::uuid IS NULL OR t.id < $7)
 ORDER BY t.id DESC LIMIT $8
