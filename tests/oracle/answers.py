# SPDX-License-Identifier: Apache-2.0
"""The rules of acknowledgements and returns in plain Python, from the format document."""

from collections.abc import Iterator

from tests.oracle.claims import closing, opening
from tests.oracle.reader import Fault, Read


def values(read: Read) -> list[Fault]:
    """Pass 3, second half: verdicts and payers."""
    faults = list(opening(read))
    for place in read.live("A1"):
        accepted, no_error = read.zone(place, "verdict_sign") == "+", read.zone(place, "error_code") == "0000"
        if accepted != no_error or (accepted and read.number(place, "record_at_fault")):
            faults.append(("B2_BAD_OUTCOME", place + 1, "verdict_sign"))
    for place in read.live("P1"):
        faults += [("B2_BAD_VALUE", place + 1, zone) for zone in _payer(read, place)]
    return faults


def _payer(read: Read, place: int) -> list[str]:
    caisse, amc = read.zone(place, "regime") != "00", read.number(place, "amc_number") != 0
    if caisse == amc:
        return ["amc_number" if caisse else "regime"]
    return [] if caisse else [zone for zone in ("caisse", "centre") if read.number(place, zone)]


def sums(read: Read) -> list[Fault]:
    """Pass 4: each order, then the file."""
    faults: list[Fault] = []
    heads = read.live("P1") if read.kind == "RS" else []
    for rank, head in enumerate(heads):
        following = heads[rank + 1] if rank + 1 < len(heads) else len(read.types)
        ends = [place for place in read.live("P9") if head < place < following]
        if ends:
            faults += _order(read, head, ends[0])
    if not read.broken and all(read.alive(place) for place in range(len(read.types))):
        counts = (len(read.live("A1")), 0) if read.kind == "AR" else (len(heads), len(read.live("R1")))
        faults += closing(read, counts, (0, 0, 0))
    return faults


def _signed(read: Read, place: int, zone: str) -> int:
    return read.number(place, zone) * (-1 if read.zone(place, f"{zone}_sign") == "-" else 1)


def _order(read: Read, head: int, end: int) -> Iterator[Fault]:
    within = range(head + 1, end)
    for place in within:
        if read.types[place] == "R1" and read.alive(place):
            claimed, paid, code = read.number(place, "claimed"), _signed(read, place, "paid"), read.zone(place, "reject_code").strip()
            sound = {
                "P": paid >= claimed and not code, "Q": 0 < paid < claimed, "R": paid <= 0 and bool(code), "W": paid == 0,
            }[read.zone(place, "outcome")]  # fmt: skip
            if not sound:
                yield "B2_BAD_OUTCOME", place + 1, "outcome"
    if not all(read.alive(place) for place in range(head, end + 1)):
        return
    for place in (head, end):
        if read.number(place, "record_count") != len(within):
            yield "B2_COUNT_MISMATCH", place + 1, "record_count"
    paid = sum(_signed(read, place, "paid") for place in within if read.types[place] == "R1")
    other = sum(_signed(read, place, "amount") for place in within if read.types[place] == "R3")
    for place in (head, end):
        if _signed(read, place, "total") != paid + other:
            yield "B2_BAD_TOTAL", place + 1, "total"
