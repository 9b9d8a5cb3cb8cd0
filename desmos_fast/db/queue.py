# SPDX-License-Identifier: Apache-2.0
"""The queue: a job is committed with what it is for, done at least once, tried again when it asks to, held when it fails for good."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import pgqueuer
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.domain.errors import FailingListenerError
from pgqueuer.domain.models import TracebackRecord

from desmos_fast.db.pool import AWAY, Connection, Pool

log: Final = structlog.get_logger("desmos.queue")
# A notification wakes a worker at once. The look without one finds what a killed worker left, so it sets how long that lies there.
LOOK_EVERY: Final = timedelta(seconds=1)
# A worker that gave no sign of life for so long is taken for dead: its jobs go to another. It gives one twice in that time.
DEAD_AFTER: Final = timedelta(seconds=3)
BATCH: Final = 2
AT_ONCE: Final = 4
DRAIN_LOOK_S: Final = 0.1
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 4.0
# With `once` what is due later is left to whoever runs by then.
SOON: Final = timedelta(minutes=10)

NOT_A_TRY: Final = "UPDATE pgqueuer SET attempts = attempts - 1 WHERE id = $1"
UNFINISHED: Final = """
    SELECT count(*) FROM pgqueuer
     WHERE entrypoint = ANY($1) AND (status = 'picked' OR (status = 'queued' AND execute_after < now() + $2))
"""
WAITING: Final = "SELECT count(*) FROM pgqueuer WHERE entrypoint = $1 AND status = 'queued'"
OVERDUE: Final = """
    SELECT coalesce(extract(epoch FROM now() - min(execute_after)), 0)::float8 FROM pgqueuer
     WHERE entrypoint = $1 AND status = 'queued' AND execute_after < now()
"""
DEPTH: Final = """
    SELECT entrypoint, CASE status WHEN 'queued' THEN 'waiting' WHEN 'picked' THEN 'running' ELSE 'held' END AS state, count(*)
      FROM pgqueuer WHERE entrypoint = ANY ($1) GROUP BY 1, 2
"""
WAKE: Final = """
    UPDATE pgqueuer SET execute_after = now()
     WHERE entrypoint = ANY ($1) AND status = 'queued' AND execute_after > now() AND position(convert_to($2, 'UTF8') IN payload) > 0
"""
END_DUE: Final = """
    DELETE FROM pgqueuer
     WHERE entrypoint = $1 AND status = 'queued' AND execute_after <= now() AND position(convert_to($2, 'UTF8') IN payload) > 0
"""
HELD: Final = """
    SELECT q.id, q.entrypoint, q.payload, q.updated AS since,
           (SELECT l.traceback ->> 'exception_message' FROM pgqueuer_log AS l
             WHERE l.job_id = q.id AND l.status = 'failed' ORDER BY l.id DESC LIMIT 1) AS reason
      FROM pgqueuer AS q WHERE q.status = 'failed' ORDER BY q.id
"""


class Job(NamedTuple):
    """One job: what it was given, how often it was tried before, and its number."""

    payload: bytes
    tried: int
    id: int = 0


class TryLater(Exception):
    """Raised by a handler whose job is to come again after a while; `counted` says whether this was a try of it."""

    def __init__(self, delay_s: float, *, counted: bool = True) -> None:
        super().__init__(f"again in {delay_s:g} s")
        self.delay_s = delay_s
        self.counted = counted


class HeldJob(NamedTuple):
    """A job that failed for good and waits for an operator."""

    id: int
    entrypoint: str
    payload: bytes
    since: datetime
    reason: str | None


Handler = Callable[[Job], Awaitable[None]]


async def enqueue(con: Connection, entrypoint: str, payloads: Sequence[bytes]) -> None:
    """Add jobs that are there once the caller's transaction commits; a payload names things and never tells of people."""
    await pgqueuer.Queries(AsyncpgDriver(con)).enqueue([entrypoint] * len(payloads), list(payloads), [0] * len(payloads))


async def wake(con: Connection, entrypoints: Sequence[str], about: str) -> None:
    """Let jobs that are to come later come now whose payload names something, such as the id of a centre."""
    await con.execute(WAKE, list(entrypoints), about)


async def hand_on(con: Connection, entrypoint: str, payload: bytes, about: str) -> None:
    """Put a job behind all others, in place of those due whose payload names the same: they would be done before the others."""
    await con.execute(END_DUE, entrypoint, about)
    await enqueue(con, entrypoint, [payload])


async def held(con: Connection) -> list[HeldJob]:
    """Return the jobs that are held, the oldest first."""
    return [HeldJob(*row) for row in await con.fetch(HELD)]


async def retry(con: Connection, jobs: Sequence[int]) -> None:
    """Let held jobs be done as if they were new; others are left alone."""
    await pgqueuer.Queries(AsyncpgDriver(con)).requeue_jobs([pgqueuer.JobId(job) for job in jobs])


async def waiting(con: "Connection | Pool", entrypoint: str) -> int:
    """Return how many jobs wait, those that are to come later included."""
    return int(await con.fetchval(WAITING, entrypoint))


async def overdue_s(pool: Pool, entrypoint: str) -> float:
    """Return for how many seconds the oldest job that should have been begun is due; 0 when there is none."""
    return float(await pool.fetchval(OVERDUE, entrypoint))


async def depth(pool: Pool, entrypoints: Sequence[str]) -> dict[tuple[str, ...], int]:
    """Return how many jobs there are by what they do and whether they are waiting, running or held; a scan of the queue."""
    found = {(name, state): 0 for name in entrypoints for state in ("waiting", "running", "held")}
    return found | {(name, state): count for name, state, count in await pool.fetch(DEPTH, list(entrypoints))}


async def run(pool: Pool, handlers: Mapping[str, Handler], stop: asyncio.Event, *, once: bool = False) -> None:
    """Do jobs until `stop`, or with `once` until none is left that is due within `SOON`; then finish those that were begun.

    A handler that raises TryLater gets its job again, after anything else the job is held. When the database goes away it is awaited.
    The pool must give at least two connections more than `AT_ONCE`.
    """
    pause_s = FIRST_PAUSE_S
    while not stop.is_set():
        begun = time.monotonic()
        manager = _manager(pool, handlers)
        try:
            async with _ending(pool, manager, stop, once=once):
                await manager.run(
                    dequeue_timeout=LOOK_EVERY,
                    heartbeat_timeout=DEAD_AFTER,
                    batch_size=BATCH,
                    max_concurrent_tasks=AT_ONCE,
                    shutdown_on_listener_failure=True,
                )
        except (*AWAY, FailingListenerError) as error:
            if time.monotonic() - begun > LONGEST_PAUSE_S:
                pause_s = FIRST_PAUSE_S
            log.warning("the queue cannot be reached, trying again", error=type(error).__name__, pause_s=pause_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            return


class _Queries(pgqueuer.Queries):
    """The library's, but that a job which is to come again does, whatever becomes of the connection: it would be held for that."""

    async def retry_job(self, job: pgqueuer.Job, delay: timedelta, traceback_record: TracebackRecord | None) -> None:
        """Have a job come again after a while; while the database is away, wait for it."""
        while True:
            try:
                return await super().retry_job(job, delay, traceback_record)
            except AWAY as error:
                log.warning("a job cannot be put back, trying again", job=job.id, error=type(error).__name__)
            await asyncio.sleep(FIRST_PAUSE_S)


def _manager(pool: Pool, handlers: Mapping[str, Handler]) -> pgqueuer.QueueManager:
    manager = pgqueuer.QueueManager(_Queries(AsyncpgPoolDriver(pool)))
    for name, handler in handlers.items():
        # The library's default deletes a job that failed.
        manager.entrypoint(name, on_failure="hold")(_adapted(pool, handler))
    return manager


def _adapted(pool: Pool, handler: Handler) -> Callable[[pgqueuer.Job], Awaitable[None]]:
    async def execute(job: pgqueuer.Job) -> None:
        try:
            await handler(Job(job.payload or b"", job.attempts, job.id))
        except TryLater as later:
            if not later.counted:
                # The library counts each one: this one is taken off before. Who dies in between tries once more than was said.
                with contextlib.suppress(*AWAY):
                    await pool.execute(NOT_A_TRY, job.id)
            raise pgqueuer.RetryRequested(timedelta(seconds=later.delay_s)) from later

    return execute


@contextlib.asynccontextmanager
async def _ending(pool: Pool, manager: pgqueuer.QueueManager, stop: asyncio.Event, *, once: bool) -> AsyncIterator[None]:
    """Have the manager end on `stop`, and with `once` when nothing is left to do."""

    async def asked() -> None:
        await stop.wait()
        manager.shutdown.set()

    async def drained() -> None:
        # Not the library's own drain: it would leave what a killed worker still seems to be doing.
        names = list(manager.entrypoint_registry)
        left = await pool.fetchval(UNFINISHED, names, SOON)
        while left:
            await asyncio.sleep(DRAIN_LOOK_S)
            left = await pool.fetchval(UNFINISHED, names, SOON)
        manager.shutdown.set()

    watchers = [asyncio.create_task(asked())]
    if once:
        watchers.append(asyncio.create_task(drained()))
    try:
        yield
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
