# SPDX-License-Identifier: Apache-2.0
"""Use cases of statements in several formats: mappings of a centre, one movement told in two files, one account in two formats."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.errors import NotThere
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.settlement.bank import mapping as mappings_
from desmos_fast.settlement.bank import rules, store
from desmos_fast.settlement.bank.mapping import MappingInvalid
from desmos_fast.settlement.bank.model import BankFault, Entry, KnownEntry, NamedMapping, Overlap, Statement

_KEY: Final = b"bank entry\0"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MOST_MAPPINGS: Final = 200
_TOLD: Final = ("first", "kind", "account", "booking_date", "amount", "currency", "keys")


class Mappings(msgspec.Struct, frozen=True):
    """The mappings of a centre."""

    mappings: tuple[NamedMapping, ...]


class Known(NamedTuple):
    """A line that stands already: its id, content key and occurrence."""

    ref: str
    content_key: str
    occurrence: int


# --- mappings


async def put_mapping(con: Connection, context: Context, name: str, body: bytes) -> NamedMapping:
    """Set a mapping of the centre, in the place of one of that name. Raises MappingInvalid."""
    if not _NAME.fullmatch(name):
        raise MappingInvalid("a name has 1 to 40 small letters, digits, - and _", hint="give the mapping such a name")
    row = NamedMapping(name=name, mapping=mappings_.read_mapping(body), set_at=context.now, set_by=context.actor)
    await store.set_mapping(con, context.tenant, row)
    return row


async def show_mappings(con: Connection, context: Context) -> Mappings:
    """List the mappings of the centre."""
    return Mappings(tuple(await store.mappings(con, context.tenant, MOST_MAPPINGS)))


async def mapping(con: Connection, context: Context, name: str) -> NamedMapping:
    """Return a mapping of the centre. Raises NotThere."""
    found = await store.mapping(con, context.tenant, name)
    if found is None:
        raise NotThere("no mapping has that name", hint="GET /v1/bank-mappings lists them")
    return found


# --- one movement told in two files


class Joined(NamedTuple):
    """Entries of a file: under the centre's key, those that another kind of file told already, and the lines of each."""

    entries: tuple[Entry, ...]
    known: dict[int, KnownEntry]

    def lines(self) -> dict[int, Known]:
        """Return, by the number of each line that stands already, the line that it repeats."""
        return {
            number: Known(self.known[entry.first].ref, self.known[entry.first].content_key, self.known[entry.first].occurrence)
            for entry in self.entries
            if entry.first in self.known
            for number in range(entry.first, entry.first + entry.lines)
        }


async def join(con: Connection, context: Context, statement: Statement, given: Iterable[int]) -> Joined:
    """Find the entries that a statement and a notification both tell of; `given` are the lines that some file gave to the letter."""
    repeated = set(given)
    entries = tuple(
        msgspec.structs.replace(entry, keys=tuple(_hidden(context.keys.index, key) for key in entry.keys))
        for entry in statement.entries
        if not repeated.issuperset(range(entry.first, entry.first + entry.lines))
    )
    if not entries:
        return Joined((), {})
    return Joined(entries, rules.join(entries, await store.same_entries(con, context.tenant, entries)))


def _hidden(secret: bytes, key: str) -> str:
    # A reference may hold a NIR: its name stays, for the bank's own to be told from the others.
    name, _, text = key.partition(":")
    return f"{name}:{hmac.digest(secret, _KEY + text.encode(), hashlib.sha256).hex()[:32]}"


async def keep_entries(con: Connection, context: Context, file_id: UUID, joined: Joined, known: Mapping[int, Known]) -> None:
    """Store the entries that no other kind of file told; `known` says by its number under which name each line is stored."""
    new = [
        KnownEntry(bank_file_id=file_id, **{name: getattr(entry, name) for name in _TOLD}, **known[entry.first]._asdict())
        for entry in joined.entries
        if entry.first not in joined.known
    ]
    await store.add_entries(con, context.tenant, new)


# --- one account in two formats


async def overlaps(con: Connection, context: Context, statement: Statement) -> list[BankFault]:
    """Return a warning for each account whose days another format gave: the same movement reads otherwise there, and is not told."""
    return [_overlap(each) for each in await store.overlaps(con, context.tenant, statement.format, statement.lines)]


def _overlap(found: Overlap) -> BankFault:
    return BankFault(
        code="BANK_OVERLAP",
        level="warning",
        value=str(found.alike),
        message=f"account {found.account}: {found.lines} movements from {found.first} to {found.last} came in {found.format} already, "
        f"{found.alike} of them with the day and amount of one of this file; movements of two formats are never taken for the same",
        hint="import an account in one format; if both hold the same movements, refuse or split those of one of them",
    )
