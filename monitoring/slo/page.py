# SPDX-License-Identifier: Apache-2.0
"""The report of a month as a page of Markdown."""

from collections.abc import Iterable, Iterator
from typing import Final

from monitoring.slo.report import NOT_MEASURED, Availability, Limit, Recovery, Report

APART: Final = "Each outage that the provider answers for, apart from availability: a recovery in time may break the promise of a month."
AVAILABILITY: Final = ("tier", "promise", "basis", "promised", "counted", "down", "available", "budget", "left", "kept")
RECOVERY: Final = ("tier", "start", "what", "recovered after", "limit", "kept", "attended after", "kept")


def page(report: Report) -> str:
    """Return a report as Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    settings = ", ".join(f"`{name}` = {value}" for name, value in report.settings.items())
    yield from (
        f"# Availability in {report.month}",
        "",
        f"Up to {report.until.isoformat()}, from recorded outages alone; in seconds. {settings}.",
    )
    yield from ("", "## Availability", "")
    yield from _table(AVAILABILITY, map(_row, report.availability))
    yield ""
    yield from map(_arithmetic, report.availability)
    yield from ("", "## Recovery", "", APART, "")
    yield from _table(RECOVERY, map(_recovered, report.recovery))
    yield from ("", "## Saving and restoring", "")
    yield from _table(("tier", "what", "promised", "found", "kept"), map(_limit, report.limits))


def _row(one: Availability) -> tuple[object, ...]:
    sums = (one.counted_s, one.down_s, one.available, one.budget_s, one.left_s)
    return one.tier, f"{one.percent:g} %", one.basis, "yes" if one.promised else "no", *sums, _word(one.kept)


def _arithmetic(one: Availability) -> str:
    base = f"{one.whole_s} − {one.unknown_s} unknown − {one.excluded_s} excluded = {one.counted_s}"
    who = f"- {one.tier}, {one.percent:g} % on {one.basis}: {base}"
    if one.kept is None:
        return f"{who}: {NOT_MEASURED}"
    share = f"({one.counted_s} − {one.down_s}) / {one.counted_s} = {one.available} %"
    allowed = f"{one.counted_s} × {100 - one.percent:.4g} % = {one.budget_s}"
    return f"{who}; {share}; budget {allowed}; {one.budget_s} − {one.down_s} = {one.left_s} left"


def _recovered(one: Recovery) -> tuple[object, ...]:
    took = "still on" if one.seconds is None else one.seconds
    return one.tier, one.start.isoformat(), _cell(one.what), took, one.limit_s, _word(one.kept), one.attended_s, _word(one.attended_kept)


def _limit(one: Limit) -> tuple[object, ...]:
    return one.tier, one.what, one.limit, one.found, _word(one.kept)


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def _word(kept: bool | None) -> str:
    return "–" if kept is None else "yes" if kept else "NO"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
