-- Nothing is posted twice, nor undone more often than it was posted; a payment may be attached to one invoice after the other.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT event || ' ' || ref AS subject, times NOT IN (0, 1) AND event <> 'payment.attached' AS wrong
      FROM (
            SELECT regexp_replace(event, '\.undone$', '') AS event, ref,
                   count(*) FILTER (WHERE event NOT LIKE '%.undone') - count(*) FILTER (WHERE event LIKE '%.undone') AS times
              FROM ledger_entry WHERE tenant_id = $1 GROUP BY 1, 2
           ) AS posted
  ) AS looked
