# SPDX-License-Identifier: Apache-2.0
"""What was signed stays what it is until it is answered; what is not is noticed, told within a minute, and counted."""

import asyncio
import hashlib
import io
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from api.figures import PATIENCE_S, Counting
from desmos_fast.anomalies import service as anomalies
from desmos_fast.anomalies.model import AnomalyShown, Found, Kind
from desmos_fast.base.clock import system_clock
from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.db.tenant import transaction
from desmos_fast.lots import store as lot_store
from desmos_fast.lots.follow import service as follow
from desmos_fast.lots.follow.jobs import EVERY_S, Watch
from monitoring import metrics
from tests.api.conftest import Desk
from tests.api.post import build, column, drain, events, rows, send_and_answer, shares, sign
from tests.api.test_follow import open_anomalies
from tests.api.test_returns import changed, found
from tests.api.worker import start

pytestmark = pytest.mark.usefixtures("empty_queue")

TORN = "sealed = set_byte(sealed, 60, get_byte(sealed, 60) # 1)"


async def execute(desk: Desk, statement: str, *args: object) -> None:
    """Change rows of this centre behind the service's back; something must change."""
    async with rows(desk) as con:
        assert not (await con.execute(statement, *args)).endswith(" 0")


# --- the seal


async def test_one_bit_of_a_signed_invoice_stops_the_build_and_is_an_anomaly(desk: Desk) -> None:
    _, torn = await sign(desk, "01_ngap_visit", "02_dental_ccam")
    await execute(desk, f"UPDATE invoice SET {TORN} WHERE id = $1", UUID(torn))
    for _ in range(2):
        assert (await desk.post("/v1/lots:build", {})).status == 500
    (one,) = (await desk.get("/v1/anomalies")).json["anomalies"]
    assert (one["kind"], one["stage"], one["subject"]) == ("content_changed", "lot", torn)
    assert (await desk.count("file"), await desk.count("lot")) == (0, 0)
    assert {state for _, *states in await shares(desk) for state in states} == {"open"}
    await execute(desk, f"UPDATE invoice SET {TORN} WHERE id = $1", UUID(torn))
    assert (await build(desk))["invoices"] == 2


@pytest.mark.parametrize("change", [TORN, "sha256 = sha256(sha256)"])
async def test_a_file_that_is_not_what_was_laid_out_does_not_leave(desk: Desk, tmp_path: Path, change: str) -> None:
    await sign(desk, "01_ngap_visit")
    (file,) = (await build(desk))["files"]
    before = await column(desk, "SELECT sha256 FROM file")
    await execute(desk, f"UPDATE file SET {change}")
    sender = await drain(desk, tmp_path)
    assert (sender.sent, sender.dead, os.listdir(tmp_path)) == (0, 1, [])
    (one,) = (await desk.get("/v1/anomalies")).json["anomalies"]
    assert (one["kind"], one["stage"], one["subject"], one["trace"]) == ("content_changed", "sent", file["id"], file["id"])
    assert await column(desk, "SELECT state FROM file") == ["dead"]
    # Mended, and taken up again by an operator.
    if change == TORN:
        await execute(desk, f"UPDATE file SET {TORN}")
    else:
        await execute(desk, "UPDATE file SET sha256 = $1", *before)
    async with rows(desk) as con:
        await con.execute("UPDATE pgqueuer SET status = 'queued', attempts = 0")
    assert (await drain(desk, tmp_path)).sent == 1
    assert await open_anomalies(desk) == []


# --- from stage to stage


async def test_an_invoice_shows_five_stages_under_one_trace(desk: Desk, tmp_path: Path) -> None:
    (name,) = await sign(desk, "02_dental_ccam")
    built, (said,) = await send_and_answer(desk, tmp_path)
    (file,) = built["files"]
    await found(desk, said.arl[0])
    view = (await desk.get(f"/v1/invoices/{name}")).json
    stages = view["stages"]
    assert [one["stage"] for one in stages] == ["signed", "lot", "file", "sent", "acknowledged"]
    (lot,) = file["lots"]
    assert {(one["trace"], one["claims"], one["fees"], one["amo"], one["amc"]) for one in stages} == {
        (file["id"], 1, lot["fees"], lot["amo"], lot["amc"])
    }
    async with rows(desk) as con:
        signed = hashlib.sha256(await con.fetchval("SELECT content_hash FROM invoice")).digest()
        laid_out = await con.fetchval("SELECT sha256 FROM file")
    hashes = [bytes.fromhex(one["hash"]) for one in stages]
    assert hashes[0] == signed
    assert hashes[2] == hashlib.sha256(hashes[1] + laid_out).digest(), "a stage stands on the one before"
    assert len(set(hashes)) == 5
    traced = [event["event"] for event in view["timeline"] if (event["detail"] or {}).get("trace") == file["id"]]
    assert set(traced) == {"share.lotted", "share.sent", "ack.accepted"}


@pytest.mark.parametrize(
    ("change", "stage"),
    [
        ("UPDATE invoice SET fees = fees + 1", "signed"),
        ("UPDATE invoice SET content_hash = sha256(content_hash)", "signed"),
        ("UPDATE lot SET amo = amo + 1", "lot"),
        ("UPDATE lot SET destination = destination + 1", "lot"),
    ],
)
async def test_what_changed_between_two_stages_is_noticed_when_the_file_leaves(desk: Desk, tmp_path: Path, change: str, stage: str) -> None:
    await sign(desk, "01_ngap_visit")
    (file,) = (await build(desk))["files"]
    await execute(desk, change)
    await drain(desk, tmp_path)
    (one,) = (await desk.get("/v1/anomalies")).json["anomalies"]
    assert (one["kind"], one["stage"], one["trace"]) == ("stage_differs", stage, file["id"])
    assert one["expected"] != one["found"] and one["expected"].keys() == one["found"].keys()


async def test_what_is_answered_is_counted_against_what_left(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    await execute(desk, "UPDATE lot SET invoices = invoices + 1")
    await found(desk, said.arl[0])
    (one,) = (await desk.get("/v1/anomalies")).json["anomalies"]
    assert (one["kind"], one["stage"], one["expected"]["claims"], one["found"]["claims"]) == ("stage_differs", "acknowledged", 1, 2)


async def test_a_build_whose_lots_do_not_count_what_was_signed_is_undone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await sign(desk, "01_ngap_visit")
    add_lots = lot_store.add_lots

    async def wrong(con: Any, tenant: Any, lots: Any, now: Any) -> None:
        await add_lots(con, tenant, [lot._replace(fees=lot.fees + 1) for lot in lots], now)

    monkeypatch.setattr(lot_store, "add_lots", wrong)
    reply = await desk.post("/v1/lots:build", {})
    assert (reply.status, reply.code) == (500, "internal")
    assert (await desk.count("file"), await desk.count("stage_total")) == (0, 0)
    assert [kind for kind, _ in await open_anomalies(desk)] == ["stage_differs"]
    monkeypatch.undo()
    assert (await build(desk))["lots"] == 1


# --- told


async def test_a_worker_tells_of_an_anomaly_within_a_minute(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    out = tmp_path / "out"
    out.mkdir()
    _, (said,) = await send_and_answer(desk, out)
    child = start(desk, tmp_path / "home", "worker")
    assert child.stdout is not None
    output = child.stdout
    try:
        assert await asyncio.to_thread(output.readline) == b"desmos-fast worker is ready\n"
        await found(desk, changed(said.arl[0], "A1", 0, lot_number="777"))
        noticed = time.monotonic()
        (one,) = (await desk.get("/v1/anomalies")).json["anomalies"]
        while True:
            line = await asyncio.wait_for(asyncio.to_thread(output.readline), 60)
            if one["id"].encode() in line:
                break
        assert time.monotonic() - noticed < 60
    finally:
        child.send_signal(signal.SIGTERM)
        await asyncio.to_thread(child.communicate, timeout=40)
    told = orjson.loads(line)
    assert (told["event"], told["level"], told["kind"], told["found"]["lot"]) == ("anomaly", "error", "ack_unknown", 777)
    assert EVERY_S * 3 < 60, "three looks that fail leave time for a fourth"
    (shown,) = (await desk.get("/v1/anomalies")).json["anomalies"]
    assert shown["told_at"] is not None


class Deaf:
    """Tells nobody at first."""

    def __init__(self, tenant: TenantId, times: int) -> None:
        self.tenant, self.times, self.told = tenant, times, list[UUID]()

    async def tell(self, tenant: TenantId, anomalies: Sequence[AnomalyShown]) -> None:
        """Fail, or remember."""
        if tenant != self.tenant:
            return
        if self.times:
            self.times -= 1
            raise OSError("the post office is closed")
        self.told.extend(one.id for one in anomalies)


async def test_who_cannot_be_told_is_told_at_the_next_look_and_once(desk: Desk) -> None:
    async with transaction(desk.house.pool, desk.tenant) as con:
        some = [Found(Kind.FILE_DEAD, uuid7(), found={"n": number}) for number in range(3)]
        await anomalies.note(con, desk.tenant, system_clock(), [*some, some[0]], by="worker")
    notifier = Deaf(desk.tenant, 1)
    watch = Watch(desk.house.pool, system_clock, notifier)
    for _ in range(3):
        await watch.look()
    noted = [one["id"] for one in reversed((await desk.get("/v1/anomalies")).json["anomalies"])]
    assert [str(name) for name in notifier.told] == noted and len(noted) == 3
    assert len(await events(desk, "anomaly.noticed")) == 3


async def test_the_watch_of_one_centre_does_not_fail_with_another(desk: Desk, monkeypatch: pytest.MonkeyPatch, log: io.StringIO) -> None:
    other = await desk.house.desk()
    look = follow.look

    async def fails(con: Any, tenant: TenantId, now: Any) -> None:
        if tenant == other.tenant:
            raise ValueError("1 84 06 99 999 012 65")
        await look(con, tenant, now)

    monkeypatch.setattr(follow, "look", fails)
    async with transaction(desk.house.pool, desk.tenant) as con:
        await anomalies.note(con, desk.tenant, system_clock(), [Found(Kind.FILE_DEAD, uuid7())], by="worker")
    notifier = Deaf(desk.tenant, 0)
    await Watch(desk.house.pool, system_clock, notifier).look()
    assert len(notifier.told) == 1
    assert str(other.tenant) in log.getvalue() and "99 999" not in log.getvalue()


# --- counted


async def figures(desk: Desk) -> dict[str, int]:
    async with transaction(desk.house.pool, desk.tenant) as con:
        return (await follow.figures(con, desk.tenant, system_clock())).differences


HOLD = {"signed_shares": 0, "files_sent": 0}


async def test_the_figures_hold_all_the_way(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit", "02_dental_ccam", "07_amc_apart")
    await sign(desk, "02_dental_ccam", order=905)
    assert await figures(desk) == HOLD
    _, (said,) = await send_and_answer(desk, tmp_path)
    assert await figures(desk) == HOLD
    await found(desk, said.arl[0])
    assert {state for _, _, state in await shares(desk)} == {"received", "file_refused"}
    assert await figures(desk) == HOLD
    (file,) = (await build(desk))["files"]
    assert await figures(desk) == HOLD
    assert (await desk.post(f"/v1/files/{file['id']}:cancel", {"why": "essai"})).status == 200
    assert await figures(desk) == HOLD


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE lot_share SET live = false WHERE part = 'amo'", {"signed_shares": 1}),
        ("UPDATE share SET transport = 'open', state = 'open' WHERE part = 'amo'", {"signed_shares": 1}),
        ("UPDATE file SET state = 'queued'", {"files_sent": 1}),
        ("UPDATE file SET sent_at = NULL", {"files_sent": 1}),
    ],
)
async def test_each_figure_is_broken_by_what_it_is_for(desk: Desk, tmp_path: Path, change: str, broken: dict[str, int]) -> None:
    await sign(desk, "02_dental_ccam")
    await build(desk)
    if "transport" not in change:
        await drain(desk, tmp_path)
    await execute(desk, change)
    assert await figures(desk) == HOLD | broken


async def test_a_scrape_waits_for_no_figures_but_the_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    counting, slow = Counting(desk.house.pool, system_clock, every_s=0.0), asyncio.Event()
    await counting.refresh()
    await counting.wait(60)
    monkeypatch.setattr(counting, "_all", slow.wait)
    async with asyncio.timeout(PATIENCE_S / 2):
        await counting.refresh()
    assert counting._task is not None, "it counts meanwhile"
    await counting.close()


async def test_the_figures_are_exported_and_counted_now_and_then(desk: Desk) -> None:
    await sign(desk, "01_ngap_visit")
    async with transaction(desk.house.pool, desk.tenant) as con:
        await anomalies.note(con, desk.tenant, system_clock(), [Found(Kind.STAGE_DIFFERS, uuid7())], by="worker")
    counting = Counting(desk.house.pool, system_clock, every_s=0.0)
    await counting.refresh()
    await counting.wait(60)

    def value(name: str, **labels: str) -> float | None:
        return metrics.REGISTRY.get_sample_value(name, labels)

    before = value("desmos_anomalies_open", kind="stage_differs")
    difference = value("desmos_invariant_difference", invariant="signed_shares")
    assert before is not None and before >= 1 and difference is not None
    age = value("desmos_anomalies_oldest_seconds", kind="stage_differs")
    assert age is not None and age >= 0
    await execute(desk, "UPDATE share SET transport = 'lotted' WHERE part = 'amo'")
    async with transaction(desk.house.pool, desk.tenant) as con:
        await anomalies.note(con, desk.tenant, system_clock(), [Found(Kind.STAGE_DIFFERS, uuid7())], by="worker")
    patient = Counting(desk.house.pool, system_clock)
    patient._begun = time.monotonic()
    await patient.refresh()
    assert value("desmos_anomalies_open", kind="stage_differs") == before, "it is not time yet"
    await counting.refresh()
    await counting.wait(60)
    assert value("desmos_anomalies_open", kind="stage_differs") == before + 1
    assert value("desmos_invariant_difference", invariant="signed_shares") == difference + 1
    reply = await desk.house.send("GET", "/metrics", {})
    assert b"desmos_invariant_difference{" in reply.body and desk.finess.encode() not in reply.body
    await counting.close()
