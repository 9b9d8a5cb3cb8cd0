# SPDX-License-Identifier: Apache-2.0
import inspect
import json
import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desmos_fast.billing import codec
from desmos_fast.billing.codec import encode, read_ndjson
from desmos_fast.billing.model import Invoice
from desmos_fast.billing.pricing.codec import read_entries
from desmos_fast.billing.pricing.model import UnpricedInvoice
from tests.billing.odd import GOLDEN, NAMES, golden

WIRE = (GOLDEN / "01_ngap_visit.ndjson").read_bytes()
LINES = b"".join((GOLDEN / f"{name}.ndjson").read_bytes() for name in NAMES)
NIR = "255081416802538"
ODD = [b"", b"\n", b"\r\n", b"{", b"}", b"[", b",", b'"', b"null", b"1e9", b"-1", b"\xff", b"\\u0000"]


def fault_of(line: bytes) -> tuple[str, str | None]:
    invoices, _, (fault,) = read_ndjson(line)
    assert (invoices, fault.line) == ([], 1)
    return fault.code, fault.field


def test_each_line_is_an_invoice() -> None:
    invoices, lines, faults = read_ndjson(LINES)
    assert (lines, faults) == (list(range(1, LINES.count(b"\n") + 1)), [])
    assert [invoice.number for invoice in invoices] == [json.loads(line)["number"] for line in LINES.splitlines()]


@pytest.mark.parametrize("data", [b"", b"\n", b" \n\r\n\t\n"])
def test_nothing_is_no_invoice(data: bytes) -> None:
    assert read_ndjson(data) == ([], [], [])


def test_blank_lines_are_skipped_and_counted() -> None:
    for data in (b"\n\n" + WIRE + b"  \r\n" + WIRE, b"\n\n" + WIRE.replace(b"\n", b"\r\n") + b"\n" + WIRE.strip()):
        invoices, lines, faults = read_ndjson(data)
        assert (len(invoices), lines, faults) == (2, [3, 5], [])


def test_lines_may_start_at_any_number() -> None:
    assert read_ndjson(WIRE, first_line=41)[1] == [41]
    assert read_ndjson(b"\n" + WIRE + b"{}\n", first_line=41)[1] == [42]
    assert [fault.line for fault in read_ndjson(WIRE + b"{}\n", first_line=41)[2]] == [42]


def test_a_faulty_line_is_told_and_the_others_are_read() -> None:
    invoices, lines, faults = read_ndjson(WIRE + b"{\n" + WIRE + b"[]\n" + WIRE)
    assert (len(invoices), lines) == (3, [1, 3, 5])
    assert [(fault.line, fault.code) for fault in faults] == [(2, "B2_BAD_JSON"), (4, "B2_BAD_VALUE")]


@pytest.mark.parametrize(
    ("former", "new", "code", "field"),
    [
        (b'"fees":3000', b'"fees":30.0', "B2_BAD_VALUE", "acts[0].fees"),
        (b'"fees":3000', b'"fees":"3000"', "B2_BAD_VALUE", "acts[0].fees"),
        (b'"fees":3000', b'"fees":null', "B2_BAD_VALUE", "acts[0].fees"),
        (b'"fees":3000,', b"", "B2_MISSING", "acts[0].fees"),
        (b'"fees":3000,', b'"fees":3000,"tarif":1,', "B2_UNKNOWN_KEY", "acts[0].tarif"),
        (b'"number":1,', b"", "B2_MISSING", "number"),
        (b'"number":1,', b'"number":1,"` - at `$.x`":1,', "B2_UNKNOWN_KEY", "` - at `$.x`"),
        (b'"kind":"ngap"', b'"kind":"nabm"', "B2_BAD_VALUE", "acts[0].kind"),
        (b'"kind":"ngap",', b"", "B2_MISSING", "acts[0].kind"),
        (b'"secured"', b'"open"', "B2_BAD_VALUE", "security"),
        (b'"acts":[', b'"acts":{},"x":[', "B2_BAD_VALUE", "acts"),
        (b"MARIE", b"MARI\xc9", "B2_BAD_JSON", None),
        (b"MARIE", b"MA\rRIE", "B2_BAD_JSON", None),
        (b"}]}", b"}]}{}", "B2_BAD_JSON", None),
        (b"}]}", b"}]", "B2_BAD_JSON", None),
    ],
)
def test_what_is_no_invoice_is_told_by_its_key(former: bytes, new: bytes, code: str, field: str | None) -> None:
    assert former in WIRE
    assert fault_of(WIRE.replace(former, new)) == (code, field)


def test_a_line_that_is_no_object_is_no_invoice() -> None:
    for line in (b"1", b'"x"', b"null", b"[1]"):
        assert fault_of(line) == ("B2_BAD_VALUE", None)


def test_an_object_over_two_lines_is_no_line() -> None:
    cut = WIRE.replace(b',"acts"', b'\n,"acts"')
    # As many lines as objects, and the typed decoder alone would take them.
    for data in (cut + WIRE.strip() + WIRE, cut):
        assert "B2_BAD_JSON" in {fault.code for fault in read_ndjson(data)[2]}


def test_a_fault_tells_the_invoice_and_never_a_nir() -> None:
    (fault,) = read_ndjson(WIRE.replace(b'"fees":3000', b'"fees":"x"'))[2]
    assert (fault.invoice, fault.value, fault.line) == (1, "x", 1)
    for former, new in (
        (b'"secured"', f'"{NIR}"'.encode()),
        (b'"fees":3000', f'"fees":"{NIR}"'.encode()),
        (b'"number":1', f'"number":"{NIR}"'.encode()),
        (f'"{NIR}"'.encode(), NIR.encode()),
        (b'"number":1', f'"number":1,"{NIR}":1'.encode()),
    ):
        (fault,) = read_ndjson(WIRE.replace(former, new, 1))[2]
        assert NIR[:13] not in repr(fault)


def test_the_number_may_be_left_to_the_service_and_amounts_to_pricing() -> None:
    bare = WIRE.replace(b'"number":1,', b"")
    (invoice,) = golden("01_ngap_visit")
    for line in (bare, WIRE):
        ((entry,), faults) = read_entries(line, first_line=7)
        assert (entry.line, entry.automatic, entry.asked, faults) == (7, line is bare, None, [])
        assert entry.invoice == msgspec.structs.replace(invoice, number=entry.invoice.number)
        # The kernels know these classes and no other.
        assert type(entry.entered) is Invoice
    ((entry,), faults) = read_entries(WIRE.replace(b'"amo":2100,', b""))
    assert type(entry.asked) is UnpricedInvoice
    assert (entry.asked.acts[0].amo, entry.asked.acts[0].base, entry.invoice.acts[0].amo) == (None, 3000, 0)
    assert [fault.code for fault in read_ndjson(bare)[2]] == ["B2_MISSING"]
    assert [fault.code for fault in read_entries(WIRE.replace(b'"number":1,', b'"number":0,'))[1]] == ["B2_BAD_VALUE"]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Golden lines with some bytes cut out, put in or repeated."""
    data = b"".join(draw(st.lists(st.sampled_from(LINES.splitlines(keepends=True)), max_size=4)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(start + 40, len(data))))
        new = draw(st.sampled_from([*ODD, data[start:stop] * 2]))
        data = data[:start] + new + data[stop:]
    return data


def every_line_is_read_or_told(data: bytes) -> None:
    entries, unread = read_entries(data)
    found = [entry.invoice for entry in entries], [entry.line for entry in entries], unread
    for invoices, lines, faults in (read_ndjson(data), found):
        encoded = encode(invoices, lines=lines)
        wanted = [place for place, line in enumerate(data.split(b"\n"), 1) if line.strip()]
        assert sorted([*lines, *(fault.line or 0 for fault in faults)]) == wanted
        for place, number in enumerate(lines):
            written = encoded.starts[place] < encoded.starts[place + 1]
            assert written != any(fault.line == number for fault in encoded.faults)


@given(damaged())
@settings(max_examples=300, deadline=None)
def test_damaged_lines_are_read_or_told(data: bytes) -> None:
    every_line_is_read_or_told(data)


@pytest.mark.fuzz
@given(damaged() | st.binary(max_size=300))
@settings(max_examples=100_000, deadline=None)
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    every_line_is_read_or_told(data)


def test_the_page_writes_functions_as_they_are() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/fse.md").read_text(encoding="utf-8")
    written = re.findall(r"`(read_ndjson)\(([^)]*)\)`", page)
    assert written
    for name, arguments in written:
        names = [part.split("=")[0].strip() for part in arguments.split(",")]
        assert [one for one in names if one != "*"] == list(inspect.signature(getattr(codec, name)).parameters)
