-- What was billed again ended by a decision, and its one successor says so; no invoice takes the place of another one without that.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT s.invoice_id || ' ' || s.part AS subject,
           n.id IS NULL OR n.supersedes IS DISTINCT FROM s.invoice_id OR t.invoice_id IS NULL OR d.kind IS DISTINCT FROM 'recycle' AS wrong
      FROM share AS s
      LEFT JOIN recycling AS r ON r.tenant_id = $1 AND r.invoice_id = s.invoice_id AND r.part = s.part
      LEFT JOIN invoice AS n ON n.tenant_id = $1 AND n.id = r.successor_id AND n.signed_at IS NOT NULL
      LEFT JOIN share AS t ON t.tenant_id = $1 AND t.invoice_id = n.id AND t.part = s.part
      LEFT JOIN decision AS d ON d.tenant_id = $1 AND d.id = r.decision_id
     WHERE s.tenant_id = $1 AND s.state = 'recycled'
     UNION ALL
    SELECT 'recycling of ' || r.invoice_id || ' ' || r.part, s.state <> 'recycled'
      FROM recycling AS r JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = r.invoice_id AND s.part = r.part
     WHERE r.tenant_id = $1
     UNION ALL
    SELECT i.biller || '/' || i.number, NOT EXISTS (
               SELECT FROM recycling AS r WHERE r.tenant_id = $1 AND r.invoice_id = i.supersedes AND r.successor_id = i.id
           )
      FROM invoice AS i WHERE i.tenant_id = $1 AND i.supersedes IS NOT NULL
  ) AS looked
