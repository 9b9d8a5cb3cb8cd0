# SPDX-License-Identifier: Apache-2.0
"""The twin of the settling kernel, from the words of the rules: which lines one share answers to the letter and nothing else touches."""

from datetime import date
from typing import NamedTuple


class Line(NamedTuple):
    order_id: bytes
    line: int
    ref: str
    biller: str | None
    order_biller: str
    part: str | None
    payer: str
    amount: int
    number: int | None
    lot: str | None
    insured: bytes | None
    care: date | None
    parked: bool
    plain: bool


class Share(NamedTuple):
    invoice_id: bytes
    biller: str
    number: int
    part: str
    payer: str
    amount: int
    lot: int | None
    insured: bytes
    care: date


def agree(line: Line, share: Share) -> bool:
    """Say whether a line names a share, and nothing it says differs."""
    if line.biller is None or line.number is None or line.care is None or line.part is None or line.lot == "":
        return False
    same = (line.biller, line.number, line.part, line.payer, line.care) == (share.biller, share.number, share.part, share.payer, share.care)
    lot = line.lot is None or (share.lot is not None and line.lot == f"{share.lot:03d}")
    return same and lot and line.insured in (None, share.insured)


def settled(lines: list[Line], shares: list[Share]) -> list[tuple[str, Share]]:
    """Return the lines that are settled, by name, each with its share."""
    found = {row: share for row, line in enumerate(lines) if line.plain and line.amount >= 0 for share in shares if agree(line, share)}
    alone = {row: share for row, share in found.items() if list(found.values()).count(share) == 1}
    others = [line for row, line in enumerate(lines) if row not in alone]
    numbers = {(biller, line.number) for line in others if line.number is not None for biller in (line.biller, line.order_biller)}
    patients = {(line.biller, line.insured, line.care) for line in others if None not in (line.biller, line.insured, line.care)}
    kept = [
        (f"{lines[row].ref}#{lines[row].line}", share)
        for row, share in alone.items()
        if (share.biller, share.number) not in numbers and (share.biller, share.insured, share.care) not in patients
    ]
    return sorted(kept, key=lambda pair: pair[0].encode())
