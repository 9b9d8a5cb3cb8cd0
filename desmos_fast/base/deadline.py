# SPDX-License-Identifier: Apache-2.0
"""How long one piece of work may take: given up in good time, undone whole, and never once it is being committed."""

import asyncio
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Final, Self

from desmos_fast.base.errors import OutsideFailed

_RUNNING: Final[ContextVar["Deadline | None"]] = ContextVar("deadline", default=None)


class DeadlinePassed(OutsideFailed):
    """The work took longer than it may and was given up; nothing of it is kept, unless others were to keep it."""

    code = "deadline_passed"


class Deadline:
    """Give up the block after `limit_s` seconds. Raises DeadlinePassed.

    What the block awaits is cancelled, once. Blocks may stand in each other; the code inside acts on the innermost of its own task.
    """

    __slots__ = ("_limit_s", "_task", "_timeout", "_token", "_until")

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        self._until = asyncio.get_running_loop().time() + self._limit_s
        self._timeout = asyncio.timeout_at(self._until)
        await self._timeout.__aenter__()
        self._token: Token[Deadline | None] = _RUNNING.set(self)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _RUNNING.reset(self._token)
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise DeadlinePassed(
                f"it took longer than {self._limit_s:g} s and was given up", hint="send again with the same key in a moment"
            ) from None

    @property
    def is_mine(self) -> bool:
        """Say whether this task is the one that is given up: others that it began only inherited the sight of it."""
        return self._task is asyncio.current_task()

    def stop(self) -> None:
        """Let time pass."""
        if not self._timeout.expired():
            self._timeout.reschedule(None)

    def go_on(self) -> None:
        """Let time count again, if it does not."""
        if self._timeout.when() is None and not self._timeout.expired():
            self._timeout.reschedule(self._until)

    def begin_again(self) -> None:
        """Count the whole time from now."""
        self._until = asyncio.get_running_loop().time() + self._limit_s
        if not self._timeout.expired():
            self._timeout.reschedule(self._until)

    @property
    def passed(self) -> bool:
        """Say whether the block is being given up."""
        return self._timeout.expired()


def running() -> Deadline | None:
    """Return the deadline of the work of this task, None without one."""
    found = _RUNNING.get()
    return found if found is not None and found.is_mine else None


async def before_commit() -> None:
    """Let what comes now end, however long it takes: who gives a commit up does not know what became of it.

    Raises CancelledError when the work is being given up already.
    """
    found = running()
    if found is not None:
        found.stop()
        if found.passed:
            await asyncio.sleep(0)
