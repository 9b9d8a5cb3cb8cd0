-- Counters say how many lots, files, invoices, decisions and runs were numbered, and every number below them was given.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT coalesce(c.kind, n.kind) || ' ' || coalesce(c.name, n.name) AS subject, coalesce(c.value, 0) <> coalesce(n.last, 0) AS wrong
      FROM (SELECT kind, name, value FROM counter WHERE tenant_id = $1 AND kind IN ('lot', 'file', 'decision', 'run')) AS c
      FULL JOIN (
            SELECT 'lot' AS kind, biller AS name, max((cycle - 1) * 999 + number) AS last FROM lot WHERE tenant_id = $1 GROUP BY biller
             UNION ALL
            SELECT 'file', biller, count(*) FROM file WHERE tenant_id = $1 GROUP BY biller
             UNION ALL
            SELECT 'decision', '', CASE WHEN count(*) = max(seq) THEN count(*) ELSE -1 END FROM decision WHERE tenant_id = $1 HAVING count(*) > 0
             UNION ALL
            SELECT 'run', '', CASE WHEN count(*) = max(seq) THEN count(*) ELSE -1 END FROM run WHERE tenant_id = $1 HAVING count(*) > 0
           ) AS n ON n.kind = c.kind AND n.name = c.name
     UNION ALL
    -- Callers may choose invoice numbers too: those that the service gave have all the others below them.
    SELECT 'invoice ' || c.name,
           c.value <> (SELECT count(DISTINCT i.number) FROM invoice AS i WHERE i.tenant_id = $1 AND i.biller = c.name AND i.number <= c.value)
      FROM counter AS c WHERE c.tenant_id = $1 AND c.kind = 'invoice'
  ) AS looked
