-- What the ledger says that each payer owes on each invoice is what its shares leave open.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT coalesce(b.account, s.account) AS subject, coalesce(b.balance, 0) <> coalesce(s.still_open, 0) AS wrong
      FROM (
            SELECT account, sum(debit) - sum(credit) AS balance
              FROM ledger_line WHERE tenant_id = $1 AND account LIKE 'creance:%' GROUP BY account
           ) AS b
      FULL JOIN (
            SELECT 'creance:' || s.payer || ':' || i.biller || '/' || i.number AS account,
                   sum(greatest(s.amount - s.closed - s.announced, 0)) AS still_open
              FROM share AS s JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id AND i.state = 'signed'
             WHERE s.tenant_id = $1
             GROUP BY 1
           ) AS s ON s.account = b.account
  ) AS looked
