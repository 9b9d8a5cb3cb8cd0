# SPDX-License-Identifier: Apache-2.0
"""One invoice gives one run of records, whatever it comes as: objects, dictionaries, lines of JSON, columns."""

import json
import random
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desmos_fast.billing import kernel
from desmos_fast.billing.codec import Block, Encoded, UsedNumbers, encode, encode_columns, encode_ndjson, encode_one, read_ndjson
from desmos_fast.billing.columns import ColumnError
from desmos_fast.billing.model import Invoice
from desmos_fast.exchange.faults import FaultyInput
from ext import fse
from ext.arrays import Arrays
from tests.billing.odd import GOLDEN, INVOICES, NAMES, golden, odd_invoices

FIRST = golden("01_ngap_visit")[0]
WIRE = msgspec.json.Encoder()


def told(encoded: Encoded[Any]) -> list[tuple[Any, ...]]:
    return [(fault.code, fault.field, fault.width, fault.invoice) for fault in encoded.faults]


def columns(invoices: list[Invoice]) -> dict[str, Any]:
    """Lay invoices out as one NumPy array a key, as an analyst would."""
    acts = [act for invoice in invoices for act in invoice.acts]
    found: dict[str, Any] = {"acts": numpy.cumsum([0, *(len(invoice.acts) for invoice in invoices)]).astype("i8")}
    for path in kernel.arrays().paths:
        own = path.startswith("act.")
        values = [value_at(item, path.removeprefix("act.")) for item in (acts if own else invoices)]
        known = [value for value in values if value is not None]
        if known and isinstance(known[0], bool):
            found[path] = numpy.array([bool(value) for value in values])
        elif known and isinstance(known[0], int):
            absent = 9 if path == "act.prior_agreement.code" else 0
            found[path] = numpy.array([absent if value is None else value for value in values], dtype="i8")
        elif known:
            found[path] = numpy.array(["".join(value or ()).encode() for value in values])
    return found


def value_at(item: Any, path: str) -> Any:
    for name in path.split("."):
        item = getattr(item, name, None)
    return item


def shuffled(item: Any, draw: random.Random) -> Any:
    if isinstance(item, dict):
        keys = draw.sample(list(item), len(item))
        return {key: shuffled(item[key], draw) for key in keys}
    return [shuffled(one, draw) for one in item] if isinstance(item, list) else item


def spellings(invoice: Invoice, draw: random.Random) -> Iterator[bytes]:
    whole = json.loads(WIRE.encode(invoice))
    yield WIRE.encode(invoice)
    yield json.dumps(whole).encode()
    yield json.dumps(whole, ensure_ascii=False, separators=(" ,\t", "\r: ")).encode()
    yield json.dumps(shuffled(whole, draw), separators=(",", ":")).encode()
    yield b"\t " + json.dumps(shuffled(whole, draw), indent=None).encode() + b" \r"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flow", [1, 2])
def test_golden_invoices_give_their_bytes_from_every_source(name: str, flow: int) -> None:
    invoices, wire = golden(name), (GOLDEN / f"{name}.ndjson").read_bytes()
    expected = encode(invoices, flow=flow)
    assert flow == 2 or expected.data == (GOLDEN / f"{name}.b2").read_bytes()
    assert encode_ndjson(wire, flow=flow) == expected
    assert encode([json.loads(line) for line in wire.splitlines()], flow=flow) == expected
    assert encode_columns(columns(invoices), flow=flow) == expected


@pytest.mark.parametrize("simd", ["wide", "portable"])
def test_both_ways_of_moving_characters_write_the_same(simd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESMOS_SIMD", simd)
    encoder = kernel.encoder.__wrapped__()
    if simd == "portable":
        assert not encoder.wide
    assert encoder.encode(tuple(INVOICES), 1)[0] == b"".join((GOLDEN / f"{name}.b2").read_bytes() for name in NAMES)


def test_every_spelling_of_a_line_gives_the_same_records() -> None:
    draw = random.Random(7)
    for invoice in INVOICES:
        expected = encode([invoice])
        for line in spellings(invoice, draw):
            for end in (b"", b"\n", b"\r\n", b"\n\n \n"):
                found = encode_ndjson(line + end)
                assert (found.data, found.faults) == (expected.data, []), line


@given(st.lists(odd_invoices(), min_size=1, max_size=4), st.sampled_from([1, 2]), st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_odd_invoices_are_told_alike_from_every_source(invoices: list[Any], flow: int, strict: bool) -> None:
    sound = []
    for invoice in invoices:
        try:
            sound.append((msgspec.json.decode(line := WIRE.encode(invoice), type=Invoice), line))
        except (msgspec.DecodeError, TypeError, UnicodeEncodeError, OverflowError):
            continue
    expected = encode([invoice for invoice, _ in sound], flow=flow, strict=strict)
    found = encode_ndjson(b"\n".join(line for _, line in sound), flow=flow, strict=strict)
    assert (found.data, found.starts, told(found)) == (expected.data, expected.starts, told(expected))
    found = encode([json.loads(line) for _, line in sound], flow=flow, strict=strict)
    assert (found.data, found.starts, told(found)) == (expected.data, expected.starts, told(expected))


def test_lines_are_numbered_whatever_they_hold() -> None:
    good, wrong = WIRE.encode(FIRST), WIRE.encode(msgspec.structs.replace(FIRST, biller="750000011", number=7))
    encoded = encode_ndjson(b"\n".join([good, b"", b"{", wrong, b"  \r", b'{"number":3}', good]), first_line=10)
    assert [(fault.line, fault.code) for fault in encoded.faults] == [
        (12, "B2_BAD_JSON"), (13, "B2_FINESS_KEY"), (15, "B2_MISSING"), (16, "B2_DUPLICATE_NUMBER"),
    ]  # fmt: skip
    assert (encoded.data, len(encoded.fees)) == (encode([FIRST]).data, 3)


@pytest.mark.parametrize(
    ("inside", "path"),
    [
        (b'{"number":1,"number":1', "number"),
        (b'{"beneficiary":{"rank":0,"rank":0}', "beneficiary.rank"),
        (b'{"number":2', ""),
        (b'{"x":[{"y":1,"y":2}]', "x[0].y"),
    ],
)
def test_a_key_that_stands_twice_is_refused(inside: bytes, path: str) -> None:
    whole = WIRE.encode(FIRST)
    line = inside + b"," + whole[1:].replace(b'"beneficiary":{', b'"beneficiary":{"rank":0,"rank":0,', 1 if b"beneficiary" in inside else 0)
    line = line.replace(b'{"beneficiary":{"rank":0,"rank":0},', b"{", 1)
    for faults in (encode_ndjson(line).faults, read_ndjson(line)[2], read_ndjson(line + b"\n" + whole)[2]):
        assert [(fault.code, fault.field) for fault in faults] == [("B2_BAD_JSON", path or "number")]


@pytest.mark.parametrize(
    ("written", "usual"),
    [
        (rb"\ud83d\ude00", False), (rb"\ud800", False), (rb"\udc00\ud800", False), (rb"\uD7FFx", True), (rb"\u00e9", True),
        (rb"\u00E9\n", True),
        (rb"\"", True), (rb"\\", True), (rb"\/\b\f\r\t", True), (b"\\", False), (rb"\x41", False), (rb"\u12", False), (rb"\u00zz", False),
        (b"\\\0", False), ("é€😀".encode(), True), (b"\xed\xa0\x80", False), (b"\xc0\xaf", False), (b"\xf4\x90\x80\x80", False),
        (b"\x7f", True),
        (b"\t", False), (b"\xe2\x82", False),
    ],
)  # fmt: skip
def test_a_name_that_no_record_holds_may_have_any_character(written: bytes, usual: bool) -> None:
    line = WIRE.encode(FIRST).replace(b'"last_name":"', b'"last_name":"' + written)
    invoices, _, faults = read_ndjson(line)
    found = encode_ndjson(line)
    assert (found.data, told(found)) == (encode(invoices).data, [(fault.code, fault.field, fault.width, fault.invoice) for fault in faults])
    assert (kernel.lines().surprises(line) == []) is usual
    assert not usual or found.data == encode([FIRST]).data


@pytest.mark.parametrize("blank", [b"\x0b", b"\x0c", b"\xc2\xa0", b"\x00"])
def test_only_the_blanks_of_json_make_a_blank_line(blank: bytes) -> None:
    whole = WIRE.encode(FIRST)
    for faults in (encode_ndjson(blank + b"\n" + whole).faults, read_ndjson(blank + b"\n" + whole)[2]):
        assert [(fault.code, fault.line) for fault in faults] == [("B2_BAD_JSON", 1)]


def test_dictionaries_and_invoices_may_stand_together_and_what_is_neither_is_refused() -> None:
    whole = json.loads(WIRE.encode(FIRST))
    other = msgspec.structs.replace(FIRST, number=2)
    assert encode([whole, other]).data == encode([FIRST, other]).data
    encoded = encode([whole, {"number": 2}, {**whole, "number": 3, "extra": 1}, {**whole, "number": 4}], lines=[5, 6, 7, 8])
    assert [(fault.line, fault.code, fault.field) for fault in encoded.faults] == [
        (6, "B2_MISSING", "biller"), (7, "B2_UNKNOWN_KEY", "extra"),
    ]  # fmt: skip
    assert len(encoded.fees) == 4 and encoded.fees[1] == 0 and encoded.starts[1] == encoded.starts[3]
    for wrong in ([whole, None], [whole, "x"], [FIRST, whole]):
        with pytest.raises(TypeError):
            encode(wrong)


def respelt(item: Any) -> Any:
    """Return the same dictionary, each key a text that no other dictionary has."""
    if isinstance(item, dict):
        return {"".join(list(key)): respelt(value) for key, value in item.items()}
    return [respelt(one) for one in item] if isinstance(item, list) else item


def test_keys_are_told_by_what_they_say_whichever_text_says_it() -> None:
    draw = random.Random(1)
    wholes = [json.loads(WIRE.encode(msgspec.structs.replace(one, number=number))) for number, one in enumerate(INVOICES * 3, 1)]
    assert not {id(key) for key in wholes[0]} & {id(key) for key in respelt(wholes[0])}
    given = [draw.choice((whole, respelt(whole), shuffled(whole, draw), respelt(shuffled(whole, draw)))) for whole in wholes]
    for place in draw.sample(range(len(given)), len(given) // 4):
        given[place] = given[place] | {"fees": 1}  # after it nothing of before may be relied on
    alone = [encode([json.loads(json.dumps(one))]) for one in given]
    encoded = encode(given)
    assert encoded.data == b"".join(bytes(one.data) for one in alone)
    assert [(fault.code, fault.field) for fault in encoded.faults] == [(each.code, each.field) for one in alone for each in one.faults]


def test_a_dictionary_of_another_class_is_one_wherever_it_stands() -> None:
    whole = json.loads(WIRE.encode(FIRST))
    ordered = json.loads(WIRE.encode(msgspec.structs.replace(FIRST, number=2)), object_pairs_hook=OrderedDict)
    both = encode([whole, ordered])
    assert both.faults == [] and encode([ordered, whole]).data == both.data[both.starts[1] :] + both.data[: both.starts[1]]


def test_many_acts_go_the_general_way() -> None:
    many = msgspec.structs.replace(FIRST, acts=FIRST.acts * 300)
    expected = encode([many, FIRST]).data
    again = msgspec.structs.replace(FIRST, number=2)
    expected = encode([many, again]).data
    lines = WIRE.encode_lines([many, again])
    assert encode_ndjson(lines).data == expected
    assert encode([json.loads(line) for line in lines.splitlines()]).data == expected
    assert encode_columns(columns([many, again])).data == expected


def test_strict_refuses_a_name_that_would_be_spelt_otherwise() -> None:
    invoices = golden("11_accents")
    assert encode(invoices).faults == []
    lines = WIRE.encode_lines(invoices)
    for encoded in (
        encode(invoices, strict=True),
        encode_ndjson(lines, strict=True),
        encode(list(map(json.loads, lines.splitlines())), strict=True),
    ):
        assert encoded.faults and {fault.code for fault in encoded.faults} == {"B2_BAD_VALUE"}
        assert all("would be spelt otherwise" in fault.message for fault in encoded.faults)
        assert {fault.field for fault in encoded.faults} <= {"referring_doctor.last_name", "referring_doctor.first_name"}
    assert encode(golden("10_prescriber_rpps"), strict=True).faults == []


def test_one_invoice_alone_gives_its_records_or_its_faults() -> None:
    assert [encode_one(invoice) for invoice in INVOICES] == [encode([invoice]).data for invoice in INVOICES]
    apart = golden("07_amc_apart")[0]
    assert encode_one(apart, flow=2) == encode([apart], flow=2).data != encode_one(apart)
    wrong = msgspec.structs.replace(FIRST, biller="750000011", insured_nir="1")
    with pytest.raises(FaultyInput) as refused:
        encode_one(wrong)
    assert refused.value.faults == encode([wrong]).faults
    with pytest.raises(FaultyInput):
        encode_one(golden("11_accents")[0], strict=True)
    with pytest.raises(TypeError):
        encode_one(None)  # type: ignore[arg-type]


def test_a_block_is_used_again_and_grows() -> None:
    block = Block(16)
    for _ in range(3):
        for source in (
            encode(INVOICES, into=block),
            encode_ndjson(WIRE.encode_lines(INVOICES), into=block),
            encode_columns(columns(INVOICES), into=block),
        ):
            assert isinstance(source.data, memoryview)
            assert bytes(source.data) == encode(INVOICES).data
    held, size = encode([FIRST], into=block), len(block)
    encode([FIRST], into=block)
    assert bytes(held.data) == encode([FIRST]).data and len(block) == size
    with pytest.raises(ValueError):
        Block(0)


def test_numbers_in_use_by_another_call_are_refused() -> None:
    used, lines = UsedNumbers(), WIRE.encode_lines([msgspec.structs.replace(FIRST, number=n) for n in range(1, 60_001)])
    errors: list[Exception] = []
    start = threading.Barrier(2)

    def work() -> None:
        start.wait()
        try:
            encode_ndjson(lines, used=used)
        except RuntimeError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # One of them at least has encoded all; the other was refused, or came later and met its numbers again.
    assert len(errors) <= 1 and len(used) == 60_000


class TestColumns:
    def test_other_forms_of_the_same_columns(self) -> None:
        plain = columns(INVOICES)
        expected = encode(INVOICES).data
        texts = {path: column for path, column in plain.items() if getattr(column, "dtype", None) is not None and column.dtype.kind == "S"}
        wide = {path: numpy.array(column, dtype=f"S{column.dtype.itemsize + 20}") for path, column in texts.items()}
        spaced = {path: numpy.char.ljust(column, column.dtype.itemsize + 3) for path, column in texts.items()}
        squares = {path: column.view("u1").reshape(len(column), -1) for path, column in texts.items()}
        every_other = {path: numpy.repeat(column, 2, axis=0)[::2] for path, column in plain.items() if path != "acts"}
        small = {"beneficiary.rank": plain["beneficiary.rank"].astype("u2"), "act.fees": plain["act.fees"].astype("u4")}
        plain_bytes = {"act.rate": memoryview(plain["act.rate"].astype("i2"))}
        for other in (wide, spaced, squares, every_other, small, plain_bytes):
            assert encode_columns(plain | other).data == expected

    def test_a_faulty_row_is_told_and_its_neighbours_are_kept(self) -> None:
        some = columns([FIRST, msgspec.structs.replace(FIRST, number=2), msgspec.structs.replace(FIRST, number=3)])
        some["biller"] = numpy.array([b"750000010", b"750000011", b""])
        encoded = encode_columns(some)
        assert [(fault.line, fault.code, fault.field) for fault in encoded.faults] == [
            (2, "B2_FINESS_KEY", "biller"),
            (3, "B2_MISSING", "biller"),
        ]
        assert (encoded.data, len(encoded.fees)) == (encode([FIRST]).data if FIRST.biller == "750000010" else encoded.data, 3)
        assert encoded.starts[1] == encoded.starts[3] > 0

    def test_what_only_some_acts_have_is_not_lost(self) -> None:
        some = columns([FIRST])
        some["act.activity"] = numpy.array([b"1"])
        assert [(fault.code, fault.field) for fault in encode_columns(some).faults] == [("B2_UNKNOWN_KEY", "acts[0].activity")]
        some = columns([FIRST])
        some["amc.number"], some["amc.contract_type"] = numpy.array([b""]), numpy.array([b"89"])
        assert [(fault.code, fault.field) for fault in encode_columns(some).faults] == [("B2_MISSING", "amc.number")]

    def test_a_key_of_one_kind_of_act_says_nothing_of_the_column_after_it(self) -> None:
        paths = kernel.arrays().paths
        of_ngap = tuple(place for place in paths["act.complement"] if place[0] == fse.OBJECTS.index("ngap"))
        some = columns([FIRST])
        places = memoryview(some.pop("acts")).cast("B").cast("q")
        some.pop("act.complement", None)
        some |= {"act.complement": numpy.array([b""]), "act.activity": numpy.array([b"1"])}
        surprises: list[int] = []
        Arrays(kernel.keys(), {**paths, "act.complement": of_ngap}).encode(some, places, 1, surprises.append)
        assert surprises == [0]

    def test_texts_outside_ascii_and_nul_inside_are_looked_at(self) -> None:
        (doctor,) = golden("11_accents")[:1]
        assert encode_columns(columns([doctor])).data == encode([doctor]).data
        some = columns([FIRST])
        for value in (b"A\0B", b"\xff", "é".encode()):
            some["act.complement"] = numpy.array([value])
            assert encode_columns(some).faults

    @pytest.mark.parametrize(
        ("path", "value", "said"),
        [
            ("act.fee", numpy.array([1]), "no key"),
            ("act.fees", numpy.array([1, 2]), "entries"),
            ("act.fees", numpy.array([1.5]), "neither"),
            ("act.fees", numpy.array([1], dtype=">i4"), "neither"),
            ("act.fees", numpy.array([b"1"]), "texts"),
            ("act.fees", numpy.array([True]), "flags"),
            ("biller", numpy.array([750000010]), "integers"),
            ("biller", numpy.array(["750000010"]), "neither"),
            ("amc.separate_claim", numpy.array([1]), "integers"),
            ("acts", numpy.array([0, 2, 1]), "never go back"),
            ("acts", numpy.array([1, 1]), "begin at 0"),
            ("acts", numpy.array([0, 1], dtype="i4"), "mismatch"),
            ("acts", numpy.array([0, 2_000_000]), "entries"),
            ("acts", numpy.array(3), "mismatch|dimensions"),
            ("acts", None, "missing"),
        ],
    )
    def test_columns_that_no_key_takes_are_refused(self, path: str, value: Any, said: str) -> None:
        some = columns([FIRST]) | {path: value}
        if value is None:
            del some[path]
        with pytest.raises(ColumnError, match=said):
            encode_columns(some)

    def test_acts_without_a_column_are_not_made_up_by_the_million(self) -> None:
        with pytest.raises(ColumnError, match="counts a million acts"):
            encode_columns({"acts": numpy.array([0, 10**12])})

    def test_no_row_gives_no_byte(self) -> None:
        assert encode_columns({"acts": numpy.array([0])}) == encode([])

    def test_a_row_without_acts_is_told(self) -> None:
        some = columns([FIRST]) | {"acts": numpy.array([0, 0])}
        some = {path: column[:0] if path.startswith("act.") else column for path, column in some.items()}
        assert [(fault.code, fault.field) for fault in encode_columns(some).faults] == [("B2_MISSING", "acts")]


@pytest.mark.parametrize("source", ["lines", "columns"])
def test_other_threads_run_while_lines_and_columns_are_encoded(source: str) -> None:
    day = [msgspec.structs.replace(FIRST, number=number) for number in range(1, 50_001)]
    lines, table = WIRE.encode_lines(day), columns(day)
    ticks, done = 0, threading.Event()

    def work() -> None:
        encode_ndjson(lines) if source == "lines" else encode_columns(table)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.is_set():
        ticks += 1
    thread.join()
    # With the lock held for the whole call, it would have turned once or twice.
    assert ticks > 1000
