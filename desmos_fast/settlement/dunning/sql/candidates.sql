-- After standing.sql: everything that may be reminded of, each with whom it is for and since when. $7: levels with the last day that reaches each.
level AS MATERIALIZED (
    SELECT * FROM json_to_recordset($7::json) AS l (rule text, key text, level integer, cutoff date)
),
candidate AS (
    SELECT kind AS rule, payer AS debtor, payer, invoice || '/' || part AS subject, invoice_id, part, care_date, start AS since, "open" AS amount
      FROM outstanding WHERE kind <> 'patient' AND state = ANY (SELECT unnest(awaited) FROM limits)
     UNION ALL
    -- What a payer left to the patient is asked for from the day on which it was.
    SELECT 'patient', encode(i.insured_key, 'hex'), 'patient', s.biller || '/' || s.number || '/' || s.part, s.invoice_id, s.part, s.care_date,
           greatest(s.signed_on, (SELECT (max(e.happened_at) AT TIME ZONE 'Europe/Paris')::date FROM event AS e
                                   WHERE e.tenant_id = $1 AND e.invoice_id = s.invoice_id AND e.name = 'share.to_patient')), s.still_open
      FROM standing AS s JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id
     WHERE s.kind = 'patient' AND s.state IN ('due', 'part_paid') AND s.still_open > 0
     UNION ALL
    SELECT 'reject', s.payer, s.payer, s.biller || '/' || s.number || '/' || s.part, s.invoice_id, s.part, s.care_date,
           coalesce(s.refused_on, s.signed_on), s.still_open
      FROM standing AS s
     WHERE s.state = 'rejected'
       AND NOT EXISTS (SELECT FROM decision AS d WHERE d.tenant_id = $1 AND d.subject = s.biller || '/' || s.number || '/' || s.part
                          AND (d.decided_at AT TIME ZONE 'Europe/Paris')::date >= s.refused_on)
     UNION ALL
    SELECT 'order', payer, payer, ref, NULL, NULL, NULL, payment_date, amount FROM uncredited
     UNION ALL
    SELECT 'credit', account, '', ref, NULL, NULL, NULL, booking_date, amount FROM unexplained
     UNION ALL
    SELECT 'forclusion', payer, payer, invoice || '/' || part, invoice_id, part, care_date, care_date, "open" FROM expiring WHERE $2::date < barred_on
)
