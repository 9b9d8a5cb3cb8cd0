# SPDX-License-Identifier: Apache-2.0
"""Returns that are refused or repeat themselves: kept with their bytes, told, tried again, given up; nothing is dropped silently."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from desmos_fast.base.types import uuid7
from desmos_fast.db import kernel
from desmos_fast.db.keyring import Keyring
from desmos_fast.exchange.faults import Fault
from desmos_fast.returns import codec
from desmos_fast.simulator.model import Answers
from monitoring import metrics
from tests.api.conftest import MASTER, Desk, House, person
from tests.api.post import content, send_and_answer, sign
from tests.api.test_returns import bring, changed, found
from tests.settlement.centre import Centre


def numbered(rsp: bytes, number: int) -> bytes:
    """Give a return another number of its sender."""
    return changed(rsp, "000", 0, file_sequence=f"{number:06d}", file_id=f"{number % 1000:03d}")


def with_orders(rsp: bytes, *places: int) -> bytes:
    """Return a return with some of its orders alone, repeated where asked for, its counts and totals put right."""
    head, *records, end = rsp.splitlines(keepends=True)
    starts = [place for place, record in enumerate(records) if record.startswith(b"P1")]
    groups = [records[start:stop] for start, stop in zip(starts, [*starts[1:], len(records)], strict=True)]
    kept = [record for place in places for record in groups[place]]
    count = len(kept) + 2
    invoices = sum(record.startswith(b"R1") for record in kept)
    whole = b"".join([head, *kept, end])
    return changed(whole, "999", 0, record_count=f"{count:08d}", lot_count=f"{len(places):03d}", invoice_count=f"{invoices:06d}")


async def answered(desk: Desk, folder: Path, *names: str) -> Answers:
    await sign(desk, *(names or ("01_ngap_visit", "02_dental_ccam")))
    _, (said,) = await send_and_answer(desk, folder)
    return said


async def dead(desk: Desk, query: str = "") -> list[Any]:
    reply = await desk.get(f"/v1/returns/dead?{query}")
    assert reply.status == 200, reply.body
    return list(reply.json["dead"])


async def open_anomalies(desk: Desk) -> list[Any]:
    return [one for one in (await desk.get("/v1/anomalies")).json["anomalies"] if one["kind"] == "return_dead"]


async def told(desk: Desk) -> list[str]:
    async with Centre(desk).rows() as con:
        return [row["name"] for row in await con.fetch("SELECT name FROM event WHERE name LIKE 'return.%' ORDER BY happened_at, id")]


# --- kept


async def test_a_return_that_cannot_be_read_is_kept_with_its_faults(desk: Desk, tmp_path: Path) -> None:
    said = await answered(desk, tmp_path)
    torn = said.rsp[0][:-200]
    counted = metrics.returns_dead.labels("faulty_input")._value.get()
    refused = await bring(desk, torn)
    assert refused.status == 422
    (letter,) = await dead(desk)
    assert letter["id"] in refused.json["detail"]
    assert (letter["code"], letter["state"], letter["size"], letter["tries"]) == ("faulty_input", "open", len(torn), 1)
    whole = (await desk.get(f"/v1/returns/dead/{letter['id']}")).json
    assert [fault["code"] for fault in whole["faults"]] == [error["code"] for error in refused.json["errors"]] != []
    assert (await desk.get(f"/v1/returns/dead/{letter['id']}/content")).body == torn
    assert [one["subject"] for one in await open_anomalies(desk)] == [letter["id"]] and await told(desk) == ["return.dead"]
    assert metrics.returns_dead.labels("faulty_input")._value.get() == counted + 1
    assert await desk.count("return_file") == 0


async def test_the_same_bytes_are_kept_once_however_often_and_at_once(desk: Desk, tmp_path: Path) -> None:
    torn = (await answered(desk, tmp_path)).rsp[0][:-200]
    replies = await asyncio.gather(*(bring(desk, torn) for _ in range(4)))
    assert {reply.status for reply in replies} <= {422, 503}
    (letter,) = await dead(desk)
    assert letter["tries"] == sum(reply.status == 422 for reply in replies)
    assert await told(desk) == ["return.dead"] and len(await open_anomalies(desk)) == 1


@pytest.mark.parametrize("kind", ["claims", "nothing readable", "other centre"])
async def test_whatever_is_refused_for_what_it_holds_is_kept(desk: Desk, house: House, tmp_path: Path, kind: str) -> None:
    await sign(desk, "01_ngap_visit")
    built, (said,) = await send_and_answer(desk, tmp_path)
    there = await house.desk() if kind == "other centre" else desk
    data = {"claims": await content(desk, built["files"][0]["id"]), "nothing readable": b"\xff\x00" * 90, "other centre": said.rsp[0]}[kind]
    assert (await bring(there, data)).status == 422
    (letter,) = await dead(there)
    assert letter["code"] == ("wrong_recipient" if kind == "other centre" else "faulty_input")


async def test_no_dead_letter_shows_a_person(desk: Desk, tmp_path: Path) -> None:
    said = await answered(desk, tmp_path)
    number = person(900)[:13].encode()
    assert number in said.rsp[0]
    # The key of the number does not fit any more.
    await bring(desk, said.rsp[0].replace(number, number[:-3] + b"901", 1))
    number = number[:-3] + b"901"
    (letter,) = await dead(desk)
    shown = (await desk.get(f"/v1/returns/dead/{letter['id']}")).body
    async with Centre(desk).rows() as con:
        stored = await con.fetchval("SELECT code || detail || faults::text FROM dead_return")
        sealed = await con.fetchval("SELECT sealed FROM dead_return")
    assert json.loads(shown)["faults"] and number not in shown + stored.encode() + sealed


async def test_an_import_without_a_key_or_of_nothing_leaves_no_letter(desk: Desk) -> None:
    assert (await bring(desk, b"")).status == 400
    assert (await desk.post("/v1/returns", b"x", "not a key")).status == 400
    assert await dead(desk) == []


async def test_another_centre_sees_no_letter_of_ours(desk: Desk, house: House, tmp_path: Path) -> None:
    await bring(desk, (await answered(desk, tmp_path)).rsp[0][:-200])
    (letter,) = await dead(desk)
    other = await house.desk()
    assert await dead(other) == []
    for path in ("", "/content"):
        assert (await other.get(f"/v1/returns/dead/{letter['id']}{path}")).status == 404
    for what, body in (("retry", {}), ("discard", {"why": "essai"})):
        assert (await other.post(f"/v1/returns/dead/{letter['id']}:{what}", body)).status == 404


async def test_letters_are_listed_by_state_and_page(desk: Desk, tmp_path: Path) -> None:
    torn = (await answered(desk, tmp_path)).rsp[0]
    for cut in (200, 300, 400):
        await bring(desk, torn[:-cut])
    first = (await desk.get("/v1/returns/dead?limit=2")).json
    second = (await desk.get(f"/v1/returns/dead?limit=2&cursor={first['next']}")).json
    ids = [one["id"] for one in first["dead"] + second["dead"]]
    assert len(ids) == 3 and ids == sorted(ids, reverse=True) and second["next"] is None
    await desk.post(f"/v1/returns/dead/{ids[0]}:discard", {"why": "essai"})
    assert [one["id"] for one in await dead(desk, "state=open")] == ids[1:]
    assert [one["id"] for one in await dead(desk, "state=discarded")] == ids[:1] and await dead(desk, "state=taken") == []
    assert (await desk.get("/v1/returns/dead?state=lost")).status == 400


# --- ended


async def test_a_letter_is_tried_again_under_the_layouts_of_now(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = await answered(desk, tmp_path)
    data = said.rsp[0]
    with monkeypatch.context() as patch:
        patch.setattr(codec, "examine", lambda _: (None, [Fault(code="B2_UNKNOWN_RECORD", message="this layout does not know it")]))
        assert (await bring(desk, data)).status == 422
        (letter,) = await dead(desk)
        again = await desk.post(f"/v1/returns/dead/{letter['id']}:retry", {})
        assert again.status == 422 and (await dead(desk))[0]["tries"] == 2
    taken = await desk.post(f"/v1/returns/dead/{letter['id']}:retry", {})
    assert taken.status == 200 and taken.json["orders"] > 0
    (letter,) = await dead(desk)
    assert (letter["state"], letter["taken_as"]) == ("taken", taken.json["return_id"])
    assert await open_anomalies(desk) == [] and "return.taken" in await told(desk)
    ended = await desk.post(f"/v1/returns/dead/{letter['id']}:retry", {})
    assert (ended.status, ended.code) == (409, "dead_ended")
    # The same file brought the usual way is the one that was taken.
    assert (await bring(desk, data)).json["id"] == taken.json["return_id"]


async def test_a_file_that_can_be_read_at_last_ends_its_letter_whichever_way_it_comes(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (await answered(desk, tmp_path)).rsp[0]
    with monkeypatch.context() as patch:
        patch.setattr(codec, "examine", lambda _: (None, [Fault(code="B2_UNKNOWN_RECORD", message="this layout does not know it")]))
        await bring(desk, data)
    assert (await bring(desk, data)).status == 200
    assert [one["state"] for one in await dead(desk)] == ["taken"] and await open_anomalies(desk) == []


async def test_a_person_gives_a_letter_up_and_says_why(desk: Desk, tmp_path: Path) -> None:
    torn = (await answered(desk, tmp_path)).rsp[0][:-200]
    await bring(desk, torn)
    (letter,) = await dead(desk)
    path = f"/v1/returns/dead/{letter['id']}:discard"
    assert (await desk.post(path, {"why": " "})).code == "why_missing" and (await desk.post(path, {})).code == "dead_request_invalid"
    given_up = (await desk.post(path, {"why": "fichier renvoyé entier"})).json
    assert (given_up["state"], given_up["ended_why"]) == ("discarded", "fichier renvoyé entier") and given_up["ended_by"]
    assert await open_anomalies(desk) == [] and (await desk.get(f"/v1/returns/dead/{letter['id']}/content")).body == torn
    assert (await desk.post(path, {"why": "encore"})).code == "dead_ended"
    await bring(desk, torn)
    assert [one["state"] for one in await dead(desk)] == ["discarded"] and await open_anomalies(desk) == []


# --- repeats and conflicts


async def test_an_order_repeated_inside_a_larger_return_is_kept_apart(desk: Desk, tmp_path: Path) -> None:
    rsp = (await answered(desk, tmp_path, "01_ngap_visit", "02_dental_ccam", "07_amc_apart")).rsp[0]
    count = rsp.count(b"\nP1")
    assert count >= 2
    first = await found(desk, with_orders(numbered(rsp, 71), 0))
    assert first["orders"] == 1
    second = await found(desk, numbered(rsp, 72))
    assert (second["orders"], second["repeated"]) == (count - 1, 1)
    (letter,) = await dead(desk)
    assert (letter["code"], letter["ordinal"]) == ("order_repeated", 1) and len(await open_anomalies(desk)) == 1
    assert await desk.count("payment_order") == count
    async with Centre(desk).rows() as con:
        assert await con.fetchval("SELECT count(DISTINCT content_key) FROM payment_order") == count
        announced = await con.fetchval("SELECT sum(total) FROM payment_order")
    refused = await desk.post(f"/v1/returns/dead/{letter['id']}:retry", {})
    assert (refused.status, refused.code) == (409, "order_repeated")
    taken = await desk.post(f"/v1/returns/dead/{letter['id']}:retry", {"although": ["order_repeated"]})
    assert taken.json["orders"] == 1 and await desk.count("payment_order") == count + 1
    async with Centre(desk).rows() as con:
        assert await con.fetchval("SELECT sum(total) FROM payment_order") == announced + first["announced"]
    assert [one["state"] for one in await dead(desk)] == ["taken"] and await open_anomalies(desk) == []


async def test_two_equal_orders_of_one_file_are_two_and_come_again_as_two(desk: Desk, tmp_path: Path) -> None:
    rsp = (await answered(desk, tmp_path)).rsp[0]
    assert (await found(desk, with_orders(numbered(rsp, 71), 0, 0)))["orders"] == 2
    third = await found(desk, with_orders(numbered(rsp, 72), 0, 0, 0))
    assert (third["orders"], third["repeated"]) == (1, 2) and await desk.count("payment_order") == 3


async def test_a_file_of_repeated_orders_alone_is_taken_and_announces_nothing(desk: Desk, tmp_path: Path) -> None:
    rsp = (await answered(desk, tmp_path)).rsp[0]
    await found(desk, rsp)
    again = await found(desk, with_orders(numbered(rsp, 72), 0))
    assert again == {"kind": "rsp", "repeated": 1} and await desk.count("dead_return") == 1


async def test_another_content_under_the_same_number_waits_for_a_person(desk: Desk, tmp_path: Path) -> None:
    rsp = (await answered(desk, tmp_path)).rsp[0]
    await found(desk, rsp)
    other = changed(rsp, "P1", 0, payment_reference="262750009999")
    refused = await bring(desk, other)
    assert (refused.status, refused.code) == (409, "return_conflict")
    orders = await desk.count("payment_order")
    (letter,) = await dead(desk)
    assert letter["code"] == "return_conflict"
    still = await desk.post(f"/v1/returns/dead/{letter['id']}:retry", {"although": ["return_repeated"]})
    assert still.code == "return_conflict"
    taken = await desk.post(f"/v1/returns/dead/{letter['id']}:retry", {"although": ["return_conflict"]})
    assert taken.status == 200 and await desk.count("payment_order") > orders and await desk.count("return_file") == 2


async def test_the_same_number_on_another_day_is_no_conflict(desk: Desk, tmp_path: Path) -> None:
    rsp = (await answered(desk, tmp_path)).rsp[0]
    await found(desk, rsp)
    other = changed(changed(rsp, "P1", 0, payment_reference="262750009999"), "000", 0, creation_date="261231")
    assert (await bring(desk, other)).status == 200


async def test_a_return_that_pays_twice_by_the_word_of_a_person_is_taken(desk: Desk, tmp_path: Path) -> None:
    rsp = (await answered(desk, tmp_path)).rsp[0]
    first = await found(desk, rsp)
    assert (await bring(desk, numbered(rsp, 99))).code == "return_repeated"
    (letter,) = await dead(desk)
    kept_apart = await desk.post(f"/v1/returns/dead/{letter['id']}:retry", {"although": ["return_repeated"]})
    assert (kept_apart.status, kept_apart.json["orders"]) == (200, 0)
    assert len(await dead(desk, "state=open")) == first["orders"]
    for one in await dead(desk, "state=open"):
        await desk.post(f"/v1/returns/dead/{one['id']}:retry", {"although": ["order_repeated"]})
    assert await desk.count("payment_order") == 2 * int(str(first["orders"]))


async def test_a_letter_moved_to_another_row_does_not_open(desk: Desk, tmp_path: Path) -> None:
    await bring(desk, (await answered(desk, tmp_path)).rsp[0][:-200])
    async with Centre(desk).rows() as con:
        sealed = await con.fetchval("SELECT sealed FROM dead_return")
    with pytest.raises(kernel.SealBroken):
        kernel.unseal(Keyring(MASTER).of(desk.tenant), "dead_return", desk.tenant, [uuid7()], [sealed])
