-- Tables of the first version: every key begins with the tenant, so that the schema can be spread over servers.
-- depends:

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

CREATE TABLE centre (
    tenant_id uuid PRIMARY KEY,
    finess text NOT NULL UNIQUE,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_key (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('test', 'live')),
    hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);

-- Counters are rows, never sequences: a number taken by a transaction that fails must come again.
CREATE TABLE counter (
    tenant_id uuid NOT NULL REFERENCES centre,
    kind text NOT NULL,
    name text NOT NULL,
    value bigint NOT NULL CHECK (value >= 0),
    hash bytea,
    PRIMARY KEY (tenant_id, kind, name)
);

-- The amounts fees, amo and amc are those of record 5 in flow 01; from_amo + from_amc + desk = total.
CREATE TABLE invoice (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    biller text NOT NULL,
    number bigint NOT NULL CHECK (number BETWEEN 1 AND 999999999),
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN ('draft', 'priced', 'signed', 'void')),
    security text NOT NULL,
    third_party text NOT NULL,
    created_on date NOT NULL,
    care_date date NOT NULL,
    destination integer NOT NULL,
    amc_number bigint NOT NULL,
    amc_apart boolean NOT NULL,
    executor_am bigint NOT NULL,
    fees bigint NOT NULL,
    amo bigint NOT NULL,
    amc bigint NOT NULL,
    amc_sum bigint NOT NULL,
    total bigint NOT NULL,
    from_amo bigint NOT NULL CHECK (from_amo >= 0),
    from_amc bigint NOT NULL CHECK (from_amc >= 0),
    desk bigint NOT NULL CHECK (desk >= 0),
    insured_key bytea NOT NULL CHECK (length(insured_key) = 32),
    content_hash bytea NOT NULL CHECK (length(content_hash) = 32),
    sealed bytea NOT NULL,
    supersedes uuid,
    signed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, biller, number),
    CONSTRAINT shares_make_the_total CHECK (from_amo + from_amc + desk = total)
) PARTITION BY HASH (tenant_id);
CREATE INDEX invoice_insured ON invoice (tenant_id, insured_key);

CREATE TABLE share (
    tenant_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    part text NOT NULL CHECK (part IN ('amo', 'amc', 'patient')),
    payer text NOT NULL,
    flow smallint NOT NULL CHECK (flow IN (0, 1, 2)),
    amount bigint NOT NULL CHECK (amount >= 0),
    -- What sending alone says; `state` says the same until returns and the bank say more.
    transport text NOT NULL,
    state text NOT NULL,
    announced bigint NOT NULL DEFAULT 0,
    credited bigint NOT NULL DEFAULT 0,
    reject_code text,
    lot_id uuid,
    PRIMARY KEY (tenant_id, invoice_id, part),
    FOREIGN KEY (tenant_id, invoice_id) REFERENCES invoice (tenant_id, id)
) PARTITION BY HASH (tenant_id);
CREATE INDEX share_waiting ON share (tenant_id, flow) WHERE state IN ('open', 'file_refused');
CREATE INDEX share_lot ON share (tenant_id, lot_id);

CREATE TABLE file (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    biller text NOT NULL,
    sequence integer NOT NULL CHECK (sequence BETWEEN 1 AND 999999),
    name text NOT NULL,
    created_on date NOT NULL,
    state text NOT NULL CHECK (state IN ('built', 'queued', 'sent', 'acknowledged', 'dead')),
    profile text NOT NULL,
    size bigint NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, biller, sequence, created_on)
);

CREATE TABLE lot (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    biller text NOT NULL,
    cycle integer NOT NULL,
    number smallint NOT NULL CHECK (number BETWEEN 1 AND 999),
    flow smallint NOT NULL CHECK (flow IN (1, 2)),
    destination integer NOT NULL,
    amc_number bigint NOT NULL,
    security text NOT NULL,
    lot_date date NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'sealed', 'sent', 'accepted', 'refused', 'replaced', 'dissolved')),
    invoices integer NOT NULL CHECK (invoices BETWEEN 1 AND 999),
    fees bigint NOT NULL,
    amo bigint NOT NULL,
    amc bigint NOT NULL,
    file_id uuid NOT NULL,
    arl_code text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, biller, cycle, number),
    FOREIGN KEY (tenant_id, file_id) REFERENCES file (tenant_id, id)
);
CREATE INDEX lot_unanswered ON lot (tenant_id, biller, number) WHERE state IN ('open', 'sealed', 'sent');
CREATE INDEX lot_file ON lot (tenant_id, file_id);
CREATE INDEX lot_named ON lot (tenant_id, biller, number, lot_date);

CREATE TABLE lot_share (
    tenant_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    part text NOT NULL,
    record integer NOT NULL,
    live boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant_id, lot_id, invoice_id, part),
    FOREIGN KEY (tenant_id, lot_id) REFERENCES lot (tenant_id, id)
);
CREATE UNIQUE INDEX lot_share_one_live ON lot_share (tenant_id, invoice_id, part) WHERE live;

CREATE TABLE return_file (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    kind text NOT NULL CHECK (kind IN ('arl', 'rsp')),
    sequence integer NOT NULL,
    answer jsonb NOT NULL,
    sealed bytea NOT NULL,
    imported_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, sha256)
);

CREATE TABLE payment_order (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    return_file_id uuid NOT NULL,
    ref text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('payment', 'recovery')),
    payer text NOT NULL,
    emitter text NOT NULL,
    emitter_name text,
    biller text NOT NULL,
    payment_date date NOT NULL,
    payment_ref text NOT NULL,
    total bigint NOT NULL,
    line integer NOT NULL,
    match_id uuid,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, ref),
    FOREIGN KEY (tenant_id, return_file_id) REFERENCES return_file (tenant_id, id)
);
CREATE INDEX payment_order_free ON payment_order (tenant_id) WHERE match_id IS NULL;

CREATE TABLE order_line (
    tenant_id uuid NOT NULL,
    order_id uuid NOT NULL,
    line integer NOT NULL,
    biller text,
    part text,
    payer text NOT NULL,
    status text NOT NULL CHECK (status IN ('paid', 'partial', 'rejected', 'recovery')),
    amount bigint NOT NULL,
    invoice_number bigint,
    lot text,
    insured_key bytea,
    care_date date,
    reject_code text,
    share_invoice_id uuid,
    match_id uuid,
    parked boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, order_id, line),
    FOREIGN KEY (tenant_id, order_id) REFERENCES payment_order (tenant_id, id)
);
CREATE INDEX order_line_free ON order_line (tenant_id) WHERE match_id IS NULL;
CREATE INDEX order_line_share ON order_line (tenant_id, share_invoice_id, part) WHERE match_id IS NOT NULL;

CREATE TABLE bank_file (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    format text NOT NULL,
    answer jsonb NOT NULL,
    imported_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, sha256)
);

CREATE TABLE bank_line (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    bank_file_id uuid NOT NULL,
    ref text NOT NULL,
    account text NOT NULL,
    booking_date date NOT NULL,
    amount bigint NOT NULL,
    content_key text NOT NULL,
    occurrence integer NOT NULL,
    document jsonb NOT NULL,
    duplicate_of text,
    match_id uuid,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, ref),
    FOREIGN KEY (tenant_id, bank_file_id) REFERENCES bank_file (tenant_id, id)
);
CREATE UNIQUE INDEX bank_line_once ON bank_line (tenant_id, content_key, occurrence) WHERE duplicate_of IS NULL;
CREATE INDEX bank_line_free ON bank_line (tenant_id) WHERE match_id IS NULL AND duplicate_of IS NULL;

CREATE TABLE match (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    match_key text NOT NULL,
    problem text NOT NULL CHECK (problem IN ('A', 'B')),
    status text NOT NULL,
    rule text NOT NULL,
    left_refs text[] NOT NULL,
    right_refs text[] NOT NULL,
    amount bigint NOT NULL,
    residual bigint NOT NULL,
    outcome text,
    evidence jsonb NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX match_confirmed_once ON match (tenant_id, match_key) WHERE status = 'confirmed';
CREATE INDEX match_run ON match (tenant_id, run_id);
CREATE INDEX match_of_credits ON match (tenant_id, decided_at) WHERE problem = 'B' AND status = 'confirmed';
-- The latest word on what is not matched: a record is written when the reason changes, and the last one holds.
CREATE INDEX match_undecided ON match (tenant_id, (left_refs[1]), id) WHERE status <> 'confirmed';

CREATE TABLE decision (
    tenant_id uuid NOT NULL REFERENCES centre,
    id uuid NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE ledger_entry (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    seq bigint NOT NULL,
    event text NOT NULL,
    ref text NOT NULL,
    posted_at timestamptz NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, seq)
) PARTITION BY HASH (tenant_id);

CREATE TABLE ledger_line (
    tenant_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    line smallint NOT NULL,
    account text NOT NULL,
    debit bigint NOT NULL CHECK (debit >= 0),
    credit bigint NOT NULL CHECK (credit >= 0),
    PRIMARY KEY (tenant_id, entry_id, line),
    FOREIGN KEY (tenant_id, entry_id) REFERENCES ledger_entry (tenant_id, id),
    CONSTRAINT one_side CHECK ((debit = 0) <> (credit = 0))
) PARTITION BY HASH (tenant_id);
CREATE INDEX ledger_line_account ON ledger_line (tenant_id, account);

CREATE TABLE event (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    invoice_id uuid,
    subject uuid NOT NULL,
    part text,
    detail jsonb,
    happened_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
) PARTITION BY HASH (tenant_id);
CREATE INDEX event_invoice ON event (tenant_id, invoice_id, id);

CREATE TABLE idempotency (
    tenant_id uuid NOT NULL REFERENCES centre,
    route text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, route, key)
);

CREATE TABLE audit (
    tenant_id uuid NOT NULL REFERENCES centre,
    seq bigint NOT NULL,
    happened_at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    hash bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (tenant_id, seq)
);

DO $$
DECLARE
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['invoice', 'share', 'ledger_entry', 'ledger_line', 'event'] LOOP
        FOR leaf IN 0..7 LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS 8, REMAINDER %s)', parent || '_' || leaf, parent, leaf);
        END LOOP;
    END LOOP;
END
$$;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP TABLE audit, idempotency, event, ledger_line, ledger_entry, decision, match, bank_line, bank_file, order_line, payment_order,
    return_file, lot_share, lot, file, share, invoice, counter, api_key, centre;
