# SPDX-License-Identifier: Apache-2.0
"""What is asked of the ledger, and what is answered. Amounts are integer cents."""

from datetime import date, datetime
from typing import Final, Literal, NamedTuple

import msgspec

from desmos_fast.base.ledger import Entry

By = Literal["account", "payer", "executor", "biller", "period"]
Why = Literal["missing", "misplaced", "changed", "unbalanced", "beyond_head", "other_head", "other_anchor"]
PAGE: Final = 200
SHOWN: Final = 10


# --- the chain


class Link(NamedTuple):
    """One entry of a ledger with its place in the chain."""

    seq: int
    hash: bytes
    entry: Entry


class Head(NamedTuple):
    """The end of a ledger, as it is kept apart: how many entries there are, and the hash of the last one."""

    seq: int
    hash: bytes


class Break(msgspec.Struct, frozen=True):
    """One place where the chain does not hold; `event` and `ref` are blank where no entry is."""

    entry: int
    why: Why
    event: str = ""
    ref: str = ""


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of the chain: entries looked at, the end of the ledger, how many places are broken, and the first ten of them."""

    holds: bool
    entries: int
    head: int
    hash: str
    broken: int
    breaks: tuple[Break, ...]


# --- entries


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries a list shows, the newest first: those before number `before`, days of Paris included."""

    account: str | None = None
    ref: str | None = None
    event: str | None = None
    since: date | None = None
    until: date | None = None
    before: int | None = None
    limit: int = PAGE


class LineView(msgspec.Struct, frozen=True):
    """One side of an entry."""

    account: str
    debit: int
    credit: int


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; `entry` is its number in the chain, `hash` in hex."""

    entry: int
    event: str
    ref: str
    posted_at: datetime
    hash: str
    lines: list[LineView]


class EntryPage(msgspec.Struct, frozen=True):
    """Entries, the newest first; `next` is the cursor of what follows, null at the end."""

    entries: list[EntryView]
    next: str | None


# --- trial balances


class Balance(msgspec.Struct, frozen=True):
    """What moved one account, or kind of accounts, in one group; `balance` is debit less credit."""

    name: str
    account: str
    debit: int
    credit: int
    balance: int


class Totals(msgspec.Struct, frozen=True):
    """The sums of the whole trial balance; `balance` is 0."""

    debit: int
    credit: int
    balance: int


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a trial balance in the order of names and accounts, the totals of all of it, and the cursor of what follows."""

    by: By
    since: date | None = msgspec.field(name="from")
    until: date | None = msgspec.field(name="to")
    rows: list[Balance]
    totals: Totals
    next: str | None
