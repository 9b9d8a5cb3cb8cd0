# SPDX-License-Identifier: Apache-2.0
"""What a review of rights says of each account."""

from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from desmos_fast.base.types import KeyKind

# Habilitations are reviewed, and what nobody used for 90 days is told.
DAYS: Final = 90
LONGEST: Final = 3_660
Finding = Literal["never_used", "not_used", "role_not_used"]


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """One key or user that has not ended.

    `roles_used` says on which day something was last asked for that the role opens, null for never; `looked_on` when patients' data were
    last seen. `unused` are the roles that could be taken away.
    """

    account: Literal["key", "user"]
    id: UUID
    kind: KeyKind
    name: str
    roles_used: dict[str, date | None]
    made_at: datetime
    used_at: datetime | None
    looked_on: date | None
    findings: tuple[Finding, ...] = ()
    unused: tuple[str, ...] = ()


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts of a centre, those with findings first; `roles_unused` are roles that somebody has and nobody used."""

    days: int
    since: date
    accounts: list[Reviewed]
    roles_unused: list[str]
