# SPDX-License-Identifier: Apache-2.0
"""What is fuzzed: each target takes any bytes, and must end in what its docstring says. A failure is an exception, a crash or a hang.

`twin` also compares with the readers in plain Python, which take most of the time of a run.
"""

import io
import itertools
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from desmos_fast.billing.codec import Block, Encoded, encode, encode_columns, encode_ndjson, read_ndjson
from desmos_fast.billing.columns import MOST_UNSEEN, ColumnError
from desmos_fast.billing.reading.codec import decode, decode_stream
from desmos_fast.exchange.codec import check, check_stream
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.exchange.reading.reading import FAULTS_KEPT
from desmos_fast.returns.codec import parse
from desmos_fast.returns.model import ArlFile, PaymentOrder, RspFile
from desmos_fast.simulator.codec import block
from tests.fuzz import bank, settling, tables
from tests.fuzz.mutations import JSON_VALUE, ODD_BYTES, ODD_VALUES, change_json, change_records
from tests.fuzz.tables import change_table
from tests.oracle import fse_columns, fse_json, reader

GOLDEN: Final = Path(__file__).parents[1] / "golden"
CRASHERS: Final = Path(__file__).parents[1] / "crashers"
READING: Final = frozenset({
    "B2_BAD_LENGTH", "B2_BAD_CHAR", "B2_UNKNOWN_RECORD", "B2_UNSUPPORTED_RECORD", "B2_BAD_ORDER", "B2_HEADER_MISMATCH",
    "B2_UNEXPECTED_VALUE", "B2_BAD_FILLER", "B2_BAD_NUMERIC", "B2_BAD_DATE", "B2_BAD_VALUE", "B2_MISSING", "B2_BAD_NIR", "B2_NIR_KEY",
    "B2_FINESS_KEY", "B2_LIST_GAP", "B2_MIXED_PRESCRIBER", "B2_COUNT_MISMATCH", "B2_BAD_TOTAL", "B2_SPLIT_AMOUNT", "B2_AMOUNTS",
    "B2_DUPLICATE_NUMBER", "B2_DUPLICATE_LOT", "B2_LOT_MISMATCH", "B2_BAD_OUTCOME",
})  # fmt: skip
WRITING: Final = frozenset({
    "B2_BAD_JSON", "B2_UNKNOWN_KEY", "B2_MISSING", "B2_OVERFLOW", "B2_BAD_CHAR", "B2_BAD_NUMERIC", "B2_BAD_DATE", "B2_BAD_VALUE",
    "B2_BAD_NIR", "B2_NIR_KEY", "B2_FINESS_KEY", "B2_AMOUNTS", "B2_DUPLICATE_NUMBER",
})  # fmt: skip
# Of the form of a NIR and standing alone, as a word of a sentence or a value does.
NIR: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]{5}(?:[0-9]{2}|2[ABab])[0-9]{6}(?:[0-9]{2})?(?![0-9A-Za-z])")
LINE: Final = 129
BLOCK: Final = Block()
# Acts that no column tells of are made up one by one, which is known to take its time.
MOST_MADE_UP: Final = 1000
LONGEST_TABLE: Final = 4096

Answer = TypeVar("Answer")


class Target(NamedTuple):
    """A target: what it does with bytes, what it starts from, what may be put in, and how an input is changed."""

    run: Callable[[bytes, bool], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes]
    change: Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def claims(data: bytes, twin: bool) -> None:
    """Claims give their faults, or invoices that are written again to the same bytes."""
    read = _taken(decode, data, twin)
    if read is None:
        return
    assert not _block_of(data) or list(decode_stream(io.BytesIO(data), block=_block_of(data))) == read, "blocks are read otherwise"
    found = {(invoice.biller, invoice.number): invoice for invoice in read}
    for flow, invoice, run in _claims(data):
        written = encode([found[invoice]], flow=flow)
        assert (written.faults, written.data) == ([], run), "an accepted claim is not written as it was read"


def invoices(data: bytes, twin: bool) -> None:
    """Each line is an invoice whose records are read back to the same, or is blank, or has its faults, whichever way it is taken in."""
    read, lines, faults = read_ndjson(data)
    pieces = data.split(b"\n")
    told = [fault.line or 0 for fault in faults]
    assert sorted({*lines, *told}) == sorted([*lines, *told]), "no line is told twice"
    assert len(lines) + len(told) + sum(1 for piece in pieces if not piece.strip(b" \t\r")) == len(pieces), "a line is lost"
    mappings = [msgspec.json.decode(pieces[line - 1]) for line in lines]
    flow = _flow_of(data)
    written = encode(read, flow=flow, lines=lines)
    _whole(written, lines)
    assert encode(mappings, flow=flow, lines=lines) == written, "dictionaries are written otherwise than invoices"
    every = [*faults, *written.faults]
    every.sort(key=lambda fault: fault.line or 0)
    _sound(every, WRITING, data)
    assert encode_ndjson(data, flow=flow) == replace(written, faults=every), "lines are written otherwise than invoices"
    assert encode_ndjson(data, flow=flow, into=BLOCK).data == written.data, "a block holds something else"
    if twin:
        runs, expected = fse_json.encode_lines(data, flow)
        assert written.data == b"".join(run for _, run in runs)
        hidden = [(fault.row, fault.code, NIR.sub("*" * 15, fault.field)) for fault in expected]
        assert [(fault.line, fault.code, fault.field or "") for fault in every] == hidden, "the twin tells other faults"
    if flow == 1:
        assert check(written.data) == [] and encode(decode(written.data)).data == written.data, "what is written is not what is read"


def columns(data: bytes, twin: bool) -> None:
    """Columns are refused as a whole, or each row gives what its dictionary gives, however the columns lie in memory."""
    table = tables.read(data)
    given = {path: column.entries for path, column in table.items()}
    if not any(path.startswith("act.") for path in given) and max([0, *given.get("acts", [])][-1:]) in range(MOST_MADE_UP, MOST_UNSEEN + 1):
        return
    arrays, flow = {path: tables.array(column) for path, column in table.items()}, _flow_of(data)
    try:
        written = encode_columns(arrays, flow=flow)
    except ColumnError as error:
        assert tables.is_refused(table) or given["acts"][-1] > MOST_UNSEEN, f"columns are refused that could be read: {error}"
        assert not NIR.search(str(error)), "the refusal shows a NIR"
        return
    assert not tables.is_refused(table), "columns are read that no invoice has"
    rows = fse_columns.rows(given)
    _whole(written, range(1, len(rows) + 1))
    _sound(written.faults, WRITING, data)
    assert encode(rows, flow=flow, lines=range(1, len(rows) + 1)) == written, "columns are written otherwise than dictionaries"
    assert not _block_of(data) or encode_columns(arrays, flow=flow, into=BLOCK).data == written.data, "a block holds something else"
    if twin:
        runs, expected = fse_json.encode_objects(rows, flow)
        assert written.data == b"".join(runs)
        hidden = [(fault.row + 1, fault.code, NIR.sub("*" * 15, fault.field)) for fault in expected]
        assert [(fault.line, fault.code, fault.field or "") for fault in written.faults] == hidden, "the twin tells other faults"


def arl(data: bytes, twin: bool) -> None:
    """An acknowledgement gives its faults, or objects that are written again to the same bytes."""
    found = _taken(parse, data, twin)
    if isinstance(found, ArlFile):
        rows = [{"=biller": _digits(item.biller), **_fields(item)} for item in found.acknowledgements]
        assert block("A1", rows) == _records(data), "an accepted acknowledgement is not written as it was read"


def rsp(data: bytes, twin: bool) -> None:
    """A return gives its faults, or payment orders that are written again to the same bytes, and whose lines add up."""
    found = _taken(parse, data, twin)
    if isinstance(found, RspFile):
        rows = [row for order, places in zip(found.orders, found.places, strict=True) for row in _order_rows(order, places)]
        assert b"".join(block(name, [row]) for name, row in rows) == _records(data), "an accepted return is not written as it was read"
        for order in found.orders:
            assert order.total == sum(line.paid for line in order.invoices) + sum(money.amount for money in order.other)


def _block_of(data: bytes) -> int:
    """Return the size of the blocks in which an input is read too, 0 for three of four; its content decides, for it to fail again."""
    chance = zlib.crc32(data)
    return 0 if chance % 4 else 50 + chance // 4 % 1000


def _flow_of(data: bytes) -> int:
    """Return the flow in which an input is written."""
    return 1 + zlib.crc32(data) // 4000 % 2


def _taken(read: Callable[[bytes], Answer], data: bytes, twin: bool) -> Answer | None:
    """Return what is read, None for a refusal, which tells the faults of the check; a sound file of another kind is none of them."""
    faults = check(data)
    _sound(faults, READING, data)
    assert not _block_of(data) or check_stream(io.BytesIO(data), block=_block_of(data)) == faults, "blocks have other faults"
    if twin:
        every = faults if len(faults) < FAULTS_KEPT else check(data, max_faults=1_000_000)
        assert [(fault.code, fault.record, fault.field or "") for fault in every] == reader.check(data), "the twin tells other faults"
    try:
        found = read(data)
    except FaultyInput as error:
        assert error.faults == faults if faults else error.faults[0].code == "B2_WRONG_KIND", "another fault than that of the check"
        return None
    assert not faults, "what the check refuses is read"
    return found


def _sound(faults: Sequence[Fault], known: frozenset[str], data: bytes) -> None:
    """Every fault has a code that is documented and a message, and shows no NIR; a sum may look like one, and is not in the input."""
    for fault in faults:
        assert fault.code in known, f"{fault.code} is no code of this side"
        assert fault.message
        shown = [str(getattr(fault, name)) for name in ("field", "value", "invoice")]
        shown += [text for text in NIR.findall(fault.message) if text.encode() in data]
        assert not any(NIR.search(text) for text in shown), f"a fault of {fault.field} shows a NIR"


def _claims(data: bytes) -> Iterator[tuple[int, tuple[str, int], bytes]]:
    """Cut accepted claims: flow, biller and number, and the records with LF."""
    flow, run, key = 1, b"", ("", 0)
    for piece in reader.pieces(data):
        text = piece.decode("ascii")
        name = reader.type_of(text)
        if name == "1":
            flow = int(_zone(text, "1", "flow"))
        elif name not in ("000", "6", "999"):
            if name == "2":
                run, key = b"", (reader.lettered(_zone(text, "2", "biller")), int(_zone(text, "2", "invoice_number")))
            run += piece + b"\n"
            if name == "5":
                yield flow, key, run


def _zone(text: str, name: str, field: str) -> str:
    zone = reader.TABLES[name][field]
    return text[zone.start : zone.end]


def _records(data: bytes) -> bytes:
    """Return what stands between 000 and 999, with LF."""
    return b"".join(piece + b"\n" for piece in reader.pieces(data)[1:-1])


def _digits(biller: str) -> str:
    return {"2A": "2001", "2B": "2002"}.get(biller[:2], biller[:4]) + biller[4:]


def _fields(item: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__struct_fields__}


def _order_rows(order: PaymentOrder, places: Sequence[int]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    payer = {f"payer.{name}": value for name, value in _fields(order.payer).items()}
    frame = {**payer, "reference": order.reference, "date": order.date, "total": order.total, "records": order.records}
    yield "P1", frame
    for place in places:
        if place < 0:
            yield "R3", _fields(order.other[-1 - place])
        else:
            line = order.invoices[place]
            yield "R1", {"=biller": _digits(line.biller), **_fields(line)}
            for anomaly in line.anomalies:
                yield "R2", {"number": line.number, **_fields(anomaly)}
    yield "P9", frame


def _whole(written: Encoded[bytes], lines: Sequence[int]) -> None:
    """The columns cut the records where invoices begin, and just the faulty ones have none."""
    faulty = {fault.line for fault in written.faults}
    assert faulty <= set(lines)
    starts = list(written.starts)
    assert starts == sorted(starts) and starts[0] == 0 and starts[-1] == len(written.data)
    for line, start, stop, fees, amo in zip(lines, starts, starts[1:], written.fees, written.amo, strict=False):
        assert (start == stop) == (line in faulty) and (stop - start) % LINE == 0
        assert 0 <= amo <= fees and (line not in faulty or fees == 0)


def _golden(*patterns: str) -> list[bytes]:
    return [path.read_bytes() for pattern in patterns for path in sorted(GOLDEN.glob(pattern))]


def _of_kind(*kinds: bytes) -> list[bytes]:
    """Return the golden files whose second record, which tells their kind, begins so."""
    return [data for data in _golden("*.b2", "files/*.b2", "bad/*.b2") if data.partition(b"\n")[2].startswith(kinds)]


def _record_words(*names: str) -> list[bytes]:
    """Return the beginnings of records, what their zones may hold, and the codes of the lists."""
    words = {line[:width] for data in _golden("*.b2", "files/*.b2") for line in data.split(b"\n") for width in (1, 2, 3, 9, 40)}
    words |= {zone.value.encode() for name in names for zone in reader.TABLES[name].values() if zone.kind == "const"}
    return sorted(words | {code.encode() for codes in reader.CODES.values() for code in codes if code.isascii()})


def _json_words() -> list[bytes]:
    """Return the keys and values of the golden invoices with their quotes, and what JSON is made of."""
    words = {word for data in _golden("*.ndjson") for word in JSON_VALUE.findall(data)}
    return sorted(words | set(ODD_VALUES) | set(ODD_BYTES) | {b'"number":', b'"acts":[', b"},{", b"}]}\n{"})


def _tables() -> list[bytes]:
    """Return the golden invoices as columns, those of a file together and then of two files."""
    files = [[msgspec.json.decode(line) for line in data.splitlines()] for data in _golden("[0-9]*.ndjson")]
    numbered = [[{**invoice, "number": place + 1} for invoice in invoices] for place, invoices in enumerate(files)]
    together = [list(itertools.chain(*numbered[at : at + 2])) for at in range(0, len(files), 2)]
    # The fuzzer makes inputs as long as the longest: of long ones it tries fewer, and a day of invoices shows no more than two.
    return [table for table in map(tables.written, (*files, *together)) if len(table) <= LONGEST_TABLE]


def _table_words() -> list[bytes]:
    """Return the names of columns with their forms, what may stand in them, and the entries of the golden ones."""
    cells = {cell for data in _tables() for line in data.split(b"\n") for cell in line.split(b"\t")}
    return sorted(cells | {b":" + form.encode() for form in tables.FORMS} | set(tables.ODD_CELLS) | {b"\t", b"\n"})


CLAIM_RECORDS: Final = ("000", "1", "2", "2S", "4", "4S", "4E", "4M", "5", "6", "999")
TARGETS: Final[dict[str, Target]] = {
    "claims": Target(claims, [data for data in _golden("*.b2", "files/f*.b2", "bad/*.b2") if data not in _of_kind(b"A1", b"P1")],
                     _record_words(*CLAIM_RECORDS), change_records),
    "invoices": Target(invoices, _golden("*.ndjson", "files/f*.ndjson", "bad/*.ndjson"), _json_words(), change_json),
    "columns": Target(columns, _tables(), _table_words(), change_table),
    "arl": Target(arl, _of_kind(b"A1"), _record_words("000", "A1", "999"), change_records),
    "cfonb": Target(bank.cfonb, bank.cfonb_seeds(), bank.cfonb_words(), bank.cfonb_change),
    "camt": Target(bank.camt_, bank.camt_seeds(), bank.CAMT_WORDS, bank.camt_change),
    "settle": Target(settling.settle, settling.seeds(), settling.WORDS, settling.change),
    "rsp": Target(rsp, _of_kind(b"P1", b"R"), _record_words("000", "P1", "R1", "R2", "R3", "P9", "999"), change_records),
}  # fmt: skip
