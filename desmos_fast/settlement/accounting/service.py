# SPDX-License-Identifier: Apache-2.0
"""A period of the books is closed once and written in any format, the same bytes each time; what comes late is in the next one."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import msgspec

from desmos_fast.base.types import uuid7
from desmos_fast.db import journal
from desmos_fast.db.journal import Event
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.nomenclature.payers import payers
from desmos_fast.settlement.accounting import rules, store
from desmos_fast.settlement.accounting.formats.ciel import Ciel
from desmos_fast.settlement.accounting.formats.ebp import Ebp
from desmos_fast.settlement.accounting.formats.fec import Fec, Separator, description, name
from desmos_fast.settlement.accounting.formats.quadra import Quadra
from desmos_fast.settlement.accounting.formats.table import Laid
from desmos_fast.settlement.accounting.formats.text import SHORT
from desmos_fast.settlement.accounting.model import (
    AccountingRefused,
    AccountingSettings,
    BookLine,
    Export,
    ExportAsked,
    ExportList,
    Format,
    NoSuchExport,
    Period,
    PeriodClosed,
    PeriodOpen,
    SettingsShown,
    SirenMissing,
)
from desmos_fast.settlement.accounting.store import Closed
from monitoring import metrics

ENDINGS: Final = {"fec": "txt", "quadra": "txt", "ebp": "txt", "ciel": "txt", "csv": "csv"}
# How many characters of an account and of a journal the formats of accounting programs have.
ROOMS: Final = {"quadra": (SHORT, 2), "ebp": (SHORT, 3), "ciel": (SHORT, 2)}
DAY: Final = timedelta(days=1)


class Writer(Protocol):
    """One way of writing the books."""

    def begin(self) -> bytes:
        """Return what stands before the first line."""
        ...

    def write(self, lines: Iterable[BookLine]) -> bytes:
        """Return the next lines."""
        ...


class Volume(NamedTuple):
    """A period that is ready to be written: the export it is, the settings, the number of its first entry and, for a FEC, the opening."""

    export: Export
    settings: SettingsShown
    first_number: int
    opens: bool
    finess: str
    payers: dict[str, str]


# --- settings


async def show_settings(con: Connection, context: Context) -> SettingsShown:
    """Return the settings in force, whole."""
    revision, found = await store.settings(con, context.tenant)
    return rules.in_force(found, revision)


async def put_settings(con: Connection, context: Context, body: bytes) -> SettingsShown:
    """Take new settings in the place of those before; closed periods keep theirs. Raises AccountingRefused."""
    try:
        new = msgspec.json.decode(body, type=AccountingSettings)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AccountingRefused(f"the settings cannot be as asked for: {error}", hint="see docs/reference/accounting.md") from error
    await store.hold(con, context.tenant)
    revision = await store.put_settings(con, context.tenant, new, context.now)
    await journal.record(
        con, context.tenant, context.now, [Event("accounting.set", context.tenant, detail={"revision": revision})], by=context.actor
    )
    return rules.in_force(new, revision)


# --- periods


def read_asked(body: bytes) -> ExportAsked:
    """Read which period is asked for. Raises AccountingRefused."""
    try:
        return msgspec.json.decode(body, type=ExportAsked)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AccountingRefused(
            'the body is {"period": "2026-10"}, or {"first": "…", "last": "…"}', hint='"draft": true closes nothing'
        ) from error


async def listed(con: Connection, context: Context) -> ExportList:
    """Return the closed periods of the centre, the latest first."""
    return ExportList([closed.export for closed in reversed(await store.exports(con, context.tenant))])


async def close(con: Connection, context: Context, asked: ExportAsked) -> Volume:
    """Close the days of a period that are not closed yet, unless it is a draft, and return it ready to be written.

    Raises AccountingRefused, PeriodOpen for one that is not over, PeriodClosed for one that cuts a closed period or leaves days out.
    """
    await store.hold(con, context.tenant)
    revision, found = await store.settings(con, context.tenant)
    closed = await store.exports(con, context.tenant)
    period = _period(asked, closed, found.closing_month)
    check_over(asked, period, context.today)
    within = _within(closed, period)
    new = await _new(con, context, closed, period)
    if new is not None:
        within.append(Closed(new, revision, found.closing_month))
    _check_one_year(period, within, new)
    if new is not None and not asked.draft:
        await store.add(con, context.tenant, len(closed) + 1, within[-1])
        await _tell(con, context, new)
    return await _volume(con, context, period, within, closed, draft=asked.draft and new is not None)


async def again(con: Connection, context: Context, export: UUID) -> Volume:
    """Return a closed period ready to be written again. Raises NoSuchExport."""
    closed = await store.exports(con, context.tenant)
    found = [one for one in closed if one.export.id == export]
    if not found:
        raise NoSuchExport("the centre has no such export")
    return await _volume(con, context, Period(found[0].export.first, found[0].export.last), found, closed, draft=False)


def _period(asked: ExportAsked, closed: Sequence[Closed], closing_month: int) -> Period:
    """Return the days that are asked for: a year begins where the one before it ended, also where the closing month has changed since."""
    period = rules.period_of(asked, closing_month)
    known = [one.start for one in closed if one.export.first <= period.last]
    if asked.period is None or len(asked.period) > len("2026") or not known or period.first > closed[-1].export.last + DAY:
        return period
    if closed[-1].export.last < period.last:
        known.append(rules.Start(closed[-1].export.last + DAY, closing_month))
    return Period(known[rules.year_begins(known)].day, period.last)


def _check_one_year(period: Period, within: Sequence[Closed], new: Export | None) -> None:
    """Refuse a period in which an accounting year begins after its first day. Raises AccountingRefused."""
    begins = any(one.start.begins_year for one in within[1:])
    if new is not None:
        closing_month = within[-1].closing_month
        begins = begins or rules.year_of(new.first, closing_month) != rules.year_of(new.last, closing_month)
    if begins:
        raise AccountingRefused(f"{period.first} to {period.last} is of two accounting years", hint="ask for each apart")


def _within(closed: Sequence[Closed], period: Period) -> list[Closed]:
    """Return the closed periods in a period; it begins with one or after all, and cuts none."""
    found = [one for one in closed if period.first <= one.export.first and one.export.last <= period.last]
    cut = [one.export for one in closed if one not in found and one.export.first <= period.last and period.first <= one.export.last]
    if cut:
        raise PeriodClosed(f"{cut[0].first} to {cut[0].last} was exported as one", hint="ask for whole exported periods")
    if found and found[0].export.first != period.first:
        raise PeriodClosed(f"the days from {period.first} to {found[0].export.first - DAY} are before all that was exported")
    if not found and closed and period.first != closed[-1].export.last + DAY:
        hint = f"the next period begins on {closed[-1].export.last + DAY}"
        raise PeriodClosed(f"the books are closed up to {closed[-1].export.last}", hint=hint)
    return found


async def _new(con: Connection, context: Context, closed: Sequence[Closed], period: Period) -> Export | None:
    """Return what is to be closed for a period to be whole, None when it is."""
    first = closed[-1].export.last + DAY if closed else period.first
    if first > period.last:
        return None
    first_seq = closed[-1].export.last_seq + 1 if closed else 1
    if not closed:
        earlier = await store.day_before(con, context.tenant, first_seq, period.first)
        if earlier is not None:
            raise PeriodClosed(f"the books begin on {earlier}, and its days would be left out", hint="export those first")
    last_seq = await store.last_seq(con, context.tenant, first_seq, period.last)
    entries, lines, amount = await store.totals(con, context.tenant, first_seq, last_seq)
    return Export(
        id=uuid7(), first=first, last=period.last, first_seq=first_seq, last_seq=last_seq, entries=entries, lines=lines, amount=amount,
        draft=False, made_at=context.now, made_by=context.actor,
    )  # fmt: skip


def check_over(asked: ExportAsked, period: Period, today: date) -> None:
    """Refuse to close days that are not over. Raises PeriodOpen."""
    if not asked.draft and period.last >= today:
        raise PeriodOpen(f"{period.last} is not over", hint="ask for a draft, or for a period that is over")


async def _tell(con: Connection, context: Context, new: Export) -> None:
    detail = {"first": str(new.first), "last": str(new.last), "entries": new.entries, "lines": new.lines, "amount": new.amount}
    assert new.id is not None, "a period that is closed has an id"
    await journal.record(con, context.tenant, context.now, [Event("accounting.closed", new.id, detail=detail)], by=context.actor)
    metrics.accounting_exports.inc()


async def _volume(
    con: Connection, context: Context, period: Period, within: Sequence[Closed], closed: Sequence[Closed], *, draft: bool
) -> Volume:
    parts = [one.export for one in within]
    revision, found = await store.settings(con, context.tenant, within[-1].revision)
    settings = rules.in_force(found, revision)
    # What was closed in this accounting year before it is numbered before it.
    before = [*(one for one in closed if one.export.first < period.first), within[0]]
    year_seq = before[rules.year_begins([one.start for one in before])].export.first_seq
    kind = await store.kind(con, context.tenant, parts[-1].made_at)
    known = {row.id: row.names[0] for row in payers(kind, parts[-1].last) if row.names}
    # Where all that came before is at zero, there is nothing to open with, and the first entry is the first one.
    opens = year_seq > 1 and bool(
        rules.opening(await store.balances(con, context.tenant, year_seq), rules.Accounts(settings.chart, known), period.first)
    )
    export = msgspec.structs.replace(
        parts[-1], id=None if draft else parts[-1].id, first=period.first, first_seq=parts[0].first_seq, draft=draft,
        entries=sum(one.entries for one in parts), lines=sum(one.lines for one in parts), amount=sum(one.amount for one in parts),
    )  # fmt: skip
    first_number = 1 + opens + export.first_seq - year_seq
    return Volume(export, settings, first_number, opens and export.first_seq == year_seq, context.finess, known)


# --- files


def check_format(volume: Volume, wanted: Format) -> None:
    """Refuse a format that lacks something, or would make one account or journal of two. Raises SirenMissing, AccountingRefused."""
    if wanted == "fec" and volume.settings.siren is None:
        raise SirenMissing("a FEC is named by the SIREN of the centre", hint="set it: desmos-fast export settings --siren 123456789")
    same = rules.merged(volume.settings, *ROOMS[wanted]) if wanted in ROOMS else None
    if same is not None:
        raise AccountingRefused(f"{same[0]} and {same[1]} are the same in a file for {wanted}", hint="set shorter ones")


def file_name(volume: Volume, wanted: Format, part: int = 0) -> str:
    """Return the name of a file; `part` counts the parts of one that is split, from 1. Raises SirenMissing."""
    check_format(volume, wanted)
    # A draft never takes the place of what was closed.
    draft = "draft-" if volume.export.draft else ""
    if wanted == "fec":
        return draft + name(volume.settings.siren or "", volume.export.last, part)
    days = f"{volume.export.first:%Y%m%d}-{volume.export.last:%Y%m%d}"
    return f"{draft}{volume.finess}-{days}{f'_{part}' if part else ''}-{wanted}.{ENDINGS[wanted]}"


def description_of(volume: Volume, separator: Separator, parts: Sequence[str]) -> str:
    """Return what goes with a FEC."""
    return description(separator, parts, volume.export.first, volume.export.last)


def writer_of(volume: Volume, wanted: Format, separator: Separator) -> Writer:
    """Return what writes a format."""
    if wanted == "fec":
        return Fec(separator)
    if wanted == "csv":
        return Laid(volume.settings.table)
    made: dict[str, type[Quadra | Ebp | Ciel]] = {"quadra": Quadra, "ebp": Ebp, "ciel": Ciel}
    return made[wanted]()


async def write(con: Connection, context: Context, volume: Volume, wanted: Format, separator: Separator = "\t") -> AsyncIterator[bytes]:
    """Give a file block by block, in memory that does not grow with it. Raises Unmapped, OurBug for what does not fit."""
    check_format(volume, wanted)
    writer = writer_of(volume, wanted, separator)
    yield writer.begin()
    async for block in _blocks(con, context, volume, opening=wanted == "fec" and volume.opens):
        yield await asyncio.to_thread(writer.write, block)


async def _blocks(con: Connection, context: Context, volume: Volume, *, opening: bool) -> AsyncIterator[list[BookLine]]:
    accounts = rules.Accounts(volume.settings.chart, volume.payers)
    export = volume.export
    if opening:
        yield rules.opening(await store.balances(con, context.tenant, export.first_seq), accounts, export.first)
    numbering = rules.Numbering(accounts, volume.settings.journals, export.first, volume.first_number)
    async for rows in store.lines(con, context.tenant, export.first_seq, export.last_seq):
        yield await asyncio.to_thread(list, numbering.lines(rows))
