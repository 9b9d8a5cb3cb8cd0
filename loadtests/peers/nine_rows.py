# SPDX-License-Identifier: Apache-2.0
"""A script for pgbench that writes the rows of one signed invoice in a transaction, as the service leaves them.

It is made from an invoice that the service signed: every table that has rows of it, every column. Ids are new in each transaction, children
have their parent's; number and end of the ledger come from the counters, which are asked as late as can be, for whoever holds one keeps all
others waiting. Statements are sent together, and what they insert is part of them, so next to nothing crosses the line.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from desmos_fast.base.ledger import GENESIS
from desmos_fast.db.journal import HEAD
from desmos_fast.db.numbers import TAKE
from desmos_fast.db.pool import Connection

# In the order in which they can be written, each with what finds the rows of an invoice and its entry.
TABLES: Final = {
    "idempotency": "position(convert_to('{invoice}', 'UTF8') IN body) > 0",
    "invoice": "id = '{invoice}'",
    "share": "invoice_id = '{invoice}'",
    "event": "invoice_id = '{invoice}'",
    "ledger_entry": "id = '{entry}'",
    "ledger_line": "entry_id = '{entry}'",
}
COLUMNS: Final = """
    SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
# Two who pay and three lines of the ledger, nine rows in all: what an invoice has in the middle.
USUAL: Final = """
    SELECT i.id AS invoice, e.id AS entry, i.biller, e.ref FROM invoice AS i
      JOIN ledger_entry AS e ON e.tenant_id = i.tenant_id AND e.ref = i.biller || '/' || i.number
     WHERE i.tenant_id = $1
       AND (SELECT count(*) FROM share AS s WHERE s.tenant_id = i.tenant_id AND s.invoice_id = i.id) = 2
       AND (SELECT count(*) FROM ledger_line AS l WHERE l.tenant_id = i.tenant_id AND l.entry_id = e.id) = 3
     ORDER BY i.number LIMIT 1
"""
NEW: Final = "gen_random_uuid()"
INVOICE, ENTRY, NUMBER, SEQ = (f"current_setting('bench.{name}')" for name in ("invoice", "entry", "number", "seq"))
LINK: Final = f"sha256(decode(current_setting('bench.link'), 'hex') || uuid_send(CAST({ENTRY} AS uuid)))"
# What each transaction has anew.
ANEW: Final = {
    ("idempotency", "key"): f"CAST({NEW} AS text)", ("invoice", "number"): f"CAST({NUMBER} AS bigint)", ("event", "id"): NEW,
    ("ledger_entry", "seq"): f"CAST({SEQ} AS bigint)", ("ledger_entry", "hash"): LINK,
}  # fmt: skip


def quoted(text: str) -> str:
    """Return a literal; pgbench would take a colon for a variable of its own."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a") + "'"


def expression(value: str | None, kind: str, stands: Mapping[str, str]) -> str:
    """Return what is inserted in the place of a value: what names the one invoice is that of each, an instant is now."""
    if value is None or kind.startswith("timestamp"):
        return "NULL" if value is None else "now()"
    for name, instead in stands.items():
        if name in value:
            before, _, after = value.partition(name)
            return f"CAST({quoted(before)} || {instead} || {quoted(after)} AS {kind})"
    return f"CAST({quoted(value)} AS {kind})"


def keeping(names: Mapping[str, str], source: str = "") -> str:
    """Return the statement that keeps values until the transaction ends, to be found by statements that are sent with it."""
    return "SELECT " + ", ".join(f"set_config('{name}', {value}, true)" for name, value in names.items()) + source


def counted(sql: str, *values: str) -> str:
    """Return a statement of the service on a counter with its parameters filled in."""
    for place, value in enumerate(values, 1):
        sql = sql.replace(f"${place}", value)
    return f"WITH c AS ({' '.join(sql.split())}) "


async def script(con: Connection, tenant: UUID) -> str:
    """Return the script, made from an invoice that a centre has signed; it is for the role of the service. Raises LookupError."""
    row = await con.fetchrow(USUAL, tenant)
    if row is None:
        raise LookupError("none of the invoices of the centre has nine rows")
    stands = {str(row["invoice"]): INVOICE, str(row["entry"]): ENTRY, row["ref"]: f"{quoted(row['biller'] + '/')} || {NUMBER}"}
    written: dict[str, str] = {}
    for table, where in TABLES.items():
        columns = [(each["name"], each["type"]) for each in await con.fetch(COLUMNS, table)]
        shown = ", ".join(f"{name}::text" for name, _ in columns)
        found = await con.fetch(f"SELECT {shown} FROM {table} WHERE tenant_id = $1 AND {where.format(**row)}", tenant)  # noqa: S608
        rows = [
            ", ".join(ANEW.get((table, name)) or expression(each[at], kind, stands) for at, (name, kind) in enumerate(columns))
            for each in found
        ]
        written[table] = f"INSERT INTO {table} ({', '.join(name for name, _ in columns)}) VALUES ({'), ('.join(rows)})"  # noqa: S608
    centre, biller = quoted(str(tenant)), quoted(row["biller"])
    number = {"bench.number": "CAST(c.value AS text)"}
    end = {"bench.seq": "CAST(c.value + 1 AS text)", "bench.link": "encode(c.hash, 'hex')"}
    moved = f"UPDATE counter SET value = CAST({SEQ} AS bigint), hash = {LINK} WHERE tenant_id = {centre} AND kind = 'ledger' AND name = ''"  # noqa: S608
    steps = [
        "BEGIN",
        keeping({"app.tenant": centre, "bench.invoice": f"CAST({NEW} AS text)", "bench.entry": f"CAST({NEW} AS text)"}),
        written["idempotency"],
        counted(TAKE, centre, "'invoice'", biller, "1") + keeping(number, " FROM c"),
        *(written[table] for table in ("invoice", "share", "event")),
        counted(HEAD, centre, f"decode('{GENESIS.hex()}', 'hex')") + keeping(end, " FROM c"),
        *(written[table] for table in ("ledger_entry", "ledger_line")),
        moved,
        "COMMIT",
    ]
    return "\\startpipeline\n" + "".join(f"{step};\n" for step in steps) + "\\endpipeline\n"
