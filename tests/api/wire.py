# SPDX-License-Identifier: Apache-2.0
"""A wire between the service and its database that a test can cut and mend."""

import asyncio
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

CHUNK: Final = 65536


class Wire:
    """Listen as a PostgreSQL server does, on a unix socket of its own, and pass everything on to the real one."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        query = dict(parse_qsl(parts.query))
        self._host = query.pop("host", "") or parts.hostname or "127.0.0.1"
        self._port = int(query.pop("port", "") or parts.port or 5432)
        self._folder = tempfile.TemporaryDirectory(prefix="wire-")
        user = parts.netloc.rpartition("@")[0]
        query |= {"host": self._folder.name, "port": str(self._port)}
        self.dsn = urlunsplit((parts.scheme, f"{user}@" if user else "", parts.path, urlencode(query), ""))
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    async def mend(self) -> None:
        """Listen again."""
        path = Path(self._folder.name) / f".s.PGSQL.{self._port}"
        path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._pass_on, path)

    async def cut(self) -> None:
        """Refuse new connections and reset those that are there."""
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)

    def freeze(self) -> None:
        """Pass nothing on, and refuse nothing."""
        self._flows.clear()

    def thaw(self) -> None:
        """Pass on what came meanwhile, and all that comes."""
        self._flows.set()

    async def close(self) -> None:
        """Cut for good and remove the socket."""
        await self.cut()
        await asyncio.sleep(0.05)
        self._folder.cleanup()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._host.startswith("/"):
            there = await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
        else:
            there = await asyncio.open_connection(self._host, self._port)
        ends = {writer, there[1]}
        self._open |= ends
        try:
            await asyncio.gather(self._pump(reader, there[1]), self._pump(there[0], writer))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(CHUNK):
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            return
        finally:
            sink.transport.abort()
