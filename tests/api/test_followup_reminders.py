# SPDX-License-Identifier: Apache-2.0
"""Months go by, day by day: each reminder fires once, on its day, and stops when what it is about is settled."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from desmos_fast.base.calendar import add_working_days
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.tenant import transaction
from desmos_fast.settlement.dunning.reminders import service, store
from desmos_fast.settlement.dunning.reminders.jobs import Daily
from tests.api.conftest import MASTER, Desk
from tests.api.post import rows
from tests.settlement.centre import credit
from tests.settlement.dunning.world import AMC, AMO, LateCentre, at

START: Final = date(2026, 10, 1)
ONE: Final = timedelta(1)
OTHER: Final = "amc:0099000021"


@pytest.fixture
async def centre(desk: Desk) -> AsyncIterator[LateCentre]:
    yield LateCentre(desk)


async def day_of(centre: LateCentre, day: date) -> None:
    async with transaction(centre.desk.house.pool, centre.desk.tenant) as con:
        await service.make_day(con, centre.context(day))


async def days(centre: LateCentre, first: date, last: date) -> None:
    while first <= last:
        await day_of(centre, first)
        first += ONE


async def fired(centre: LateCentre) -> list[tuple[str, str, int, str]]:
    """Return day, rule, level and debtor of every reminder; a patient's index is not told."""
    async with centre.rows() as con:
        rows = await con.fetch("SELECT day, rule, level, debtor FROM reminder ORDER BY day, rule, level, debtor")
    return [(row["day"].isoformat(), row["rule"], row["level"], "?" if row["rule"] == "patient" else row["debtor"]) for row in rows]


async def state_of(centre: LateCentre, rule: str, level: int) -> list[str]:
    async with centre.rows() as con:
        rows = await con.fetch("SELECT state FROM reminder WHERE rule = $1 AND level = $2 ORDER BY day", rule, level)
    return [row["state"] for row in rows]


async def test_each_level_of_each_payer_fires_once_on_its_day(centre: LateCentre) -> None:
    lot = await centre.lot(START, START)
    await centre.claim(1, START, lot, (("amo", AMO, 2100), ("amc", AMC, 900)))
    await centre.claim(2, START, lot, (("amo", AMO, 700), ("amc", OTHER, 300), ("patient", "patient", 150)))
    await days(centre, START, START + timedelta(120))
    expected = [
        (add_working_days(START, 8), "amo", 1, AMO), (START + timedelta(15), "amo", 2, AMO),
        *((START + timedelta(count), "amc", level, payer) for level, count in ((1, 30), (2, 45), (3, 60)) for payer in (AMC, OTHER)),
        *((START + timedelta(count), "patient", level, "?") for level, count in ((1, 30), (2, 60), (3, 90))),
    ]  # fmt: skip
    assert await fired(centre) == sorted((day.isoformat(), rule, level, whom) for day, rule, level, whom in expected)
    async with centre.rows() as con:
        both = await con.fetchrow("SELECT items, amount FROM reminder WHERE rule = 'amo' AND level = 2")
    assert both is not None and tuple(both) == (2, 2800), "one claim for a payer, with a list"
    figures = (await centre.dashboard())["follow_up"]["reminders_open"]
    for rule in ("amo", "amc", "patient"):
        page = (await centre.desk.get(f"/v1/reminders?state=open&rule={rule}&limit=1")).json
        assert page["total"] == figures[rule]
        shown = list(page["reminders"])
        while page["next"] is not None:
            page = (await centre.desk.get(f"/v1/reminders?state=open&rule={rule}&limit=1&cursor={page['next']}")).json
            shown += page["reminders"]
        assert {"count": len(shown), "cents": sum(one["amount"] for one in shown)} == figures[rule]
        views = [(await centre.desk.get(f"/v1/reminders/{one['id']}")).json for one in shown]
        assert all(sum(item["amount"] for item in view["list"]) == view["amount"] for view in views)


async def test_working_days_skip_the_holidays_of_november(centre: LateCentre) -> None:
    signed = date(2026, 10, 30)
    await centre.claim(1, signed, await centre.lot(signed, signed))
    await days(centre, signed, date(2026, 11, 13))
    # 30 October 2026 is a Friday: 2 to 6 November are five days, 9, 10 and 12 three more; the 11th is a holiday.
    assert await fired(centre) == [("2026-11-12", "amo", 1, AMO)]


async def test_what_is_settled_is_not_reminded_of_and_ends_its_reminder(centre: LateCentre) -> None:
    lot = await centre.lot(START, START)
    await centre.claim(1, START, lot)
    await centre.claim(2, START, lot, (("amc", AMC, 900),))
    await days(centre, START, START + timedelta(13))
    await centre.paid(1, 2100, START + timedelta(13), care=START)
    await days(centre, START + timedelta(14), START + timedelta(31))
    assert ("amo", 2) not in {(rule, level) for _, rule, level, _ in await fired(centre)}
    assert await state_of(centre, "amo", 1) == ["settled"]
    assert await state_of(centre, "amc", 1) == ["open"]
    # The order that says so is not credited: that is the next thing to be reminded of, once.
    assert [row for row in await fired(centre) if row[1] == "order"] == [((START + timedelta(18)).isoformat(), "order", 1, AMO)]


async def test_a_reject_that_nobody_touches_and_a_credit_without_order(centre: LateCentre) -> None:
    lot = await centre.lot(START, START)
    for number in (1, 2):
        await centre.claim(number, START, lot)
        line = centre.line(0, number, care_date=START, status="rejected", reject_code="0250050")
        await centre.order(f"o:{number}", line, reference=str(number), day=START + timedelta(3))
    async with rows(centre.desk) as con:
        await con.execute("UPDATE return_file SET imported_at = $1", at(START + timedelta(4)))
    await centre.reconcile()
    await centre.bank(*credit(777, "RIEN", day="021026"))
    async with centre.rows() as con:
        await con.execute(
            "INSERT INTO decision (tenant_id, id, seq, kind, subject, detail, decided_by, decided_at)"
            " VALUES ($1, gen_random_uuid(), 1, 'assign', $2, '{}', 'someone', $3)",
            centre.desk.tenant, f"{centre.desk.finess}/2/amo", at(START + timedelta(5)),
        )  # fmt: skip
    await days(centre, START, START + timedelta(30))
    account = (await fired(centre))[0][3]
    assert await fired(centre) == [
        ((START + timedelta(11)).isoformat(), "credit", 1, account), ((START + timedelta(11)).isoformat(), "reject", 1, AMO),
    ]  # fmt: skip
    async with centre.rows() as con:
        subjects = [row["subject"] for row in await con.fetch("SELECT subject FROM reminder_item WHERE rule = 'reject'")]
    assert subjects == [f"{centre.desk.finess}/1/amo"]


async def test_forclusion_is_told_of_at_three_stages_and_not_after_it(centre: LateCentre) -> None:
    care = date(2024, 2, 10)
    await centre.claim(1, care, None, state="open", care=care)
    for day in (date(2025, 8, 9), date(2025, 8, 10), date(2025, 11, 10), date(2026, 2, 9), date(2026, 2, 10), date(2026, 4, 1)):
        await day_of(centre, day)
    assert await fired(centre) == [
        (day, "forclusion", level, AMO) for level, day in enumerate(("2025-08-10", "2025-11-10", "2026-02-10"), 1)
    ]


async def test_a_centre_that_begins_late_gets_the_highest_level_alone(centre: LateCentre) -> None:
    await centre.claim(1, START, await centre.lot(START, START), (("amc", AMC, 900),))
    await days(centre, START + timedelta(50), START + timedelta(61))
    assert [(day, level) for day, _, level, _ in await fired(centre)] == [
        ((START + timedelta(50)).isoformat(), 2), ((START + timedelta(60)).isoformat(), 3),
    ]  # fmt: skip


async def test_a_payer_may_have_a_schedule_of_its_own(centre: LateCentre) -> None:
    for name, value in (("reminder.amc.1", "10 calendar"), ("reminder.amc.2", "off"), ("reminder.amc.3", "off")):
        asked = {"name": name, "value": value, "payer": AMC, "since": "2026-01-01", "source": "convention"}
        assert (await centre.desk.post("/v1/follow-up/settings", asked)).status == 201
    lot = await centre.lot(START, START)
    await centre.claim(1, START, lot, (("amc", AMC, 900),))
    await centre.claim(2, START, lot, (("amc", OTHER, 900),))
    await days(centre, START, START + timedelta(46))
    assert await fired(centre) == [
        ((START + timedelta(10)).isoformat(), "amc", 1, AMC), ((START + timedelta(30)).isoformat(), "amc", 1, OTHER),
        ((START + timedelta(45)).isoformat(), "amc", 2, OTHER),
    ]  # fmt: skip


async def test_the_worker_does_each_day_once_however_often_it_looks_or_dies(centre: LateCentre, monkeypatch: pytest.MonkeyPatch) -> None:
    await centre.claim(1, START, await centre.lot(START, START), (("amc", AMC, 900),))
    await centre.claim(2, START - ONE, None, (("amo", AMO, 100),), state="open")
    now = [START + timedelta(30)]
    pool = centre.desk.house.pool
    workers = [Daily(pool, Keyring(MASTER), lambda: at(now[0])) for _ in range(2)]
    add = store.add

    async def die(*args: Any) -> None:
        await add(*args)
        raise RuntimeError("killed")

    monkeypatch.setattr(store, "add", die)
    await workers[0].look()
    assert await fired(centre) == [], "what a day began is undone with it"
    monkeypatch.setattr(store, "add", add)
    for worker in workers * 2:
        await worker.look()
    assert len(await fired(centre)) == 1
    now[0] += ONE
    await workers[1].look()
    assert len(await fired(centre)) == 1
    async with centre.rows() as con:
        assert await con.fetchval("SELECT count(*) FROM follow_up_day") == 2
        assert [row["quarter"] for row in await con.fetch("SELECT quarter FROM tp_audit")] == ["2026Q3"]


# --- letters, sent and cancelled


async def one(centre: LateCentre, **query: str) -> dict[str, Any]:
    text = "&".join(f"{key}={value}" for key, value in query.items())
    [found] = (await centre.desk.get(f"/v1/reminders?{text}")).json["reminders"]
    assert isinstance(found, dict)
    return found


async def test_a_letter_says_what_is_open_and_what_it_said_when_it_was_sent(centre: LateCentre) -> None:
    lot = await centre.lot(START, START)
    for number in (1, 2):
        await centre.claim(number, START, lot, (("amc", AMC, 900),))
    await day_of(centre, START + timedelta(30))
    reminder = await one(centre, rule="amc", state="open", payer=AMC)
    assert (reminder["items"], reminder["amount"]) == (2, 1800)
    path = f"/v1/reminders/{reminder['id']}"
    await centre.paid(1, 900, START + timedelta(31), care=START, part="amc", payer=AMC)
    letter = await centre.desk.get(f"{path}/letter")
    text = letter.body.decode()
    assert letter.headers["Content-Type"].startswith("text/plain") and "attachment" in letter.headers["Content-Disposition"]
    assert "MUTUELLE DES TILLEULS" in text and "Facture 2, soins du 01/10/2026, part complémentaire : 9,00" in text
    assert "Facture 1," not in text and "Total : 9,00" in text and "99999" not in text
    sent = await centre.desk.post(f"{path}:sent", b"")
    assert (sent.status, sent.json["state"], sent.json["amount"]) == (200, "sent", 900)
    await centre.paid(2, 900, START + timedelta(32), care=START, part="amc", payer=AMC)
    page = (await centre.desk.get(f"{path}/letter?format=html")).body.decode()
    assert "<td>2</td>" in page and "<td>1</td>" not in page, "what was sent stays as it was"
    assert (await centre.desk.post(f"{path}:sent", b"")).code == "reminder_closed"
    assert (await centre.desk.post(f"{path}:cancel", {"why": "payé"})).code == "reminder_closed"


async def test_a_cancelled_reminder_does_not_come_back_and_the_next_level_does(centre: LateCentre) -> None:
    name = await centre.claim(1, START, await centre.lot(START, START), (("patient", "patient", 900),))
    await day_of(centre, START + timedelta(30))
    reminder = await one(centre, rule="patient")
    assert reminder["payer"] is None and centre.index(12).hex() not in str(reminder)
    path = f"/v1/reminders/{reminder['id']}"
    assert (await centre.desk.post(f"{path}:cancel", {})).code == "why_missing"
    reply = await centre.desk.post(f"{path}:cancel", {"why": "échéancier"})
    assert (reply.json["state"], reply.json["why"]) == ("cancelled", "échéancier")
    await days(centre, START + timedelta(31), START + timedelta(60))
    assert [level for _, _, level, _ in await fired(centre)] == [1, 2]
    told = [detail for event, detail in await centre.events(name, "patient") if event == "share.reminded"]
    assert len(told) == 2
    assert (await centre.desk.get(f"/v1/reminders/{UUID(int=1)}")).status == 404


async def test_reminders_of_another_centre_are_not_there(centre: LateCentre) -> None:
    await centre.claim(1, START, await centre.lot(START, START), (("amc", AMC, 900),))
    await day_of(centre, START + timedelta(30))
    reminder = await one(centre)
    other = await centre.desk.house.desk()
    assert (await other.get(f"/v1/reminders/{reminder['id']}")).status == 404
    assert (await other.post(f"/v1/reminders/{reminder['id']}:sent", b"")).status == 404
    assert (await other.get("/v1/reminders")).json == {"total": {"count": 0, "cents": 0}, "reminders": [], "next": None}
