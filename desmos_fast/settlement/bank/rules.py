# SPDX-License-Identifier: Apache-2.0
"""Which entry of a statement and which of a notification are the same movement."""

from collections.abc import Iterable, Sequence
from typing import Final

from desmos_fast.settlement.bank.model import Entry, KnownEntry

# A reference that the bank gives to one movement alone; the others are those of a batch or of a place in a file, and hold for a day.
OWN: Final = "AcctSvcrRef:"


def join(entries: Sequence[Entry], known: Iterable[KnownEntry]) -> dict[int, KnownEntry]:
    """Return, by the first line of each entry, the one of the other kind that tells of the same movement.

    Same account, amount and currency, and one reference in common; with another than the bank's own the same day too. Each known entry is
    one entry of a file at most, the best reference first.
    """
    held = sorted(known, key=lambda row: (row.bank_file_id, row.first))
    found: dict[int, KnownEntry] = {}
    used: set[tuple[object, int]] = set()
    for own in (True, False):
        for entry in entries:
            if entry.first in found:
                continue
            same = next((row for row in held if (row.bank_file_id, row.first) not in used and _are_same(entry, row, own)), None)
            if same is not None:
                found[entry.first] = same
                used.add((same.bank_file_id, same.first))
    return found


def _are_same(entry: Entry, row: KnownEntry, own: bool) -> bool:
    if (entry.amount, entry.currency) != (row.amount, row.currency) or entry.kind == row.kind or entry.account != row.account:
        return False
    common = set(entry.keys) & set(row.keys)
    return any(key.startswith(OWN) for key in common) if own else bool(common) and entry.booking_date == row.booking_date
