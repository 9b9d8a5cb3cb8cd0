# SPDX-License-Identifier: Apache-2.0
"""A month over a line that drops, doubles, delays and corrupts 30 % of all messages: nothing lost, nothing doubled, every day kept."""

import datetime
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from desmos_fast.base.clock import PARIS
from desmos_fast.db import pool as pools
from desmos_fast.db import queue
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.tenant import direct, transaction
from desmos_fast.identity import service as identity
from desmos_fast.invariants.model import Limits
from desmos_fast.invariants.service import Place as Where
from desmos_fast.invariants.service import check
from desmos_fast.lots.follow import service as follow
from tests.api.conftest import finess
from tests.db.databases import Place, empty
from tests.fault.month import days
from tests.fault.month.line import damaged
from tests.fault.month.play import Month
from tests.fault.storm.proof import ACCEPTED, TWICE
from tests.fault.test_kill import chaos_seed

NOVEMBER = datetime.date(2026, 11, 2)
# With the holidays of spring.
MAY = datetime.date(2027, 4, 26)
DAYS = 28


@pytest.fixture
def place(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template=template) as made:
        yield made


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for what is to be tried again at once: its time is that of the database, which nobody turns."""
    monkeypatch.setattr(queue, "LOOK_EVERY", datetime.timedelta(seconds=0.02))
    monkeypatch.setattr(queue, "DRAIN_LOOK_S", 0.02)


def day_of(moment: datetime.datetime | None) -> datetime.date | None:
    return None if moment is None else moment.astimezone(PARIS).date()


async def play(place: Place, folder: Path, seed: int, first: datetime.date) -> Month:
    number = finess()
    async with direct(place.owner_dsn) as con:
        tenant = (await identity.add_centre(con, number, "Centre du mois")).id
    pool = await pools.create(place.app_dsn, 8)
    try:
        month = Month(pool, tenant, number, random.Random(seed), first)
        await month.play(DAYS)
        await nothing_lost_or_doubled(month)
        await every_timer_fired(month)
        await every_alarm_told(month)
        async with transaction(pool, tenant) as con:
            assert set((await follow.figures(con, tenant, month.now)).differences.values()) == {0}
    finally:
        await pool.close()
    report = await check(Where(place.owner_dsn, place.app_dsn, folder), Limits(), lambda _done, _of: None)
    assert report.holds, [(finding.check, finding.examples) for verdict in report.verdicts for finding in verdict.failed]
    print(seed, first, len(month.lived), "days", len(month.signed), "invoices", dict(month.line.fates), dict(month.counts))
    return month


async def nothing_lost_or_doubled(month: Month) -> None:
    """Hold what the payers accepted against what was signed, to the cent."""
    invoices = await month.rows("SELECT id, number, amo FROM invoice")
    assert {row["id"] for row in invoices} == month.signed.keys()
    accepted = month.payers.accepted()
    assert set(accepted.values()) == {1}, "no invoice is accepted twice in a flow"
    assert {number for flow, number in accepted if flow == 1} == {row["number"] for row in invoices}
    assert month.payers.amo() == sum(row["amo"] for row in invoices)
    assert await month.rows(ACCEPTED) == []
    # A file may be sent again; nothing else happens twice.
    assert [row[0] for row in await month.rows(TWICE) if not row[0].startswith("file.sent")] == []
    given_up = {row["name"] for row in await month.rows("SELECT name FROM file WHERE state = 'dead'")}
    assert {row["name"] for row in await month.rows("SELECT name FROM file")} == month.payers.said.keys() | given_up
    assert not month.payers.said.keys() & given_up


async def every_timer_fired(month: Month) -> None:
    """Hold the days on which things happened against those on which they had to."""
    happened = {
        (row["event"], row["file"], day_of(row["happened_at"]))
        for row in await month.rows(
            "SELECT e.name AS event, f.name AS file, e.happened_at FROM event AS e LEFT JOIN lot AS l ON l.id = e.subject"
            "  JOIN file AS f ON f.id = coalesce(l.file_id, e.subject)"
            " WHERE e.name = 'lot.ack_missing' OR e.name = 'file.queued_again' AND e.actor = 'worker'"
        )
    }
    assert happened == month.expected
    assert {event for event, _, _ in happened} == {"lot.ack_missing", "file.queued_again"}, "both were tried"
    alarms = await anomalies(month, "ack_missing")
    names = {row["id"]: row["name"] for row in await month.rows("SELECT id, name FROM file")}
    assert {names[subject]: spans for subject, spans in alarms.items()} == {
        name: [(day, month.cleared[name])] for name, day in month.alarmed.items()
    }
    late = await anomalies(month, "send_late")
    assert list(late.values()) == [days.spans(month.lived, month.late_on)] != [[]]
    dead = {(row["name"], day_of(row["happened_at"])) for row in await month.rows(
        "SELECT f.name, e.happened_at FROM event AS e JOIN file AS f ON f.id = e.subject WHERE e.name = 'file.dead'"
        " AND e.actor = 'worker'")}  # fmt: skip
    assert dead == month.line.died()


async def anomalies(month: Month, kind: str) -> dict[UUID, list[tuple[Any, Any]]]:
    """Return from when to when each subject had an anomaly of a kind."""
    found: dict[UUID, list[tuple[Any, Any]]] = {}
    for row in await month.rows("SELECT subject, noticed_at, resolved_at FROM anomaly WHERE kind = $1 ORDER BY noticed_at", kind):
        found.setdefault(row["subject"], []).append((day_of(row["noticed_at"]), day_of(row["resolved_at"])))
    return found


async def every_alarm_told(month: Month) -> None:
    """Hold what is open, and what people were told, against what was done to the messages."""
    assert month.refused > 0 and month.unknown > 0
    dead_letter = await month.rows("SELECT why, says, lot FROM dead_ack")
    assert [(row["why"], row["lot"] >= 900) for row in dead_letter] == [("unknown", True)] * month.unknown
    still_open = await month.rows("SELECT kind, count(*) AS number FROM anomaly WHERE resolved_at IS NULL GROUP BY kind")
    assert [(row["kind"], row["number"]) for row in still_open] == [("ack_unknown", month.unknown)]
    await month.morning()
    assert sorted(month.told.anomalies) == [row["id"] for row in await month.rows("SELECT id FROM anomaly ORDER BY id")]


@pytest.mark.timeout(180)
async def test_a_month_over_a_bad_line(place: Place, tmp_path: Path) -> None:
    await play(place, tmp_path, chaos_seed(), NOVEMBER)


@pytest.mark.fault
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", range(12))
async def test_many_months_over_a_bad_line(place: Place, tmp_path: Path, number: int) -> None:
    month = await play(place, tmp_path, chaos_seed() + number, (NOVEMBER, MAY)[number % 2])
    assert month.line.fates.total() >= 40


def test_the_days_are_those_of_the_calendar() -> None:
    """The days that the page gives as an example, by hand."""
    friday = datetime.date(2026, 11, 6)
    assert days.alarm_on(friday) == datetime.date(2026, 11, 11)
    assert days.again_on(friday) == datetime.date(2026, 11, 13)
    assert days.late_on(friday, paid=True) == datetime.date(2026, 11, 13)
    assert days.late_on(friday, paid=False) == datetime.date(2026, 11, 20)


def test_each_way_of_damage_damages() -> None:
    arl = b"0" * 128 + b"\nA1" + b"1" * 126 + b"\n" + b"9" * 128 + b"\n"
    for how in ("cut", "garbled", "misnumbered"):
        assert all(damaged(random.Random(seed), arl, how) != arl for seed in range(100))
    changed = damaged(random.Random(1), arl, "misnumbered")
    assert [at for at, (one, other) in enumerate(zip(arl, changed, strict=True)) if one != other][0] == 129 + 11
