# SPDX-License-Identifier: Apache-2.0
"""A database of its own for a measurement, centres with keys in it, and services beside one another over it."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from desmos_fast.base.clock import paris_date, system_clock
from desmos_fast.base.errors import OutsideFailed
from desmos_fast.base.identifiers import luhn_sum_is_zero
from desmos_fast.base.settings import Settings
from desmos_fast.base.types import uuid7
from desmos_fast.db.embedded import open_cluster
from desmos_fast.db.migrate import migrate
from desmos_fast.db.secrets import secret
from desmos_fast.db.tenant import direct
from desmos_fast.identity import service as identity
from desmos_fast.simulator.day import Day, line
from desmos_fast.simulator.world import World
from loadtests.machine import ROOT, peak_memory

DATABASE: Final = "desmos"
TOLD: Final = ("BENCH_OWNER", "BENCH_APP", "BENCH_ADMIN", "BENCH_FOLDER")
START_S: Final = 60.0
PORT: Final = re.compile(r"http://[0-9.]+:([0-9]+)")


@dataclass(frozen=True)
class Centre:
    """A centre that asks, and how."""

    tenant: UUID
    finess: str
    key: str

    def put(self, path: str, body: bytes) -> bytes:
        """Return the bytes of one PUT under a new key."""
        return self.request(path, body, method="PUT")

    def request(self, path: str, body: bytes, content_type: str = "application/json", method: str = "POST") -> bytes:
        """Return the bytes of one POST under a new key."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self.key}\r\nIdempotency-Key: {uuid7()}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def get(self, path: str, *headers: str) -> bytes:
        """Return the bytes of one GET."""
        lines = (f"GET {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {self.key}", *headers)
        return "".join(f"{line}\r\n" for line in (*lines, "")).encode()

    def invoices(self, count: int) -> list[bytes]:
        """Return sound invoices of this centre as JSON, no two alike, without a number."""
        made: list[bytes] = []
        for invoice in Day(World(1, finess=self.finess), paris_date(system_clock())).invoices(count):
            shown: dict[str, Any] = orjson.loads(line(invoice))
            del shown["number"]
            made.append(orjson.dumps(shown))
        return made


@dataclass(frozen=True)
class Place:
    """A database that runs, and what a service over it is told."""

    owner_dsn: str
    app_dsn: str
    admin_dsn: str
    folder: Path

    @property
    def told(self) -> dict[str, str]:
        """Return what `placed` reads in another process."""
        return dict(zip(TOLD, (self.owner_dsn, self.app_dsn, self.admin_dsn, str(self.folder)), strict=True))

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of a service."""
        own = {"DESMOS_DATA_DIR": str(self.folder), "DESMOS_DSN": self.app_dsn, "DESMOS_OWNER_DSN": self.owner_dsn}
        paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        return {**os.environ, **own, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}

    async def centre(self, number: int) -> Centre:
        """Register the centre of a number below a million, with a test key."""
        return (await self.centres([number]))[0]

    async def centres(self, numbers: Iterable[int]) -> list[Centre]:
        """Register the centres of numbers below a million, each with a test key."""
        pepper, made = secret(Settings(data_dir=self.folder), "api_keys"), []
        async with direct(self.owner_dsn) as con:
            for number in numbers:
                body = f"75{number:06d}"
                finess = next(body + str(key) for key in range(10) if luhn_sum_is_zero(body + str(key)))
                centre = await identity.add_centre(con, finess, "Centre de charge")
                made.append(Centre(centre.id, finess, await identity.new_key(con, finess, "test", pepper=pepper)))
        return made


@contextlib.contextmanager
def place() -> Iterator[Place]:
    """Run a database in a folder that is removed at the end; fsync and synchronous_commit are on, as PostgreSQL has them."""
    with tempfile.TemporaryDirectory(prefix="desmos-bench-", ignore_cleanup_errors=True) as folder:
        # The account of PostgreSQL passes through.
        Path(folder).chmod(0o711)
        with open_cluster(Settings(data_dir=Path(folder) / "data")) as cluster:
            asyncio.run(migrate(cluster.owner_dsn(DATABASE)))
            yield Place(cluster.owner_dsn(DATABASE), cluster.app_dsn(DATABASE), cluster.admin_dsn(DATABASE), cluster.data_dir)


@contextlib.contextmanager
def telling(told: Mapping[str, str]) -> Iterator[None]:
    """Tell the processes that are started inside where things are; what was told before is told again afterwards."""
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def shared() -> Iterator[Place]:
    """Give the database that stands for this run; without one, run it for all who ask inside."""
    if all(name in os.environ for name in TOLD):
        yield placed()
        return
    with place() as here, telling(here.told):
        yield here


def placed() -> Place:
    """Return the database that the process which started this one runs."""
    owner_dsn, app_dsn, admin_dsn, folder = (os.environ[name] for name in TOLD)
    return Place(owner_dsn, app_dsn, admin_dsn, Path(folder))


class Service:
    """A program that says where it listens, in a process of its own; as a context manager it is ended whatever happens."""

    def __init__(self, place: Place, *command: str) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=place.environment, stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=self._log, start_new_session=True,
        )  # fmt: skip
        self.port = 0

    def __enter__(self) -> "Service":
        deadline = time.monotonic() + START_S
        while not (found := PORT.search(self.said())):
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self.said()
                self.__exit__()
                raise OutsideFailed(f"a service did not start: {said[-2000:]}")
            time.sleep(0.02)
        self.port = int(found[1])
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        return self._process.pid

    def said(self) -> str:
        """Return what it has said so far."""
        # Its place in the file is the program's own: whoever moved it would have the next line written over the first.
        log = self._log.fileno()
        return os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace")

    def peak_memory(self) -> int:
        """Return the peak of its memory in bytes."""
        return peak_memory(self._process.pid)


@contextlib.contextmanager
def standing(here: Place, services: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Run services over a database, and tell under their names where they listen and, with `_PID`, which processes they are.

    One that stands already is used; of one that does not start is told why, under `_WHY`, so that only who needs it breaks.
    """
    with contextlib.ExitStack() as closing:
        for name, command in services.items():
            if name not in os.environ:
                try:
                    service = closing.enter_context(Service(here, *command))
                except OutsideFailed as error:
                    closing.enter_context(telling({f"{name}_WHY": error.detail}))
                else:
                    closing.enter_context(telling({name: str(service.port), f"{name}_PID": str(service.pid)}))
        yield


SERVE: Final = ("desmos_fast.cli", "serve", "--port", "0", "--grace", "0", "--processes", "1", "--log-level", "warning")
