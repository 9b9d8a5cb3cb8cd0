# SPDX-License-Identifier: Apache-2.0
"""Centres, their API keys, and who is calling."""

import csv
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput, NotThere
from desmos_fast.base.identifiers import finess_is_valid, mask_nir
from desmos_fast.base.types import KeyKind, TenantId

KEY_BYTES: Final = 32
SESSION_FORM: Final = re.compile(r"dsf_session_[A-Za-z0-9_-]{43}")
KEY_FORM: Final = re.compile(r"dsf_(test|live)_[A-Za-z0-9_-]{43}")
NAME_WIDTH: Final = 200
LABEL_WIDTH: Final = 100
PAGE: Final = 200
ADMIN: Final = "admin"
OVERLAP: Final = timedelta(days=1)
LONGEST_OVERLAP: Final = timedelta(days=30)
LONGEST_LIFE: Final = timedelta(days=3660)


class Role(NamedTuple):
    """What a key may be for, as a centre's screen says it."""

    name: str
    title_fr: str
    does_fr: str


def _read_roles() -> Mapping[str, Role]:
    with (files("desmos_fast.identity") / "roles.csv").open(encoding="utf-8") as table:
        return {row["role"]: Role(row["role"], row["title_fr"], row["does_fr"]) for row in csv.DictReader(table)}


ROLES: Final = _read_roles()


class BadCentre(InvalidInput):
    """A centre cannot be registered as given."""

    code = "bad_centre"


class UnknownCentre(InvalidInput):
    """No centre has that FINESS."""

    code = "unknown_centre"


class OtherData(Conflict):
    """The centre holds data of the other kind: synthetic people and real ones are never in one centre."""

    code = "other_data"


class CentreExists(Conflict):
    """A centre with that FINESS is registered under another name."""

    code = "centre_exists"


class KeyRefused(InvalidInput):
    """A key cannot be as asked for."""

    code = "key_refused"


class KeyEnded(Conflict):
    """The key was revoked, or has expired."""

    code = "key_ended"


class NoSuchKey(NotThere):
    """The centre has no such key, of that kind."""


class UnknownKey(InvalidInput):
    """Nobody has this API key, or it was revoked."""

    code = "unauthorized"


class Centre(msgspec.Struct, frozen=True):
    """A health centre: one tenant, known outside by its FINESS."""

    id: TenantId
    finess: str
    name: str


class Person(msgspec.Struct, frozen=True):
    """Who is signed in, and by which session; `strong` by more than a password."""

    session: UUID
    account: UUID
    strong: bool


class Caller(msgspec.Struct, frozen=True):
    """The centre that a request speaks for, the kind of key it used, and the key's roles.

    For a person `key_id` is the id of the user, whose kind and roles these are.
    """

    tenant: TenantId
    finess: str
    kind: KeyKind
    key_id: UUID
    roles: frozenset[str] = frozenset()
    person: Person | None = None


class KeyFound(NamedTuple):
    """What the database says of a key: how many seconds it still lasts (None for ever), and whether its last use is to be noted."""

    caller: Caller
    left_s: float | None
    stale: bool


class KeyAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that is to be made; without an end it lasts until it is revoked."""

    roles: tuple[str, ...]
    label: str = ""
    expires_at: datetime | None = None


class RotationAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many seconds the old key still works beside the new one."""

    overlap_s: int = int(OVERLAP.total_seconds())


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is shown; `replaces` is the key that it came after. Instants are aware."""

    id: UUID
    kind: KeyKind
    label: str
    roles: tuple[str, ...]
    created_at: datetime
    used_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    replaces: UUID | None = None


class KeyMade(Key, frozen=True, kw_only=True):
    """A key that was made, and its secret: null when the answer is given again."""

    secret: str | None


class KeyPage(msgspec.Struct, frozen=True):
    """Keys, the newest first; `next` is the cursor of what follows, null at the end."""

    keys: list[Key]
    next: str | None


def check_centre(finess: str, name: str) -> None:
    """Refuse a FINESS whose form or key is wrong, and a name that is empty or too long."""
    if not finess_is_valid(finess):
        raise BadCentre(f"{finess!r} is not a FINESS: 9 characters, the last one a Luhn key")
    if not name.strip() or len(name) > NAME_WIDTH or not name.isprintable():
        raise BadCentre(f"a centre's name has 1 to {NAME_WIDTH} printable characters")


def check_asked(asked: KeyAsked, now: datetime) -> KeyAsked:
    """Return what is asked for with each role once. Raises KeyRefused for unknown roles or none, a bad label, an end past or far off."""
    unknown = sorted(set(asked.roles) - ROLES.keys())
    if unknown or not asked.roles:
        raise KeyRefused(f"a key has one role or more of {', '.join(ROLES)}")
    if len(asked.label) > LABEL_WIDTH or (asked.label and not asked.label.isprintable()):
        raise KeyRefused(f"a label has at most {LABEL_WIDTH} printable characters")
    if mask_nir(asked.label) != asked.label:
        raise KeyRefused("a label never holds an identity number")
    if asked.expires_at is not None and (asked.expires_at.tzinfo is None or not now < asked.expires_at <= now + LONGEST_LIFE):
        raise KeyRefused(f"expires_at is an instant to come, with its offset or Z, within {LONGEST_LIFE.days} days")
    return msgspec.structs.replace(asked, roles=tuple(dict.fromkeys(asked.roles)))


def new_secret(kind: KeyKind) -> str:
    """Make an API key of 256 random bits; only its HMAC is ever stored."""
    return f"dsf_{kind}_{secrets.token_urlsafe(KEY_BYTES)}"


def new_token() -> str:
    """Make the token of a session of 256 random bits; only its HMAC is ever stored."""
    return f"dsf_session_{secrets.token_urlsafe(KEY_BYTES)}"


def is_session(secret: str) -> bool:
    """Say whether a secret has the form of the token of a session."""
    return SESSION_FORM.fullmatch(secret) is not None


def kind_of(secret: str) -> KeyKind | None:
    """Return the kind that a key says it is, or None when it has not the form of a key."""
    found = KEY_FORM.fullmatch(secret)
    if found is None:
        return None
    return "live" if found.group(1) == "live" else "test"
