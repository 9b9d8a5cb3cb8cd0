# SPDX-License-Identifier: Apache-2.0
"""What an anomaly is, and who is told of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec

from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import TenantId


class Kind(StrEnum):
    """Everything that is noticed; docs/reference/following.md says what each means and what to do."""

    ACK_MISSING = "ack_missing"
    ACK_UNKNOWN = "ack_unknown"
    ACK_CONFLICT = "ack_conflict"
    CONTENT_CHANGED = "content_changed"
    FILE_DEAD = "file_dead"
    RETURN_DEAD = "return_dead"
    SEND_LATE = "send_late"
    STAGE_DIFFERS = "stage_differs"
    SIGN_IN_LOCKED = "sign_in_locked"
    LOOK_UP_CEILING = "look_up_ceiling"


class Found(NamedTuple):
    """One thing that is not as it should be; `expected` and `found` never hold a NIR, `trace` is the file's id."""

    kind: Kind
    subject: UUID
    expected: Mapping[str, object] | None = None
    found: Mapping[str, object] | None = None
    stage: str | None = None
    trace: UUID | None = None


class Odd(OurBug):
    """An error that undoes what it was found by, and is an anomaly beyond that; who catches it notes `anomaly`."""

    def __init__(self, detail: str, *, anomaly: Found, hint: str = "") -> None:
        super().__init__(detail, hint=hint)
        self.anomaly = anomaly


class AnomalyShown(msgspec.Struct, frozen=True):
    """One anomaly as the centre sees it."""

    id: UUID
    kind: str
    stage: str | None
    subject: UUID
    expected: dict[str, Any] | None
    found: dict[str, Any] | None
    trace: UUID | None
    noticed_at: datetime
    told_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str | None


class AnomaliesShown(msgspec.Struct, frozen=True):
    """The anomalies of a centre, the latest first."""

    anomalies: list[AnomalyShown]


class Resolution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a person holds an anomaly for settled."""

    why: str


class Notifier(Protocol):
    """Tells people that something is out of the ordinary."""

    async def tell(self, tenant: TenantId, anomalies: Sequence[AnomalyShown]) -> None:
        """Tell of anomalies of a centre, for good, before returning; the same may be told twice. Raises when that is not certain."""
        ...
