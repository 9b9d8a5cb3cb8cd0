# SPDX-License-Identifier: Apache-2.0
"""Tickets: what a page shows the agent of its workstation, on the loopback, so that it lets the page see or read.

The service signs them with the key of its authority; the agent learns the public half over its own channel, and what time it is at the
service, so that a workstation whose clock is wrong judges them rightly.
"""

import base64
import binascii
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from desmos_fast.base.errors import InvalidInput

# Before what is signed, so that a ticket is nothing else that this key signs.
PURPOSE: Final = b"desmos-fast agents ticket 1\0"
LIFE: Final = timedelta(seconds=60)
LONGEST: Final = 2048
Use = Literal["watch", "read"]
_HASH: Final = hashes.SHA256()


class TicketRefused(InvalidInput):
    """A ticket is none of the service's, for something else, used, or too late."""

    code = "ticket_refused"


class Ticket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One page may do one thing at one agent: see what its readers do, or read one card. Good once, until `ends_at`."""

    id: UUID
    agent: UUID
    use: Use
    origin: str
    ends_at: datetime


_decoder: Final = msgspec.json.Decoder(Ticket)


def sign(ticket: Ticket, key: ec.EllipticCurvePrivateKey) -> str:
    """Return a ticket as text that a page carries."""
    said = msgspec.json.encode(ticket)
    return f"{_text(said)}.{_text(key.sign(PURPOSE + said, ec.ECDSA(_HASH)))}"


def read_key(pem: str) -> ec.EllipticCurvePublicKey:
    """Return the key that tickets are checked by. Raises TicketRefused."""
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise TicketRefused("the service told no key that tickets could be checked by") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TicketRefused("the service told a key of another kind")
    return key


def check(text: str, key: ec.EllipticCurvePublicKey, now: datetime) -> Ticket:
    """Return what a ticket says that this key signed and that lasts. Raises TicketRefused."""
    said, _, signature = text.partition(".")
    try:
        data = _bytes(said)
        key.verify(_bytes(signature), PURPOSE + data, ec.ECDSA(_HASH))
        ticket = _decoder.decode(data)
    except (binascii.Error, ValueError, InvalidSignature, msgspec.MsgspecError):
        raise TicketRefused("this is no ticket of the service") from None
    if now >= ticket.ends_at:
        raise TicketRefused("the ticket has ended")
    return ticket


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
