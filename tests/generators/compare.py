# SPDX-License-Identifier: Apache-2.0
"""The kernels beside their twins over generated input: what differs, and what was seen on the way.

Every comparison is of all bytes, or of all faults with code, place, key and width, in their order.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from desmos_fast.billing import codec
from desmos_fast.billing.model import Invoice
from desmos_fast.billing.reading.codec import decode
from desmos_fast.exchange.codec import check
from desmos_fast.exchange.faults import Fault
from tests.generators import blocks, files
from tests.generators.blocks import Case
from tests.generators.coverage import Coverage
from tests.generators.damage import damaged
from tests.generators.draw import Draw, seeded
from tests.oracle import fse, fse_json, reader, wire
from tests.oracle.fse import Found

# As many claims as a reader of files in plain Python takes at once in good time.
TOGETHER = 100
DAMAGES = 5


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
        if expected != actual:
            self.differences.append(Difference(form, given, expected, actual))


Told = tuple[int | None, str, str, int | None]


def kernel_told(faults: list[Fault]) -> list[Told]:
    return [(fault.line, fault.code, fault.field or "", fault.width) for fault in faults]


def twin_told(faults: list[Found]) -> list[Told]:
    return [(fault.row, fault.code, fault.field, fault.width) for fault in faults]


def runs_of(encoded: codec.Encoded) -> list[bytes]:
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


def structs(c: Comparison, block: list[Case], flow: int) -> None:
    typed: list[tuple[dict[str, Any], Invoice]] = []
    for case in block:
        try:
            typed.append((case.invoice, msgspec.convert(case.invoice, Invoice)))
        except msgspec.ValidationError:
            continue
    runs, found = fse.encode([invoice for invoice, _ in typed], flow)
    encoded = codec.encode([struct for _, struct in typed], flow=flow, lines=range(len(typed)))
    rowwise(c, "structs", [invoice for invoice, _ in typed], runs, found, encoded)


def rowwise(c: Comparison, form: str, given: list[Any], runs: list[bytes], found: list[Found], encoded: codec.Encoded) -> None:
    c.counts[form] += len(given)
    written, told, wanted = runs_of(encoded), by_row(kernel_told(encoded.faults)), by_row(twin_told(found))
    c.same(f"{form}: order of faults", None, sorted(fault[0] for fault in found), [fault.line for fault in encoded.faults])
    for row, item in enumerate(given):
        c.same(form, item, (runs[row], wanted.get(row)), (written[row] if row < len(written) else None, told.get(row)))


def encoding(c: Comparison, block: list[Case], flow: int) -> None:
    invoices = [case.invoice for case in block]
    runs, found = fse.encode(invoices, flow)
    planted(c, block, found)
    structs(c, block, flow)
    if flow == 1:
        decoding(c, block, runs)


def decoding(c: Comparison, block: list[Case], runs: list[bytes]) -> None:
    """Sound records have no fault, give back what the format says they carry, and encode again to the same bytes."""
    sound = [(case.invoice, run) for case, run in zip(block, runs, strict=True) if run]
    for first in range(0, len(sound), TOGETHER):
        given = [invoice for invoice, _ in sound[first : first + TOGETHER]]
        data = b"".join(run for _, run in sound[first : first + TOGETHER])
        c.counts["decoded"] += len(given)
        c.same("check of sound records", data, [], check(data))
        c.same("twin's check of sound records", data, [], reader.check(data))
        wanted, back = wire.decode(data), decode(data)
        for invoice, one, other in zip(given, wanted, back, strict=True):
            c.same("twins of encoder and decoder", invoice, fse_json.returned(invoice), one)
            c.same("decode", invoice, msgspec.convert(one, Invoice), other)
        c.same("encode what was decoded", data, data, codec.encode(back).data)


def checking(c: Comparison, data: bytes) -> None:
    """Check any bytes: all faults, in the order of the passes."""
    wanted = reader.check(data)
    c.counts["checked files"] += 1
    c.same("check", data, wanted, [(fault.code, fault.record, fault.field or "") for fault in check(data)])
    c.coverage.record_faults.update({code for code, _, _ in wanted})


def damages(c: Comparison, d: Draw, count: int) -> None:
    for _ in range(count // DAMAGES):
        sound = files.any_file(d, 3)
        c.same("twin's check of a sound file", sound, [], reader.check(sound))
        for data in (sound, *(damaged(d, sound) for _ in range(DAMAGES))):
            checking(c, data)


def in_lines(c: Comparison, d: Draw, block: list[Case]) -> None:
    for line in blocks.written(d, block):
        if line.expected is not None:
            _, found = fse_json.encode_lines(line.text, 1)
            c.same("broken line", line.text, line.expected, [(fault.code, fault.field) for fault in found])
            c.coverage.refused(found[0].code, found[0].field)


def compare(seed: int, count: int) -> Comparison:
    """Compare a block of so many invoices in every form, and as many damaged files."""
    c, d, flow = Comparison(), seeded(seed), 1 + seed % 2
    block = blocks.cases(d, count)
    steps: dict[str, Callable[[], None]] = {
        "encode": lambda: encoding(c, block, flow),
        "lines": lambda: in_lines(c, d, block),
        "damages": lambda: damages(c, d, count),
    }
    for name, step in steps.items():
        start = time.perf_counter()
        step()
        c.milliseconds[name] += round(1000 * (time.perf_counter() - start))
    return c
