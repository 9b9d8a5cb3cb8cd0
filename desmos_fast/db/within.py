# SPDX-License-Identifier: Apache-2.0
"""Steps sent together within a transaction that the driver began and will end: what comes next is made ready while the server works."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import asyncpg

from desmos_fast.db.pipeline import Answered, Exchange, Step, _Known, _known, _Listening
from desmos_fast.db.pool import Connection

# What a step is refused with by the server; some of it says that the server goes away, see AWAY.
REFUSED: Final = asyncpg.PostgresError
# What is sent leaves whole, as far as the system allows: no piece of it waits for a thread that is busy with what comes next.
SENT_AT_ONCE: Final = 4 * 1024 * 1024
# A server that does not even give up what it does is hung up on.
CANCEL_S: Final = 5.0


class Within(Exchange):
    """A connection that is lent in the middle of a transaction; see `within`."""

    __slots__ = ("_sent", "_skip")

    _sent: asyncio.Future[bytes] | None
    _skip: int

    def send(self, *steps: Step) -> None:
        """Send steps, once those before were answered; they are on their way when this returns."""
        plans = self._known.plans()
        self._skip = len(plans)
        self._sent = self._send([*plans, *steps])

    async def answers(self) -> list[Answered]:
        """Wait for the answers to what was sent, none when nothing was. Raises what the first step that fails is refused with."""
        sent, self._sent = self._sent, None
        return [] if sent is None else await self._answers(sent, self._skip)


@asynccontextmanager
async def within(con: Connection, tenant: UUID) -> AsyncIterator[Within]:
    """Lend a connection that is in a transaction; what was sent and not waited for is cancelled at the end.

    The transaction stays the caller's, who takes back what a step that failed leaves behind.
    """
    lent: Any = con
    transport, former = lent._transport, lent._protocol
    if (wire := transport.get_extra_info("socket")) is not None:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT_AT_ONCE)
    listening = _Listening(former)
    known = _known.setdefault(former, _Known())
    opened = Within(transport, listening, known, tenant)
    opened._sent = None
    transport.set_protocol(listening)
    try:
        yield opened
    finally:
        try:
            await _settle(lent, listening, known)
        finally:
            transport.set_protocol(former)
            if _owes(listening):
                lent.terminate()


def _owes(listening: _Listening) -> bool:
    return listening.done is not None and not listening.done.done()


async def _settle(lent: Any, listening: _Listening, known: _Known) -> None:
    """Wait for what the server still owes, which it is told to give up."""
    if listening.done is None or not _owes(listening):
        return
    # What was to be parsed after what is given up is not known to the server.
    known.names.clear()
    told = asyncio.get_running_loop().create_future()
    lent._cancel_current_command(told)
    # For the order too: one that comes late would end the next statement.
    await asyncio.wait({listening.done, told}, timeout=CANCEL_S)
    if listening.done.done():
        # A connection that was lost meanwhile is told to who asks next.
        listening.done.exception()
