# SPDX-License-Identifier: Apache-2.0
"""The report of a month as a page of Markdown, and its rows and sentences for other forms."""

from collections.abc import Iterable, Iterator
from typing import Final

from monitoring.slo.report import NOT_MEASURED, Availability, Limit, Recovery, Report

Row = tuple[object, ...]
APART: Final = "Each outage that the provider answers for, apart from availability: a recovery in time may break the promise of a month."
AVAILABILITY: Final[Row] = ("tier", "promise", "basis", "promised", "counted", "down", "available", "budget", "left", "kept")
RECOVERY: Final[Row] = ("tier", "start", "what", "recovered after", "limit", "kept", "attended after", "kept")
LIMITS: Final[Row] = ("tier", "what", "promised", "found", "kept")


def page(report: Report) -> str:
    """Return a report as Markdown."""
    return "\n".join(_lines(report)) + "\n"


def heading(report: Report) -> str:
    """Return what a report is made of: up to when, from what, with which readings of the contract."""
    settings = ", ".join(f"`{name}` = {value}" for name, value in report.settings.items())
    return f"Up to {report.until.isoformat()}, from recorded outages alone; in seconds. {settings}."


def availability_rows(report: Report) -> list[Row]:
    """Return the rows of availability, under AVAILABILITY."""
    return [_available(one) for one in report.availability]


def recovery_rows(report: Report) -> list[Row]:
    """Return the rows of recovery, under RECOVERY."""
    return [_recovered(one) for one in report.recovery]


def limit_rows(report: Report) -> list[Row]:
    """Return the rows of saving and restoring, under LIMITS."""
    return [_limit(one) for one in report.limits]


def arithmetic(one: Availability) -> str:
    """Return how the availability of a row is counted."""
    base = f"{one.whole_s} − {one.unknown_s} unknown − {one.excluded_s} excluded = {one.counted_s}"
    who = f"{one.tier}, {one.percent:g} % on {one.basis}: {base}"
    if one.kept is None:
        return f"{who}: {NOT_MEASURED}"
    share = f"({one.counted_s} − {one.down_s}) / {one.counted_s} = {one.available} %"
    allowed = f"{one.counted_s} × {100 - one.percent:.4g} % = {one.budget_s}"
    return f"{who}; {share}; budget {allowed}; {one.budget_s} − {one.down_s} = {one.left_s} left"


def _lines(report: Report) -> Iterator[str]:
    yield from (f"# Availability in {report.month}", "", heading(report))
    yield from ("", "## Availability", "")
    yield from _table(AVAILABILITY, availability_rows(report))
    yield ""
    yield from (f"- {arithmetic(one)}" for one in report.availability)
    yield from ("", "## Recovery", "", APART, "")
    yield from _table(RECOVERY, recovery_rows(report))
    yield from ("", "## Saving and restoring", "")
    yield from _table(LIMITS, limit_rows(report))


def _available(one: Availability) -> Row:
    sums = (one.counted_s, one.down_s, one.available, one.budget_s, one.left_s)
    return one.tier, f"{one.percent:g} %", one.basis, "yes" if one.promised else "no", *sums, _word(one.kept)


def _recovered(one: Recovery) -> Row:
    took = "still on" if one.seconds is None else one.seconds
    return one.tier, one.start.isoformat(), one.what, took, one.limit_s, _word(one.kept), one.attended_s, _word(one.attended_kept)


def _limit(one: Limit) -> Row:
    return one.tier, one.what, one.limit, one.found, _word(one.kept)


def _table(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    yield f"| {' | '.join(map(str, head))} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _word(kept: bool | None) -> str:
    return "–" if kept is None else "yes" if kept else "NO"


def _cell(cell: object) -> str:
    return str(cell).replace("|", "\\|").replace("\n", " ")
