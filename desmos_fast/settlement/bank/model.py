# SPDX-License-Identifier: Apache-2.0
"""The bank line that every statement format becomes, and the coded faults of a statement."""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.types import Cents
from desmos_fast.exchange.faults import Fault
from desmos_fast.settlement.bank.mapping import Mapping

# More warnings than these tell nothing more about a file.
WARNINGS_KEPT: Final = 1000


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Where a line stands: record number from 1 in the file of that SHA-256 (hexadecimal)."""

    file_sha256: str
    line: int
    format: str


class BankLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """One movement of an account; `amount` is in minor units, a debit below zero."""

    id: str
    account: str
    booking_date: date
    value_date: date | None
    amount: Cents
    currency: str
    operation_code: str | None
    label: str
    remittance: tuple[str, ...]
    end_to_end_id: str | None
    payer_name: str | None
    payer_id: str | None
    references: tuple[str, ...]
    qualifiers: tuple[tuple[str, str], ...]
    status: Literal["booked", "pending"]
    source: Source


class BankFault(Fault, frozen=True, omit_defaults=True, kw_only=True):
    """A refusal or a warning: `line` and `position` count from 1, `hint` says what to do."""

    level: Literal["error", "warning"] = "error"
    position: int | None = None
    hint: str = ""


class BankRefused(InvalidInput):
    """A statement of which nothing is taken, with the first fault found."""

    code = "bank_refused"

    def __init__(self, fault: BankFault) -> None:
        super().__init__(f"{fault.code}: {fault.message}", hint=fault.hint)
        self.fault = fault

    @property
    def faults(self) -> list[BankFault]:
        """Return the fault as the list that every refused input carries."""
        return [self.fault]


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One account over one period: both balances in minor units; `line` is the record of the opening balance."""

    account: str
    currency: str
    opening_date: date
    opening: Cents
    closing_date: date
    closing: Cents
    line: int


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One entry of a camt file, by which a statement and a notification tell that they mean the same: the lines from `first` on.

    `keys` are the bank's own references, each with its name.
    """

    kind: str
    first: int
    lines: int
    account: str
    booking_date: date
    amount: Cents
    currency: str
    keys: tuple[str, ...]


class KnownEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An entry that is stored: what it says, and the id, content key and occurrence of its first line."""

    bank_file_id: UUID
    first: int
    kind: str
    account: str
    booking_date: date
    amount: Cents
    currency: str
    keys: tuple[str, ...]
    ref: str
    content_key: str
    occurrence: int


class NamedMapping(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping of a centre, with who set it and when."""

    name: str
    mapping: Mapping
    set_at: datetime
    set_by: str


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of one account that files of another format gave, and how many of them have the day and amount of one at hand."""

    account: str
    format: str
    first: date
    last: date
    lines: int
    alike: int


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What a file gives: its lines in file order, its blocks, and what was accepted with a warning (the first WARNINGS_KEPT)."""

    sha256: str
    format: str
    lines: tuple[BankLine, ...]
    blocks: tuple[Block, ...]
    warnings: tuple[BankFault, ...]
    entries: tuple[Entry, ...] = ()


def content_key(line: BankLine) -> str:
    """Return the SHA-256, in hexadecimal, of what the bank says of a movement, wherever the line stands."""
    content = (
        line.account,
        line.booking_date,
        line.value_date,
        line.amount,
        line.currency,
        line.operation_code,
        line.label,
        line.remittance,
        line.end_to_end_id,
        line.payer_name,
        line.payer_id,
    )
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


def occurrences(lines: Iterable[BankLine]) -> list[tuple[str, int]]:
    """Return the content key of each line and its rank from 1 among the equal ones of the same file, in the order given.

    What is pending has ranks of its own: it may come again booked, even in one file.
    """
    seen: dict[tuple[str, str, str], int] = {}
    ranks = []
    for line in lines:
        key = content_key(line)
        rank = seen.get((line.source.file_sha256, key, line.status), 0) + 1
        seen[line.source.file_sha256, key, line.status] = rank
        ranks.append((key, rank))
    return ranks


def gap(before: Block, block: Block) -> BankFault | None:
    """Return a warning when a block does not go on where the one before it on the same account ended."""
    if before.closing == block.opening:
        return None
    return BankFault(
        code="BANK_GAP",
        level="warning",
        line=block.line,
        position=91,
        value=str(block.opening - before.closing),
        message=f"account {block.account}: the balance of {before.closing_date} is {before.closing}, the next opening of "
        f"{block.opening_date} is {block.opening}; movements are missing between these dates",
        hint=f"ask the bank for the statement from {before.closing_date} to {block.opening_date}",
    )


def gaps(blocks: Iterable[Block]) -> list[BankFault]:
    """Return a warning for each break between two blocks that follow each other on one account.

    Give the last known block of an account before those of a new file to control from one file to the next.
    """
    last: dict[tuple[str, str], Block] = {}
    found = []
    for block in blocks:
        before = last.get((block.account, block.currency))
        last[block.account, block.currency] = block
        fault = before and gap(before, block)
        if fault:
            found.append(fault)
    return found
