# SPDX-License-Identifier: Apache-2.0
"""Everything holds after a day; and each invariant, broken on purpose, is the one that is found."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from desmos_fast.base.identifiers import nir_key
from desmos_fast.base.ledger import Entry, Line
from desmos_fast.base.types import Cents, TenantId
from desmos_fast.db import journal
from desmos_fast.db.pool import Connection
from desmos_fast.identity.model import UnknownCentre
from desmos_fast.invariants.model import INVARIANTS, Limits, Report
from desmos_fast.invariants.service import Place as Where
from desmos_fast.invariants.service import check
from tests.db.rows import NOW
from tests.invariants.conftest import Lived
from tests.invariants.lived import FINESS

NIR13: Final = "1840699999012"
NIR: Final = f"{NIR13}{nir_key(NIR13):02d}"
CENTRE: Final = f"(SELECT tenant_id FROM centre WHERE finess = '{FINESS[0]}')"
ELSEWHERE: Final = "00000000-0000-7000-8000-000000000000"
PAYERS: Final = Path("letterbox/to_payers")


async def report_of(where: Where, limits: Limits | None = None, *, only: str | None = None) -> Report:
    return await check(where, limits or Limits(), lambda _done, _of: None, only=only)


async def found(where: Where, limits: Limits | None = None) -> dict[str, set[str]]:
    """Return what does not hold: the checks that failed, by invariant."""
    report = await report_of(where, limits)
    assert report.holds is not any(verdict.failed for verdict in report.verdicts)
    for verdict in report.verdicts:
        assert verdict.wrong == sum(finding.wrong for finding in verdict.failed)
        assert all(0 < len(finding.examples) <= 10 for finding in verdict.failed)
    return {verdict.id: {finding.check for finding in verdict.failed} for verdict in report.verdicts if not verdict.holds}


async def broken(con: Connection, *statements: str) -> None:
    """Break something; each statement must change something."""
    for statement in statements:
        done = await con.execute(statement)
        assert not done.endswith(" 0"), f"nothing was broken by {statement}"


async def post(con: Connection, tenant: TenantId, *lines: tuple[str, int], event: str = "wrong", ref: str = "wrong") -> None:
    """Post an entry that the chain takes; above zero is a debit."""
    entry = Entry(event, ref, tuple(Line(account, Cents(max(amount, 0)), Cents(max(-amount, 0))) for account, amount in lines))
    await journal.post(con, tenant, NOW, [entry])


async def test_everything_holds_after_a_day(lived: Lived) -> None:
    report = await report_of(lived.where)
    assert [finding for verdict in report.verdicts for finding in verdict.failed] == []
    assert report.holds
    assert report.centres == 2
    assert [verdict.id for verdict in report.verdicts] == [invariant.id for invariant in INVARIANTS]
    # Nothing to look at would hold too.
    assert {verdict.id for verdict in report.verdicts if not verdict.looked} <= {"I11", "I12"}


async def test_one_centre_is_looked_at_when_asked(lived: Lived, breaker: Connection) -> None:
    whole = await report_of(lived.where)
    one = await report_of(lived.where, only=FINESS[1])
    assert (one.centres, one.holds) == (1, True)
    both = zip(one.verdicts, whole.verdicts, strict=True)
    assert all(0 < few.looked < more.looked for few, more in both if few.id in ("I1", "I5", "I6", "I8"))
    await broken(breaker, f"UPDATE lot SET fees = fees + 1 WHERE tenant_id = {CENTRE}")
    assert (await report_of(lived.where, only=FINESS[1])).holds
    assert not (await report_of(lived.where, only=FINESS[0])).holds


async def test_a_centre_that_is_not_there_is_told(lived: Lived) -> None:
    with pytest.raises(UnknownCentre):
        await report_of(lived.where, only="750000499")


# --- rows


def answered(route: str, body: str) -> str:
    return f"""
        INSERT INTO idempotency (tenant_id, route, key, fingerprint, status, headers, body)
        VALUES ({CENTRE}, '{route}', 'lost', '', 200, '{{}}', convert_to('{body}', 'UTF8'))
    """


def copied(table: str, constraint: str, where: str = "true") -> tuple[str, ...]:
    """Take away what keeps a row from being there twice, then copy one: under another id where that is no matter."""
    named = "" if constraint.endswith("_pkey") else f"jsonb_build_object('id', '{ELSEWHERE}'::uuid)"
    row = f"(jsonb_populate_record(t, {named})).*" if named else "t.*"
    return (
        f"ALTER TABLE {table} DROP CONSTRAINT {constraint}",
        f"INSERT INTO {table} SELECT {row} FROM {table} AS t WHERE tenant_id = {CENTRE} AND {where} LIMIT 1",
    )


def delivery(event: str, state: str) -> str:
    return f"""
        INSERT INTO webhook_delivery (tenant_id, webhook_id, event_id, subject, state)
        VALUES ({CENTRE}, '{ELSEWHERE}', {event}, '{ELSEWHERE}', '{state}')
    """


WEBHOOK: Final = f"""
    INSERT INTO webhook (tenant_id, id, url, events, sealed, created_at)
    VALUES ({CENTRE}, '{ELSEWHERE}', 'https://x.example/', '{{}}', '', now())
"""
AN_EVENT: Final = f"(SELECT id FROM event WHERE tenant_id = {CENTRE} LIMIT 1)"
FIRST_SHARE: Final = f"(SELECT invoice_id FROM share WHERE tenant_id = {CENTRE} AND transport = 'open' LIMIT 1)"
BREAKS: Final[dict[str, tuple[str, set[str], tuple[str, ...]]]] = {
    "an acknowledged invoice is lost": ("I1", {"invoices"}, (answered("/v1/invoices", f'{{"id":"{ELSEWHERE}","number":1}}'),)),
    "one of a batch is lost": (
        "I1", {"invoices"}, (answered("/v1/invoices:batch", f'{{"results":[{{"line":1}},{{"id":"{ELSEWHERE}","number":2}}]}}'),),
    ),
    "one of a stream is lost": (
        "I1", {"invoices"}, (answered("/v1/invoices:stream", f'{{"results":[{{"line":1}},{{"id":"{ELSEWHERE}","number":2}}]}}'),),
    ),
    "an invoice has another number than was answered": (
        "I1", {"invoices"},
        ("UPDATE idempotency SET body = convert_to(regexp_replace(convert_from(body, 'UTF8'), 'number\":[0-9]+', 'number\":77777'), 'UTF8')"
         " WHERE route = '/v1/invoices'",),
    ),
    "a claim file is lost": ("I1", {"files"}, (answered("/v1/lots:build", f'{{"files":[{{"id":"{ELSEWHERE}"}}]}}'),)),
    "a return is lost": ("I1", {"files"}, (answered("/v1/returns", f'{{"id":"{ELSEWHERE}"}}'),)),
    "a statement is lost": ("I1", {"files"}, (answered("/v1/bank-statements", f'{{"id":"{ELSEWHERE}"}}'),)),
    "a delivery of an event that is lost": ("I1", {"deliveries"}, (WEBHOOK, delivery("gen_random_uuid()", "waiting"))),
    "a delivery out of order": ("I1", {"deliveries"}, (WEBHOOK, delivery(AN_EVENT, "waiting"), delivery(AN_EVENT, "delivered"))),
    "a key twice": ("I2", {"names"}, copied("idempotency", "idempotency_pkey", "route = '/v1/invoices'")),
    "an invoice number twice": ("I2", {"names"}, copied("invoice", "invoice_tenant_id_biller_number_key", "state = 'priced'")),
    "a return twice": ("I2", {"names"}, copied("return_file", "return_file_tenant_id_sha256_key", "kind = 'arl'")),
    "a statement twice": ("I2", {"names"}, copied("bank_file", "bank_file_tenant_id_sha256_key")),
    "a signature told twice": (
        "I2", {"signatures"},
        ("INSERT INTO event (tenant_id, id, name, invoice_id, subject, happened_at) SELECT tenant_id, gen_random_uuid(), name, invoice_id,"
         " subject, happened_at FROM event WHERE name = 'invoice.signed' LIMIT 1",),
    ),
    "a signature never told": (
        "I2", {"signatures"}, ("DELETE FROM event WHERE id = (SELECT id FROM event WHERE name = 'invoice.signed' LIMIT 1)",),
    ),
    "a lot number left out": ("I3", {"lots", "counters"}, (
        f"UPDATE lot SET number = number + 1 WHERE (tenant_id, number) = (SELECT tenant_id, max(number) FROM lot WHERE tenant_id = {CENTRE}"
        " GROUP BY tenant_id)",
    )),
    "a lot counter ahead": ("I3", {"counters"}, ("UPDATE counter SET value = value + 1 WHERE kind = 'lot'",)),
    "a file counter ahead": ("I3", {"counters"}, ("UPDATE counter SET value = value + 1 WHERE kind = 'file'",)),
    "an invoice number never given": (
        "I3", {"counters"},
        (f"INSERT INTO counter (tenant_id, kind, name, value) VALUES ({CENTRE}, 'invoice', '{FINESS[0]}', 900000)"
         " ON CONFLICT (tenant_id, kind, name) DO UPDATE SET value = 900000",),
    ),
    "a decision left out": (
        "I3", {"counters"},
        ("INSERT INTO decision (tenant_id, id, seq, kind, subject, detail, decided_by, decided_at) SELECT tenant_id, gen_random_uuid(),"
         " value + 2, 'assign', 's', '{}', 'd', now() FROM counter WHERE kind = 'decision'",
         "UPDATE counter SET value = value + 2 WHERE kind = 'decision'"),
    ),
    "an order that two matches claim": (
        "I4", {"matches"},
        ("INSERT INTO match (tenant_id, id, run_id, match_key, problem, status, rule, left_refs, right_refs, amount, residual, evidence,"
         " decided_by, decided_at) SELECT tenant_id, gen_random_uuid(), run_id, match_key || 'x', problem, status, rule, left_refs,"
         " right_refs, amount, residual, evidence, decided_by, decided_at FROM match WHERE problem = 'B' AND status = 'confirmed'"
         " LIMIT 1",),
    ),
    "a share of another amount": (
        "I4", {"shares", "receivables"}, (f"UPDATE share SET amount = amount + 1 WHERE invoice_id = {FIRST_SHARE} AND part = 'amo'",),
    ),
    "a lot of another amount": ("I4", {"lots"}, (f"UPDATE lot SET amc = amc - 1 WHERE tenant_id = {CENTRE} AND number = 1",)),
    "a lot that counts wrong": ("I4", {"lots"}, (f"UPDATE lot SET invoices = invoices + 1 WHERE tenant_id = {CENTRE} AND number = 1",)),
    "an order line that the books forgot": (
        "I4", {"accounts"},
        ("UPDATE order_line SET parked = true WHERE (tenant_id, order_id, line) = (SELECT tenant_id, order_id, line FROM order_line"
         " WHERE match_id IS NOT NULL AND amount > 0 LIMIT 1)",),
    ),
    "a payment that the books do not know": ("I4", {"accounts"}, (
        "INSERT INTO payment (tenant_id, id, means, amount, received_on, reference, recorded_at)"
        f" VALUES ({CENTRE}, gen_random_uuid(), 'cash', 500, now(), '', now())",
    )),
    "a part billed again by nobody": ("I4", {"recycled"}, (
        "ALTER TABLE recycling DISABLE TRIGGER for_ever", "DELETE FROM recycling WHERE ctid = (SELECT ctid FROM recycling LIMIT 1)",
    )),
    "an invoice that takes the place of one that nobody decided on": ("I4", {"recycled"}, (
        f"UPDATE invoice SET supersedes = '{ELSEWHERE}' WHERE id = {FIRST_SHARE}",
    )),
    "a dead return that is said to be taken": ("I1", {"dead"}, (
        "UPDATE dead_return SET state = 'taken', ended_at = now(), taken_as ="
        " (SELECT id FROM return_file AS f WHERE f.tenant_id = dead_return.tenant_id LIMIT 1)",
    )),
    "a patient who is said to have paid some": ("I5", {"states"}, ("UPDATE share SET state = 'part_paid' WHERE state = 'due'",)),
    "a state that nothing gave": ("I5", {"states"}, ("UPDATE share SET state = 'pending' WHERE state = 'received'",)),
    "a transport that stands on nothing": (
        "I5", {"states"}, (f"UPDATE share SET transport = 'settled', state = 'settled' WHERE invoice_id = {FIRST_SHARE}",),
    ),
    "a sum credited that was not": ("I5", {"states"}, ("UPDATE share SET credited = credited + 1 WHERE credited > 0",)),
    "a link of the ledger": ("I6", {"chain"}, ("UPDATE ledger_entry SET hash = sha256(hash) WHERE seq = 5",)),
    "an entry of the ledger": ("I6", {"chain"}, (
        f"UPDATE ledger_entry SET ref = ref || '!' WHERE tenant_id = {CENTRE} AND seq = (SELECT max(seq) FROM ledger_entry"
        f" WHERE tenant_id = {CENTRE} AND event LIKE 'credit%')",
    )),
    "two entries that changed places": ("I6", {"chain"}, (
        "ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_tenant_id_seq_key",
        f"UPDATE ledger_entry SET seq = 5 - seq WHERE tenant_id = {CENTRE} AND seq IN (2, 3)",
    )),
    "the head of the ledger": ("I6", {"chain"}, ("UPDATE counter SET hash = sha256(hash) WHERE kind = 'ledger'",)),
    "the end of the ledger cut off": ("I6", {"chain"}, ("UPDATE counter SET value = value + 1 WHERE kind = 'ledger'",)),
    "a table without policies": ("I7", {"rows", "policies"}, ("ALTER TABLE order_line DISABLE ROW LEVEL SECURITY",)),
    "a policy that lets all through": ("I7", {"rows"}, ("CREATE POLICY all_of_them ON lot USING (true)",)),
    "policies that spare the owner": ("I7", {"policies"}, ("ALTER TABLE event NO FORCE ROW LEVEL SECURITY",)),
    "a leaf that can be read": ("I7", {"policies"}, ("GRANT SELECT ON invoice_3 TO desmos_app",)),
    "a view with its owner's eyes": ("I7", {"policies"}, ("CREATE VIEW every_lot AS SELECT tenant_id, id FROM lot",)),
    "a part in two live lots": ("I9", {"live"}, (
        "DROP INDEX lot_share_one_live", *copied("lot_share", "lot_share_pkey", "live"),
    )),
    "a part live in a lot that was replaced": ("I9", {"live"}, ("UPDATE lot SET state = 'replaced' WHERE number = 1",)),
    "a share that names another lot": ("I9", {"live"}, (
        f"UPDATE share SET lot_id = '{ELSEWHERE}' WHERE (invoice_id, part) = (SELECT invoice_id, part FROM lot_share WHERE live LIMIT 1)",
    )),
    "a NIR in JSON": ("I10", {"rows"}, (f"UPDATE event SET detail = '{{\"who\": \"{NIR}\"}}' WHERE name = 'file.sent'",)),
    "a NIR in a text": ("I10", {"rows"}, (f"UPDATE payment_order SET emitter_name = 'remb {NIR}'",)),
    "a NIR in an array": ("I10", {"rows"}, (f"UPDATE match SET right_refs = ARRAY['a', '{NIR}'] WHERE status = 'unmatched'",)),
    "a NIR in an answer": ("I10", {"rows"}, (
        f"UPDATE idempotency SET body = convert_to('{{\"x\":\"{NIR}\"}}', 'UTF8') WHERE route = '/v1/reconciliations'",
    )),
    "a NIR in a table of the house": ("I10", {"house"}, (f"INSERT INTO state_move VALUES ('x', '{NIR}', 'y')",)),
}  # fmt: skip


@pytest.mark.parametrize("what", BREAKS)
async def test_what_is_broken_is_found_and_nothing_else(lived: Lived, breaker: Connection, what: str) -> None:
    invariant, checks, statements = BREAKS[what]
    await broken(breaker, *statements)
    assert await found(lived.where) == {invariant: checks}


ENTRIES: Final[dict[str, tuple[tuple[tuple[str, int], ...], dict[str, set[str]]]]] = {
    "an entry of one side": ((("produit", 5),), {"I4": {"entries"}, "I6": {"chain"}}),
    "a debt that no share has": ((("creance:amo:01750:x/1", 5), ("produit", -5)), {"I4": {"receivables"}}),
    "money at the bank that no statement brought": ((("banque:x", 5), ("ecart", -5)), {"I4": {"accounts"}}),
    "money awaited that nobody announced": ((("attente:amo:01750", 5), ("produit", -5)), {"I4": {"accounts"}}),
}


@pytest.mark.parametrize("what", ENTRIES)
async def test_a_wrong_entry_in_a_chain_that_verifies_is_found(lived: Lived, breaker: Connection, what: str) -> None:
    lines, expected = ENTRIES[what]
    await post(breaker, lived.tenant, *lines)
    assert await found(lived.where) == expected


async def test_a_signature_posted_twice_is_found(lived: Lived, breaker: Connection) -> None:
    ref = await breaker.fetchval("SELECT ref FROM ledger_entry WHERE tenant_id = $1 AND event = 'invoice.signed' LIMIT 1", lived.tenant)
    await post(breaker, lived.tenant, ("produit", 5), ("produit", -5), event="invoice.signed", ref=ref)
    assert await found(lived.where) == {"I2": {"signatures", "entries"}}


async def test_what_is_undone_must_have_been_done(lived: Lived, breaker: Connection) -> None:
    for event, expected in (("x", {}), ("x.undone", {}), ("x.undone", {"I2": {"entries"}})):
        await post(breaker, lived.tenant, ("produit", 5), ("produit", -5), event=event)
        assert await found(lived.where) == expected


async def test_a_service_with_the_rights_of_the_owner_is_found(lived: Lived) -> None:
    where = lived.where
    assert await found(replace(where, app_dsn=where.owner_dsn)) == {"I7": {"rows", "policies"}}


async def test_examples_end_at_ten_and_hide_every_nir(lived: Lived, breaker: Connection) -> None:
    await broken(breaker, f'UPDATE event SET detail = \'{{"who": "{NIR}"}}\'')
    (verdict,) = [verdict for verdict in (await report_of(lived.where)).verdicts if not verdict.holds]
    assert verdict.wrong > 20
    assert {len(finding.examples) for finding in verdict.failed} == {10}
    assert NIR not in repr(verdict)
    assert NIR13 not in repr(verdict)


@pytest.mark.parametrize(
    "text", [f"{NIR[:13]}{(int(NIR[13:]) + 1) % 98:02d}", f"9{NIR}", f"{NIR}0", f"x{NIR}", NIR[:13]],
    ids=["another key", "a digit before", "a digit after", "a letter before", "no key"],
)  # fmt: skip
async def test_what_only_looks_like_a_nir_is_not_one(lived: Lived, breaker: Connection, text: str) -> None:
    await broken(breaker, f"UPDATE payment_order SET emitter_name = '{text}'")
    assert await found(lived.where) == {}


# --- folders


def grown(data: Path) -> None:
    path = min((data / PAYERS).glob("*.b2"))
    path.write_bytes(path.read_bytes() + b"x")


def cut(data: Path) -> None:
    path = max((data / PAYERS).glob("*.b2"))
    path.write_bytes(path.read_bytes()[:-1])


def stranger(data: Path) -> None:
    (data / PAYERS / f"{FINESS[0]}-000999.b2").write_bytes(b"x")


def old(path: Path, seconds: float = 301) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (time.time() - seconds,) * 2)


FILES: Final[dict[str, tuple[Callable[[Path], None], dict[str, set[str]]]]] = {
    "grown": (grown, {"I8": {"letters"}}),
    "cut": (cut, {"I8": {"letters"}}),
    "never laid out": (stranger, {"I8": {"letters"}}),
    "half written": (lambda data: old(data / PAYERS / ".x.b2.part"), {"I8": {"half_written"}}),
    "half answered": (lambda data: old(data / "letterbox/from_payers/.arl-1.b2.0a1b.part"), {"I8": {"half_written"}}),
    "half marked": (lambda data: old(data / ".running.json.part"), {"I12": {"left_behind"}}),
    "half secret": (lambda data: old(data / "secrets/.master.0a1b2c"), {"I12": {"left_behind"}}),
    "still written": (lambda data: old(data / PAYERS / ".x.b2.part", 30), {}),
    "of the cluster": (lambda data: old(data / "postgres/base/x.part"), {}),
    "taken by the payers": (lambda data: min((data / PAYERS).glob("*.b2")).unlink(), {}),
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
async def test_what_lies_in_the_folders_is_looked_at(lived: Lived, what: str) -> None:
    act, expected = FILES[what]
    act(lived.where.data_dir)
    assert await found(lived.where) == expected


# --- sessions


@pytest.mark.parametrize("who", ["service", "owner"])
async def test_a_sleeping_transaction_is_found(lived: Lived, who: str) -> None:
    where, limits = lived.where, Limits(idle_s=0.2)
    con = await asyncpg.connect(where.app_dsn if who == "service" else where.owner_dsn)
    try:
        await con.execute("SELECT 1")
        await asyncio.sleep(0.4)
        assert await found(where, limits) == {}, "a connection that waits outside of a transaction is fine"
        async with con.transaction():
            await con.execute("SELECT 1")
            assert await found(where, Limits()) == {}, "it has not slept for long"
            await asyncio.sleep(0.4)
            assert await found(where, limits) == {"I11": {who}}
    finally:
        await con.close()
