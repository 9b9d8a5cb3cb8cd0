# SPDX-License-Identifier: Apache-2.0
"""The kernels beside their twins over generated input: what differs, and what was seen on the way.

Every comparison is of all bytes, or of all faults with code, place, key and width, in their order.
"""

import re
import time
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from itertools import zip_longest
from typing import Any, NamedTuple

import msgspec

from desmos_fast.billing import codec
from desmos_fast.billing.model import Invoice
from desmos_fast.billing.reading.codec import blocks_again, decode, examine_claims_stream
from desmos_fast.exchange.codec import check, check_stream
from desmos_fast.exchange.faults import Fault
from tests.generators import blocks, columns, files, lines
from tests.generators.blocks import Case
from tests.generators.coverage import Coverage
from tests.generators.damage import damaged
from tests.generators.draw import Draw, seeded
from tests.generators.invoices import Json
from tests.oracle import fse_columns, fse_json, reader, wire
from tests.oracle.fse import Found
from tests.oracle.reader import TABLES

# As many claims as a reader of files in plain Python takes at once in good time.
TOGETHER = 100
DAMAGES = 5
MOST = 1000
LINE = 129
SUMS = [(TABLES["5"][name].start, TABLES["5"][name].end) for name in ("total_fees", "total_amo", "total_amc")]
NIR = re.compile("[0-9]{5}([0-9]{2}|2A|2B)[0-9]{8}")
Encoded = codec.Encoded[bytes]


class Difference(NamedTuple):
    """Input of which kernel and twin do not say the same."""

    form: str
    given: Any
    expected: Any
    actual: Any


class Comparison:
    """Counts, coverage and differences of the blocks so far."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.milliseconds: Counter[str] = Counter()
        self.coverage = Coverage()
        self.differences: list[Difference] = []

    def same(self, form: str, given: Any, expected: Any, actual: Any) -> None:
        if expected != actual and len(self.differences) < MOST:
            self.differences.append(Difference(form, given, expected, actual))

    def alike(self, form: str, *pairs: tuple[list[Any], list[Any]]) -> None:
        """Compare whole lists, and keep of each pair that differs its first difference alone."""
        for expected, actual in pairs:
            if expected != actual:
                place = next(place for place, (one, other) in enumerate(zip_longest(expected, actual)) if one != other)
                self.differences.append(Difference(form, place, expected[place:][:1], actual[place:][:1]))


Told = tuple[int | None, str, str, int | None]


def kernel_told(faults: list[Fault]) -> list[Told]:
    return [(fault.line, fault.code, fault.field or "", fault.width) for fault in faults]


def twin_told(faults: list[Found]) -> list[Told]:
    return [(fault.row, fault.code, fault.field, fault.width) for fault in faults]


def runs_of(encoded: Encoded) -> list[bytes]:
    return [encoded.data[start:stop] for start, stop in zip(encoded.starts, encoded.starts[1:], strict=False)]


def by_row(told: list[Told]) -> dict[int | None, list[Told]]:
    rows: dict[int | None, list[Told]] = {}
    for fault in told:
        rows.setdefault(fault[0], []).append(fault)
    return rows


def planted(c: Comparison, block: list[Case], found: list[Found]) -> None:
    """The twin tells what was planted: what is obvious to whoever planted it is what the twin must say."""
    told = by_row(twin_told(found))
    for row, case in enumerate(block):
        if case.expected is not None:
            c.same("planted", case.invoice, case.expected, [fault[1:3] for fault in told.get(row, [])])
        if case.expected == []:
            c.coverage.sound(case.invoice)
    for fault in found:
        c.coverage.refused(fault.code, fault.field)


def structs(c: Comparison, invoices: list[Json], runs: list[bytes], found: list[Found], flow: int, strict: bool) -> None:
    """Compare Structs: what has the types of one is judged as its JSON is, and the others use no number."""
    typed: dict[int, Invoice] = {}
    for place, invoice in enumerate(invoices):
        try:
            typed[place] = msgspec.convert(invoice, Invoice)
        except msgspec.ValidationError:
            continue
    encoded = codec.encode(list(typed.values()), flow=flow, lines=list(typed), strict=strict)
    c.counts["structs"] += len(typed)
    told, wanted = by_row(kernel_told(encoded.faults)), by_row(twin_told(found))
    for place, run in zip(typed, runs_of(encoded), strict=True):
        c.same("structs", invoices[place], (runs[place], wanted.get(place)), (run, told.get(place)))


def rowwise(c: Comparison, form: str, given: list[Any], runs: list[bytes], found: list[Found], encoded: Encoded, first: int = 0) -> None:
    """Compare row by row, so that a difference shows one invoice; then everything at once. Faults count rows from `first`."""
    c.counts[form] += len(given)
    found = [fault._replace(row=fault.row + first) for fault in found]
    written, told, wanted = runs_of(encoded), by_row(kernel_told(encoded.faults)), by_row(twin_told(found))
    if len(written) == len(given):
        for row, item in enumerate(given):
            c.same(form, item, (runs[row], wanted.get(row + first)), (written[row], told.get(row + first)))
    for fault in encoded.faults:
        assert fault.line is not None
        person = given[fault.line - first].get("insured_nir")
        if isinstance(person, str) and NIR.fullmatch(person):
            c.same(f"{form}: a NIR is told", given[fault.line - first], False, person[:13] in repr(fault))
    c.alike(f"{form}, all", (runs, written), (twin_told(found), kernel_told(encoded.faults)))
    sums = [tuple(int(run[-LINE:][start:end]) if run else 0 for start, end in SUMS) for run in runs]
    c.alike(f"{form}, sums", (sums, list(zip(encoded.fees, encoded.amo, encoded.amc, strict=True))))


def encoding(c: Comparison, d: Draw, block: list[Case], flow: int, strict: bool) -> None:
    """Compare what every form of invoices gives, and the way back."""
    invoices = [case.invoice for case in block]
    runs, found = fse_json.encode_objects(invoices, flow)
    planted(c, block, found)
    if strict:
        runs, found = fse_json.encode_objects(invoices, flow, strict=True)
    structs(c, invoices, runs, found, flow, strict)
    in_lines(c, d, block, runs, found, flow, strict)
    encoded = codec.encode(invoices, flow=flow, lines=range(len(invoices)), strict=strict)
    rowwise(c, "dictionaries", invoices, runs, found, encoded)
    in_parts(c, d, invoices, runs, found, flow, strict)
    in_columns(c, d, invoices, flow, strict)
    if flow == 1:
        decoding(c, invoices, runs)


def in_lines(c: Comparison, d: Draw, block: list[Case], runs: list[bytes], found: list[Found], flow: int, strict: bool) -> None:
    """Compare lines of JSON: each reads as the invoice that was written, and gives what the invoice gives; broken ones give their fault."""
    written, first = blocks.written(d, block), d.pick((1, 1, 1000))
    data = lines.joined(d, [line.text for line in written])
    encoded = codec.encode_ndjson(data, flow=flow, strict=strict, first_line=first)
    c.counts["lines"] += len(written)
    wanted, expected, kept = by_row(twin_told(found)), list[Told](), list[bytes]()
    left = iter(written)
    for number, text in enumerate(data.split(b"\n"), first):
        if not text.strip(b" \t\r"):
            continue
        line = next(left)
        if line.place < 0:
            _, faults = fse_json.encode_lines(line.text, flow)
            c.same("broken line", line.text, line.expected, [(fault.code, fault.field) for fault in faults])
            c.coverage.refused(*line.expected[0])
            expected += [(number, code, field, None) for code, field in line.expected]
            continue
        read = fse_json.read(line.text)
        c.same("twin's reading of lines", line.text, block[line.place].invoice, read)
        # Of several that make it no invoice, the first in the order of the line is told.
        shape = next(fse_json.misshapen(read, "", ""), None)
        told = [(line.place, *shape, None)] if shape else wanted.get(line.place, [])
        expected += [(number, *fault[1:]) for fault in told]
        kept += [runs[line.place]] if runs[line.place] else []
    # One after the other, so that a difference shows one line.
    actual = kernel_told(encoded.faults)
    texts, by_line, by_expected = data.split(b"\n"), by_row(actual), by_row(expected)
    for place in {*by_line, *by_expected}:
        c.same("lines", texts[(place or first) - first], by_expected.get(place), by_line.get(place))
    c.alike("lines, all", (kept, [run for run in runs_of(encoded) if run]), (expected, actual))
    # The way of the service: lines to Structs first.
    invoices, numbers, unread = codec.read_ndjson(data, first_line=first)
    encoded = codec.encode(invoices, flow=flow, lines=numbers, strict=strict)
    actual = sorted(kernel_told([*unread, *encoded.faults]), key=lambda fault: fault[0] or 0)
    c.alike("lines, read first", (kept, [run for run in runs_of(encoded) if run]), (expected, actual))


def in_parts(c: Comparison, d: Draw, invoices: list[Json], runs: list[bytes], found: list[Found], flow: int, strict: bool) -> None:
    """Compare two calls that share their memory and the numbers they have met with one call."""
    cut, used, memory = d.below(len(invoices) + 1), codec.UsedNumbers(), codec.Block()
    written, told = list[bytes](), list[Told]()
    for places in (range(cut), range(cut, len(invoices))):
        part = [invoices[place] for place in places]
        encoded = codec.encode(part, flow=flow, lines=places, used=used, strict=strict, into=memory)
        written += [bytes(encoded.data[start:stop]) for start, stop in zip(encoded.starts, encoded.starts[1:], strict=False)]
        told += kernel_told(encoded.faults)
    c.alike("in parts", (runs, written), (twin_told(found), told))


def in_columns(c: Comparison, d: Draw, invoices: list[Json], flow: int, strict: bool) -> None:
    given = columns.thinned(d, columns.columns([invoice for invoice in invoices if columns.fits(invoice)]))
    rows = fse_columns.rows(given)
    runs, found = fse_json.encode_objects(rows, flow, strict=strict)
    encoded = codec.encode_columns(columns.arrays(d, given), flow=flow, strict=strict)
    rowwise(c, "columns", rows, runs, found, encoded, 1)


def decoding(c: Comparison, invoices: list[Json], runs: list[bytes]) -> None:
    """Sound records have no fault, give back what the format says they carry, and encode again to the same bytes."""
    sound = [(invoice, run) for invoice, run in zip(invoices, runs, strict=True) if run]
    for first in range(0, len(sound), TOGETHER):
        given = [invoice for invoice, _ in sound[first : first + TOGETHER]]
        data = b"".join(run for _, run in sound[first : first + TOGETHER])
        c.counts["decoded"] += len(given)
        c.same("twin's check of sound records", data, [], reader.check(data))
        faults = check(data)
        c.same("check of sound records", data, [], faults)
        if faults:
            continue
        wanted, back = wire.decode(data), decode(data)
        reading, again = examine_claims_stream(BytesIO(data), block=1000)
        written = b"".join(text for _, text in blocks_again(BytesIO(data), reading, block=900))
        c.same("decode in blocks", data, ([], back), (again, list(msgspec.json.Decoder(Invoice).decode_lines(written))))
        for invoice, one, other in zip(given, wanted, back, strict=True):
            c.same("twins of encoder and decoder", invoice, fse_json.returned(invoice), one)
            c.same("decode", invoice, msgspec.convert(one, Invoice), other)
        c.same("encode what was decoded", data, data, codec.encode(back).data)


def checking(c: Comparison, d: Draw, data: bytes) -> None:
    """Check any bytes, whole and in blocks of any size: all faults, in the order of the passes."""
    wanted, told = reader.check(data), check(data)
    c.counts["checked files"] += 1
    c.same("check", data, wanted, [(fault.code, fault.record, fault.field or "") for fault in told])
    c.same("check in blocks", data, told, check_stream(BytesIO(data), block=1 if d.once_in(200) else d.pick((1000, 129, 700, 2000))))
    c.coverage.record_faults.update({code for code, _, _ in wanted})


def damages(c: Comparison, d: Draw, count: int) -> None:
    for _ in range(count // DAMAGES):
        sound = files.any_file(d, 3)
        c.same("twin's check of a sound file", sound, [], reader.check(sound))
        for data in (sound, *(damaged(d, sound) for _ in range(DAMAGES))):
            checking(c, d, data)


def compare(seed: int, count: int) -> Comparison:
    """Compare a block of so many invoices in every form, and as many damaged files; one seed in three refuses names that would change."""
    c, d, flow, strict = Comparison(), seeded(seed), 1 + seed % 2, seed % 3 == 2
    block = blocks.cases(d, count)
    steps: dict[str, Callable[[], None]] = {
        "encode": lambda: encoding(c, d, block, flow, strict),
        "damages": lambda: damages(c, d, count),
    }
    for name, step in steps.items():
        start = time.perf_counter()
        step()
        c.milliseconds[name] += round(1000 * (time.perf_counter() - start))
    return c
