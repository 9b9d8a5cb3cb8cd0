# SPDX-License-Identifier: Apache-2.0
"""One of several programs leads: it alone does what the clock asks for, wherever the others run, while it holds a lock of the database.

The lock belongs to a connection of its own, so the database gives it back when the program dies. Who loses that connection stops its
work at once; what it was doing then is either committed or was never done, and the next leader looks at it anew.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
import structlog

from desmos_fast.db.pool import AWAY, Connection

log: Final = structlog.get_logger("desmos.leader")
# Any number that nothing else locks.
LOCK: Final = int.from_bytes(b"dsfclock", "big")
TRY: Final = "SELECT pg_try_advisory_lock($1)"
BEAT: Final = "SELECT 1"
# How often those that do not lead try, and the leader looks whether its connection is still there.
LOOK_S: Final = 1.0
# Without an answer for so long the connection is taken for lost.
PATIENCE_S: Final = 3.0
CONNECT_S: Final = 5.0
# A machine that vanishes says no good-bye: the server asks after it, and gives the lock back within ten seconds or so.
ASKING: Final = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3", "tcp_user_timeout": "10000"}

Work = Callable[[], Awaitable[None]]


async def lead(dsn: str, work: Work, stop: asyncio.Event, told: Callable[[bool], None]) -> None:
    """Do `work`, which ends by itself after `stop`, whenever this program leads; `told` learns when that begins and ends.

    While the database is away, wait for it. What `work` raises is raised.
    """
    while not stop.is_set():
        try:
            con: Connection = await asyncpg.connect(dsn, timeout=CONNECT_S, server_settings=ASKING)
        except AWAY as error:
            log.warning("the lock of the leader cannot be reached, trying again", error=type(error).__name__)
        else:
            try:
                await _take_turns(con, work, stop, told)
            finally:
                con.terminate()
        await _pause(stop)


async def _take_turns(con: Connection, work: Work, stop: asyncio.Event, told: Callable[[bool], None]) -> None:
    """Try until the lock is ours, then work until the connection is lost or `stop`."""
    waited = False
    try:
        while not await con.fetchval(TRY, LOCK, timeout=PATIENCE_S):
            waited = True
            await _pause(stop)
            if stop.is_set():
                return
    except AWAY:
        return
    if waited:
        # Who led before may learn a moment later than we do that its connection is lost.
        await _pause(stop)
    log.info("this program leads")
    told(True)
    working, beating = asyncio.ensure_future(work()), asyncio.create_task(_beat(con))
    try:
        await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            log.warning("this program leads no more: its connection is lost")
    finally:
        for task in (working, beating):
            task.cancel()
        await asyncio.gather(working, beating, return_exceptions=True)
        told(False)
    if not working.cancelled():
        working.result()


async def _beat(con: Connection) -> None:
    """Return once the connection is lost."""
    lost = asyncio.Event()
    con.add_termination_listener(lambda _: lost.set())
    while not lost.is_set():
        try:
            await con.execute(BEAT, timeout=PATIENCE_S)
        except AWAY:
            return
        await _pause(lost)


async def _pause(end: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(end.wait(), LOOK_S)
