# SPDX-License-Identifier: Apache-2.0
"""How a claim file leaves: a port with one verb, what it is given, and what may go wrong."""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

from desmos_fast.base.errors import Conflict, InvalidInput, OutsideFailed

FILE_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
# Who is away is found out sooner than who is slow: meanwhile a file keeps a place from those of other recipients.
CONNECT_S: Final = 10.0


class BadTransportName(InvalidInput):
    """A name that is not that of one plain file."""

    code = "transport_name_invalid"


class BadTransportKey(InvalidInput):
    """A key, certificate or password of a transport that cannot be used."""

    code = "transport_key_invalid"


class NameTaken(Conflict):
    """Something else was already sent under this name."""

    code = "transport_name_taken"


class TransportRefused(Conflict):
    """The other side took note of the file and will not have it; giving it again will not help."""

    code = "transport_refused"


class TransportFailed(OutsideFailed):
    """The content could not be handed over; whether it was is settled by giving it again."""

    code = "transport_failed"


class PeerUntrusted(OutsideFailed):
    """The other side did not prove who it is, or speaks no encryption: nothing was given to it."""

    code = "transport_peer_untrusted"


@dataclass(frozen=True)
class Parcel:
    """A claim file on its way; raises BadTransportName for a name that is not that of one plain file."""

    name: str
    content: bytes

    def __post_init__(self) -> None:
        """Let no name through that leads elsewhere."""
        if FILE_NAME.fullmatch(self.name) is None:
            raise BadTransportName(f"{self.name!r} is not the name of a file to send")

    @cached_property
    def sha256(self) -> bytes:
        """Return the digest of the content."""
        return hashlib.sha256(self.content).digest()

    @property
    def key(self) -> str:
        """Return what tells this file from every other, however often it is given: its name (biller and sequence) and its content."""
        return f"{self.name}.{self.sha256.hex()}"


class Transport(Protocol):
    """Hands files over to one recipient, or to whoever takes them there."""

    async def put(self, parcel: Parcel) -> None:
        """Hand over one file, for good, before returning; it holds no lock and may be called several times at once.

        Giving the same name and bytes again has no further effect, here or by the key that goes with it. Raises NameTaken for other
        bytes under a known name where the other side can tell, TransportFailed when it is not certain that the file arrived,
        PeerUntrusted, TransportRefused.
        """
        ...
