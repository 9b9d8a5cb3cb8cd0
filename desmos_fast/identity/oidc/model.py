# SPDX-License-Identifier: Apache-2.0
"""What is remembered of a sign-in that was begun, what a provider says of itself and of a person, and how it is refused."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from desmos_fast.base.errors import Conflict, InvalidInput, OutsideFailed
from desmos_fast.base.types import KeyKind


class OidcMissing(Conflict):
    """The house has no provider of identities."""

    code = "oidc_missing"


class OidcState(InvalidInput):
    """No sign-in was begun by this browser, or too long ago."""

    code = "oidc_state"


class OidcRefused(InvalidInput):
    """The provider refuses: the person, or the code."""

    code = "oidc_refused"


class OidcToken(InvalidInput):
    """What the provider says of a person does not hold."""

    code = "oidc_token_invalid"


class OidcLevel(InvalidInput):
    """The person was made sure of at too low a level."""

    code = "oidc_level"


class OidcSubject(InvalidInput):
    """The person has no rights here."""

    code = "oidc_subject"


class OidcUnavailable(OutsideFailed):
    """The provider cannot be reached, or does not answer as it should."""

    code = "oidc_unavailable"


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that was begun, as the browser keeps it, sealed."""

    state: str
    nonce: str
    verifier: str
    centre: str | None
    kind: KeyKind | None
    at: datetime

    def __repr__(self) -> str:
        """Name the class and nothing else: a repr reaches logs and tracebacks."""
        return "Begun(...)"


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Where a provider does what (OpenID Connect Discovery)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a code was good for."""

    id_token: str
    access_token: str

    def __repr__(self) -> str:
        """Name the class and nothing else."""
        return "Tokens(...)"


class Vouched(NamedTuple):
    """Whom a provider vouches for: an RPPS number, and at which level."""

    rpps: str
    level: str
