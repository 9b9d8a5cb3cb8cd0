# SPDX-License-Identifier: Apache-2.0
"""The steps that a state follows from, and the state itself with its hash."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

import msgspec

from desmos_fast.base.types import Part
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.model import LineRow, OrderRow, Payer, Settings

Share: TypeAlias = tuple[UUID, str]


# --- steps


class SignedShare(NamedTuple):
    """One share at the signature of its invoice; `transport` is what became of its lot, `state` what it is in before any order line."""

    part: Part
    payer: str
    amount: int
    transport: str
    lot: int | None = None


class Signed(NamedTuple):
    """One invoice is signed; `insured` is the hexadecimal index of the NIR."""

    id: UUID
    biller: str
    number: int
    insured: str
    care_date: date
    shares: tuple[SignedShare, ...]


class Announced(NamedTuple):
    """The payment orders of one return, with their lines, free."""

    name: str
    orders: tuple[OrderRow, ...]
    lines: tuple[LineRow, ...]


class GivenLine(NamedTuple):
    """One movement of a statement as it is stored; `content_key` and `occurrence` tell what another file gave before."""

    id: UUID
    line: BankLine
    content_key: str
    occurrence: int


class Stated(NamedTuple):
    """One statement of a bank account."""

    name: str
    lines: tuple[GivenLine, ...]


class Ran(NamedTuple):
    """One automatic run over all that is free then; `hidden` are invoices that were signed while it read, and that it did not see."""

    id: UUID
    at: datetime
    payers: Sequence[Payer]
    settings: Settings
    hidden: frozenset[UUID] = frozenset()


class Decided(NamedTuple):
    """One decision as it is kept: lines, credits, orders and shares are named in `detail` as records name them."""

    id: UUID
    seq: int
    at: datetime
    by: str
    kind: str
    subject: str
    detail: Mapping[str, Any]


Step: TypeAlias = Signed | Announced | Stated | Ran | Decided


# --- state


class MatchState(msgspec.Struct, frozen=True, array_like=True):
    """One match in force; `evidence` is that of a rule, as JSON with sorted keys, and null of a person."""

    problem: str
    rule: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    amount: int
    residual: int
    outcome: str | None
    decided_by: str
    evidence: msgspec.Raw


class ShareState(msgspec.Struct, frozen=True, array_like=True):
    """One share: what it is in, what of its amount is owed no more, and what was announced and credited on it."""

    payer: str
    amount: int
    closed: int
    state: str
    announced: int
    credited: int
    reject_code: str | None


class Chain(msgspec.Struct, frozen=True, array_like=True):
    """The end of the chain of ledger entries: how many there are, and the hash of the last in hexadecimal."""

    entries: int
    head: str


class State(msgspec.Struct, frozen=True):
    """All that follows from the steps: matches by their key, shares by `biller/number/part`, balances by account, the ledger's end."""

    matches: Mapping[str, MatchState]
    shares: Mapping[str, ShareState]
    balances: Mapping[str, int]
    chain: Chain


class Hashes(msgspec.Struct, frozen=True, kw_only=True):
    """The SHA-256 of each component of a state in hexadecimal, and `state`: that of the four."""

    matches: str
    shares: str
    balances: str
    chain: str
    state: str


_ENCODER: Final = msgspec.json.Encoder(order="sorted")
COMPONENTS: Final = ("matches", "shares", "balances", "chain")


def hashes(state: State) -> Hashes:
    """Return the hashes of a state: of each component's canonical form, and of these in the order of COMPONENTS."""
    parts = {name: hashlib.sha256(canonical(getattr(state, name))).hexdigest() for name in COMPONENTS}
    return Hashes(**parts, state=hashlib.sha256("".join(parts[name] for name in COMPONENTS).encode()).hexdigest())


def canonical(component: object) -> bytes:
    """Return compact JSON in UTF-8 with the keys of every object in order."""
    return _ENCODER.encode(component)
