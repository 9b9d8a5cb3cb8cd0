# SPDX-License-Identifier: Apache-2.0
"""What follows from backups and trials: what would be lost now, what would have been lost, whether a copy is whole."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from desmos_fast.backups.model import Counts, Manifest, Server


def differences(least: Counts, most: Counts, found: Counts) -> list[str]:
    """Return the tables of a copy that have not as many rows as there were when the backup was made, each with its figures."""
    names = sorted(least.keys() | most.keys())
    told = []
    for name in names:
        few, many = sorted((least.get(name, 0), most.get(name, 0)))
        there = found.get(name, 0)
        if not few <= there <= many:
            told.append(f"{name}: {there} rows, not {few}" + ("" if few == many else f" to {many}"))
    return told


class Archive:
    """Up to which instant the archive of a server holds everything, as told by looking at it now and then."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._first: datetime | None = None
        self._saved: datetime | None = None
        self._awaited: dict[str, datetime] = {}

    def saved_at(self, server: Server) -> datetime | None:
        """Take one look and return the instant; None for a server that does not archive."""
        if not server.archiving or server.archived is None or server.archived_at is None:
            return None
        self._first = self._first or server.now
        if server.wal is not None:
            self._awaited[server.wal] = server.now
        for wal in [wal for wal in self._awaited if wal <= server.archived]:
            self._saved = max(self._awaited.pop(wal), self._saved or self._first)
        # Until the archive reaches what the first look saw, it holds less than that.
        return self._saved or min(self._first, server.archived_at)


def lost_s(now: datetime, backups: Sequence[Manifest], saved: datetime | None) -> float | None:
    """Return for how many seconds back commits would be lost with the database now; None without any backup.

    An archive that holds everything up to `saved` counts if there is a backup for it to go on from.
    """
    if not backups:
        return None
    last = backups[-1]
    return max(0.0, (now - (max(last.begun_at, saved) if saved is not None and last.archiving else last.begun_at)).total_seconds())


def gaps(backups: Sequence[Manifest], since: datetime, until: datetime) -> Iterator[tuple[datetime, float]]:
    """Give the instants before `until` at which most would have been lost with the database, and how many seconds of it.

    That is just before a backup, and at the end; where the server archives, a backup says nothing of that. Before the first of all
    nothing is known to have been saved: there it counts from `since`.
    """
    if backups and since < backups[0].begun_at < until:
        yield backups[0].ended_at, (backups[0].ended_at - since).total_seconds()
    for number, one in enumerate(backups, 1):
        end = min(backups[number].ended_at, until) if number < len(backups) else until
        if not one.archiving and since <= end and one.begun_at < until:
            yield end, (end - one.begun_at).total_seconds()
