# SPDX-License-Identifier: Apache-2.0
"""When a centre's lots are built by themselves, and what the last time gave."""

from datetime import datetime
from typing import ClassVar, Final, Literal
from uuid import UUID

import msgspec

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.types import TenantId
from desmos_fast.lots.recipients.model import DAYS, Day

BUILD_ON_SCHEDULE: Final = "build_on_schedule"
Result = Literal["built", "nothing", "failed"]


class ScheduleRefused(InvalidInput):
    """A schedule cannot be as it was asked for."""

    code: ClassVar[str] = "schedule_refused"


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to build: at which times of Paris (`HH:MM`), on which days, legal holidays skipped or not, with which settings of a build."""

    at: tuple[str, ...]
    days: tuple[Day, ...] = DAYS[:5]
    skip_holidays: bool = True
    settings: msgspec.Raw = msgspec.Raw(b"{}")


class LastRun(msgspec.Struct, frozen=True, kw_only=True):
    """What the last due time gave; `missed` counts those before it that nobody was there for, `code` says why it failed."""

    due: datetime
    at: datetime
    result: Result
    missed: int = 0
    files: int = 0
    lots: int = 0
    invoices: int = 0
    code: str | None = None


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule of a centre; `next` is the next due time, `since` when this revision of it was set."""

    at: tuple[str, ...]
    days: tuple[Day, ...]
    skip_holidays: bool
    settings: msgspec.Raw
    revision: int
    since: datetime
    next: datetime
    last: LastRun | None


class BuildOnSchedule(msgspec.Struct, frozen=True):
    """What a `build_on_schedule` job is given: the centre, and which revision of its schedule it is for."""

    tenant: TenantId
    finess: str
    revision: int


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule as it is kept; `done` is the last due time that was dealt with."""

    tenant: UUID
    revision: int
    plan: Plan
    since: datetime
    done: datetime | None
    last: LastRun | None
