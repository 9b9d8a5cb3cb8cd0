# SPDX-License-Identifier: Apache-2.0
"""The twin of the lot kernel: keys as text, `sorted`, and lists, after the rules of lots in the exchange format."""

from collections.abc import Sequence

LETTERS = "DSY"


def key(destination: int, flow: int, amc: int, security: int, executor: int | None) -> str:
    """Return the grouping key as text; raise ValueError for a part that has no place in it."""
    letter = chr(security)
    if flow not in (1, 2) or letter not in LETTERS or not 0 <= destination <= 999_999_999:
        raise ValueError
    if flow == 2 and not 1 <= amc <= 9_999_999_999:
        raise ValueError
    if executor is not None and not 0 <= executor <= 999_999_999:
        raise ValueError
    number = amc if flow == 2 else 0
    return f"{destination:09d}{flow:02d}{number:010d}{letter}{executor or 0:09d}"


def arrange(
    destination: Sequence[int],
    flow: bytes,
    amc: Sequence[int],
    security: bytes,
    executor: Sequence[int],
    fees: Sequence[int],
    amo: Sequence[int],
    amc_share: Sequence[int],
    starts: Sequence[int],
    width: int,
    maximum: int,
    per_executor: bool,
) -> tuple[list[int], list[int], list[int], list[int], list[int], list[int]]:
    count = len(starts) - 1
    if maximum < 1 or width < 1 or any(len(c) != count for c in (destination, flow, amc, security, executor, fees, amo, amc_share)):
        raise ValueError
    keys = [key(destination[i], flow[i], amc[i], security[i], executor[i] if per_executor else None) for i in range(count)]
    # sorted is stable, so rows of one key keep their order.
    order = sorted(range(count), key=keys.__getitem__)
    lots: list[list[int]] = []
    for row in order:
        if lots and keys[lots[-1][0]] == keys[row] and len(lots[-1]) < maximum:
            lots[-1].append(row)
        else:
            lots.append([row])
    sums = [[0] * len(lots) for _ in range(3)]
    # Row by row: of two faults, that of the earlier row is told.
    for row, lot in sorted((row, lot) for lot, rows in enumerate(lots) for row in rows):
        if min(fees[row], amo[row], amc_share[row]) < 0:
            raise ValueError
        if starts[row] < 0 or starts[row + 1] <= starts[row] or (starts[row + 1] - starts[row]) % width:
            raise ValueError
        for column, amounts in zip(sums, (fees, amo, amc_share), strict=True):
            column[lot] += amounts[row]
        if any(column[lot] >= 1 << 63 for column in sums):
            raise OverflowError
    records = [sum((starts[row + 1] - starts[row]) // width for row in rows) for rows in lots]
    return order, [len(rows) for rows in lots], sums[0], sums[1], sums[2], records


def assemble(
    data: bytes,
    starts: Sequence[int],
    order: Sequence[int],
    sizes: Sequence[int],
    opening: bytes,
    heads: bytes,
    tails: bytes,
    closing: bytes,
) -> tuple[bytes, list[int]]:
    width, rows = len(opening), len(starts) - 1
    if width < 1 or len(closing) != width or len(heads) != len(sizes) * width or len(tails) != len(sizes) * width:
        raise ValueError
    if rows < 0 or sorted(order) != list(range(rows)) or sum(sizes) != rows or any(size < 0 for size in sizes):
        raise ValueError
    for start, end in zip(starts, starts[1:], strict=False):
        if not 0 <= start < end <= len(data) or (end - start) % width:
            raise ValueError
    pieces, first, left = [opening], [0] * rows, list(order)
    written = 1
    for lot, size in enumerate(sizes):
        pieces.append(heads[lot * width : (lot + 1) * width])
        written += 1
        for row in left[:size]:
            first[row] = written + 1
            pieces.append(data[starts[row] : starts[row + 1]])
            written += (starts[row + 1] - starts[row]) // width
        del left[:size]
        pieces.append(tails[lot * width : (lot + 1) * width])
        written += 1
    return b"".join([*pieces, closing]), first
