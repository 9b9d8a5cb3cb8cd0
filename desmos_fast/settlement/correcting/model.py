# SPDX-License-Identifier: Apache-2.0
"""What a decision comes to, and what is answered for it."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.ledger import Entry
from desmos_fast.settlement.decisions.model import Decision


class Done(NamedTuple):
    """A decision that is written, the records added with it, and the entries that are still to be posted."""

    decision: Decision
    matches: tuple[UUID, ...] = ()
    entries: Sequence[Entry] = ()


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: the decision as it is kept, the records added, and how many ledger entries followed."""

    id: UUID
    seq: int
    kind: str
    subject: str
    detail: dict[str, Any]
    matches: tuple[UUID, ...]
    entries: int
