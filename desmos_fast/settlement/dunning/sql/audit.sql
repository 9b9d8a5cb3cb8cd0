-- After standing.sql: the third-party payments of the days from $7 to $8. Each column is a JSON array.
, answered AS MATERIALIZED (
    SELECT l.payer, l.status, i.executor_am, l.reject_code AS code, CASE WHEN l.status = 'rejected' THEN s.amount ELSE 0 END AS refused
      FROM payment_order AS o
      JOIN order_line AS l ON l.tenant_id = $1 AND l.order_id = o.id AND l.status <> 'recovery' AND l.piece_of IS NULL
      LEFT JOIN invoice AS i ON i.tenant_id = $1 AND i.id = l.share_invoice_id
      LEFT JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = l.share_invoice_id AND s.part = coalesce(l.share_part, l.part)
     WHERE o.tenant_id = $1 AND o.payment_date BETWEEN $7::date AND $8::date
),
paid AS MATERIALIZED (
    SELECT payer, kind, paid_on - sent_on AS days FROM standing
     WHERE part <> 'patient' AND amount > 0 AND sent_on <= paid_on AND paid_on BETWEEN $7::date AND $8::date
)
SELECT (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT payer AS name, count(*) AS answered, count(*) FILTER (WHERE status = 'rejected') AS rejected, coalesce(sum(refused), 0) AS cents
              FROM answered GROUP BY payer ORDER BY payer
        ) AS r) AS payers,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT coalesce(lpad(executor_am::text, 9, '0'), '') AS name, count(*) AS answered, count(*) FILTER (WHERE status = 'rejected') AS rejected,
                   coalesce(sum(refused), 0) AS cents
              FROM answered GROUP BY executor_am ORDER BY executor_am NULLS LAST
        ) AS r) AS executors,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT coalesce(code, '') AS code, payer, count(*) AS count, coalesce(sum(refused), 0) AS cents
              FROM answered WHERE status = 'rejected' GROUP BY 1, 2 ORDER BY 1, 2
        ) AS r) AS causes,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT kind AS name, count(*) AS count, sum(days) AS days, percentile_disc(0.5) WITHIN GROUP (ORDER BY days) AS median
              FROM paid GROUP BY kind ORDER BY kind
        ) AS r) AS kinds,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT payer AS name, count(*) AS count, sum(days) AS days, percentile_disc(0.5) WITHIN GROUP (ORDER BY days) AS median
              FROM paid GROUP BY payer ORDER BY payer
        ) AS r) AS speeds,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT payer, age, count(*) AS count, sum("open") AS cents, count(*) FILTER (WHERE late) AS late_count,
                   coalesce(sum("open") FILTER (WHERE late), 0) AS late_cents
              FROM outstanding GROUP BY payer, age ORDER BY payer
        ) AS r) AS ageing,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT payer, status, count(*) AS count, sum(penalty) AS cents FROM penalty
             WHERE status = 'running' OR paid_on BETWEEN $7::date AND $8::date GROUP BY payer, status ORDER BY payer
        ) AS r) AS penalties,
       (SELECT coalesce(json_agg(r), '[]') FROM (
            SELECT stage, count(*) AS count, sum("open") AS cents FROM expiring WHERE stage IS NOT NULL GROUP BY stage ORDER BY stage
        ) AS r) AS forclusion
