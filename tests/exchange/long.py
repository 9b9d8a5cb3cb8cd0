# SPDX-License-Identifier: Apache-2.0
"""Long files of claims made of golden invoices with numbers that go on, lots and totals added up in plain Python."""

from collections.abc import Iterator
from pathlib import Path

from tests.exchange.files import file, run
from tests.oracle.reader import TABLES, Zone, type_of

# One act, a dental act, and two acts prescribed by another doctor: units of golden runs, each of one destination.
TEMPLATES = (run(1).splitlines(), run(2).splitlines(), run(19).splitlines()[6:15])
FILE = file("file1").splitlines()
SUMS = {"total_fees": "total_fees", "total_amo": "total_amo", "total_amc": "total_amc", "total_patient_share": "total_insured_share"}


def kind(row: bytes) -> str:
    return type_of(row.decode("latin-1"))


def zone(row: bytes, name: str) -> Zone:
    return TABLES[kind(row)][name]


def get(row: bytes, name: str) -> str:
    found = zone(row, name)
    return row[found.start : found.end].decode()


def put(row: bytes, name: str, text: str | int) -> bytes:
    """Put a text, or a number filled with zeros, in a zone."""
    found = zone(row, name)
    width = found.end - found.start
    filled = f"{text:0{width}d}" if isinstance(text, int) else text.ljust(width)
    assert len(filled) == width, "the text is wider than the zone"
    return row[: found.start] + filled.encode() + row[found.end :]


def unit(place: int, number: int) -> list[bytes]:
    """Return the invoice of a template under a number."""
    return [put(row, "invoice_number", number) for row in TEMPLATES[place % len(TEMPLATES)]]


def lot(number: int, first: int, count: int) -> list[bytes]:
    """Return a lot of `count` invoices numbered from `first`, its `1` and its `6` included."""
    return lot_of(put(FILE[1], "lot_number", number), [unit(place, first + place) for place in range(count)])


def lot_of(header: bytes, units: list[list[bytes]]) -> list[bytes]:
    """Return a lot of these invoices under its `1`, with what its `6` says of them."""
    rows = [header, *(row for rows in units for row in rows)]
    end = put(put(FILE[8], "lot_number", get(header, "lot_number")), "invoice_count", len(units))
    end = put(end, "record_count", len(rows) + 1)
    for name, of_invoice in SUMS.items():
        end = put(end, name, sum(int(get(rows[-1], of_invoice)) for rows in units))
    return [*rows, end]


def claims_apart(count: int, of_each_lot: int) -> tuple[list[list[bytes]], list[list[bytes]]]:
    """Return lots of flow 01 and of flow 02 with the same invoices 1 to `count`, the AMC amount of each being its number modulo 900."""
    one, two = FILE[23:29], FILE[31:37]
    first: list[list[bytes]] = []
    second: list[list[bytes]] = []
    for start in range(1, count + 1, of_each_lot):
        numbers = range(start, min(start + of_each_lot, count + 1))
        units = [[put(row, "invoice_number", number) for row in one] for number in numbers]
        apart = [with_amc([put(row, "invoice_number", number) for row in two], number % 900) for number in numbers]
        first.append(lot_of(put(FILE[9], "lot_number", 2 * len(first) + 1), units))
        second.append(lot_of(put(FILE[30], "lot_number", 2 * len(second) + 2), apart))
    return first, second


def with_amc(rows: list[bytes], amount: int) -> list[bytes]:
    return [*rows[:2], put(rows[2], "amc", amount), *rows[3:-1], put(rows[-1], "total_amc", amount)]


def whole(lots: list[list[bytes]]) -> list[bytes]:
    """Return the records of a file of these lots, with what its `999` says of them as they are."""
    rows = [FILE[0], *(row for rows in lots for row in rows)]
    ends = [rows[-1] for rows in lots]
    end = put(put(FILE[-1], "record_count", len(rows) + 1), "lot_count", len(lots))
    end = put(end, "invoice_count", sum(int(get(row, "invoice_count")) for row in ends))
    for name in ("total_fees", "total_amo", "total_amc"):
        end = put(end, name, sum(int(get(row, name)) for row in ends))
    return [*rows, end]


def bare(size: int) -> Iterator[bytes]:
    """Yield a bare run of about `size` bytes, some invoices at a time."""
    numbered = [[(zone(row, "invoice_number"), row) for row in rows] for rows in TEMPLATES]
    number = 0
    while size > 0:
        rows = []
        for _ in range(500):
            for rows_of_one in numbered:
                number += 1
                digits = f"{number:09d}".encode()
                rows += [row[: found.start] + digits + row[found.end :] + b"\n" for found, row in rows_of_one]
        block = b"".join(rows)
        size -= len(block)
        yield block


def write_bare(path: Path, size: int) -> int:
    """Write a bare run of about `size` bytes, and return how many invoices it holds."""
    with path.open("wb") as out:
        invoices = 0
        for block in bare(size):
            out.write(block)
            invoices += 500 * len(TEMPLATES)
    return invoices
