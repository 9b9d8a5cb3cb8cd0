# SPDX-License-Identifier: Apache-2.0
"""Agents, the codes that let them in, their readers; and what is refused."""

from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from desmos_fast.agents.wire import LONGEST_READ_S, Closing, FindingTold, Holder, Verdict
from desmos_fast.base.errors import Conflict, InvalidInput, OutsideFailed
from desmos_fast.base.types import KeyKind

PAGE: Final = 200
State = Literal["enrolled", "online", "offline", "expired", "blocked"]
Card = Literal["none", "inserted", "mute"]


class AgentRefused(InvalidInput):
    """A code or a block cannot be as asked for, or a request for a certificate is none."""

    code: ClassVar[str] = "agent_refused"


class EnrolmentRefused(InvalidInput):
    """The code is none that lets in: unknown, used or past its time, which is not told apart."""

    code: ClassVar[str] = "enrolment_refused"


class EnrolmentLimited(InvalidInput):
    """Too many tries came from one place; `wait_s` says how long to wait."""

    code: ClassVar[str] = "enrolment_limited"

    def __init__(self, detail: str, wait_s: int) -> None:
        super().__init__(detail)
        self.wait_s = wait_s


class ChannelOver(Conflict):
    """A channel is to end, `closing` says why; told to the agent alone."""

    code: ClassVar[str] = "agent_channel_over"

    def __init__(self, closing: Closing, detail: str) -> None:
        super().__init__(detail)
        self.closing = closing


class Unproven(ChannelOver):
    """Who asks for a channel did not prove to be an agent of this service."""

    def __init__(self, detail: str) -> None:
        super().__init__(Closing.UNPROVEN, detail)


class ReaderAway(Conflict):
    """The reader is not there: unplugged, or its agent is not connected."""

    code: ClassVar[str] = "reader_away"


class AgentAway(Conflict):
    """The agent is not connected, or does not answer."""

    code: ClassVar[str] = "agent_away"


class CardFailed(OutsideFailed):
    """A card was not read, for a reason of the workstation."""

    code: ClassVar[str] = "reader_failed"


def _failure(name: str, code: str) -> type[CardFailed]:
    return type(name, (CardFailed,), {"code": code, "__doc__": f"The workstation says {code}.", "__module__": __name__})


FAILURES: Final = {
    "card_removed": "the card left, or was swapped, while it was read: put it in again",
    "card_reset": "another program reset the card",
    "card_busy": "another program holds the card",
    "card_mute": "the card does not answer: turn it over",
    "card_answer": "the card does not answer as a card does",
    "card_timeout": "no card came in time",
    "card_nir_key": "the key of the NIR on the card is wrong",
    "card_no_identity": "the card has no identity that can be read",
    "reader_removed": "the reader was unplugged",
    "pcsc_service": "the card service of the workstation is down",
}
_FAILED: Final = {code: _failure("".join(word.title() for word in code.split("_")), code) for code in FAILURES}
READ_PROBLEMS: Final = (*FAILURES, CardFailed.code, ReaderAway.code)


def failure(code: str) -> CardFailed:
    """Return the error that a workstation tells of by its code; one that is not known is not repeated."""
    kind = _FAILED.get(code, CardFailed)
    return kind(FAILURES.get(kind.code, "the workstation could not read the card"))


class CodeAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The desk that an agent is to be let in for, as people call it."""

    desk: Annotated[str, Meta(min_length=1, max_length=100)]


class CodeMade(msgspec.Struct, frozen=True, kw_only=True):
    """A code that lets one agent in, once, until `ends_at`; null when the answer is given again."""

    id: UUID
    desk: str
    kind: KeyKind
    ends_at: datetime
    code: str | None


class CodeFound(msgspec.Struct, frozen=True, kw_only=True):
    """A code that was used just now."""

    id: UUID
    kind: KeyKind
    desk: str


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it stands; it is seen every few seconds while it is connected, and its certificate lasts until `ends_at`."""

    id: UUID
    kind: KeyKind
    desk: str
    state: State
    version: str
    system: str
    enrolled_at: datetime
    ends_at: datetime
    seen_at: datetime | None
    blocked_at: datetime | None


class AgentPage(msgspec.Struct, frozen=True):
    """Agents, the last enrolled first; `next` is the cursor of what follows, null at the end."""

    agents: list[Agent]
    next: str | None


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel is told of its agent when it is proven."""

    tenant: UUID
    id: UUID
    kind: KeyKind
    channel: UUID
    serial: str
    ends_at: datetime
    received: int


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """A slot that an agent told of. `online`: it is plugged in, and its agent is connected."""

    id: UUID
    agent: UUID
    desk: str
    name: str
    online: bool
    card: Card
    atr: str
    changed_at: datetime


class ReaderPage(msgspec.Struct, frozen=True):
    """Readers in the order in which their agents enrolled; `next` is the cursor of what follows, null at the end."""

    readers: list[Reader]
    next: str | None


class ReaderEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened at a reader of the centre; `seq` has no gap."""

    seq: int
    agent: UUID
    kind: str
    reader: str
    atr: str
    at: datetime


class DoctorAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the workstation is one that is carried about, of which more is asked."""

    mobile: bool = False


class AgentReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent last said of its workstation: what it is by the contract's annex, and each thing that was looked at."""

    agent: UUID
    verdict: Verdict
    findings: list[FindingTold]
    reported_at: datetime


class TicketMade(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket that a page shows the agent of its workstation: good once, for this agent, from this origin, until `ends_at`."""

    ticket: str
    ends_at: datetime


class ReadAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many seconds a card is waited for."""

    deadline_s: Annotated[float, Meta(ge=1, le=LONGEST_READ_S)] = 15.0


class CardRead(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of a card; `identity` is null for every card but `vitale2`."""

    reader: UUID
    atr: str
    card: str
    identity: Holder | None
