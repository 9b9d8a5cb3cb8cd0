# SPDX-License-Identifier: Apache-2.0
"""The report of a month: availability on each basis with its arithmetic, limits of recovery, and what nobody measured."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Final

from msgspec import Struct

from monitoring.slo.model import BASES, Basis, Contract, Tier, seconds
from monitoring.slo.recorded import Measured, Outage
from monitoring.slo.spans import Span, common, joined, less, total

NOT_MEASURED: Final = "not measured"
ERASED_S: Final = {"crypto_erase": "with the key, 3 months after recovery at most", "media_year": "when the year of their media is over"}


class Availability(Struct, frozen=True, kw_only=True):
    """One promise on one basis: the seconds that count, those that were down, and whether it was kept; None where nothing was measured."""

    tier: str
    percent: float
    basis: Basis
    promised: bool
    whole_s: int
    excluded_s: int
    unknown_s: int
    counted_s: int
    down_s: int
    available: str
    budget_s: str
    left_s: str
    kept: bool | None


class Recovery(Struct, frozen=True, kw_only=True):
    """One outage that the provider answers for, and the limits of a tier; None where it still lasts or nobody noted it."""

    tier: str
    start: datetime
    what: str
    seconds: int | None
    limit_s: int
    kept: bool | None
    attended_s: int | str
    attended_kept: bool | None


class Limit(Struct, frozen=True, kw_only=True):
    """What was measured against a limit: the worst of the month, or that nobody measured it."""

    tier: str
    what: str
    limit: str
    found: int | str
    kept: bool | None


class Report(Struct, frozen=True, kw_only=True):
    """The report of a month, up to an instant."""

    month: str
    until: datetime
    settings: dict[str, str]
    availability: list[Availability]
    recovery: list[Recovery]
    limits: list[Limit]


class Month(Struct, frozen=True, kw_only=True):
    """A month, up to an instant, with the stretches in which the service window was open."""

    name: str
    start: datetime
    until: datetime
    opened: Sequence[tuple[datetime, datetime]]

    def spans(self, basis: Basis) -> list[Span]:
        """Return the stretches of a basis."""
        return joined(_span(*pair) for pair in (self.opened if basis == "window" else [(self.start, self.until)]))


def make_report(contract: Contract, month: Month, outages: Sequence[Outage], measured: Sequence[Measured]) -> Report:
    """Make the report of a month from what was recorded."""
    settings = contract.settings
    named = ("pra", "rpo_rto_commitment", "degraded_counts_available", "sla_basis", "unplanned_maintenance", "weekly_backup")
    shown = {name: str(getattr(settings, name)) for name in (*named, "erase_backups", "recovery_limit")}
    begun = [one for one in outages if one.start < month.until and (one.end is None or one.end > month.start)]
    seen = [one for one in measured if month.start <= one.at < month.until]
    return Report(
        month=month.name,
        until=month.until,
        settings=shown,
        availability=[row for tier in contract.tiers for row in _availability(contract, tier, month, begun)],
        recovery=[_recovery(contract, tier, one) for tier in contract.tiers for one in begun if _answers(one)],
        limits=[row for tier in contract.tiers for row in _limits(contract, tier, seen)],
    )


def is_excluded(contract: Contract, tier: Tier, one: Outage) -> bool:
    """Say whether an outage is none of the tier's: by its cause, and for maintenance by when it was declared (C6)."""
    if one.cause == "provider" or one.cause not in tier.exclusions:
        return False
    if one.cause != "maintenance":
        return True
    reading = contract.settings.unplanned_maintenance
    if reading == "always":
        return True
    return one.declared is not None and one.declared < one.start and (one.planned or reading == "declared_before")


def _availability(contract: Contract, tier: Tier, month: Month, outages: Sequence[Outage]) -> list[Availability]:
    def of(chosen: Sequence[Outage]) -> list[Span]:
        return joined(_span(one.start, one.end or month.until) for one in chosen)

    bad = ("down", "degraded") if contract.settings.degraded_counts_available == "no" else ("down",)
    away = [one for one in outages if one.state in bad]
    unknown = of([one for one in outages if one.state == "unknown"])
    excluded = of([one for one in away if is_excluded(contract, tier, one)])
    down = of(away)
    promised = {(one.percent, one.basis) for one in contract.objectives(tier)}
    rows = []
    for percent in sorted({one.percent for one in tier.objective}):
        for basis in BASES:
            whole = month.spans(basis)
            measured = list(less(whole, unknown))
            counted = list(less(measured, excluded))
            down_s, counted_s = total(common(counted, down)), total(counted)
            budget = counted_s * (100 - Fraction(str(percent))) / 100
            rows.append(
                Availability(
                    tier=tier.tier, percent=percent, basis=basis, promised=(percent, basis) in promised, whole_s=total(whole),
                    unknown_s=total(whole) - total(measured), excluded_s=total(measured) - counted_s, counted_s=counted_s, down_s=down_s,
                    available=_share(counted_s, down_s) if counted_s else NOT_MEASURED,
                    budget_s=f"{float(budget):.1f}", left_s=f"{float(budget - down_s):.1f}", kept=down_s <= budget if counted_s else None,
                )
            )  # fmt: skip
    return rows


def _share(counted_s: int, down_s: int) -> str:
    # Cut, not rounded: what misses a promise must not look as if it kept it.
    share = Fraction(counted_s - down_s, counted_s) * 1_000_000 // 1
    return f"{share // 10_000}.{share % 10_000:04}"


def _answers(one: Outage) -> bool:
    return one.cause == "provider" and one.state != "unknown"


def _recovery(contract: Contract, tier: Tier, one: Outage) -> Recovery:
    """Time one outage: degraded is restored; a disaster has the RTO of the table, and only a GTR is a limit not to be reached (C16)."""
    took = 0 if one.state == "degraded" else None if one.end is None else round((one.end - one.start).total_seconds())
    limit = contract.limits(tier)[1] if one.disaster else contract.recovery(tier)
    strict = tier.gtr is not None and not one.disaster
    attended = None if one.acknowledged is None else round((one.acknowledged - one.start).total_seconds())
    return Recovery(
        tier=tier.tier,
        start=one.start,
        what=one.what,
        seconds=took,
        limit_s=limit,
        kept=None if took is None else took < limit if strict else took <= limit,
        attended_s=NOT_MEASURED if attended is None else attended,
        attended_kept=None if attended is None or tier.gti is None else attended < seconds(tier.gti),
    )


def _limits(contract: Contract, tier: Tier, measured: Sequence[Measured]) -> list[Limit]:
    rows = []
    for what, limit in zip(("rpo", "rto"), contract.limits(tier), strict=True):
        found = max((one.seconds for one in measured if one.what == what and one.seconds is not None), default=None)
        kept = None if found is None else found <= limit
        rows.append(Limit(tier=tier.tier, what=what, limit=f"{limit} s", found=NOT_MEASURED if found is None else found, kept=kept))
    tests = [("restore_test", "twice a year")] + ([("weekly_backup", "each week, on another site")] if contract.keeps_weekly() else [])
    for what, limit_text in tests:
        passed = [one.passed for one in measured if one.what == what]
        told = f"{sum(passed)} of {len(passed)} passed" if passed else NOT_MEASURED
        rows.append(Limit(tier=tier.tier, what=what, limit=limit_text, found=told, kept=all(passed) if passed else None))
    rows.append(Limit(tier=tier.tier, what="pra", limit="yes" if contract.has_pra(tier) else "no", found=NOT_MEASURED, kept=None))
    erased = ERASED_S[contract.settings.erase_backups]
    rows.append(Limit(tier=tier.tier, what="erase_backups", limit=erased, found=NOT_MEASURED, kept=None))
    return rows


def _span(start: datetime, end: datetime) -> Span:
    return round(start.timestamp()), round(end.timestamp())
