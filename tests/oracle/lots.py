# SPDX-License-Identifier: Apache-2.0
"""The twin of the lot kernel: keys as text, `sorted`, and lists, after the rules of lots in the exchange format."""

from collections.abc import Sequence

LETTERS = "DSY"


# The fields of a key in the order of their codes.
FIELDS = ("caisse", "destination", "flow", "amc", "security", "executor", "age", "amount")
ALWAYS = {"destination", "flow", "amc", "security"}


def part(name: str, row: int, columns: dict[str, Sequence[int]], care_bounds: Sequence[int], fee_bounds: Sequence[int]) -> str:
    """Return one field of a row's key as text; raise ValueError for a value that has no place in it."""
    value = columns[{"caisse": "destination", "age": "care", "amount": "fees"}.get(name, name)][row]
    if name in ("caisse", "destination", "executor"):
        if not 0 <= value <= 999_999_999:
            raise ValueError
        return f"{value:09d}"[:5] if name == "caisse" else f"{value:09d}"
    if name == "age":
        return f"{sum(bound <= value for bound in care_bounds):03d}"
    if name == "amount":
        return f"{sum(bound <= value for bound in fee_bounds):03d}"
    if name == "security":
        if chr(value) not in LETTERS:
            raise ValueError
        return chr(value)
    flow = columns["flow"][row]
    if flow not in (1, 2):
        raise ValueError
    if name == "flow":
        return f"{flow:02d}"
    if flow == 2 and not 1 <= value <= 9_999_999_999:
        raise ValueError
    return f"{value if flow == 2 else 0:010d}"


class Lot:
    """The rows of a lot and what they come to."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.fees = self.amo = self.amc = self.size = 0

    def add(self, row: int, fees: int, amo: int, amc: int, size: int) -> None:
        self.rows.append(row)
        self.fees += fees
        self.amo += amo
        self.amc += amc
        self.size += size
        if max(self.fees, self.amo, self.amc) >= 1 << 63:
            raise OverflowError


def arrange(
    destination: Sequence[int],
    flow: bytes,
    amc: Sequence[int],
    security: bytes,
    executor: Sequence[int],
    care: Sequence[int],
    number: Sequence[int],
    fees: Sequence[int],
    amo: Sequence[int],
    amc_share: Sequence[int],
    starts: Sequence[int],
    width: int,
    maximum: int,
    ceiling: int,
    room: int,
    plan: bytes,
    care_bounds: Sequence[int],
    fee_bounds: Sequence[int],
) -> tuple[list[int], list[int], list[int], list[int], list[int], list[int]]:
    count = len(starts) - 1
    named = {
        "destination": destination, "flow": flow, "amc": amc, "security": security, "executor": executor, "care": care, "fees": fees,
    }  # fmt: skip
    if min(maximum, width, ceiling, room) < 1 or any(len(column) != count for column in (*named.values(), number, amo, amc_share)):
        raise ValueError
    if max(len(care_bounds), len(fee_bounds)) > 127 or len(set(plan)) != len(plan) or any(code >= len(FIELDS) for code in plan):
        raise ValueError
    fields = [FIELDS[code] for code in plan]
    if not set(fields) >= ALWAYS:
        raise ValueError
    keys = ["".join(part(name, row, named, care_bounds, fee_bounds) for name in fields) for row in range(count)]
    # sorted is stable, so rows of one key and one number keep their order.
    turn = sorted(range(count), key=lambda row: number[row])
    groups: dict[str, list[Lot]] = {}
    # By number: of two faults, that of the earlier row is told.
    for row in turn:
        size = starts[row + 1] - starts[row]
        if min(fees[row], amo[row], amc_share[row]) < 0 or starts[row] < 0 or size <= 0 or size % width:
            raise ValueError
        lots = groups.setdefault(keys[row], [])
        if not lots or len(lots[-1].rows) == maximum or lots[-1].fees + fees[row] > ceiling or lots[-1].size + size > room:
            lots.append(Lot())
        lots[-1].add(row, fees[row], amo[row], amc_share[row], size)
    found = [lot for key in sorted(groups) for lot in groups[key]]
    order = [row for lot in found for row in lot.rows]
    return (
        order, [len(lot.rows) for lot in found], [lot.fees for lot in found], [lot.amo for lot in found], [lot.amc for lot in found],
        [lot.size // width for lot in found],
    )  # fmt: skip


def assemble(
    data: bytes,
    starts: Sequence[int],
    order: Sequence[int],
    sizes: Sequence[int],
    opening: bytes,
    heads: bytes,
    tails: bytes,
    closing: bytes,
    taken: bytearray,
) -> tuple[bytes, list[int]]:
    width, rows = len(opening), len(starts) - 1
    if width < 1 or len(closing) != width or len(heads) != len(sizes) * width or len(tails) != len(sizes) * width:
        raise ValueError
    if len(taken) != rows or sum(sizes) != len(order) or any(size < 0 for size in sizes):
        raise ValueError
    pieces, first, left = [opening], [], list(order)
    written = 1
    for lot, size in enumerate(sizes):
        pieces.append(heads[lot * width : (lot + 1) * width])
        written += 1
        for row in left[:size]:
            if not 0 <= row < rows or taken[row]:
                raise ValueError
            start, end = starts[row], starts[row + 1]
            if not 0 <= start < end <= len(data) or (end - start) % width:
                raise ValueError
            taken[row] = 1
            first.append(written + 1)
            pieces.append(data[start:end])
            written += (end - start) // width
        del left[:size]
        pieces.append(tails[lot * width : (lot + 1) * width])
        written += 1
    return b"".join([*pieces, closing]), first
