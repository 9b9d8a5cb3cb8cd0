# SPDX-License-Identifier: Apache-2.0
"""What comes back, through the real service: acknowledgements, returns, repeats, contradictions, and a lot that is built again."""

import asyncio
import hashlib
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from desmos_fast.base.types import uuid7
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.simulator.concentrator import answer_folder
from monitoring.metrics import REGISTRY
from tests.api.conftest import Desk, House, Reply, person
from tests.api.post import SEED, build, column, content, drain, events, rows, send_and_answer, shares, sign

LINE = 129


async def bring(desk: Desk, data: bytes) -> Reply:
    return await desk.post("/v1/returns", data)


async def found(desk: Desk, data: bytes) -> dict[str, object]:
    reply = await bring(desk, data)
    assert reply.status == 200, reply.body
    return {name: value for name, value in reply.json.items() if value and name not in ("id", "sha256", "sequence")}


def changed(data: bytes, record_type: str, place: int, **values: str) -> bytes:
    """Rewrite zones of the `place`-th record of a type in a return; a text shorter than its zone is padded."""
    lines = data.splitlines()
    at = [number for number, line in enumerate(lines) if line.startswith(record_type.encode())][place]
    for name, text in values.items():
        field = load_pack().tables[record_type].field(name)
        assert len(text) <= field.length
        line = bytearray(lines[at])
        line[field.offset : field.offset + field.length] = text.ljust(field.length).encode()
        lines[at] = bytes(line)
    return b"".join(line + b"\n" for line in lines)


def waits(rsp: bytes) -> bytes:
    """Turn a return with one payment into one that says that the invoice waits."""
    data = changed(rsp, "R1", 0, outcome="W", paid="0" * 9)
    for kind in ("P1", "P9"):
        data = changed(data, kind, 0, total="0" * 10)
    return data


async def states(desk: Desk) -> dict[str, list[str]]:
    return {
        "file": await column(desk, "SELECT state FROM file ORDER BY sequence"),
        "lot": await column(desk, "SELECT state FROM lot ORDER BY cycle, number"),
        "share": [transport for _, transport, _ in await shares(desk)],
    }


async def test_the_whole_way_out_and_back(desk: Desk, tmp_path: Path) -> None:
    """Invoices signed, built, sent, answered by the simulated payers, and both answers brought home."""
    out = tmp_path / "to_payers"
    out.mkdir()
    ids = await sign(desk, "01_ngap_visit", "02_dental_ccam", "07_amc_apart", "13_defaults")
    built = await build(desk)
    sender = await drain(desk, out)
    assert sender.sent >= 1
    (file,) = built["files"]
    assert (out / file["name"]).read_bytes() == await content(desk, file["id"])
    assert await states(desk) == {"file": ["sent"], "lot": ["sent"] * 3, "share": ["sent"] * 6}

    (back,) = answer_folder(tmp_path, SEED, biller=desk.finess)
    answered = REGISTRY.get_sample_value("desmos_ack_delay_seconds_count") or 0
    assert (await desk.post("/v1/returns?validate_only=true", back.arl[0].read_bytes())).status == 200
    assert (REGISTRY.get_sample_value("desmos_ack_delay_seconds_count") or 0) == answered, "a trial counts nothing"
    assert await found(desk, back.arl[0].read_bytes()) == {"kind": "arl", "accepted": 3}
    assert REGISTRY.get_sample_value("desmos_ack_delay_seconds_count") == answered + 3, "one for each lot"
    assert await states(desk) == {"file": ["acknowledged"], "lot": ["accepted"] * 3, "share": ["received"] * 6}

    (rsp,) = [path.read_bytes() for path in back.rsp]
    answer = (await bring(desk, rsp)).json
    async with rows(desk) as con:
        orders = await con.fetch("SELECT id, ref, kind, payer, emitter, biller, total, line FROM payment_order ORDER BY line")
        lines = await con.fetch("SELECT order_id, amount, invoice_number, insured_key, share_invoice_id, match_id FROM order_line")
        keys = {row["number"]: row["insured_key"] for row in await con.fetch("SELECT number, insured_key FROM invoice")}
    assert (answer["orders"], answer["lines"], answer["announced"]) == (len(orders), len(lines), sum(row["total"] for row in orders))
    assert answer["announced"] == sum(row["amount"] for row in lines) > 0
    digest = hashlib.sha256(rsp).hexdigest()
    assert [row["ref"] for row in orders] == [f"{digest[:16]}:{place}" for place in range(1, len(orders) + 1)]
    assert {row["biller"] for row in orders} == {desk.finess}
    assert all(row["emitter"] == row["payer"] for row in orders)
    assert all(row["insured_key"] == keys[row["invoice_number"]] for row in lines), "an insured is known by the blind index"
    assert {(row["share_invoice_id"], row["match_id"]) for row in lines} == {(None, None)}, "matching is the settlement's"

    told = [event["event"] for event in (await desk.get(f"/v1/invoices/{ids[0]}")).json["timeline"]]
    assert told[-3:] == ["share.lotted", "share.sent", "ack.accepted"]


async def test_no_nir_is_left_in_the_open(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit", order=904)
    await sign(desk, "01_ngap_visit", order=910)
    _, (said,) = await send_and_answer(desk, tmp_path)
    for data in (*said.arl, *said.rsp):
        await bring(desk, data)
    async with rows(desk) as con:
        for table in ("return_file", "payment_order", "order_line", "event", "file", "lot"):
            text = "".join(row[0] for row in await con.fetch(f"SELECT row_to_json(t)::text FROM {table} AS t"))
            for order in (904, 910):
                assert person(order)[:13] not in text and person(order)[:13].encode().hex() not in text, table


async def test_a_return_brought_twice_is_answered_from_the_first_time(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    tables = ("return_file", "payment_order", "order_line", "event")
    for data in (*said.arl, *said.rsp):
        first = await bring(desk, data)
        before = [await desk.count(table) for table in tables]
        again = await bring(desk, data)
        assert (again.status, again.body) == (200, first.body)
        assert [await desk.count(table) for table in tables] == before


async def test_one_of_many_imports_of_a_file_at_once_has_an_effect(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    for data in (said.arl[0], said.rsp[0]):
        replies = await asyncio.gather(*[desk.insist("/v1/returns", data, str(uuid7())) for _ in range(6)])
        assert {reply.status for reply in replies} == {200}
        assert len({reply.body for reply in replies}) == 1
    assert (await desk.count("return_file"), await desk.count("payment_order")) == (2, len(said.orders))
    assert [name for name, _ in await events(desk, "return.imported")] == ["return.imported"] * 2


@pytest.mark.parametrize("kind", ["arl", "rsp"])
async def test_a_torn_return_is_refused_whole(desk: Desk, tmp_path: Path, kind: str) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    data = getattr(said, kind)[0]
    before = await states(desk)
    for torn in (data[:-LINE], data[: len(data) // 2], data[LINE:], data[:LINE] + data[2 * LINE :]):
        reply = await bring(desk, torn)
        assert (reply.status, reply.code) == (422, "faulty_input")
        assert all(error["code"].startswith("B2_") for error in reply.json["errors"])
    assert (await desk.count("return_file"), await desk.count("payment_order"), await states(desk)) == (0, 0, before)
    assert (await bring(desk, data)).status == 200


async def test_a_claim_file_is_no_return(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    built = await build(desk)
    reply = await bring(desk, await content(desk, built["files"][0]["id"]))
    assert (reply.status, [error["code"] for error in reply.json["errors"]]) == (422, ["B2_WRONG_KIND"])


async def test_a_return_for_another_centre_is_refused(desk: Desk, house: House, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    other = await house.desk()
    for data in (*said.arl, *said.rsp):
        reply = await bring(other, data)
        assert (reply.status, reply.code) == (422, "wrong_recipient")
    assert await other.count("return_file") == 0
    assert (await states(desk))["lot"] == ["sent"]


async def test_a_refused_lot_is_built_again_under_a_new_number(desk: Desk, tmp_path: Path) -> None:
    (name,) = await sign(desk, "02_dental_ccam", order=905)
    built, (said,) = await send_and_answer(desk, tmp_path)
    assert await found(desk, said.arl[0]) == {"kind": "arl", "refused": 1}
    assert await states(desk) == {"file": ["acknowledged"], "lot": ["refused"], "share": ["file_refused"] * 2}
    assert await column(desk, "SELECT arl_code FROM lot") == ["LT01"]
    assert (await desk.get(f"/v1/invoices/{name}")).json["state"] == "to_fix"

    again = await build(desk)
    assert (again["shares"], again["invoices"], again["files"][0]["lots"][0]["number"]) == (2, 1, 2)
    assert await states(desk) == {"file": ["acknowledged", "queued"], "lot": ["replaced", "sealed"], "share": ["lotted"] * 2}
    live = await column(desk, "SELECT l.number FROM lot_share AS m JOIN lot AS l ON l.id = m.lot_id WHERE m.live")
    assert live == [2, 2]
    assert (await desk.get(f"/v1/invoices/{name}")).json["number"] == 1, "the invoice keeps its number"
    first, second = [await content(desk, one["files"][0]["id"]) for one in (built, again)]
    assert first.splitlines()[2:-2] == second.splitlines()[2:-2], "the same invoice, byte for byte"
    assert len(await events(desk, "lot.replaced")) == 1

    # The refusal comes again for a lot that was replaced since.
    assert await found(desk, said.arl[0]) == {"kind": "arl", "refused": 1}
    assert (await states(desk))["lot"] == ["replaced", "sealed"]


async def test_one_lot_of_a_file_may_be_refused(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    await sign(desk, "13_defaults", order=905)
    _, (said,) = await send_and_answer(desk, tmp_path)
    assert await found(desk, said.arl[0]) == {"kind": "arl", "accepted": 1, "refused": 1}
    assert await states(desk) == {"file": ["acknowledged"], "lot": ["accepted", "refused"], "share": ["received", "file_refused"]}
    names = [name for name, _ in await events(desk, "ack.accepted", "ack.refused")]
    assert sorted(names) == ["ack.accepted"] * 2 + ["ack.refused"] * 2, "one of the lot, one on the timeline of the invoice"


async def test_an_unknown_lot_and_a_contradiction_are_told_and_change_nothing(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    unknown = changed(said.arl[0], "A1", 0, lot_number="777")
    assert await found(desk, unknown) == {"kind": "arl", "unknown": 1}
    other_day = changed(said.arl[0], "A1", 0, lot_date="260101")
    assert await found(desk, other_day) == {"kind": "arl", "unknown": 1}
    assert await states(desk) == {"file": ["sent"], "lot": ["sent"], "share": ["sent"]}
    assert await found(desk, said.arl[0]) == {"kind": "arl", "accepted": 1}
    against = changed(said.arl[0], "A1", 0, verdict_sign="-", error_code="LT01")
    assert await found(desk, against) == {"kind": "arl", "unknown": 1}
    assert await states(desk) == {"file": ["acknowledged"], "lot": ["accepted"], "share": ["received"]}
    assert [name for name, _ in await events(desk, "ack.unknown", "ack.conflict")] == ["ack.unknown", "ack.unknown", "ack.conflict"]


async def test_the_same_answer_in_another_file_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    await found(desk, said.arl[0])
    before = len(await events(desk, "ack.accepted"))
    again = changed(said.arl[0], "000", 0, file_sequence="000099", file_id="099")
    assert await found(desk, again) == {"kind": "arl", "accepted": 1}
    assert len(await events(desk, "ack.accepted")) == before


def orders_reversed(rsp: bytes) -> bytes:
    """Put the payment orders of a return in the opposite order."""
    head, *records, end = rsp.splitlines(keepends=True)
    starts = [place for place, record in enumerate(records) if record.startswith(b"P1")] + [len(records)]
    groups = [b"".join(records[start:stop]) for start, stop in itertools.pairwise(starts)]
    return b"".join([head, *reversed(groups), end])


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda rsp: rsp.replace(b"\n", b"\r\n"), id="other line ends"),
        pytest.param(lambda rsp: rsp.rstrip(b"\n"), id="no last line end"),
        pytest.param(lambda rsp: rsp.replace(b"\n", b""), id="no line ends"),
        pytest.param(lambda rsp: changed(rsp, "000", 0, file_sequence="000099", file_id="099"), id="other number"),
        pytest.param(orders_reversed, id="other order"),
    ],
)
async def test_a_return_that_is_wrapped_anew_pays_nothing_twice(desk: Desk, tmp_path: Path, wrap: Callable[[bytes], bytes]) -> None:
    await sign(desk, "01_ngap_visit", "02_dental_ccam")
    _, (said,) = await send_and_answer(desk, tmp_path)
    first = (await bring(desk, said.rsp[0])).json
    assert first["orders"] > 1
    again = wrap(said.rsp[0])
    assert again != said.rsp[0]
    reply = await bring(desk, again)
    assert (reply.status, reply.code) == (409, "return_repeated")
    assert first["id"] in reply.json["detail"]
    assert await column(desk, "SELECT count(*) FROM payment_order") == [first["orders"]]
    assert len(await events(desk, "return.imported")) == 1
    assert (await bring(desk, said.rsp[0])).json == first


async def test_two_returns_that_differ_by_one_payment_are_two(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    await found(desk, said.rsp[0])
    other = changed(changed(said.rsp[0], "P1", 0, payment_reference="262750009999"), "000", 0, file_sequence="000099", file_id="099")
    assert (await found(desk, other))["orders"] == 1


async def test_an_answer_that_comes_before_the_worker_said_so_proves_that_the_file_left(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    await sign(desk, "01_ngap_visit")
    late = await build(desk)
    data = changed(said.arl[0], "A1", 0, lot_number=f"{late['files'][0]['lots'][0]['number']:03d}")
    assert await found(desk, data) == {"kind": "arl", "accepted": 1}
    assert await states(desk) == {"file": ["sent", "acknowledged"], "lot": ["sent", "accepted"], "share": ["sent", "received"]}
    assert len(await events(desk, "file.sent")) == 2
    await drain(desk, tmp_path)
    assert (tmp_path / late["files"][0]["name"]).exists() is False, "the job finds the file answered and leaves it"
    assert len(await events(desk, "file.sent")) == 2


@pytest.mark.parametrize("order", [["arl", "rsp"], ["rsp", "arl"]])
async def test_an_invoice_that_waits_is_pending_whichever_file_is_read_first(desk: Desk, tmp_path: Path, order: Sequence[str]) -> None:
    (name,) = await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    waiting = waits(said.rsp[0])
    files = {"arl": said.arl[0], "rsp": waiting}
    answers = [await found(desk, files[kind]) for kind in order]
    assert {"kind": "rsp", "orders": 1, "pending": 1} in answers
    assert await shares(desk) == [("amo", "pending", "pending")]
    timeline = (await desk.get(f"/v1/invoices/{name}")).json["timeline"]
    assert "share.pending" in [event["event"] for event in timeline]
    assert await desk.count("order_line") == 0


@pytest.mark.parametrize("order", [["arl", "rsp"], ["rsp", "arl"]])
async def test_a_refusal_beats_a_word_of_waiting_whichever_file_is_read_first(desk: Desk, tmp_path: Path, order: Sequence[str]) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    files = {"arl": changed(said.arl[0], "A1", 0, verdict_sign="-", error_code="LT01"), "rsp": waits(said.rsp[0])}
    for kind in order:
        await found(desk, files[kind])
    assert await shares(desk) == [("amo", "file_refused", "file_refused")]
    assert (await build(desk))["shares"] == 1


async def test_what_the_settlement_told_of_a_share_is_not_covered_by_its_transport(desk: Desk, tmp_path: Path) -> None:
    """A return may be matched before the acknowledgement is read: the share goes on being shown as announced."""
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    async with rows(desk) as con:
        await con.execute("UPDATE share SET state = 'announced' WHERE part = 'amo'")
    await found(desk, said.arl[0])
    assert await shares(desk) == [("amo", "received", "announced")]


async def test_a_waiting_invoice_that_we_do_not_have_is_counted(desk: Desk, tmp_path: Path) -> None:
    await sign(desk, "01_ngap_visit")
    _, (said,) = await send_and_answer(desk, tmp_path)
    waiting = changed(waits(said.rsp[0]), "R1", 0, invoice_number="000000999")
    assert await found(desk, waiting) == {"kind": "rsp", "orders": 1, "pending": 1, "unknown": 1}
    assert await shares(desk) == [("amo", "sent", "sent")]
