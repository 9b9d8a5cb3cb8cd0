# SPDX-License-Identifier: Apache-2.0
"""Columns and dictionaries as a stranger may give them: other formats of one entry, and what no record or message can hold."""

import ctypes
import json
import traceback
import tracemalloc
from typing import Any

import msgspec
import numpy
import pytest

from desmos_fast.billing.codec import encode, encode_columns, encode_ndjson
from desmos_fast.billing.columns import ColumnError
from tests.billing.odd import golden
from tests.billing.test_encode_sources import WIRE, columns

FIRST = golden("01_ngap_visit")[0]
NIR = "255089999902538"


def packed(values: Any) -> Any:
    record = numpy.zeros(len(values), dtype=[("before", "u1"), ("own", "i8")])
    record["own"] = values
    return record["own"]


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("act.fees", lambda values: (ctypes.c_int64 * 2)(*map(int, values))),
        ("act.fees", packed),
        ("act.fees", lambda values: values.astype("u2")),
        ("act.rate", lambda values: values.astype("i1")),
        ("act.exemption", lambda _: memoryview(b"00").cast("c")),
        ("act.exemption", lambda _: numpy.array([b"0", b"0"], dtype="S30")),
    ],
)
def test_a_row_that_goes_the_general_way_reads_its_entries_as_the_others_do(path: str, column: Any) -> None:
    # The first of two names makes its row unusual; the other one is read by the kernel.
    doctor = golden("11_accents")[0].referring_doctor
    invoices = [msgspec.structs.replace(FIRST, number=number, referring_doctor=who) for number, who in enumerate((doctor, None), start=1)]
    assert all(len(invoice.acts) == 1 for invoice in invoices)
    some = columns(invoices)
    if path == "act.exemption":
        acts = [msgspec.structs.replace(FIRST.acts[0], exemption="0")]
        invoices = [msgspec.structs.replace(invoice, acts=tuple(acts)) for invoice in invoices]
    found = encode_columns(some | {path: column(some.get(path))})
    assert (found.data, found.faults) == (encode(invoices).data, [])


def test_nothing_of_a_wide_text_is_lost() -> None:
    text = FIRST.biller.encode().ljust(4500, b"\0") + b"X"
    for column in (numpy.array([text]), numpy.frombuffer(text, dtype="u1").reshape(1, -1)):
        with pytest.raises(ColumnError, match="biller"):
            encode_columns(columns([FIRST]) | {"biller": column})


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("biller", ["750000010"], "column biller"),
        ("act.date", numpy.array(["2026-01-02"], dtype="M8[D]"), "column act.date"),
        ("acts", [0, 1], "column acts"),
        ("acts", numpy.array([0, 10**15]), "entries"),
        (1, numpy.array([1]), "no key"),
    ],
)
def test_what_is_no_column_is_refused_by_name(path: Any, value: Any, said: str) -> None:
    with pytest.raises(ColumnError, match=said):
        encode_columns(columns([FIRST]) | {path: value, "other": numpy.array([1])} if path == 1 else columns([FIRST]) | {path: value})


def test_no_message_holds_a_nir_that_stands_for_something_else() -> None:
    for odd in ({NIR: numpy.array([1])}, {"acts": numpy.array([0, int(NIR)])}):
        with pytest.raises(ColumnError) as refused:
            encode_columns(columns([FIRST]) | odd)
        assert NIR not in "".join(traceback.format_exception(refused.value))


def test_a_text_that_is_no_utf8_is_a_fault_of_its_key() -> None:
    for path in ("security", "accident.kind", "act.complement", "biller"):
        (fault,) = encode_columns(columns([FIRST]) | {path: numpy.array([b"\xff"])}).faults
        assert fault.field == path.replace("act.", "acts[0].")


def test_half_a_character_is_told_and_costs_no_neighbour() -> None:
    whole = json.loads(WIRE.encode(FIRST))
    odd = [{**whole, "number": 2, "\ud800": 1}, {**whole, "number": 3, "biller": "\ud800"}]
    encoded = encode([whole, *odd, {**whole, "number": 4}])
    assert [(fault.code, fault.invoice) for fault in encoded.faults] == [("B2_BAD_JSON", None), ("B2_BAD_VALUE", 3)]
    assert len(encoded.data) == 2 * len(encode([FIRST]).data)
    byte = encode_columns(columns([FIRST]) | {"act.complement": numpy.array([b"\xff"])})
    for fault in (*encoded.faults, *byte.faults):
        assert msgspec.json.decode(msgspec.json.encode(fault))["code"] == fault.code
    assert byte.faults


@pytest.mark.parametrize("key", ["number", "teeth"])
def test_a_number_of_thousands_of_digits_is_told_and_costs_no_neighbour(key: str) -> None:
    ccam = golden("02_dental_ccam")[0]
    acts = (msgspec.structs.replace(ccam.acts[0], teeth=(10**5000,)), *ccam.acts[1:])
    odd = msgspec.structs.replace(FIRST, number=10**5000) if key == "number" else msgspec.structs.replace(ccam, acts=acts)
    for given in ([FIRST, odd], [json.loads(WIRE.encode(FIRST)), msgspec.to_builtins(odd)]):
        encoded = encode(given)
        assert encoded.data == encode([FIRST]).data
        assert [(fault.value, fault.code) for fault in encoded.faults] == [(None, "B2_OVERFLOW" if key == "number" else "B2_BAD_VALUE")]


@pytest.mark.parametrize(
    "value", ["2 55 08 99 999 025 38", "2.55.08.99.999.025", f"NIR{NIR}", f"{NIR}A", "2 55 08 2A 999 025 38", f"AB {NIR[:7]}-{NIR[7:]}"]
)
@pytest.mark.parametrize("path", [("biller",), ("security",), ("referring_doctor", "last_name"), ("acts", "0", "code")])
def test_no_fault_shows_a_nir_however_it_is_written(value: str, path: tuple[str, ...]) -> None:
    whole = json.loads(WIRE.encode(golden("11_accents")[0]))
    item = whole
    for name in path[:-1]:
        item = item[int(name) if name.isdigit() else name]
    item[path[-1]] = value + "!" if path[-1] == "last_name" else value
    for encoded in (encode([whole], strict=True), encode_ndjson(json.dumps(whole).encode(), strict=True)):
        assert encoded.faults and not any(
            "99999" in str(fault) or "999 025" in str(fault) or "025" in str(fault.value) for fault in encoded.faults
        )
    assert [fault.value for fault in encode([{**json.loads(WIRE.encode(FIRST)), "biller": "75-0000-011"}]).faults] == ["75-0000-011"]


@pytest.mark.parametrize("name", [f"NIR{NIR}", f"{NIR}x", f"n{NIR[:7]}_{NIR[7:]}", NIR, f"nir_{NIR}"])
def test_no_fault_shows_a_nir_that_stands_in_a_key(name: str) -> None:
    whole = json.loads(WIRE.encode(golden("11_accents")[0]))
    twice = json.dumps(whole)[:-1] + f',"x":{{"{name}":1,"{name}":2}}}}'
    for odd in ({**whole, name: 1}, {**whole, "amo": {**whole["amo"], name: 1}}):
        for encoded in (encode([odd]), encode_ndjson(json.dumps(odd).encode()), encode_ndjson(twice.encode())):
            assert encoded.faults and not any("025" in str(fault) for fault in encoded.faults)
    with pytest.raises(ColumnError) as refused:
        encode_columns(columns([FIRST]) | {name: numpy.array([1])})
    assert "025" not in str(refused.value)


@pytest.mark.parametrize("times", [1, 10, 100])
def test_no_fault_shows_a_nir_that_stands_for_an_amount(times: int) -> None:
    whole = json.loads(WIRE.encode(FIRST))
    whole["acts"][0]["fees"] = int(NIR) * times
    for encoded in (encode([whole]), encode_ndjson(json.dumps(whole).encode())):
        assert [(fault.code, "025" in str(fault)) for fault in encoded.faults] == [("B2_OVERFLOW", False)]


@pytest.mark.parametrize("blanks", [0, 100, 300, 600, 5000])
def test_records_hold_a_quarter_more_memory_than_they_need_at_most(blanks: int) -> None:
    lines = (msgspec.json.encode(msgspec.structs.replace(FIRST, number=number)) for number in range(1, 1000))
    data = b"\n".join(line + b" " * blanks for line in lines)
    encode_ndjson(data)
    tracemalloc.start()
    try:
        records = encode_ndjson(data).data
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(records) == 999 * 6 * 129
    assert len(records) <= held <= len(records) * 4 // 3 + 10_000
    assert ctypes.string_at(records, len(records) + 1) == records + b"\0"


@pytest.mark.parametrize(
    "laid",
    [
        packed,
        lambda values: (ctypes.c_int64 * len(values))(*map(int, values)),
        lambda values: numpy.frombuffer(b"x" + values.tobytes(), dtype="q", offset=1),
        lambda values: numpy.repeat(values, 2)[::2],
    ],
)
def test_places_of_acts_are_read_however_they_lie(laid: Any) -> None:
    invoices = [msgspec.structs.replace(FIRST, number=number) for number in (1, 2, 3)]
    given = columns(invoices)
    assert encode_columns(given | {"acts": laid(given["acts"])}) == encode_columns(given)
