-- The other accounts say what orders, shares, bank lines and payments say: announced less received, without invoice, taken back, overpaid, at
-- the bank, in the till, paid for no invoice yet.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT coalesce(b.account, t.account) AS subject, coalesce(b.balance, 0) <> coalesce(t.balance, 0) AS wrong
      FROM (
            SELECT account, sum(debit) - sum(credit) AS balance
              FROM ledger_line
             WHERE tenant_id = $1 AND split_part(account, ':', 1) IN (
                   'attente', 'hors_facture', 'indu', 'trop_percu', 'banque', 'ecart', 'caisse', 'avance')
             GROUP BY account
           ) AS b
      FULL JOIN (
            SELECT account, sum(amount) AS balance
              FROM (
                    SELECT 'attente:' || payer AS account, amount
                      FROM order_line WHERE tenant_id = $1 AND (match_id IS NOT NULL OR parked) AND piece_of IS NULL
                     UNION ALL
                    SELECT 'attente:' || payer, -total FROM payment_order WHERE tenant_id = $1 AND match_id IS NOT NULL
                     UNION ALL
                    SELECT CASE status WHEN 'recovery' THEN 'indu:' ELSE 'hors_facture:' END || payer, -amount
                      FROM order_line WHERE tenant_id = $1 AND parked
                     UNION ALL
                    SELECT 'trop_percu:' || s.payer, -greatest(s.announced - (s.amount - s.closed), 0)
                      FROM share AS s JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id AND i.state = 'signed'
                     WHERE s.tenant_id = $1
                     UNION ALL
                    SELECT 'banque:' || account, amount
                      FROM bank_line
                     WHERE tenant_id = $1 AND duplicate_of IS NULL AND document ->> 'currency' = 'EUR' AND document ->> 'status' = 'booked'
                       AND piece_of IS NULL
                     UNION ALL
                    SELECT 'ecart', -amount
                      FROM bank_line
                     WHERE tenant_id = $1 AND duplicate_of IS NULL AND document ->> 'currency' = 'EUR' AND document ->> 'status' = 'booked'
                       AND match_id IS NULL
                     UNION ALL
                    SELECT evidence #>> '{values,remainder,0}', -residual
                      FROM match
                     WHERE tenant_id = $1 AND problem = 'B' AND status = 'confirmed' AND residual <> 0
                       AND evidence #>> '{values,remainder,0}' <> 'perte'
                     UNION ALL
                    SELECT 'caisse:' || means, amount FROM payment WHERE tenant_id = $1 AND unpaid_at IS NULL
                     UNION ALL
                    SELECT 'avance:' || id, -amount FROM payment WHERE tenant_id = $1 AND unpaid_at IS NULL
                     UNION ALL
                    SELECT 'avance:' || p.id, t.amount
                      FROM payment_part AS t JOIN payment AS p ON p.tenant_id = $1 AND p.id = t.payment_id AND p.unpaid_at IS NULL
                     WHERE t.tenant_id = $1
                     UNION ALL
                    SELECT 'avance:' || t.source_id, -t.amount
                      FROM payment_part AS t JOIN payment AS r ON r.tenant_id = $1 AND r.id = t.payment_id AND r.unpaid_at IS NULL
                     WHERE t.tenant_id = $1 AND t.source_id IS NOT NULL
                   ) AS told
             GROUP BY account
           ) AS t ON t.account = b.account
  ) AS looked
