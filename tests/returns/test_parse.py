# SPDX-License-Identifier: Apache-2.0
"""Acknowledgements and returns: golden files through the codec and the command, orders for matching, and what must be refused."""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from typer.testing import CliRunner, Result

from desmos_fast.cli import app
from desmos_fast.exchange.codec import check
from desmos_fast.exchange.faults import FaultyInput
from desmos_fast.returns.codec import objects, orders, parse, read_payers
from desmos_fast.returns.model import ArlFile, RspFile
from tests.exchange.files import ANSWERS, BAD, FILES, RUNS, changed, damaged, file, name
from tests.exchange.test_golden import WAYS

SEEDS = [path.read_bytes() for path in ANSWERS]
REFUSED = [path for path in BAD if path.stem >= "f07"]


def golden(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.with_suffix(".ndjson").read_bytes().splitlines()]


def rsp(stem: str) -> RspFile:
    found = parse(file(stem))
    assert isinstance(found, RspFile)
    return found


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["returns", "parse", *map(str, arguments)], input=stdin)


@pytest.mark.parametrize("path", ANSWERS, ids=name)
@pytest.mark.parametrize("way", WAYS)
def test_golden_answers_are_read(path: Path, way: str) -> None:
    assert json.loads(msgspec.json.encode(objects(parse(WAYS[way](path.read_bytes()))))) == golden(path)


@pytest.mark.parametrize("path", ANSWERS, ids=name)
def test_the_command_writes_the_golden_objects(tmp_path: Path, path: Path) -> None:
    result = run(path, "-o", tmp_path / "out.ndjson")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert [json.loads(line) for line in (tmp_path / "out.ndjson").read_bytes().splitlines()] == golden(path)


def test_the_head_of_a_file_is_kept() -> None:
    arl = parse(file("arl1_positive"))
    assert isinstance(arl, ArlFile)
    assert (arl.sender_type, arl.recipient_number[-9:], arl.records) == ("CT", "750000010", 6)
    found = rsp("rsp2_mixed")
    assert (found.sequence, found.date, found.records, found.places) == (501, "2026-12-03", 12, ((0, 1, 2, 3, -1),))


def test_orders_are_those_that_matching_takes() -> None:
    digest = hashlib.sha256(file("rsp2_mixed")).hexdigest()
    person = {"nir": "255081416802538", "care_date": "2026-11-20"}
    line = {"biller": "750000010", "part": "amo", "payer": "amo:01751", "lot": "002", **person}
    money = {"biller": None, "part": None, "payer": "amo:01751", "lot": None, "nir": None, "care_date": None}
    assert orders(rsp("rsp2_mixed"), digest) == [{
        "id": f"{digest[:16]}:1", "kind": "payment", "payer": "amo:01751", "emitter": "amo:01751", "emitter_name": None,
        "biller": "750000010", "payment_date": "2026-11-27", "payment_ref": "263280000456", "total": 5600,
        "lines": [
            {"line": 1, "status": "paid", "amount": 2100, "invoice_number": 301, "reject_code": None, **line},
            {"line": 2, "status": "partial", "amount": 6000, "invoice_number": 302, "reject_code": "0450072", **line},
            {"line": 3, "status": "rejected", "amount": 0, "invoice_number": 303, "reject_code": "0250050", **line},
            {"line": 5, "status": "recovery", "amount": -2500, "invoice_number": 123456789, "reject_code": None, **money},
        ],
        "source": {"file_sha256": digest, "line": 1},
    }]  # fmt: skip


def test_an_order_without_invoices_is_of_the_recipient_and_may_take_money_back() -> None:
    found = orders(rsp("rsp3_no_invoice"), "ab" * 32)
    assert [(order["id"], order["kind"], order["total"], order["biller"]) for order in found] == [
        ("abababababababab:1", "payment", 149999, "750000010"), ("abababababababab:2", "recovery", -4200, "750000010"),
    ]  # fmt: skip
    assert [[(line["line"], line["status"], line["amount"]) for line in order["lines"]] for order in found] == [
        [(1, "paid", 150000), (2, "paid", -1)], [(1, "recovery", -4200)],
    ]  # fmt: skip


@pytest.mark.parametrize("path", [path for path in ANSWERS if path.stem.startswith("rsp")], ids=name)
def test_the_lines_of_an_order_add_up_to_its_total(path: Path) -> None:
    for order in orders(rsp(path.stem), "00" * 32):
        assert sum(line["amount"] for line in order["lines"]) == order["total"]


def test_an_earlier_payment_taken_back_is_a_recovery() -> None:
    data = changed(file("rsp2_mixed"), 6, "R1", paid_sign="-", paid="2100")
    data = changed(changed(data, 2, "P1", total="3500"), 11, "P9", total="3500")
    found = parse(data)
    assert isinstance(found, RspFile)
    line = orders(found, "00" * 32)[0]["lines"][2]
    assert (line["status"], line["amount"], line["reject_code"]) == ("recovery", -2100, "0250050")


def test_a_corsican_recipient_gets_its_letter_back() -> None:
    data = changed(file("rsp3_no_invoice"), 1, "000", recipient_number="200102689")
    found = parse(changed(data, 9, "999", recipient_number="200102689"))
    assert isinstance(found, RspFile)
    assert {order["biller"] for order in orders(found, "00" * 32)} == {"2A0002689"}


def test_the_command_writes_orders_with_the_operator_that_pays(tmp_path: Path) -> None:
    payers = tmp_path / "payers.ndjson"
    payers.write_text('{"id":"op:00","kind":"operator","names":["TIERSPAY"],"pays_for":["amo:01751"]}\n{"id":"amo:01751","kind":"amo"}\n')
    path = next(path for path in ANSWERS if path.stem == "rsp2_mixed")
    result = run(path, "--orders", "--payers", payers, "--json")
    order = json.loads(result.stdout)
    assert (result.exit_code, order["payer"], order["emitter"], order["emitter_name"]) == (0, "amo:01751", "op:00", "TIERSPAY")
    assert json.loads(result.stderr)["objects"] == 1
    assert order["id"] == hashlib.sha256(path.read_bytes()).hexdigest()[:16] + ":1"


def test_payers_that_cannot_be_read_give_their_line() -> None:
    with pytest.raises(FaultyInput) as refused:
        read_payers(b'{"id":"op:00","kind":"operator"}\n\n{"id":1}\n')
    assert [(fault.code, fault.line) for fault in refused.value.faults] == [("B2_BAD_JSON", 3)]
    assert run(ANSWERS[-1], "--payers", "-").exit_code == 2
    assert run("-", "--orders", "--payers", "-", stdin=ANSWERS[-1].read_bytes()).exit_code == 2


def test_an_acknowledgement_holds_no_order() -> None:
    result = run(ANSWERS[0], "--orders")
    assert (result.exit_code, result.stdout, json.loads(result.stderr)["code"]) == (1, "", "B2_WRONG_KIND")


@pytest.mark.parametrize("path", REFUSED, ids=name)
def test_a_faulty_answer_gives_its_fault_and_no_line(tmp_path: Path, path: Path) -> None:
    wanted = json.loads(path.with_suffix(".json").read_bytes())
    result = run(path, "-o", tmp_path / "out.ndjson")
    first = json.loads(result.stderr.splitlines()[0])
    assert (result.exit_code, result.stdout) == (1, "")
    assert {key: first.get(key) for key in wanted} == wanted
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "held"),
    [(b"", "is empty"), *((path.read_bytes(), "holds claims") for path in (RUNS[0], FILES[0]))],
    ids=["empty", "bare run", "claim file"],
)
def test_sound_claims_are_of_another_kind(data: bytes, held: str) -> None:
    result = run("-", stdin=data)
    fault = json.loads(result.stderr)
    assert (result.exit_code, result.stdout, fault["code"]) == (1, "", "B2_WRONG_KIND")
    assert fault["message"] == f"this file {held}: an acknowledgement or a return is expected"


@pytest.mark.parametrize("path", ANSWERS, ids=name)
def test_an_answer_torn_at_any_byte_is_refused_whole(path: Path) -> None:
    data = path.read_bytes()
    for cut in range(len(data) - 1):
        with pytest.raises(FaultyInput):
            parse(data[:cut])


@settings(max_examples=200, deadline=None)
@given(damaged(SEEDS))
def test_a_damaged_answer_is_read_whole_or_refused_with_a_code(data: bytes) -> None:
    try:
        found = parse(data)
    except FaultyInput as refused:
        assert all(fault.code.startswith("B2_") for fault in refused.faults)
        assert check(data) in ([], refused.faults)
    else:
        assert check(data) == []
        assert len(objects(found)) > 0
