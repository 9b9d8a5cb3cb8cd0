# SPDX-License-Identifier: Apache-2.0
"""The follow-up on the command line: the same figures, lists, letters and reports; and a worker that makes reminders."""

import asyncio
import signal
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.api import worker
from tests.api.conftest import Desk
from tests.api.test_centre_commands import run, told
from tests.days import today
from tests.settlement.dunning.world import AMC, AMO, LateCentre


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
async def centre(desk: Desk) -> LateCentre:
    """One invoice, sent and acknowledged 31 days ago, of which nobody spoke."""
    centre = LateCentre(desk)
    day = today() - timedelta(31)
    await centre.claim(1, day, await centre.lot(day, day), (("amo", AMO, 2100), ("amc", AMC, 900)))
    return centre


async def test_figures_lists_and_settings_are_those_of_the_service(centre: LateCentre, home: Path) -> None:
    desk = centre.desk
    figures = await told(desk, home, "followup", "show", "--json")
    assert figures["ageing"] == (await centre.dashboard())["follow_up"]["ageing"]
    status, out, _ = await run(desk, home, "followup", "show")
    assert status == 0 and "amo:01751       21.00 EUR (1), late 21.00 EUR (1)" in out
    page = await told(desk, home, "followup", "list", "outstanding", "--payer", AMC, "--limit", "1")
    assert page["items"] == (await centre.list("outstanding", payer=AMC))["items"]
    made = await told(
        desk, home, "followup", "set", "amc.delay", "45 calendar", "--payer", AMC, "--from", "2026-01-01", "--source", "accord"
    )
    assert made["value"] == "45 calendar"
    assert (await centre.list("late", payer=AMC))["total"]["count"] == 0
    status, out, _ = await run(desk, home, "followup", "settings")
    assert status == 0 and "accord" in out
    refused = await run(desk, home, "followup", "set", "amc.hope", "1 days", "--from", "2026-01-01", "--source", "x")
    assert refused[0] == 1 and "there is no setting" in refused[2]
    assert (await run(desk, home, "followup", "list", "orders", "--cursor", "%"))[0] == 1
    assert (await run(desk, home, "followup", "list", "penalties", "--kind", "late"))[0] == 2


async def test_the_worker_makes_the_reminders_of_the_day_and_an_operator_ends_them(centre: LateCentre, home: Path) -> None:
    desk = centre.desk
    process = worker.start(desk, home, "worker")
    try:
        for _ in range(200):
            if await desk.count("follow_up_day"):
                break
            await asyncio.sleep(0.2)
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.communicate, timeout=30)
    listed = await told(desk, home, "reminders", "list", "--state", "open", "--json")
    assert {(one["rule"], one["level"], one["payer"]) for one in listed["reminders"]} == {("amo", 2, AMO), ("amc", 1, AMC)}
    assert len((await run(desk, home, "reminders", "list"))[1].splitlines()) == 2
    first, second = (one["id"] for one in listed["reminders"])
    status, out, _ = await run(desk, home, "reminders", "letter", first)
    assert status == 0 and out.startswith(f"Centre de santé {desk.finess}") and "Facture 1, soins du" in out
    assert "<html" in (await run(desk, home, "reminders", "letter", first, "--html"))[1]
    assert (await told(desk, home, "reminders", "sent", first))["state"] == "sent"
    assert (await told(desk, home, "reminders", "cancel", second, "--why", "payé"))["ended_by"] == "operator"
    assert (await told(desk, home, "reminders", "show", second))["why"] == "payé"
    assert (await run(desk, home, "reminders", "sent", first))[0] == 3
    assert await desk.count("tp_audit") == (today() - timedelta(31) < date(today().year, (today().month - 1) // 3 * 3 + 1, 1))


async def test_the_audit_is_printed_as_markdown_a_page_or_json(centre: LateCentre, home: Path) -> None:
    quarter = f"{today().year}Q{(today().month + 2) // 3}"
    report = await told(centre.desk, home, "audit", "tp", "--quarter", quarter, "--json")
    assert report["quarter"] == quarter and date.fromisoformat(report["until"]) >= today()
    assert (await run(centre.desk, home, "audit", "tp", "--quarter", quarter))[1].startswith(f"# Audit du tiers payant, {quarter}")
    assert "<svg" in (await run(centre.desk, home, "audit", "tp", "--quarter", quarter, "--html"))[1]
    assert (await run(centre.desk, home, "audit", "tp", "--quarter", "soon"))[0] == 1
    assert (await run(centre.desk, home, "audit", "tp", "--quarter", quarter, "--html", "--md"))[0] == 2
