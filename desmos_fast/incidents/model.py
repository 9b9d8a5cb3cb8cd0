# SPDX-License-Identifier: Apache-2.0
"""What an incident is: a stretch in which the service is down or degraded, with the clocks that the contract has."""

from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from desmos_fast.base.errors import Conflict, InvalidInput

PAGE: Final = 200
KINDS: Final = ("incident", "maintenance")
# Who writes that a thing began longer ago than this has the wrong day.
OLDEST_DAYS: Final = 366
FURTHEST_DAYS: Final = 36_525
Kind = Literal["incident", "maintenance"]
Cause = Literal["provider", "client", "payer"]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Instant = Annotated[datetime, Meta(tz=True)]


class IncidentRefused(InvalidInput):
    """An incident or a maintenance cannot be as it was told."""

    code: ClassVar[str] = "incident_refused"


class IncidentMoved(Conflict):
    """That clock of the incident has stopped already, or it is over."""

    code: ClassVar[str] = "incident_over"


class IncidentTold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of an incident when it is declared: `what` in a few words, without any name; it began now unless told."""

    what: Text
    starts_at: Instant | None = None
    degraded: bool = False
    disaster: bool = False
    cause: Cause = "provider"


class MaintenanceTold(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of maintenance; what is declared after it began is unplanned, whatever is said."""

    what: Text
    starts_at: Instant
    ends_at: Instant
    planned: bool = True


class Moment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a clock stopped; now unless told."""

    at: Instant | None = None


class Attribution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose an incident is, and why."""

    cause: Cause
    why: Text


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident or a maintenance as it stands.

    `state` is announced, down, degraded, over or cancelled. `attended_s` (GTI) and `recovered_s` (GTR; degraded is recovered) are null
    while their clocks run.
    """

    id: UUID
    kind: Kind
    state: str
    what: str
    cause: str
    planned: bool
    disaster: bool
    starts_at: datetime
    declared_at: datetime
    declared_by: str
    acknowledged_at: datetime | None
    degraded_at: datetime | None
    ended_at: datetime | None
    cancelled_at: datetime | None
    attended_s: int | None
    recovered_s: int | None


class IncidentPage(msgspec.Struct, frozen=True):
    """Incidents and maintenance, the last declared first; `next` is the cursor of what follows, null at the end."""

    incidents: list[Incident]
    next: str | None


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What runs in all centres together, and since when the oldest clocks run."""

    down: int
    degraded: int
    maintenance: int
    unattended_since: datetime | None
    down_since: datetime | None
