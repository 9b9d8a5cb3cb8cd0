# SPDX-License-Identifier: Apache-2.0
"""Centres, their API keys, and who is calling."""

import re
import secrets
from typing import Final
from uuid import UUID

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput
from desmos_fast.base.identifiers import finess_is_valid
from desmos_fast.base.types import KeyKind, TenantId

KEY_BYTES: Final = 32
KEY_FORM: Final = re.compile(r"dsf_(test|live)_[A-Za-z0-9_-]{43}")
NAME_WIDTH: Final = 200


class BadCentre(InvalidInput):
    """A centre cannot be registered as given."""

    code = "bad_centre"


class UnknownCentre(InvalidInput):
    """No centre has that FINESS."""

    code = "unknown_centre"


class CentreExists(Conflict):
    """A centre with that FINESS is registered under another name."""

    code = "centre_exists"


class Centre(msgspec.Struct, frozen=True):
    """A health centre: one tenant, known outside by its FINESS."""

    id: TenantId
    finess: str
    name: str


class Caller(msgspec.Struct, frozen=True):
    """The centre that a request speaks for, and the kind of key it used."""

    tenant: TenantId
    finess: str
    kind: KeyKind
    key_id: UUID


def check_centre(finess: str, name: str) -> None:
    """Refuse a FINESS whose form or key is wrong, and a name that is empty or too long."""
    if not finess_is_valid(finess):
        raise BadCentre(f"{finess!r} is not a FINESS: 9 characters, the last one a Luhn key")
    if not name.strip() or len(name) > NAME_WIDTH or not name.isprintable():
        raise BadCentre(f"a centre's name has 1 to {NAME_WIDTH} printable characters")


def new_secret(kind: KeyKind) -> str:
    """Make an API key of 256 random bits; only its HMAC is ever stored."""
    return f"dsf_{kind}_{secrets.token_urlsafe(KEY_BYTES)}"


def kind_of(secret: str) -> KeyKind | None:
    """Return the kind that a key says it is, or None when it has not the form of a key."""
    found = KEY_FORM.fullmatch(secret)
    if found is None:
        return None
    return "live" if found.group(1) == "live" else "test"
