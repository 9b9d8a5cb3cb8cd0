# SPDX-License-Identifier: Apache-2.0
"""A fuse: a process ends itself by SIGKILL at its n-th crossing of a place where it asks the database, the disk or the network."""

import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
from aiohttp import web

from api.protocol import Handler
from desmos_fast.db.pipeline import Exchange

STATEMENTS: Final = ("execute", "_execute", "_executemany", "_copy_in", "_copy_out")
DISK: Final = ("open", "fsync", "rename")
WORDS: Final = 3


class Fuse:
    """Burns by one at each place that `among` matches; `told` is where the last one is written, for nobody else can tell it."""

    def __init__(self, crossings: int, among: str, told: Path, role: str) -> None:
        self.left = crossings
        self.among = re.compile(among)
        self.role = role
        self.told = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)

    def cross(self, place: str) -> None:
        """End the process when this was the last crossing of a place that counts."""
        if not self.among.search(place):
            return
        self.left -= 1
        if self.left == 0:
            os.write(self.told, f"{self.role} {place}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def lay(self) -> None:
        """Stand at every place, before and after it."""
        for name in STATEMENTS:
            setattr(asyncpg.Connection, name, self._awaited(getattr(asyncpg.Connection, name), lambda args: _statement(str(args[1]))))
        for name in DISK:
            setattr(os, name, self._called(getattr(os, name), name))
        setattr(aiohttp.ClientSession, "_request", self._awaited(aiohttp.ClientSession._request, lambda args: str(args[1])))  # noqa: B010
        setattr(Exchange, "_send", self._awaited(Exchange._send, lambda args: f"exchange {_statement(args[1][-1].sql)}"))  # noqa: B010
        setattr(Handler, "_answered", self._called(Handler._answered, "answer"))  # noqa: B010
        setattr(web.StreamResponse, "write_eof", self._awaited(web.StreamResponse.write_eof, lambda _: "answer"))  # noqa: B010

    def _awaited(self, work: Callable[..., Awaitable[Any]], name: Callable[[tuple[Any, ...]], str]) -> Callable[..., Awaitable[Any]]:
        async def crossing(*args: Any, **keywords: Any) -> Any:
            self.cross(f"before {name(args)}")
            done = await work(*args, **keywords)
            self.cross(f"after {name(args)}")
            return done

        return crossing

    def _called(self, work: Callable[..., Any], name: str) -> Callable[..., Any]:
        def crossing(*args: Any, **keywords: Any) -> Any:
            self.cross(f"before {name}")
            done = work(*args, **keywords)
            self.cross(f"after {name}")
            return done

        return crossing


def _statement(query: str) -> str:
    return " ".join(query.split()[:WORDS]).rstrip(";(")
