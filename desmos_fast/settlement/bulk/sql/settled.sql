-- What a run settles, until it is set into its tables.
CREATE TEMP TABLE settled (
    order_id uuid, line integer, match_id uuid, match_key text, rule text, left_ref text, right_ref text, amount bigint, residual bigint,
    outcome text, evidence jsonb, invoice_id uuid, part text, state text
) ON COMMIT DROP
