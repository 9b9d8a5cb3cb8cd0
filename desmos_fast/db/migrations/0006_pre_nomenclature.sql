-- National tables of codes and packs of tariffs: the same for every centre, so without a tenant, and written by their owner alone.
-- depends: 0005_pre_statistics

-- migrate: apply
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '30s';

-- One import of one file; from the day `since` on the table is what that file says.
CREATE TABLE nomenclature_import (
    nomenclature text NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    since date NOT NULL,
    file text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    codes integer NOT NULL CHECK (codes >= 0),
    added integer NOT NULL CHECK (added >= 0),
    changed integer NOT NULL CHECK (changed >= 0),
    ended integer NOT NULL CHECK (ended >= 0),
    imported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (nomenclature, number)
);

-- What a code says from `since` to `until`, both included; `import` is the number of the import that brought it, written in the same
-- transaction: a foreign key would look it up for each of sixty thousand rows, and take as long as the rows themselves.
CREATE TABLE nomenclature_code (
    nomenclature text NOT NULL,
    code text NOT NULL,
    since date NOT NULL,
    until date CHECK (until >= since),
    label text NOT NULL,
    data jsonb NOT NULL,
    import integer NOT NULL,
    PRIMARY KEY (nomenclature, code, since)
);
CREATE UNIQUE INDEX nomenclature_code_open ON nomenclature_code (nomenclature, code) WHERE until IS NULL;

-- A pack of tariffs as it was imported, file by file; the one of the highest number prices.
CREATE TABLE tariff_pack (
    number integer PRIMARY KEY CHECK (number > 0),
    name text NOT NULL,
    version text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    files jsonb NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT ON nomenclature_import, nomenclature_code, tariff_pack TO desmos_app;

-- migrate: rollback
SET LOCAL lock_timeout = '2s';
DROP TABLE tariff_pack;
DROP TABLE nomenclature_code;
DROP TABLE nomenclature_import;
