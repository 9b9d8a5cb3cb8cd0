# SPDX-License-Identifier: Apache-2.0
"""Requests that wait to be committed together: those of one key that are asked alike stand in one lane, and there is room for so many."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from api.admission import WAIT_S, Busy
from desmos_fast.base.types import TenantId
from desmos_fast.db.idempotency import Answer, Asked, running
from desmos_fast.identity.model import Caller

MOST_AT_ONCE: Final = 256
BYTES_AT_ONCE: Final = 4 * 1024 * 1024
# Of those that wait or are under way half make a batch, so that one is prepared while the other is written; fewer are not parted.
UNPARTED: Final = 16
# Of one centre: what waits fits into the next commit, so whoever is let in is not kept waiting for long.
MOST_WAITING: Final = MOST_AT_ONCE
# Fewer when commits are slow: as many as are served in so many seconds, for who waits longer than that is better sent to another process.
QUEUE_S: Final = 0.3
LEAST_WAITING: Final = 128
# How much of the pace is that of the last batch.
NEWEST: Final = 0.2
MOST_IN_ALL: Final = 2048
BYTES_IN_ALL: Final = 64 * 1024 * 1024
Told: TypeAlias = Answer | Exception


def full() -> Busy:
    """Return what a request is refused with while enough wait already."""
    return Busy("too many requests of this kind wait already", hint="send again with the same key in a moment")


class Way(NamedTuple):
    """What requests have in common that one transaction can serve."""

    caller: Caller
    draft: bool
    explain: bool
    allow_late: bool


@dataclass(eq=False, slots=True)
class Post:
    """One request: its key, its body, and who waits for its answer."""

    asked: Asked
    body: bytes
    done: "asyncio.Future[Answer]"
    patience: asyncio.TimerHandle | None = None


class Lane(dict[Post, None]):
    """Requests in their order, quick to leave from the middle; `woken` is told when another one comes, `away` is how many are under way."""

    away: int = 0
    woken: "asyncio.Future[None] | None" = None

    def wake(self, *_: object) -> None:
        """Tell who waits for a request, or for what else he asked to be told of."""
        if self.woken is not None and not self.woken.done():
            self.woken.set_result(None)

    def leave(self, post: Post) -> None:
        """Let a request go."""
        del self[post]
        if post.patience is not None:
            post.patience.cancel()

    def half(self, beside: int) -> int:
        """Return how many make a batch of which so many are there already."""
        return min(MOST_AT_ONCE, max(UNPARTED, (len(self) + self.away + beside + 1) // 2))


class Lanes:
    """All lanes, and how much stands in them."""

    def __init__(self) -> None:
        self._lanes: dict[Way, Lane] = {}
        self._keys: set[tuple[TenantId, str]] = set()
        self._waiting: Counter[TenantId] = Counter()
        self._in_all = self._bytes = 0
        # Seconds that an invoice of a batch takes, of late.
        self._pace = QUEUE_S / MOST_WAITING

    def __len__(self) -> int:
        """Return how many requests are not answered yet."""
        return len(self._keys)

    @property
    def is_full(self) -> bool:
        """Say whether no more requests may wait, whoever's they are."""
        return self._in_all >= MOST_IN_ALL or self._bytes >= BYTES_IN_ALL

    def waiting(self, tenant: TenantId) -> int:
        """Return how many requests of a centre wait."""
        return self._waiting.get(tenant, 0)

    def has_room(self, tenant: TenantId) -> bool:
        """Say whether one more request of a centre may wait."""
        return self.waiting(tenant) < self._most_waiting and not self.is_full

    @property
    def _most_waiting(self) -> int:
        return min(MOST_WAITING, max(LEAST_WAITING, int(QUEUE_S / self._pace)))

    def note(self, seconds: float) -> None:
        """Note what an invoice of the last batch took."""
        self._pace += (seconds - self._pace) * NEWEST

    def add(self, way: Way, asked: Asked, body: bytes) -> tuple[Post, Lane, bool]:
        """Put a request into its lane, and say whether that is a new one, which somebody must drain. Raises Busy, KeyRunning."""
        tenant = way.caller.tenant
        if not self.has_room(tenant):
            raise full()
        if (tenant, asked.key) in self._keys:
            raise running()
        lane = self._lanes.get(way)
        is_new = lane is None
        if lane is None:
            lane = self._lanes[way] = Lane()
        loop = asyncio.get_running_loop()
        post = Post(asked, body, loop.create_future())
        post.patience = loop.call_later(WAIT_S, self._late, way, lane, post)
        lane[post] = None
        self._keys.add((tenant, asked.key))
        self._waiting[tenant] += 1
        self._in_all += 1
        self._bytes += len(body)
        lane.wake()
        return post, lane, is_new

    def end(self, way: Way) -> None:
        """Forget a lane that was drained: the next request begins another."""
        del self._lanes[way]

    def take(self, way: Way, lane: Lane, beside: Sequence[Post] = (), most: int | None = None) -> list[Post]:
        """Take from a lane what fits into a batch of `most` beside what is in it; until it has `begun` it counts as waiting."""
        most = MOST_AT_ONCE if most is None else most
        batch: list[Post] = []
        size = sum(len(post.body) for post in beside)
        for post in list(lane):
            size += len(post.body)
            if (batch or beside) and (len(batch) + len(beside) >= most or size > BYTES_AT_ONCE):
                break
            lane.leave(post)
            if post.done.done():
                self.begun(way, [post])
                self._keys.discard((way.caller.tenant, post.asked.key))
            else:
                batch.append(post)
        return batch

    def begun(self, way: Way, posts: Sequence[Post]) -> None:
        """Count requests no more among those that wait."""
        tenant = way.caller.tenant
        self._waiting[tenant] -= len(posts)
        if not self._waiting[tenant]:
            del self._waiting[tenant]
        self._in_all -= len(posts)
        self._bytes -= sum(len(post.body) for post in posts)

    def over(self, way: Way, told: Iterator[tuple[Post, Told]]) -> None:
        """Tell everybody what became of his request; what became of one that was given up is kept under its key."""
        for post, found in told:
            self._keys.discard((way.caller.tenant, post.asked.key))
            if post.done.done():
                continue
            if isinstance(found, Exception):
                post.done.set_exception(found)
            else:
                post.done.set_result(found)

    def _late(self, way: Way, lane: Lane, post: Post) -> None:
        lane.leave(post)
        self.begun(way, [post])
        late = Busy("the requests before this one take long", hint="send again with the same key in a moment")
        self.over(way, iter([(post, late)]))
