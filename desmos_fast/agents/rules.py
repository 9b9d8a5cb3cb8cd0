# SPDX-License-Identifier: Apache-2.0
"""Codes, versions, states and names of agents: decided without looking anything up."""

import base64
import math
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from desmos_fast.agents.model import AgentRefused, Card, ChannelOver, EnrolmentLimited, State
from desmos_fast.agents.wire import Closing, EventTold
from desmos_fast.base.identifiers import mask_nir

CODE_BYTES: Final = 16
CODE_LIFE: Final = timedelta(minutes=15)
GROUP: Final = 4
# An agent that is connected is seen every twenty seconds: see BEAT_S of the service.
SEEN_FOR: Final = timedelta(seconds=60)
# The first version whose words this service understands.
OLDEST: Final = (0, 1)
TRIES: Final = 10
TRIES_S: Final = 60.0
PLACES: Final = 10_000
MODELS: Final = 50
OTHER: Final = "other"
_CODE: Final = re.compile(r"[A-Z2-7]{26}")
_APART: Final = re.compile(r"[\s-]+")
_BRACKETS: Final = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_SLOT: Final = re.compile(r"( [0-9A-Fa-f]{2}){1,2}$")
_NUMBERED: Final = re.compile(r"\S*[0-9]{5}\S*")
_NO_LETTER: Final = re.compile(r"[^a-z0-9]+")


def new_code() -> str:
    """Make a code of 128 random bits, in groups that a person can type."""
    text = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().rstrip("=")
    return "-".join(text[place : place + GROUP] for place in range(0, len(text), GROUP))


def plain_code(typed: str) -> str | None:
    """Return what a person typed as the code that it stands for, None when it cannot be one."""
    code = _APART.sub("", typed).upper()
    return code if _CODE.fullmatch(code) else None


def check_desk(desk: str) -> None:
    """Refuse the name of a desk that cannot be shown, or names a patient. Raises AgentRefused."""
    if not desk.strip() or not desk.isprintable():
        raise AgentRefused("a desk has a name of 1 to 100 printable characters")
    if mask_nir(desk) != desk:
        raise AgentRefused("the name of a desk never holds an identity number")


def is_too_old(version: str, oldest: tuple[int, int] = OLDEST) -> bool:
    """Say whether an agent of this version (`1.2` or `1.2.3…`) is older than this service understands."""
    major, minor = version.split(".")[:2]
    return (int(major), int(re.split(r"\D", minor, maxsplit=1)[0])) < oldest


def state_of(now: datetime, blocked: bool, ends_at: datetime, seen_at: datetime | None, connected: bool) -> State:
    """Return how an agent stands."""
    if blocked:
        return "blocked"
    if seen_at is not None and connected and now - seen_at < SEEN_FOR:
        return "online"
    if ends_at <= now:
        return "expired"
    return "enrolled" if seen_at is None else "offline"


def model_of(reader: str) -> str:
    """Return what kind of reader a name tells of: without its serial number, its slot, and what is in brackets."""
    if mask_nir(reader) != reader:
        return OTHER
    text = _SLOT.sub("", _NUMBERED.sub(" ", _BRACKETS.sub(" ", reader)).strip())
    return _NO_LETTER.sub("_", text.lower()).strip("_")[:40].strip("_") or OTHER


class Slot(NamedTuple):
    """How a reader stands after some events."""

    present: bool
    card: Card = "none"
    atr: str = ""


def fresh(told: Sequence[EventTold], received: int) -> list[EventTold]:
    """Return the events that were not received yet. Raises ChannelOver where one is missing or out of order."""
    new = [one for one in told if one.number > received]
    if any(one.number != received + place for place, one in enumerate(new, 1)):
        raise ChannelOver(Closing.GAP, f"after event {received} comes {received + 1}")
    return new


def slots(told: Sequence[EventTold]) -> tuple[bool, dict[str, Slot]]:
    """Return how the readers stand that events tell of, and whether all others are gone: an agent that starts tells of each anew."""
    begun, found = False, dict[str, Slot]()
    for one in told:
        if one.kind == "agent_started":
            begun = True
            found.clear()
        elif one.kind in ("card_inserted", "card_mute"):
            found[one.reader] = Slot(True, "inserted" if one.kind == "card_inserted" else "mute", one.atr)
        elif one.reader:
            found[one.reader] = Slot(one.kind != "reader_removed")
    return begun, found


class Models:
    """The models that are told apart, the first ones that came: whoever names readers does not make series without end."""

    def __init__(self, most: int = MODELS) -> None:
        self._most = most
        self._known: set[str] = set()

    def of(self, reader: str) -> str:
        """Return the model of a reader, or `other`."""
        model = model_of(reader)
        if model not in self._known and len(self._known) >= self._most:
            return OTHER
        self._known.add(model)
        return model


class Tries:
    """How often each place tried of late, in this process."""

    def __init__(self, most: int = TRIES, every_s: float = TRIES_S) -> None:
        self._most, self._every_s = most, every_s
        self._tried: dict[str, list[float]] = {}

    def count(self, place: str, now: Callable[[], float]) -> None:
        """Count one try; `now` is a monotonic clock (seconds). Raises EnrolmentLimited."""
        at = now()
        if len(self._tried) >= PLACES:
            self._tried = {name: tries for name, tries in self._tried.items() if at - tries[-1] < self._every_s}
        tries = [one for one in self._tried.get(place, ()) if at - one < self._every_s]
        if len(tries) >= self._most or (not tries and len(self._tried) >= PLACES):
            wait_s = math.ceil(self._every_s - (at - tries[0])) if tries else math.ceil(self._every_s)
            raise EnrolmentLimited("too many tries came from this place", max(1, wait_s))
        self._tried[place] = [*tries, at]
