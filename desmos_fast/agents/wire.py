# SPDX-License-Identifier: Apache-2.0
"""What the agent of a workstation and the service say to each other, on both sides of one channel.

The service begins with a challenge; the agent proves who it is; then events, reads and certificates go either way. Numbers of events have
no gap: what is not acknowledged is said again, and what was received is not taken twice.
"""

from datetime import datetime
from enum import IntEnum
from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

PATH: Final = "/v1/agents/channel"
ENROL_PATH: Final = "/v1/agents:enrol"
# Where a page of the same workstation reaches the agent: five ports in a row, as another vendor's program may hold one of them.
LOOPBACK_PORTS: Final = range(47_710, 47_715)
LOOPBACK_HEALTH: Final = "/health"
LOOPBACK_PATH: Final = "/v1/desk"
# Before the nonce, so that what proves an agent here proves nothing anywhere else.
PURPOSE: Final = b"desmos-fast agent channel 1\0"
NONCE_BYTES: Final = 32
MOST_EVENTS: Final = 200
MOST_FINDINGS: Final = 100
LARGEST: Final = 256 * 1024
LONGEST_READ_S: Final = 30.0

EventKind = Literal[
    "agent_started", "service_up", "service_down", "reader_added", "reader_removed", "card_inserted", "card_removed", "card_mute"
]
CardKind = Annotated[str, Meta(pattern=r"\A[a-z0-9_]{1,20}\Z")]
Atr = Annotated[str, Meta(pattern=r"\A([0-9A-F]{2}){0,33}\Z")]
ReaderName = Annotated[str, Meta(max_length=200)]
Version = Annotated[str, Meta(pattern=r"\A[0-9]{1,5}(\.[0-9]{1,5}){1,2}([a-z.+-][0-9a-z.+-]{0,30})?\Z")]
System = Annotated[str, Meta(max_length=100)]
Seconds = Annotated[float, Meta(gt=0, le=LONGEST_READ_S)]
Pem = Annotated[str, Meta(max_length=8192)]
Verdict = Literal["recommended", "minimum", "unsupported", "unknown"]
Code = Annotated[str, Meta(pattern=r"\A[a-z][a-z_]{0,40}\Z")]


class Closing(IntEnum):
    """Why the service ends a channel."""

    RESTART = 1012
    TRY_LATER = 1013
    MALFORMED = 4400
    UNPROVEN = 4401
    BLOCKED = 4403
    SLOW = 4408
    REPLACED = 4409
    GAP = 4410
    TOO_OLD = 4426


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who a card says that its holder is, as it says it; a field that it does not have is null."""

    last_name: str | None = None
    first_name: str | None = None
    birth_date: str | None = None
    nir: str | None = None

    def __repr__(self) -> str:
        """Tell nothing of anybody: a repr reaches logs and tracebacks."""
        return "Holder(...)"


class EventTold(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened at the readers of an agent; `number` follows that of the event before."""

    number: Annotated[int, Meta(ge=1, lt=2**62)]
    kind: EventKind
    at: Annotated[datetime, Meta(tz=True)]
    reader: ReaderName = ""
    atr: Atr = ""


class Challenge(msgspec.Struct, frozen=True, kw_only=True, tag="challenge"):
    """What an agent signs, before anything else."""

    nonce: bytes


class Proof(msgspec.Struct, frozen=True, kw_only=True, tag="proof"):
    """A certificate of this service, and the nonce signed by its key."""

    certificate: Pem
    signature: bytes
    version: Version
    system: System = ""


class Welcome(msgspec.Struct, frozen=True, kw_only=True, tag="welcome"):
    """The agent is known; `received` is the number of its last event that is kept.

    `at` is what time it is at the service, `tickets` the key (PEM) that tickets of pages are checked by.
    """

    received: int
    at: datetime | None = None
    tickets: Pem = ""


class Events(msgspec.Struct, frozen=True, kw_only=True, tag="events"):
    """What happened, in order."""

    events: Annotated[tuple[EventTold, ...], Meta(min_length=1, max_length=MOST_EVENTS)]


class Received(msgspec.Struct, frozen=True, kw_only=True, tag="received"):
    """Events are kept up to this number."""

    number: int


class Read(msgspec.Struct, frozen=True, kw_only=True, tag="read"):
    """Read the card in a reader, now or when it comes, within so many seconds."""

    request: UUID
    reader: ReaderName
    deadline_s: Seconds


class ReadDone(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """What was read; only some cards say who holds them."""

    request: UUID
    atr: Atr
    card: CardKind
    identity: Holder | None = None


class ReadFailed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """Why nothing was read."""

    request: UUID
    code: Code


class Examine(msgspec.Struct, frozen=True, kw_only=True, tag="examine"):
    """Look how the workstation is, within so many seconds; `mobile`: one that is carried about."""

    request: UUID
    deadline_s: Seconds
    mobile: bool = False


class FindingTold(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at: the point of the contract's annex, if it has one, how it is, the cause and what to do, in French."""

    point: Annotated[str, Meta(max_length=10)]
    subject: Annotated[str, Meta(max_length=40)]
    level: Literal["ok", "warning", "error", "unknown"]
    cause: Annotated[str, Meta(max_length=500)]
    action: Annotated[str, Meta(max_length=500)] = ""


class Examined(msgspec.Struct, frozen=True, kw_only=True, tag="examined"):
    """How the workstation is."""

    request: UUID
    verdict: Verdict
    findings: Annotated[tuple[FindingTold, ...], Meta(max_length=MOST_FINDINGS)]


class Renew(msgspec.Struct, frozen=True, kw_only=True, tag="renew"):
    """A request for a certificate of a new key; the channel was proven by the old one."""

    csr: Pem


class Renewed(msgspec.Struct, frozen=True, kw_only=True, tag="renewed"):
    """The certificate of the new key."""

    certificate: Pem


class Resign(msgspec.Struct, frozen=True, kw_only=True, tag="resign"):
    """The agent is about to be wiped: the service blocks it, and ends the channel."""


class EnrolAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code that was given for one agent, and a request for the certificate of its key."""

    code: Annotated[str, Meta(max_length=100)]
    csr: Pem


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's id, its desk, its certificate and when that ends."""

    id: UUID
    desk: str
    certificate: str
    ends_at: datetime


Asked: TypeAlias = Read | Examine
FromService: TypeAlias = Challenge | Welcome | Received | Read | Examine | Renewed
FromAgent: TypeAlias = Proof | Events | ReadDone | ReadFailed | Examined | Renew | Resign
from_service: Final = msgspec.json.Decoder[FromService](FromService)
from_agent: Final = msgspec.json.Decoder[FromAgent](FromAgent)
encode: Final = msgspec.json.Encoder().encode
