-- Lot numbers of a biller run from 1 to 999, round after round; one is left out only while the lot before it still waited for its answer.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT run.biller || '/' || ((run.place - 1) / 999 + 1) || '/' || ((run.place - 1) % 999 + 1) AS subject,
           own.place IS NULL AND NOT coalesce(held.waited, false) AS wrong
      FROM (
            SELECT biller, generate_series(1, max((cycle - 1) * 999 + number)) AS place FROM lot WHERE tenant_id = $1 GROUP BY biller
           ) AS run
      LEFT JOIN (
            SELECT biller, (cycle - 1) * 999 + number AS place FROM lot WHERE tenant_id = $1
           ) AS own ON own.biller = run.biller AND own.place = run.place
      LEFT JOIN LATERAL (
            -- The lot that had this number last, and whether it was answered when the next lot was made; ids tell the order in time.
            SELECT NOT EXISTS (
                       SELECT FROM event AS e
                        WHERE e.tenant_id = $1 AND e.subject = before.id
                          AND e.name IN ('ack.accepted', 'ack.refused', 'lot.dissolved', 'lot.given_up') AND e.id < after.id
                   ) AS waited
              FROM (
                    SELECT id FROM lot
                     WHERE tenant_id = $1 AND biller = run.biller AND number = (run.place - 1) % 999 + 1
                       AND (cycle - 1) * 999 + number < run.place
                     ORDER BY cycle DESC LIMIT 1
                   ) AS before
             CROSS JOIN (
                    SELECT id FROM lot
                     WHERE tenant_id = $1 AND biller = run.biller AND (cycle - 1) * 999 + number > run.place
                     ORDER BY cycle, number LIMIT 1
                   ) AS after
           ) AS held ON own.place IS NULL
  ) AS looked
