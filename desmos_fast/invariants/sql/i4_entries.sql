-- Every ledger entry has lines, and they sum to zero; so does the whole ledger.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT e.event || ' ' || e.ref AS subject, l.balance IS DISTINCT FROM 0 AS wrong
      FROM ledger_entry AS e
      LEFT JOIN (
            SELECT entry_id, sum(debit - credit) AS balance FROM ledger_line WHERE tenant_id = $1 GROUP BY entry_id
           ) AS l ON l.entry_id = e.id
     WHERE e.tenant_id = $1
  ) AS looked
