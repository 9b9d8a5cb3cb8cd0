-- Each confirmed match has all that it names, and each line, order and credit that is taken is named by the one record that took it.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT 'match ' || m.id AS subject,
           CASE m.problem
               WHEN 'A' THEN NOT EXISTS (
                   SELECT FROM payment_order AS o JOIN order_line AS l ON l.tenant_id = $1 AND l.order_id = o.id
                    WHERE o.tenant_id = $1 AND o.ref = substring(m.left_refs[1] FROM '^(.*)#')
                      AND l.line = substring(m.left_refs[1] FROM '#([0-9]+)$')::integer AND l.match_id = m.id
               )
               ELSE (SELECT count(*) FROM bank_line WHERE tenant_id = $1 AND ref = ANY (m.left_refs) AND match_id = m.id)
                    <> cardinality(m.left_refs)
                 OR (SELECT count(*) FROM payment_order WHERE tenant_id = $1 AND ref = ANY (m.right_refs) AND match_id = m.id)
                    <> cardinality(m.right_refs)
           END AS wrong
      FROM match AS m WHERE m.tenant_id = $1 AND m.status = 'confirmed'
     UNION ALL
    -- What was cut is taken by the record of the split, and its pieces are once it is whole again.
    SELECT taken.subject,
           NOT EXISTS (
               SELECT FROM match AS m
                WHERE m.tenant_id = $1 AND m.id = taken.match_id
                  AND (m.status = 'confirmed' OR m.rule = 'split' AND m.status = CASE WHEN taken.name = ANY (m.right_refs) THEN 'undone' ELSE 'split' END)
                  AND taken.name = ANY (m.left_refs || m.right_refs)
           )
      FROM (
            SELECT 'line ' || o.ref || '#' || l.line AS subject, o.ref || '#' || l.line AS name, l.match_id
              FROM order_line AS l JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
             WHERE l.tenant_id = $1 AND l.match_id IS NOT NULL
             UNION ALL
            SELECT 'order ' || ref, ref, match_id FROM payment_order WHERE tenant_id = $1 AND match_id IS NOT NULL
             UNION ALL
            SELECT 'credit ' || ref, ref, match_id FROM bank_line WHERE tenant_id = $1 AND match_id IS NOT NULL
           ) AS taken
  ) AS looked
