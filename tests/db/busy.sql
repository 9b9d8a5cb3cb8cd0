-- Rows of one centre, for plans: `seed.tenant` says whose, `seed.invoices` how many. Run above the policies.

CREATE OR REPLACE FUNCTION pg_temp.centre() RETURNS uuid LANGUAGE sql STABLE AS $$ SELECT current_setting('seed.tenant')::uuid $$;
CREATE OR REPLACE FUNCTION pg_temp.invoices() RETURNS integer LANGUAGE sql STABLE AS $$ SELECT current_setting('seed.invoices')::integer $$;

INSERT INTO invoice (tenant_id, id, biller, number, kind, state, security, third_party, created_on, care_date, destination, amc_number,
                     amc_apart, executor_am, fees, amo, amc, amc_sum, total, from_amo, from_amc, desk, insured_key, content_hash, sealed,
                     signed_at)
SELECT pg_temp.centre(), gen_random_uuid(), 'b', n, 'test', 'signed', 'secured', 'full', '2025-07-01', '2025-07-01', 17500001, 0, false, 0, 3000, 2100,
       900, 900, 3000, 2100, 900, 0, sha256(n::text::bytea), sha256('x'), 'sealed', now()
  FROM generate_series(1, pg_temp.invoices()) AS n;

INSERT INTO file (tenant_id, id, biller, sequence, name, created_on, state, profile, size, sha256, sealed, created_at)
SELECT pg_temp.centre(), gen_random_uuid(), 'b', n, 'b-' || n, '2025-07-01', 'sent', 'essai-1', 1, sha256('x'), 'sealed', now()
  FROM generate_series(1, pg_temp.invoices() / 1000) AS n;

INSERT INTO lot (tenant_id, id, biller, cycle, number, flow, destination, amc_number, security, lot_date, state, invoices, fees, amo, amc,
                 file_id, created_at)
SELECT pg_temp.centre(), gen_random_uuid(), f.biller, 1, (f.sequence - 1) * 20 + n, 1, 17500001, 0, 'S', '2025-07-01',
       CASE WHEN f.sequence < pg_temp.invoices() / 1000 THEN 'accepted' ELSE 'sent' END, 50, 1, 1, 1, f.id, now()
  FROM file AS f CROSS JOIN generate_series(1, 20) AS n WHERE f.tenant_id = pg_temp.centre();

INSERT INTO share (tenant_id, invoice_id, part, payer, flow, amount, transport, state, announced, lot_id)
SELECT pg_temp.centre(), i.id, p.part, 'amo:01750', 1, p.amount, p.state, p.state, 0, l.id
  FROM invoice AS i
  LEFT JOIN lot AS l ON l.tenant_id = pg_temp.centre() AND l.number = (i.number - 1) / 50 + 1
 CROSS JOIN LATERAL (SELECT CASE WHEN i.number > pg_temp.invoices() - 100 THEN 'open' ELSE 'sent' END AS state, part, amount
                       FROM (VALUES ('amo', 2100), ('amc', 900)) AS v (part, amount)) AS p
 WHERE i.tenant_id = pg_temp.centre();

INSERT INTO lot_share (tenant_id, lot_id, invoice_id, part, record)
SELECT pg_temp.centre(), lot_id, invoice_id, part, 1 FROM share WHERE tenant_id = pg_temp.centre() AND lot_id IS NOT NULL;

INSERT INTO return_file (tenant_id, id, sha256, kind, sequence, answer, sealed, imported_at)
SELECT pg_temp.centre(), gen_random_uuid(), sha256(n::text::bytea), 'rsp', n, '{}', '', now() FROM generate_series(1, 50) AS n;

INSERT INTO payment_order (tenant_id, id, return_file_id, ref, kind, payer, emitter, biller, payment_date, payment_ref, total, line, match_id)
SELECT pg_temp.centre(), gen_random_uuid(), (SELECT id FROM return_file WHERE tenant_id = pg_temp.centre() LIMIT 1), 'o' || n, 'payment', 'amo:01750', '01750', 'b',
       '2025-07-10', 'VIR' || n, 210000, 1, CASE WHEN n > 20 THEN gen_random_uuid() END
  FROM generate_series(1, pg_temp.invoices() / 20) AS n;

INSERT INTO order_line (tenant_id, order_id, line, biller, part, payer, status, amount, invoice_number, insured_key, care_date,
                        share_invoice_id, match_id)
SELECT pg_temp.centre(), o.id, n, 'b', 'amo', 'amo:01750', 'paid', 2100, i.number, i.insured_key, i.care_date, i.id,
       CASE WHEN o.match_id IS NOT NULL THEN gen_random_uuid() END
  FROM payment_order AS o CROSS JOIN generate_series(1, 20) AS n
  JOIN invoice AS i ON i.tenant_id = pg_temp.centre() AND i.number = (substr(o.ref, 2)::integer - 1) * 20 + n
 WHERE o.tenant_id = pg_temp.centre();

INSERT INTO match (tenant_id, id, run_id, match_key, problem, status, rule, left_refs, right_refs, amount, residual, evidence, decided_by,
                   decided_at)
SELECT pg_temp.centre(), gen_random_uuid(), gen_random_uuid(), 'm' || n, CASE WHEN n % 4 > 0 THEN 'A' ELSE 'B' END, CASE WHEN n % 10 > 0 THEN 'confirmed' ELSE 'unmatched' END, 'A1',
       ARRAY['l' || n], ARRAY['r' || n], 1, 0, '{}', 'auto', now() - n * interval '1 minute'
  FROM generate_series(1, pg_temp.invoices()) AS n;

INSERT INTO bank_file (tenant_id, id, sha256, format, answer, imported_at)
SELECT pg_temp.centre(), gen_random_uuid(), sha256(n::text::bytea), 'cfonb120', '{}', now() FROM generate_series(1, 100) AS n;

INSERT INTO bank_line (tenant_id, id, bank_file_id, ref, account, booking_date, amount, content_key, occurrence, document, match_id)
SELECT pg_temp.centre(), gen_random_uuid(), (SELECT id FROM bank_file WHERE tenant_id = pg_temp.centre() LIMIT 1), 'l' || n, 'a', '2025-07-10', 210000, 'k' || n, 1, '{}',
       CASE WHEN n > 20 THEN gen_random_uuid() END
  FROM generate_series(1, pg_temp.invoices() / 10) AS n;

INSERT INTO event (tenant_id, id, name, invoice_id, subject, happened_at)
SELECT pg_temp.centre(), gen_random_uuid(), 'invoice.signed', id, id, now() FROM invoice WHERE tenant_id = pg_temp.centre();

INSERT INTO idempotency (tenant_id, route, key, fingerprint, status, headers, body)
SELECT pg_temp.centre(), '/v1/invoices', 'k' || n, '', 201, '{}', '{}' FROM generate_series(1, pg_temp.invoices()) AS n;
