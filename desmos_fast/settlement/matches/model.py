# SPDX-License-Identifier: Apache-2.0
"""Pages of records and decisions, and one record whole. Amounts are integer cents."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

PAGE: Final = 200
STATUSES: Final = ("confirmed", "suggested", "ambiguous", "unmatched", "parked", "ignored", "duplicate", "split", "undone")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the list of records: all that is given must hold; `history` shows what does not hold any more, too."""

    problem: str | None = None
    status: str | None = None
    rule: str | None = None
    payer: str | None = None
    invoice: str | None = None
    credit: str | None = None
    outcome: str | None = None
    history: bool = False
    before: UUID | None = None
    limit: int = PAGE


class MatchLine(msgspec.Struct, frozen=True, kw_only=True):
    """One record; `match_id` names what it says, in whatever run it is said."""

    id: UUID
    match_id: str
    problem: str
    status: str
    rule: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    amount: int
    residual: int
    outcome: str | None
    why: str | None
    decided_by: str
    decided_at: datetime
    holds: bool


class MatchPage(msgspec.Struct, frozen=True):
    """Some records, and where the next page begins."""

    matches: list[MatchLine]
    next: str | None


class MatchView(MatchLine, frozen=True, kw_only=True):
    """One record: why it says so, who decided it and took it back, and the way from the books to the invoice.

    `entries` are those of the ledger about its lines or credits (`own`: posted with it), `orders`, `lines`, `credits` and `shares` what it
    is about, at most 200 of each.
    """

    evidence: msgspec.Raw
    decision: msgspec.Raw
    undone_by: msgspec.Raw
    entries: msgspec.Raw
    credits: msgspec.Raw
    orders: msgspec.Raw
    lines: msgspec.Raw
    shares: msgspec.Raw


class DecisionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One decision as it is kept."""

    id: UUID
    seq: int
    kind: str
    subject: str
    detail: dict[str, Any]
    decided_by: str
    decided_at: datetime


class DecisionPage(msgspec.Struct, frozen=True):
    """Some decisions, and where the next page begins."""

    decisions: list[DecisionLine]
    next: str | None
