-- What a webhook is to be told of is there, and of one subject nothing was told before what came earlier and still waits.
SELECT count(*) AS looked, count(*) FILTER (WHERE wrong) AS wrong, (array_agg(subject) FILTER (WHERE wrong))[1:10] AS examples
  FROM (
    SELECT d.webhook_id || '/' || d.seq AS subject,
           e.id IS NULL OR (d.state = 'delivered' AND EXISTS (
               SELECT FROM webhook_delivery AS p
                WHERE p.tenant_id = $1 AND p.webhook_id = d.webhook_id AND p.subject = d.subject AND p.state = 'waiting' AND p.seq < d.seq
           )) AS wrong
      FROM webhook_delivery AS d
      LEFT JOIN event AS e ON e.tenant_id = $1 AND e.id = d.event_id
     WHERE d.tenant_id = $1
  ) AS looked
