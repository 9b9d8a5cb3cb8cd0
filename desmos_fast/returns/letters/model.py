# SPDX-License-Identifier: Apache-2.0
"""What is kept of a return that nothing could be made of, and how it ends."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput

DeadState = Literal["open", "taken", "discarded"]
STATES: Final[tuple[DeadState, ...]] = ("open", "taken", "discarded")
# What a person may say is no reason to refuse: the sender was asked.
ACCEPTABLE: Final = ("return_repeated", "return_conflict", "order_repeated")
ORDER_REPEATED: Final = "order_repeated"
PAGE: Final = 200


class DeadEnded(Conflict):
    """The dead letter was taken or discarded."""

    code = "dead_ended"


class OrderRepeated(Conflict):
    """The payment order came before: a person says whether it pays twice."""

    code = "order_repeated"


class DeadRequestInvalid(InvalidInput):
    """The body is not what the route takes."""

    code = "dead_request_invalid"


class Retry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Try again; `although` are the reasons that a person says are none."""

    although: tuple[Literal["return_repeated", "return_conflict", "order_repeated"], ...] = ()


class Discard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give it up, and why."""

    why: str


class DeadShown(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter without its faults; `ordinal` is the place of a repeated order in the return `return_id`."""

    id: UUID
    sha256: str
    ordinal: int | None
    return_id: UUID | None
    code: str
    detail: str
    size: int
    profile: str
    state: DeadState
    tries: int
    noticed_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    ended_why: str | None
    taken_as: UUID | None


class DeadWhole(DeadShown, frozen=True, kw_only=True):
    """A dead letter with its faults, the first hundred of them; none holds a NIR."""

    faults: list[dict[str, Any]]


class DeadPage(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters, the latest first; `next` is the cursor of what follows, null at the end."""

    dead: tuple[DeadShown, ...]
    next: str | None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter that could be taken after all, as which return; `orders` is how many payment orders came of it."""

    id: UUID
    state: Literal["taken"] = "taken"
    return_id: UUID
    orders: int
