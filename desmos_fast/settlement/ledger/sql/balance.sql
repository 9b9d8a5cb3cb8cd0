-- The trial balance of one centre ($1) from $2 to $3 (instants, either may be null) by $4: account, payer, executor, biller or period.
-- $5 is the FINESS of the centre.
-- An entry is of one group whole, or falls apart into groups that each sum to zero: its lines that name a payer, an executor or a biller go
-- there, and the one account that names none is divided between them as they stand. Where several accounts name none, the entry is of `several`.
WITH posted AS (
    SELECT e.seq, l.account, l.debit, l.credit,
           CASE $4
               WHEN 'period' THEN to_char(e.posted_at AT TIME ZONE 'Europe/Paris', 'YYYY-MM')
               WHEN 'payer' THEN CASE
                   -- From the first colon to the last, and from the first to the end: regular expressions would take half of the time of the whole.
                   WHEN l.account LIKE 'creance:%:%'
                       THEN substr(l.account, 9, length(l.account) - 9 - length(split_part(l.account, ':', -1)))
                   WHEN position(':' IN l.account) = 0 THEN NULL
                   WHEN split_part(l.account, ':', 1) IN ('attente', 'indu', 'hors_facture', 'trop_percu')
                       THEN substr(l.account, position(':' IN l.account) + 1)
                   WHEN split_part(l.account, ':', 1) IN ('avance', 'caisse') THEN 'patient'
               END
               WHEN 'biller' THEN coalesce(substring(l.account FROM '^creance:.*:([^:/]*)/[0-9]+$'), $5)
               WHEN 'executor' THEN (
                   SELECT i.executor_am::text FROM invoice AS i
                    WHERE i.tenant_id = $1 AND i.biller = substring(l.account FROM '^creance:.*:([^:/]*)/[0-9]+$')
                      AND i.number = substring(l.account FROM '^creance:.*/([0-9]{1,18})$')::bigint
               )
               ELSE ''
           END AS name
      FROM ledger_entry AS e
      JOIN ledger_line AS l ON l.tenant_id = $1 AND l.entry_id = e.id
     WHERE e.tenant_id = $1 AND ($2::timestamptz IS NULL OR e.posted_at >= $2) AND ($3::timestamptz IS NULL OR e.posted_at < $3)
),
entry AS (
    SELECT seq, min(name) AS lowest, max(name) AS highest, max(account) FILTER (WHERE name IS NULL) AS nameless,
           max(account) FILTER (WHERE name IS NULL) IS DISTINCT FROM min(account) FILTER (WHERE name IS NULL) AS many
      FROM posted GROUP BY seq
),
placed AS (
    SELECT CASE WHEN t.lowest = t.highest THEN t.lowest WHEN t.lowest IS NULL THEN '' WHEN t.many THEN 'several' ELSE p.name END AS name,
           p.account, p.debit, p.credit
      FROM posted AS p JOIN entry AS t ON t.seq = p.seq
     WHERE t.lowest IS NOT DISTINCT FROM t.highest OR t.many OR p.name IS NOT NULL
     UNION ALL
    SELECT p.name, t.nameless, p.credit, p.debit
      FROM posted AS p JOIN entry AS t ON t.seq = p.seq
     WHERE t.lowest <> t.highest AND NOT t.many AND t.nameless IS NOT NULL AND p.name IS NOT NULL
)
SELECT name COLLATE "C" AS name, account COLLATE "C" AS account, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit,
       (sum(debit) - sum(credit))::bigint AS balance
  FROM (
        SELECT name, CASE $4 WHEN 'account' THEN account ELSE split_part(account, ':', 1) END AS account, debit, credit FROM placed
       ) AS said
 GROUP BY 1, 2
 ORDER BY 1, 2
