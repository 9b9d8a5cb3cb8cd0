# SPDX-License-Identifier: Apache-2.0
"""Whether a stretch of the chain holds: each entry keeps its own hash, so a stretch is judged from the entry before it alone."""

from collections.abc import Iterator, Sequence

from desmos_fast.base import ledger
from desmos_fast.settlement.ledger.model import Break, Head, Link, Why


def breaks(links: Sequence[Link], before: int, previous: bytes) -> Iterator[Break]:
    """Give each place where a stretch does not hold; `previous` is the hash kept of entry `before`, which it begins after.

    After a break it goes on from what is kept, so that each counts once.
    """
    hashes = ledger.chain(previous, [link.entry for link in links])
    numbers = range(before + 1, before + 1 + len(links))
    whole = [link.hash for link in links] == hashes and [link.seq for link in links] == list(numbers)
    for link in links:
        why: Why | None = None if whole else _why(link, before, previous)
        if why is None and not _balances(link):
            why = "unbalanced"
        if why == "missing":
            yield Break(before + 1, why)
        elif why is not None:
            yield Break(link.seq, why, link.entry.event, link.entry.ref)
        if why != "misplaced":
            before, previous = link.seq, link.hash


def _balances(link: Link) -> bool:
    return link.entry.lines != () and sum(line.debit - line.credit for line in link.entry.lines) == 0


def _why(link: Link, before: int, previous: bytes) -> Why | None:
    if link.seq <= before:
        return "misplaced"
    if link.seq > before + 1:
        return "missing"
    return None if ledger.chain(previous, [link.entry]) == [link.hash] else "changed"


def end(found: Head, kept: Head, until: int) -> list[Break]:
    """Say whether what was found up to entry `until` ends there, and where the ledger ends with the hash that is kept of its end."""
    if found.seq < until:
        return [Break(found.seq + 1, "missing")]
    return [Break(kept.seq, "other_head")] if found.seq == kept.seq and found.hash != kept.hash else []
