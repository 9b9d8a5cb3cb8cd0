# SPDX-License-Identifier: Apache-2.0
"""What the files of the contract say: tiers, objectives, the settings where it says two things, and rules of burning."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

Basis = Literal["window", "24x7"]
Cause = Literal["provider", "client", "payer", "maintenance"]
Exclusion = Literal["client", "payer", "maintenance"]
Duration = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,4}[mhd]$")]
Percent = Annotated[float, Meta(gt=0, lt=100)]
Share = Annotated[float, Meta(gt=0, le=1)]
Hours = Annotated[float, Meta(gt=0, le=744)]
BASES: Final[tuple[Basis, ...]] = ("window", "24x7")
UNITS: Final = {"m": 60, "h": 3600, "d": 86400}
MONTH_HOURS: Final = 720.0


class Fault(Struct, frozen=True, kw_only=True):
    """One thing that is wrong in a file, by its place there."""

    code: str
    file: str
    field: str
    message: str


class SloInvalid(Exception):
    """Files of the contract that cannot be used, with all their faults."""

    def __init__(self, faults: list[Fault]) -> None:
        """Keep the faults."""
        super().__init__(f"{len(faults)} faults in the files of the contract")
        self.faults = faults


class Window(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service window; it says what the calendar of the program does, and nothing else can be said."""

    timezone: Literal["Europe/Paris"]
    days: tuple[Literal["mon"], Literal["tue"], Literal["wed"], Literal["thu"], Literal["fri"], Literal["sat"]]
    opens: Literal["08:00"]
    closes: Literal["20:00"]
    holidays: Literal["closed"]
    mean_30_days_hours: Hours


class ServiceHours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many service hours a long window holds, on each basis."""

    window: Hours
    around: Hours = field(name="24x7")

    def on(self, basis: Basis) -> float:
        """Return those of a basis."""
        return self.window if basis == "window" else self.around


class Burn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an objective burns its budget too fast."""

    severity: Literal["page", "ticket"]
    long: Duration
    short: Duration
    budget_share: Share
    service_hours: ServiceHours


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which reading of the contract holds, where it has two."""

    pra: Literal["table", "always"]
    rpo_rto_commitment: Literal["table", "zero"]
    degraded_counts_available: Literal["yes", "no"]
    sla_basis: Literal["each", "window", "24x7"]
    unplanned_maintenance: Literal["declared_before", "always", "never"]
    weekly_backup: Literal["on", "off"]
    erase_backups: Literal["crypto_erase", "media_year"]
    recovery_limit: Literal["charter", "table"]
    window: Window
    burn: Annotated[tuple[Burn, ...], Meta(min_length=1)]

    def period_hours(self, basis: Basis) -> float:
        """Return the service hours that a budget of 30 days is made of."""
        return self.window.mean_30_days_hours if basis == "window" else MONTH_HOURS

    def factor(self, burn: Burn, basis: Basis) -> float:
        """Return how many times faster than allowed errors come when a rule speaks."""
        return burn.budget_share * self.period_hours(basis) / burn.service_hours.on(basis)


class Objective(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is promised of availability, on what basis, by which clause."""

    percent: Percent
    basis: Basis
    clause: str

    @property
    def budget(self) -> float:
        """Return the share of time that may be bad."""
        return round(1 - self.percent / 100, 9)


class Tier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one tier of the contract promises."""

    tier: Literal["standard", "premium"]
    rpo: Duration
    rto: Duration
    pra: bool
    exclusions: tuple[Exclusion, ...]
    objective: Annotated[tuple[Objective, ...], Meta(min_length=1)]
    gti: Duration | None = None
    gtr: Duration | None = None


class Contract(Struct, frozen=True):
    """The tiers, and how they are read."""

    settings: Settings
    tiers: tuple[Tier, ...]

    def objectives(self, tier: Tier) -> tuple[Objective, ...]:
        """Return the objectives of a tier on the basis that the settings say (C6)."""
        basis = self.settings.sla_basis
        if basis == "each":
            return tier.objective
        return tuple(Objective(percent=one.percent, basis=basis, clause=one.clause) for one in tier.objective)

    def has_pra(self, tier: Tier) -> bool:
        """Say whether a tier has the recovery plan (C1)."""
        return tier.pra or self.settings.pra == "always"

    def limits(self, tier: Tier) -> tuple[int, int]:
        """Return the RPO and the RTO of a tier in seconds (C2): none at all where the plan promises neither loss nor interruption."""
        if self.settings.rpo_rto_commitment == "zero" and self.has_pra(tier):
            return 0, 0
        return seconds(tier.rpo), seconds(tier.rto)

    def recovery(self, tier: Tier) -> int:
        """Return the seconds within which an incident is to be over (C16); the GTR of a tier comes first."""
        if tier.gtr is not None:
            return seconds(tier.gtr)
        return CHARTER if self.settings.recovery_limit == "charter" else seconds(tier.rto)

    def keeps_weekly(self) -> bool:
        """Say whether backups of each week are kept on another site (C7)."""
        return self.settings.weekly_backup == "on"


CHARTER: Final = 4 * 3600


def seconds(duration: str) -> int:
    """Return the seconds of `15m`, `4h` or `3d`."""
    return int(duration[:-1]) * UNITS[duration[-1]]
