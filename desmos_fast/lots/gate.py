# SPDX-License-Identifier: Apache-2.0
"""What stands before a recipient: how many files at once, how many a minute, and a breaker that leaves it alone when it fails."""

import asyncio
import random
import time
from collections.abc import Callable, Hashable
from typing import Final, Literal, NamedTuple

from desmos_fast.lots.recipients.model import Breaker, Pace

Reason = Literal["closed", "broken", "pace", "busy"]
# A shorter wait is waited for; a longer one would keep a place from the files of other recipients.
WAITED_S: Final = 0.5
SHORTEST_S: Final = 0.1
KEPT_S: Final = 600.0
# How much of a duration the last one weighs.
WEIGHT: Final = 0.3


class PutOff(NamedTuple):
    """A file that is to come again after a while, and why."""

    delay_s: float
    reason: Reason


class Gate:
    """Lets the files of one recipient through, in one process; a file that is put off has its turn kept for when it comes again."""

    def __init__(self, pace: Pace, breaker: Breaker, now: Callable[[], float] = time.monotonic) -> None:
        self.breaker = breaker
        self.at_once = pace.at_once
        self.interval_s = 60 / pace.per_minute if pace.per_minute else 0.0
        self.now = now
        self.places = asyncio.Semaphore(pace.at_once)
        self.failures = 0
        self.closed_until: float | None = None
        self.probing = False
        self.duration_s = SHORTEST_S
        self.next_turn = 0.0
        self.turns: dict[Hashable, float] = {}
        self.waiting: dict[Hashable, float] = {}

    @property
    def broken(self) -> bool:
        """Say whether the recipient failed so often that only one file at a time is tried, if any."""
        return self.closed_until is not None

    async def enter(self, file: Hashable) -> PutOff | None:
        """Let a file through, which then must `leave`, or say when it is to come again."""
        turn = self._turn(file)
        if turn.delay_s > WAITED_S:
            return self._put_off(file, turn)
        await asyncio.sleep(turn.delay_s)
        try:
            async with asyncio.timeout(WAITED_S):
                await self.places.acquire()
        except TimeoutError:
            return self._put_off(file, PutOff(self._crowd_s(), "busy"))
        # The recipient may have failed since.
        turn = self._turn(file)
        if turn.delay_s > 0:
            self.places.release()
            return self._put_off(file, turn)
        self.turns.pop(file, None)
        self.waiting.pop(file, None)
        self.probing = self.broken
        return None

    def leave(self, duration_s: float, *, failed: bool | None) -> None:
        """Say how it went with a file that was let through; None when that says nothing of the recipient."""
        self.places.release()
        self.probing = False
        if failed is False:
            self.duration_s += WEIGHT * (duration_s - self.duration_s)
            self.failures, self.closed_until = 0, None
        elif failed:
            self.failures += 1
            if self.broken or self.failures >= self.breaker.failures:
                self.closed_until = self.now() + self.breaker.pause_s

    def _turn(self, file: Hashable) -> PutOff:
        now = self.now()
        if self.closed_until is not None and (now < self.closed_until or self.probing):
            return PutOff(max(self.closed_until - now, 0.0) + self._crowd_s(), "broken")
        if not self.interval_s:
            return PutOff(0.0, "pace")
        if file not in self.turns:
            # Another worker sent what never came again.
            self.turns = {other: turn for other, turn in self.turns.items() if turn > now - KEPT_S}
            self.turns[file] = max(self.next_turn, now)
            self.next_turn = self.turns[file] + self.interval_s
        return PutOff(max(self.turns[file] - now, 0.0), "pace")

    def _crowd_s(self) -> float:
        """Return how long those that wait already will take: all of them at once would only be put off again."""
        now = self.now()
        self.waiting = {file: until for file, until in self.waiting.items() if until > now}
        spread = random.uniform(0.5, 1.5)
        return max(self.duration_s * (1 + len(self.waiting)) / self.at_once, SHORTEST_S) * spread

    def _put_off(self, file: Hashable, turn: PutOff) -> PutOff:
        self.waiting[file] = self.now() + turn.delay_s
        return turn
