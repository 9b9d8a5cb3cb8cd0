-- Set what a run ($2, at $3) of one centre ($1) settles into its tables: columns of text from $4 on, a line for each.
WITH s AS MATERIALIZED (
    SELECT *
      FROM unnest(
               string_to_array($4, E'\n')::uuid[], string_to_array($5, E'\n')::integer[], string_to_array($6, E'\n')::uuid[],
               string_to_array($7, E'\n'), string_to_array($8, E'\n'), string_to_array($9, E'\n'), string_to_array($10, E'\n'),
               string_to_array($11, E'\n')::bigint[], string_to_array($12, E'\n')::bigint[], string_to_array($13, E'\n'),
               string_to_array($14, E'\n')::jsonb[], string_to_array($15, E'\n')::uuid[], string_to_array($16, E'\n'),
               string_to_array($17, E'\n')
           ) AS s (
               order_id, line, match_id, match_key, rule, left_ref, right_ref, amount, residual, outcome, evidence, invoice_id, part, state
           )
),
added AS (
    INSERT INTO match (tenant_id, id, run_id, match_key, problem, status, rule, left_refs, right_refs, amount, residual, outcome, evidence,
                       decided_by, decided_at)
    SELECT $1, match_id, $2, match_key, 'A', 'confirmed', rule, ARRAY[left_ref], ARRAY[right_ref], amount, residual, outcome, evidence,
           'auto', $3
      FROM s
 RETURNING 1
),
taken AS (
    UPDATE order_line AS l SET match_id = s.match_id, share_invoice_id = s.invoice_id, parked = false
      FROM s
     WHERE l.tenant_id = $1 AND l.order_id = s.order_id AND l.line = s.line AND l.match_id IS NULL
 RETURNING 1
),
moved AS (
    UPDATE share AS h SET state = s.state, announced = s.amount
      FROM s
     WHERE h.tenant_id = $1 AND h.invoice_id = s.invoice_id AND h.part = s.part AND h.announced = 0
 RETURNING 1
)
SELECT (SELECT count(*) FROM added) AS added, (SELECT count(*) FROM taken) AS taken, (SELECT count(*) FROM moved) AS moved
