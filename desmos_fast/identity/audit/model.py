# SPDX-License-Identifier: Apache-2.0
"""The trail of who looked at what: what enters it, what is shown of it, what is found of its chain."""

from datetime import date, datetime
from typing import Final, Literal, NamedTuple

import msgspec

PAGE: Final = 200
SHOWN: Final = 10
Why = Literal["missing", "misplaced", "changed", "beyond_head", "other_head", "other_anchor"]


class Access(NamedTuple):
    """One thing that somebody did or saw: never with a NIR. `items` says how many were seen, `filter` which were asked for."""

    at: datetime
    actor: str
    action: str
    subject: str = ""
    request: str = ""
    items: int = 1
    filter: str = ""


class Link(NamedTuple):
    """One row with its place in the chain."""

    seq: int
    hash: bytes
    access: Access


class Head(NamedTuple):
    """The end of a trail: how many rows there are, and the hash of the last one."""

    seq: int
    hash: bytes


class Break(msgspec.Struct, frozen=True):
    """One place where the chain does not hold."""

    row: int
    why: Why


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of the chain: rows looked at, its end, how many places are broken, and the first ten of them."""

    holds: bool
    rows: int
    head: int
    hash: str
    broken: int
    breaks: tuple[Break, ...]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows a list shows, the newest first: those before number `before`, days of Paris included."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: date | None = None
    until: date | None = None
    before: int | None = None
    limit: int = PAGE


class AccessShown(msgspec.Struct, frozen=True, kw_only=True):
    """One row; `row` is its number in the chain, `hash` in hex."""

    row: int
    at: datetime
    actor: str
    action: str
    subject: str
    request: str
    items: int
    filter: str
    hash: str


class AccessPage(msgspec.Struct, frozen=True):
    """Rows of the trail, the newest first; `next` is the cursor of what follows, null at the end."""

    accesses: list[AccessShown]
    next: str | None
