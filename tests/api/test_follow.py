# SPDX-License-Identifier: Apache-2.0
"""Files on their way: cancelled before they leave, awaited day by day, sent again, given up, and what comes late or for nobody."""

import asyncio
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from desmos_fast.base.clock import PARIS
from desmos_fast.base.types import FileId
from desmos_fast.db.tenant import transaction
from desmos_fast.invariants.model import Limits
from desmos_fast.invariants.service import Place as Where
from desmos_fast.invariants.service import check
from desmos_fast.lots import service as lots
from desmos_fast.lots import store as lot_store
from desmos_fast.lots.follow import service as follow
from desmos_fast.lots.follow import store
from desmos_fast.lots.recipients.model import Patience
from tests.api.conftest import Desk
from tests.api.post import build, column, content, drain, events, rows, send_and_answer, shares, sign
from tests.api.test_returns import changed, found, states
from tests.api.test_worker import Failing

pytestmark = pytest.mark.usefixtures("empty_queue")

REASON = {"why": "le centre a choisi un autre destinataire"}


def at(day: str) -> datetime:
    """Return the morning of a day of November 2026 in Paris."""
    return datetime.fromisoformat(f"2026-11-{day}T09:00").replace(tzinfo=PARIS)


async def look(desk: Desk, day: str) -> None:
    """Have the watch look at this centre on a day."""
    async with transaction(desk.house.pool, desk.tenant) as con:
        await follow.look(con, desk.tenant, at(day))


async def sent_on(desk: Desk, folder: Path, day: str) -> None:
    """Hand over what is queued, as if on a day."""
    await drain(desk, folder)
    async with transaction(desk.house.pool, desk.tenant) as con:
        for row in await con.fetch("SELECT id FROM file WHERE state = 'sent'"):
            await con.execute("UPDATE file SET state = 'queued' WHERE id = $1", row["id"])
            assert await lots.mark_sent(con, desk.tenant, at(day), row["id"])


async def open_anomalies(desk: Desk) -> list[tuple[str, Any]]:
    """Return kind and finding of what is open, in the order in which it was noticed."""
    shown = (await desk.get("/v1/anomalies")).json["anomalies"]
    return [(one["kind"], one["found"]) for one in reversed(shown)]


# --- cancelled before it leaves


async def test_a_file_that_has_not_left_is_cancelled_and_its_invoices_are_built_again(desk: Desk, tmp_path: Path) -> None:
    (name,) = await sign(desk, "07_amc_apart")
    (file,) = (await build(desk))["files"]
    reply = await desk.post(f"/v1/files/{file['id']}:cancel", REASON, key="once")
    assert (reply.status, reply.json) == (200, {"id": file["id"], "state": "cancelled", "lots": 2, "shares": 2})
    assert (await desk.post(f"/v1/files/{file['id']}:cancel", REASON, key="once")).body == reply.body
    assert await states(desk) == {"file": ["cancelled"], "lot": ["dissolved"] * 2, "share": ["open"] * 2}
    view = (await desk.get(f"/v1/invoices/{name}")).json
    assert view["state"] == "signed" and {share["lot"] for share in view["shares"] if share["flow"]} == {None}
    assert [event["detail"]["why"] for event in view["timeline"] if event["event"] == "share.waiting"] == [REASON["why"]] * 2
    assert len(await events(desk, "file.cancelled", "lot.dissolved")) == 3

    again = await build(desk)
    assert [lot["number"] for lot in again["files"][0]["lots"]] == [3, 4], "numbers once given stay used"
    sender = await drain(desk, tmp_path)
    assert sender.sent == 1 and os.listdir(tmp_path) == [again["files"][0]["name"]]
    # The order of the bytes of the first one is done, not held: there is nothing to send.
    assert await column(desk, "SELECT count(*) FROM pgqueuer") == [0]


async def test_what_has_left_or_may_have_is_not_cancelled(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    (file,) = (await build(desk))["files"]
    path = f"/v1/files/{file['id']}:cancel"
    assert (await desk.post(path, {})).code == "why_missing"
    assert (await desk.post(path, {"why": " "})).code == "why_missing"
    sender = await drain(desk, Failing(tmp_path, 99), Patience(tries=1, first_s=0.1, longest_s=1))
    assert sender.dead == 1
    refused = await desk.post(path, REASON)
    assert (refused.status, refused.code) == (409, "file_left")
    told = await desk.post(path, {**REASON, "not_received": True})
    assert (told.status, told.json["shares"]) == (200, 1)
    assert [kind for kind, _ in await open_anomalies(desk)] == []

    await build(desk)
    await drain(desk, tmp_path)
    (left,) = await column(desk, "SELECT id FROM file WHERE state = 'sent'")
    refused = await desk.post(f"/v1/files/{left}:cancel", {**REASON, "not_received": True})
    assert (refused.status, refused.code) == (409, "file_left")
    assert (await desk.post(f"/v1/files/{file['id'][:-4]}ffff:cancel", REASON)).status == 404


async def test_a_file_is_either_cancelled_or_handed_over(desk: Desk, tmp_path: Path) -> None:
    """The worker says that it begins before the first byte: whoever comes second finds out."""
    await sign(desk, "01_ngap_visit")
    (file,) = (await build(desk))["files"]

    class Slow:
        async def put(self, parcel: object) -> None:
            assert (await desk.post(f"/v1/files/{file['id']}:cancel", REASON)).code == "file_left"

    sender = await drain(desk, Slow())
    assert sender.sent == 1
    assert await states(desk) == {"file": ["sent"], "lot": ["sent"], "share": ["sent"]}


async def test_a_file_cancelled_while_its_job_is_begun_does_not_leave(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await sign(desk, "01_ngap_visit")
    (file,) = (await build(desk))["files"]
    opened = lots.opened

    async def cancel_then_open(*args: Any) -> Any:
        assert (await desk.post(f"/v1/files/{file['id']}:cancel", REASON)).status == 200
        return await opened(*args)

    monkeypatch.setattr(lots, "opened", cancel_then_open)
    sender = await drain(desk, tmp_path)
    assert (sender.sent, sender.dead, os.listdir(tmp_path)) == (0, 0, [])
    assert (await states(desk))["file"] == ["cancelled"]


async def begin(desk: Desk, file: UUID) -> bool:
    async with transaction(desk.house.pool, desk.tenant) as con:
        return await lots.mark_leaving(con, desk.tenant, at("06"), FileId(file))


async def test_who_cancels_and_who_hands_over_wait_for_each_other(desk: Desk) -> None:
    await sign(desk, "01_ngap_visit")
    (file,) = (await build(desk))["files"]
    name = FileId(UUID(file["id"]))
    async with transaction(desk.house.pool, desk.tenant) as con:
        await store.find_file(con, desk.tenant, name)
        second = asyncio.create_task(begin(desk, name))
        await asyncio.sleep(0.3)
        assert not second.done()
        await store.cancel(con, desk.tenant, name)
    assert await second is False

    (file,) = (await build(desk))["files"]
    name = FileId(UUID(file["id"]))
    async with transaction(desk.house.pool, desk.tenant) as con:
        assert await lots.mark_leaving(con, desk.tenant, at("06"), name)
        refused = asyncio.create_task(desk.post(f"/v1/files/{name}:cancel", REASON))
        await asyncio.sleep(0.3)
        assert not refused.done()
    assert (await refused).code == "file_left"


# --- the days of an answer


async def test_an_answer_that_does_not_come_raises_the_alarm_and_sends_the_file_again(desk: Desk, tmp_path: Path) -> None:
    """Sent on Friday 6: due on Tuesday 10, sent again on Friday 13, for Wednesday 11 is a holiday."""
    (name,) = await sign(desk, "02_dental_ccam")
    (file,) = (await build(desk))["files"]
    await sent_on(desk, tmp_path, "06")
    await look(desk, "10")
    assert await open_anomalies(desk) == []
    await look(desk, "11")
    await look(desk, "12")
    assert await open_anomalies(desk) == [("ack_missing", {"lots": 1})]
    view = (await desk.get(f"/v1/invoices/{name}")).json
    assert view["state"] == "to_fix"
    assert (await desk.get("/v1/dashboard")).json["invoices"].keys() == {"to_fix"}
    told = [(event["part"], event["by"]) for event in view["timeline"] if event["event"] == "share.ack_missing"]
    assert sorted(told) == [
        ("amc", "worker"), ("amo", "worker"),
    ]  # fmt: skip
    assert await states(desk) == {"file": ["sent"], "lot": ["sent"], "share": ["sent"] * 2}, "an alarm moves nothing"

    left = tmp_path / file["name"]
    first = left.read_bytes()
    left.unlink()
    await look(desk, "13")
    assert (await states(desk))["file"] == ["queued"]
    assert (await drain(desk, tmp_path)).sent == 1
    assert left.read_bytes() == first == await content(desk, file["id"]), "the same bytes"
    assert len(await events(desk, "file.queued_again")) == 1
    # Once by itself: after that it is for a person to say.
    async with rows(desk) as con:
        await con.execute("UPDATE file SET ack_due = '2026-11-17', resend_due = '2026-11-19'")
    await look(desk, "30")
    assert (await states(desk))["file"] == ["sent"]
    reply = await desk.post(f"/v1/files/{file['id']}:resend", b"")
    assert (reply.status, reply.json) == (200, {"id": file["id"], "state": "queued", "resends": 2})
    assert await shares(desk) == [("amo", "sent", "sent"), ("amc", "sent", "sent")]


async def test_an_answer_that_comes_late_takes_the_alarm_back(desk: Desk, tmp_path: Path) -> None:
    (name,) = await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    await sent_on(desk, tmp_path, "06")
    await look(desk, "13")
    assert (await states(desk))["file"] == ["queued"], "it is to leave again when the answer comes after all"
    assert await found(desk, said.arl[0]) == {"kind": "arl", "accepted": 1}
    assert await open_anomalies(desk) == []
    assert await states(desk) == {"file": ["acknowledged"], "lot": ["accepted"], "share": ["received"]}
    assert (await desk.get(f"/v1/invoices/{name}")).json["state"] == "in_process"
    await look(desk, "30")
    assert await open_anomalies(desk) == []
    for name in os.listdir(tmp_path):
        (tmp_path / name).unlink()
    assert (await drain(desk, tmp_path)).sent == 0 and os.listdir(tmp_path) == []
    assert (await desk.post(f"/v1/files/{(await column(desk, 'SELECT id FROM file'))[0]}:resend", b"")).code == "file_not_awaited"


async def test_one_lot_of_two_without_an_answer_keeps_the_alarm(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit", "13_defaults")
    _, (said,) = await send_and_answer(desk, tmp_path)
    await sent_on(desk, tmp_path, "06")
    head, first, _, end = said.arl[0].splitlines(keepends=True)
    one = changed(head + first + end, "999", 0, record_count="00000003", lot_count="001")
    assert await found(desk, one) == {"kind": "arl", "accepted": 1}
    await look(desk, "12")
    assert await open_anomalies(desk) == [("ack_missing", {"lots": 1})]
    assert (await states(desk))["lot"] == ["accepted", "sent"]
    assert await found(desk, said.arl[0]) == {"kind": "arl", "accepted": 2}
    assert await open_anomalies(desk) == []


async def test_a_lot_without_an_answer_is_given_up_and_built_again_with_a_link(desk: Desk, tmp_path: Path) -> None:
    (name,) = await sign(desk, "01_ngap_visit")
    built, (said,) = await send_and_answer(desk, tmp_path)
    lot = built["files"][0]["lots"][0]["id"]
    await sent_on(desk, tmp_path, "06")
    assert (await desk.post(f"/v1/lots/{lot}:rebuild", b"")).code == "lot_not_missing"
    await look(desk, "11")
    reply = await desk.post(f"/v1/lots/{lot}:rebuild", b"")
    assert (reply.status, reply.json) == (200, {"id": lot, "state": "refused", "shares": 1})
    assert await states(desk) == {"file": ["dead"], "lot": ["refused"], "share": ["file_refused"]}
    assert await open_anomalies(desk) == []
    again = await build(desk)
    (new,) = again["files"][0]["lots"]
    assert new["number"] == 2
    assert await column(desk, "SELECT lot_id || ' ' || replaces FROM lot_replaced") == [f"{new['id']} {lot}"]
    assert await states(desk) == {"file": ["dead", "queued"], "lot": ["replaced", "sealed"], "share": ["lotted"]}
    told = [event["event"] for event in (await desk.get(f"/v1/invoices/{name}")).json["timeline"]]
    # The test's own days are not those of the clock, which orders them.
    assert sorted(told) == ["invoice.signed", "lot.given_up", "share.ack_missing", "share.lotted", "share.lotted", "share.sent"]

    # The payer had it after all: its answer is for nobody any more, and a person is told.
    assert await found(desk, said.arl[0]) == {"kind": "arl", "unknown": 1}
    assert [kind for kind, _ in await open_anomalies(desk)] == ["ack_conflict"]
    assert (await states(desk))["lot"] == ["replaced", "sealed"]
    foreign = await (await desk.house.desk()).post(f"/v1/lots/{lot}:rebuild", b"")
    assert foreign.status == 404


async def test_a_file_that_waits_to_leave_again_stays_when_its_lots_were_given_up(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    built = await build(desk)
    await sent_on(desk, tmp_path, "06")
    await look(desk, "13")
    assert (await states(desk))["file"] == ["queued"]
    (tmp_path / built["files"][0]["name"]).unlink()
    assert (await desk.post(f"/v1/lots/{built['files'][0]['lots'][0]['id']}:rebuild", b"")).status == 200
    assert (await states(desk))["file"] == ["dead"]
    assert (await drain(desk, tmp_path)).sent == 0 and os.listdir(tmp_path) == []


async def test_every_invariant_holds_after_all_of_that(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit", "02_dental_ccam", "07_amc_apart")
    (file,) = (await build(desk))["files"]
    assert (await desk.post(f"/v1/files/{file['id']}:cancel", REASON)).status == 200
    built, (said,) = await send_and_answer(desk, tmp_path)
    await sent_on(desk, tmp_path, "06")
    await look(desk, "13")
    for lot in built["files"][0]["lots"]:
        assert (await desk.post(f"/v1/lots/{lot['id']}:rebuild", b"")).status == 200
    await send_and_answer(desk, tmp_path)
    await found(desk, said.arl[0])
    where = Where(desk.house.owner_dsn, desk.house.wire.dsn, tmp_path)
    report = await check(where, Limits(), lambda _done, _of: None, only=desk.finess)
    failed = [finding for verdict in report.verdicts for finding in verdict.failed if finding.centre == desk.finess]
    assert failed == []
    async with transaction(desk.house.pool, desk.tenant) as con:
        assert set((await follow.figures(con, desk.tenant, at("30"))).differences.values()) == {0}


async def test_a_lot_whose_payer_spoke_of_its_invoices_is_not_given_up(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "02_dental_ccam")
    built = await build(desk)
    await sent_on(desk, tmp_path, "06")
    await look(desk, "11")
    async with rows(desk) as con:
        await con.execute("UPDATE share SET transport = 'pending', state = 'pending' WHERE part = 'amc'")
    reply = await desk.post(f"/v1/lots/{built['files'][0]['lots'][0]['id']}:rebuild", b"")
    assert (reply.status, reply.code) == (409, "lot_not_missing")


async def test_a_refused_lot_and_the_one_that_takes_its_place_are_linked(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "02_dental_ccam", order=905)
    built, (said,) = await send_and_answer(desk, tmp_path)
    await found(desk, said.arl[0])
    again = await build(desk)
    old, new = (one["files"][0]["lots"][0]["id"] for one in (built, again))
    async with rows(desk) as con:
        assert [tuple(map(str, row)) for row in await con.fetch("SELECT lot_id, replaces FROM lot_replaced")] == [(new, old)]
        assert await con.fetchval("SELECT detail FROM event WHERE name = 'lot.replaced'") == f'{{"by": ["{new}"]}}'


# --- answers for nobody


async def test_answers_for_nobody_are_kept_shown_and_told(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    unknown = changed(said.arl[0], "A1", 0, lot_number="777")
    await found(desk, unknown)
    await found(desk, said.arl[0])
    await found(desk, changed(said.arl[0], "A1", 0, verdict_sign="-", error_code="LT01"))
    # The same answer in other bytes says nothing new, and the same bytes are answered from the first time.
    await found(desk, changed(said.arl[0], "000", 0, file_sequence="000099", file_id="099"))
    await found(desk, unknown)
    shown = (await desk.get("/v1/acknowledgements/unmatched")).json["acknowledgements"]
    assert [(one["why"], one["lot"], one["says"], one["code"]) for one in shown] == [
        ("conflict", 1, "refused", "LT01"), ("unknown", 777, "accepted", "0000"),
    ]  # fmt: skip
    assert [kind for kind, _ in await open_anomalies(desk)] == ["ack_unknown", "ack_conflict"]
    other = await desk.house.desk()
    assert (await other.get("/v1/acknowledgements/unmatched")).json == {"acknowledgements": []}

    (first, second) = (await desk.get("/v1/anomalies")).json["anomalies"]
    assert (await desk.post(f"/v1/anomalies/{first['id']}:resolve", {})).code == "why_missing"
    closed = await desk.post(f"/v1/anomalies/{first['id']}:resolve", {"why": "lot d'un autre logiciel, NIR 184069999901265 vu"})
    assert closed.status == 200 and UUID(closed.json["resolved_by"])
    assert [one["id"] for one in (await desk.get("/v1/anomalies")).json["anomalies"]] == [second["id"]]
    assert len((await desk.get("/v1/anomalies?resolved=true")).json["anomalies"]) == 2
    assert "184069999901265" not in "".join(await column(desk, "SELECT coalesce(detail::text, '') FROM event"))
    assert (await other.post(f"/v1/anomalies/{second['id']}:resolve", {"why": "x"})).status == 404


# --- too late to be sent


async def test_invoices_that_wait_too_long_are_warned_of(desk: Desk) -> None:
    """Signed on Friday 6: three working days end on Thursday 12 when the patient paid, eight on Thursday 19 otherwise."""
    await sign(desk, "01_ngap_visit", "02_dental_ccam")
    await desk.post("/v1/invoices", desk.invoice("01_ngap_visit", third_party="none"))
    async with rows(desk) as con:
        await con.execute("UPDATE invoice SET signed_at = $1", at("06"))
    third_party = await column(desk, "SELECT third_party FROM invoice ORDER BY number")
    assert third_party[-1] == "none" and "none" not in third_party[:-1]
    for day, counted in (("12", None), ("13", (1, 0)), ("19", (1, 0)), ("20", (1, 2))):
        await look(desk, day)
        wanted = [] if counted is None else [("send_late", {"paid": counted[0], "third_party": counted[1], "oldest": "2026-11-06"})]
        assert await open_anomalies(desk) == wanted, day
    assert await desk.count("anomaly") == 1
    await build(desk)
    await look(desk, "20")
    assert await open_anomalies(desk) == []


async def test_two_watches_at_once_do_everything_once(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "02_dental_ccam")
    await build(desk)
    await sent_on(desk, tmp_path, "06")
    await asyncio.gather(*(look(desk, "13") for _ in range(4)))
    assert len(await events(desk, "lot.ack_missing")) == len(await events(desk, "file.queued_again")) == 1
    assert await column(desk, "SELECT count(*) FROM pgqueuer") == [1]


async def test_a_long_build_does_not_keep_the_watch(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "02_dental_ccam")
    await build(desk)
    await sent_on(desk, tmp_path, "06")
    async with transaction(desk.house.pool, desk.tenant) as con:
        await lot_store.hold(con, desk.tenant)
        await asyncio.wait_for(look(desk, "13"), 5)
        assert await events(desk, "lot.ack_missing") == []
    await look(desk, "13")
    assert len(await events(desk, "lot.ack_missing")) == 1
