# SPDX-License-Identifier: Apache-2.0
"""The clock of a test centre: ahead of that of the house, and never back."""

from datetime import datetime
from typing import Annotated, ClassVar, Final

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput

FURTHEST_S: Final = 1_000_000_000


class TestKeyNeeded(InvalidInput):
    """Only a key of kind test has a clock that can be advanced."""

    code: ClassVar[str] = "test_key_needed"
    __test__ = False


class ClockRefused(InvalidInput):
    """The clock cannot be set as it was asked for."""

    code: ClassVar[str] = "clock_refused"


class CentreIsLive(Conflict):
    """The centre has a key of kind live: its clock is that of everybody."""

    code: ClassVar[str] = "centre_is_live"


class Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the clock is to go: to an instant, or by so many seconds; one of the two."""

    to: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    by_s: Annotated[int, msgspec.Meta(ge=0, le=FURTHEST_S)] | None = None


class ClockShown(msgspec.Struct, frozen=True, kw_only=True):
    """What time it is for the centre, and by how many seconds that is ahead."""

    now: datetime
    ahead_s: int
