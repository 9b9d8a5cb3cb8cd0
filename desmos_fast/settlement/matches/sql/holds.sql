           SELECT t.status IN ('confirmed', 'split') OR t.status <> 'undone' AND NOT EXISTS (
                      SELECT FROM match AS later
                       WHERE later.tenant_id = $1 AND later.left_refs[1] = t.left_refs[1] AND later.id > t.id
                         AND later.status <> 'confirmed' AND later.status <> 'undone'
                  ) AND CASE t.problem
                      WHEN 'A' THEN EXISTS (
                          SELECT FROM payment_order AS o
                            JOIN order_line AS l ON l.tenant_id = $1 AND l.order_id = o.id
                           WHERE o.tenant_id = $1 AND o.ref = substring(t.left_refs[1] FROM '^(.*)#')
                             AND l.line = substring(t.left_refs[1] FROM '#([0-9]+)$')::integer AND l.match_id IS NULL
                      )
                      ELSE EXISTS (SELECT FROM bank_line AS b WHERE b.tenant_id = $1 AND b.ref = t.left_refs[1] AND b.match_id IS NULL)
                  END
