# SPDX-License-Identifier: Apache-2.0
"""What the house asks of people who sign in: the file of DESMOS_IDENTITY, or what stands here. Each number says where it is from."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from desmos_fast.base.errors import InvalidInput
from desmos_fast.identity.lookups.model import Ceiling, Positive
from desmos_fast.identity.model import ADMIN, ROLES


class PolicyInvalid(InvalidInput):
    """The file of DESMOS_IDENTITY cannot be used."""

    code = "identity_invalid"


class Argon2(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Costs of a password: RFC 9106, section 4, second recommended option. `at_once` are hashed, `waiting` more may wait."""

    memory_kib: Annotated[int, Meta(ge=19_456, le=4_194_304)] = 65_536
    passes: Annotated[int, Meta(ge=1, le=100)] = 3
    lanes: Annotated[int, Meta(ge=1, le=16)] = 4
    at_once: Annotated[int, Meta(ge=1, le=64)] = 2
    waiting: Annotated[int, Meta(ge=0, le=1000)] = 20


class Password(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """CNIL, deliberation 2022-100: 50 bits where tries are restricted, as [lock_out] does; 80 without, which may be asked for too."""

    bits: Annotated[int, Meta(ge=50, le=128)] = 50
    code_hours: Annotated[int, Meta(ge=1, le=720)] = 48


class Sessions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a session lasts unused, and at most: a working day (values of the house)."""

    idle_s: Annotated[int, Meta(ge=1, le=86_400)] = 1_800
    longest_s: Annotated[int, Meta(ge=1, le=2_592_000)] = 43_200


class Delays(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """After `free` wrong tries each next one waits, twice as long as the one before, from `first_s` to `longest_s`."""

    free: Positive
    first_s: Positive
    longest_s: Positive


class LockOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Delays of a login and of an address.

    That of a login grows from over a minute after five wrong tries, so that there are at most 25 in 24 hours: a restriction that goes
    with a password of 50 bits. Many people share an address.
    """

    login: Delays = Delays(free=5, first_s=61, longest_s=7_200)
    address: Delays = Delays(free=50, first_s=60, longest_s=900)
    forget_s: Annotated[int, Meta(ge=3_600, le=31_536_000)] = 86_400


class Totp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who must have a code generator (RFC 6238: 30 s, 6 digits), and how many recovery codes come with it."""

    required: tuple[str, ...] = (ADMIN,)
    issuer: str = "desmos_fast"
    recovery: Annotated[int, Meta(ge=1, le=50)] = 10


# Values of the house: many times what a person reads at a screen, and far less than a whole file of patients.
CEILINGS: Final[Mapping[str, Ceiling]] = {
    "admin": Ceiling(hour=5_000, day=20_000),
    "biller": Ceiling(hour=2_000, day=8_000),
    "tp_manager": Ceiling(hour=5_000, day=20_000),
    "accountant": Ceiling(hour=5_000, day=20_000),
    "ops": Ceiling(hour=1_000, day=4_000),
    "auditor": Ceiling(hour=5_000, day=20_000),
    "agent": Ceiling(hour=1_000, day=4_000),
}


class Oidc(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider of identities, by default in the words of Pro Santé Connect; `acr` are the levels that are enough."""

    issuer: str
    client_id: str
    client_secret_file: str
    redirect_uri: str
    landing: Annotated[str, Meta(pattern="^/([^/].*)?$")] = "/"
    scope: str = "openid scope_all"
    acr_values: str = "eidas1"
    acr: Annotated[tuple[str, ...], Meta(min_length=1)] = ("eidas1", "eidas2", "eidas3")
    subject_claim: str = "SubjectNameID"
    algorithms: Annotated[tuple[Literal["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"], ...], Meta(min_length=1)] = ("RS256",)
    timeout_s: Annotated[int, Meta(ge=1, le=60)] = 10


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it. `key_factor` is how many times a program's key may look up what a person of the same role may."""

    argon2: Argon2 = Argon2()
    password: Password = Password()
    sessions: Sessions = Sessions()
    lock_out: LockOut = LockOut()
    totp: Totp = Totp()
    look_ups: dict[str, Ceiling] = {}
    key_factor: Positive = 50
    oidc: Oidc | None = None

    def ceiling(self, roles: frozenset[str], *, person: bool) -> Ceiling:
        """Return the ceiling of who has these roles: of each span the highest that one of them gives."""
        found = [self.look_ups.get(role, CEILINGS[role]) for role in roles]
        times = 1 if person else self.key_factor
        return Ceiling(hour=times * max(one.hour for one in found), day=times * max(one.day for one in found))


def load_policy(path: Path | None) -> Policy:
    """Return what a file says, and the defaults for what it does not; without a file all of them. Raises PolicyInvalid."""
    if path is None:
        return Policy()
    try:
        told = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), type=Policy)
    except OSError as error:
        raise PolicyInvalid(f"{path.name} cannot be read: {error.strerror}", hint="check the path and its rights") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyInvalid(f"{path.name} is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise PolicyInvalid(f"{path.name}: {error}") from error
    unknown = sorted({*told.look_ups, *told.totp.required} - ROLES.keys())
    if unknown:
        raise PolicyInvalid(f"{path.name} names roles that there are not: {', '.join(unknown)}", hint=f"roles are {', '.join(ROLES)}")
    return told
