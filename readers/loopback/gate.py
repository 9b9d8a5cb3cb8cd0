# SPDX-License-Identifier: Apache-2.0
"""Who may come in on the loopback: pages of known origins that ask for this machine by its own name, with a ticket of the service."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

from desmos_fast.agents.tickets import LONGEST, Ticket, TicketRefused, Use, check, read_key
from desmos_fast.base.errors import InvalidInput

NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
TRIES: Final = 20
TRIES_S: Final = 60.0


class BadOrigin(InvalidInput):
    """An origin that pages may have cannot be one."""

    code = "invalid_input"


class Turned(InvalidInput):
    """A request of the loopback is turned away; who sent it is not told why."""

    code = "forbidden"


def origin_of(url: str) -> str:
    """Return the origin of an address as browsers write it: https, or http on this very machine. Raises BadOrigin."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadOrigin("the address of a page cannot be read") from error
    if not host or parts.username is not None or not (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)):
        raise BadOrigin("a page has an address that begins with https://", hint="http:// is for this machine alone")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")


class Gate:
    """The origins that are let in, and what is known of tickets."""

    def __init__(self, agent: UUID, origins: Iterable[str], now_s: Callable[[], float] = time.monotonic) -> None:
        self.origins = frozenset(map(origin_of, origins))
        self._agent, self._now_s = agent, now_s
        self._key: ec.EllipticCurvePublicKey | None = None
        self._at: datetime | None = None
        self._at_s = 0.0
        self._used: dict[UUID, datetime] = {}
        self._wrong: list[float] = []

    def welcomed(self, key: str, at: datetime) -> None:
        """Take the key of tickets, and what time it is at the service. Raises TicketRefused for none, and has none from then on."""
        self._key = None
        self._key, self._at, self._at_s = read_key(key), at, self._now_s()

    @property
    def ready(self) -> bool:
        """Say whether the service was heard, so that tickets can be told."""
        return self._key is not None

    def enter(self, headers: Mapping[str, str], port: int) -> str:
        """Return the origin of a request's page.

        A name that leads here without being this machine's is one that somebody rebound. Raises Turned.
        """
        host, origin = headers.get("Host", ""), headers.get("Origin")
        if host not in {f"{name}:{port}" for name in NAMES}:
            raise Turned("the request names another host")
        if origin not in self.origins:
            raise Turned("the page is of an origin that is not let in")
        return origin

    def redeem(self, text: str, use: Use, origin: str) -> Ticket:
        """Return a ticket that is good for a use, from an origin; it is used up. Raises TicketRefused."""
        at_s = self._now_s()
        self._wrong = [one for one in self._wrong if at_s - one < TRIES_S]
        if len(self._wrong) >= TRIES:
            raise TicketRefused("too many wrong tickets came: wait a minute")
        try:
            return self._redeem(text, use, origin, at_s)
        except TicketRefused:
            self._wrong.append(at_s)
            raise

    def _redeem(self, text: str, use: Use, origin: str, at_s: float) -> Ticket:
        if self._key is None or self._at is None:
            raise TicketRefused("the service was not heard yet")
        if len(text) > LONGEST:
            raise TicketRefused("this is no ticket of the service")
        now = self._at + timedelta(seconds=at_s - self._at_s)
        ticket = check(text, self._key, now)
        if (ticket.agent, ticket.use, ticket.origin) != (self._agent, use, origin):
            raise TicketRefused("the ticket is for something else")
        self._used = {name: ends for name, ends in self._used.items() if ends > now}
        if ticket.id in self._used:
            raise TicketRefused("the ticket was used")
        self._used[ticket.id] = ticket.ends_at
        return ticket
