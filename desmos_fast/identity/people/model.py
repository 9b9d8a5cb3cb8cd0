# SPDX-License-Identifier: Apache-2.0
"""Users of a centre, and what they sign in with."""

from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from desmos_fast.base.types import KeyKind, TenantId

LOGIN_WIDTH: Final = 254
NAME_WIDTH: Final = 100
PASSWORD_WIDTH: Final = 128
PAGE: Final = 200


class Scope(NamedTuple):
    """One centre in which a person has rights, and with keys of which kind."""

    tenant: TenantId
    finess: str
    kind: KeyKind
    member: UUID
    login: str
    name: str
    roles: frozenset[str]


class UserAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user that is to be made; the login looks like an e-mail address, `rpps` is for who signs in by a provider of identities."""

    login: str
    name: str
    roles: tuple[str, ...]
    rpps: str | None = None


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed of a user; null leaves it."""

    name: str | None = None
    roles: tuple[str, ...] | None = None
    rpps: str | None = None


class ResetAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is taken from a user beside the password: the code generator, when it is lost."""

    totp: bool = False


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user as shown. Instants are aware."""

    id: UUID
    kind: KeyKind
    login: str
    name: str
    roles: tuple[str, ...]
    made_at: datetime
    used_at: datetime | None = None
    ended_at: datetime | None = None


class UserMade(User, frozen=True, kw_only=True):
    """A user, and the code that sets the password, once: null when the answer is given again, and for who has a password.

    `ends_code`: they had a code that was not used yet, from another centre perhaps, and it works no more.
    """

    code: str | None
    code_until: datetime | None
    ends_code: bool = False


class UserPage(msgspec.Struct, frozen=True):
    """Users, the newest first; `next` is the cursor of what follows, null at the end."""

    users: list[User]
    next: str | None


class Secretive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person types: never in a log nor a traceback."""

    def __repr__(self) -> str:
        """Name the class and nothing else."""
        return f"{type(self).__name__}(...)"


class SignIn(Secretive, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person signs in with; `centre` is a FINESS, needed with rights in several centres. `cookie` puts the token into a cookie."""

    login: str
    password: str
    code: str | None = None
    centre: str | None = None
    kind: KeyKind | None = None
    cookie: bool = False


class FirstPassword(Secretive, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The code of an administrator, and the password that it sets."""

    login: str
    code: str
    password: str


class PasswordChange(Secretive, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password of now, and the one that is to come."""

    password: str
    new: str


class CodeGiven(Secretive, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Six digits of a code generator."""

    code: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a person is signed in; `current` is the one that asks."""

    id: UUID
    made_at: datetime
    used_at: datetime
    ends_at: datetime
    current: bool


class SessionList(msgspec.Struct, frozen=True):
    """The sessions of a person in this centre that last, the newest first."""

    sessions: list[Session]


class SessionMade(msgspec.Struct, frozen=True, kw_only=True):
    """A session that was opened; the token is null when it is in a cookie. `enrol`: a code generator is to be enrolled before all else."""

    id: UUID
    token: str | None
    centre: str
    kind: KeyKind
    user: UUID
    ends_at: datetime
    idle_s: int
    enrol: bool


class Myself(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, as the centre knows them; `recovery` is how many recovery codes are left."""

    id: UUID
    centre: str
    kind: KeyKind
    login: str
    name: str
    roles: tuple[str, ...]
    totp: bool
    recovery: int


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What a code generator is set up with; it is in this answer and in no other."""

    secret: str
    uri: str


class Recovery(msgspec.Struct, frozen=True):
    """Codes for the day when the code generator is lost, each good once; they are in this answer and in no other."""

    codes: list[str]


class Account(NamedTuple):
    """What is kept of a person: `password` is an argon2id hash, `sealed` the secret of the code generator, codes are HMACs."""

    id: UUID
    login: str
    password: str | None
    sealed: bytes | None
    totp_since: datetime | None
    totp_step: int
    recovery: tuple[bytes, ...]
    code: bytes | None
    code_until: datetime | None
