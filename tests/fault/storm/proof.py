# SPDX-License-Identifier: Apache-2.0
"""What must hold once the storm is over, held against what the centre was answered and what the payers have."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Final

import msgspec

from desmos_fast.base.clock import system_clock
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import direct
from desmos_fast.invariants.model import Limits
from desmos_fast.invariants.service import Place, check
from desmos_fast.lots.follow import service as follow
from desmos_fast.simulator.codec import read_claims
from tests.api.conftest import person
from tests.fault.storm.centre import Record, accepted
from tests.fault.storm.house import House

FILES: Final = "SELECT id::text, name, encode(sha256, 'hex') AS sha256, state FROM file"
TWICE: Final = """
    SELECT name || ' ' || subject FROM event
     WHERE name IN ('file.queued', 'file.sent', 'file.acknowledged', 'file.cancelled', 'lot.sealed', 'return.imported')
     GROUP BY name, subject HAVING count(*) > 1
"""
# Parts of an invoice that the payer of their flow accepted in other than exactly one lot.
ACCEPTED: Final = """
    SELECT s.invoice_id || ' ' || s.part
      FROM share AS s LEFT JOIN lot_share AS m ON m.invoice_id = s.invoice_id AND m.part = s.part
      LEFT JOIN lot AS l ON l.id = m.lot_id
     WHERE s.flow > 0 GROUP BY s.invoice_id, s.part HAVING count(*) FILTER (WHERE l.state = 'accepted') <> 1
"""

# What was not looked at cannot be wrong: these have something to look at in every storm.
LOOKED: Final = frozenset({"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10"})


async def differences(house: House) -> list[str]:
    """Return all that is not as it must be."""
    record = msgspec.json.decode(house.record.read_bytes(), type=Record)
    async with direct(house.owner_dsn, house.tenant) as con:
        found = [line async for line in _rows(con, house, record)]
        found += _arrived(house, {row["name"]: (row["sha256"], row["state"]) for row in await con.fetch(FILES)})
        found += _claimed_once(house, {row["number"] for row in await con.fetch("SELECT number FROM invoice")})
        figures = await follow.figures(con, house.tenant, system_clock())
        found += [f"anomaly {kind} is open" for kind in figures.anomalies]
        found += [f"counts of {name} differ by {by}" for name, by in figures.differences.items() if by]
        if left := await con.fetchval("SELECT count(*) FROM pgqueuer"):
            found.append(f"{left} jobs are left")
    place = Place(house.owner_dsn, house.app_dsn, house.data_dir)
    report = await check(place, Limits(temporary_s=0.0), lambda _done, _of: None)
    found += [f"{one.invariant} {one.check}: {one.examples}" for verdict in report.verdicts for one in verdict.failed]
    found += [f"{verdict.id} looked at nothing" for verdict in report.verdicts if verdict.id in LOOKED and not verdict.looked]
    return found + list(_people_in_logs(house))


async def _rows(con: Connection, house: House, record: Record) -> AsyncIterator[str]:
    """Give what was answered and is not there, what is there twice, and what no payer accepted."""
    there = {row["number"]: str(row["id"]) for row in await con.fetch("SELECT number, id FROM invoice")}
    for number, name in record.invoices.items():
        if there.get(number) != name:
            yield f"invoice {number} was answered and is not there"
    if len(there) != len(record.invoices):
        yield f"{len(there)} invoices are there, {len(record.invoices)} were answered"
    files = {row["id"]: (row["name"], row["sha256"]) for row in await con.fetch(FILES)}
    for name, told in record.files.items():
        if files.get(name) != tuple(told):
            yield f"file {told[0]} was answered and is not there"
    returns = {str(row["id"]) for row in await con.fetch("SELECT id FROM return_file")}
    for name in set(record.returns) - returns:
        yield f"return {name} was answered and is not there"
    if len(returns) != record.arls + record.rsps:
        yield f"{len(returns)} returns are there, {record.arls + record.rsps} were given"
    for row in [*await con.fetch(TWICE), *await con.fetch(ACCEPTED)]:
        yield f"not once: {row[0]}"


def _arrived(house: House, kept: dict[str, tuple[str, str]]) -> Iterator[str]:
    """Give what differs between the files that left and those that arrived."""
    for folder in (house.received, house.letterbox):
        yield from (f"{path.name} lies half written" for path in folder.iterdir() if path.suffix != ".b2")
    arrived = house.files()
    for name, (sha256, state) in kept.items():
        if (name in arrived) != (state == "acknowledged"):
            yield f"file {name} is {state} and {'there' if name in arrived else 'not there'}"
        elif name in arrived and hashlib.sha256(arrived[name].read_bytes()).hexdigest() != sha256:
            yield f"file {name} is not what was laid out"
    yield from (f"file {name} arrived and is not known" for name in arrived.keys() - kept.keys())


def _claimed_once(house: House, numbers: set[int]) -> Iterator[str]:
    """Give the invoices that the payers accepted other than once in a flow."""
    taken: Counter[tuple[int, int]] = Counter()
    for path in house.files().values():
        claims = read_claims(path.read_bytes())
        for lot in claims.lots:
            if accepted(house.seed, claims.sequence, lot.number):
                taken.update((lot.flow, sheet.number) for sheet in lot.sheets)
    yield from (f"invoice {number} was accepted {times} times in flow {flow}" for (flow, number), times in taken.items() if times != 1)
    yield from (f"invoice {number} was not accepted" for number in numbers - {number for flow, number in taken if flow == 1})


def _people_in_logs(house: House) -> Iterator[str]:
    people = [person(order)[:13].encode() for order in range(100, 900)]
    for path in (house.data_dir.parent / "logs").iterdir():
        said = path.read_bytes()
        yield from (f"a NIR stands in {path.name}" for nir in people if nir in said)
