# SPDX-License-Identifier: Apache-2.0
"""A look-up, and its ceiling."""

from datetime import datetime
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta

from desmos_fast.base.errors import InvalidInput

Positive = Annotated[int, Meta(ge=1, le=10**9)]
Span = Literal["hour", "day"]


class Ceiling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many look-ups one account makes in an hour of the clock, and on a day of Paris."""

    hour: Positive
    day: Positive


class Look(NamedTuple):
    """What one account is about to see: so many patients' data, under such a ceiling."""

    actor: UUID
    at: datetime
    items: int
    ceiling: Ceiling


class Refused(NamedTuple):
    """Which span of a look is full, and the number that ends it."""

    span: Span
    ceiling: int


class CeilingReached(InvalidInput):
    """An account looks up more than is foreseen for its roles; `first` says that nobody was told of it yet by this process."""

    code = "look_up_ceiling"

    def __init__(self, look: Look, refused: Refused, *, wait_s: int, first: bool) -> None:
        super().__init__(
            f"{refused.ceiling} look-ups in one {refused.span} are the ceiling of this account",
            hint=f"the next {refused.span} begins in {wait_s} s; the persons named by the centre are told",
        )
        self.look = look
        self.refused = refused
        self.wait_s = wait_s
        self.first = first
