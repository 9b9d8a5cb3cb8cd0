# SPDX-License-Identifier: Apache-2.0
"""Slow clients: hundreds of connections that send a byte a second, or never read what they asked for."""

import asyncio
import contextlib
import socket
from typing import ClassVar, Final

from loadtests.scenarios.driver import Visit
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.model import Asked, Proof, Scenario
from loadtests.scenarios.people import ordinary, undisturbed
from loadtests.scenarios.town import Town

SLOW: Final = 600
PEOPLE: Final = 20.0
DRIP_S: Final = 1.0
# A head takes ten seconds at most, and a body that comes at less than 32 KiB a second too.
CUT_S: Final = 15.0
UNREAD_ONE_IN: Final = 6
SPREAD_S: Final = 10.0


class Slow(Scenario):
    """Slow clients beside the others."""

    name = "slow"
    says = "600 connections drip heads and bodies or read nothing, the others ask as ever"
    centres: ClassVar[int] = 20
    judged = "quick"

    def __init__(self, town: Town, asked: Asked) -> None:
        super().__init__(town, asked)
        self.opened = self.cut = 0
        self.lived: list[float] = []

    def visits(self) -> list[Visit]:
        """Let people come as on any day."""
        return ordinary(self.draw, self.town.desks, PEOPLE * self.asked.load, self.asked.seconds, "quick")

    async def beside(self) -> None:
        """Keep as many slow connections as there are to be for the whole time, each of them replaced once it is cut."""
        many = max(round(SLOW * self.asked.scale), 3)
        tasks = [asyncio.create_task(self._again(rank)) for rank in range(many)]
        await asyncio.sleep(self.asked.seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _again(self, rank: int) -> None:
        now = asyncio.get_running_loop().time
        # Not all at one moment: that would be a storm, which is another scenario.
        await asyncio.sleep(self.draw.uniform(0, min(SPREAD_S, self.asked.seconds / 2)))
        while True:
            began = now()
            # What is cut by the other side may end as a reset.
            with contextlib.suppress(ConnectionError):
                await self._one(rank)
            self.lived.append(now() - began)
            self.cut += 1

    async def _one(self, rank: int) -> None:
        centre = self.town.desks[rank % len(self.town.desks)].centre
        reader, writer = await self._connected()
        self.opened += 1
        request = centre.request("/v1/invoices", b" " * 4096)
        try:
            if rank % UNREAD_ONE_IN == 0:
                # Cheap to make, and more than the buffers of both sides take.
                writer.write(centre.get("/v1/openapi.json"))
                await asyncio.sleep(self.asked.seconds)
            elif rank % 2:
                await self._drip(reader, writer, request[: request.index(b"\r\n\r\n") - 8])
            else:
                await self._drip(reader, writer, request, 4000)
        finally:
            writer.transport.abort()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        own = socket.socket(socket.AF_INET)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        own.setblocking(False)
        await asyncio.get_running_loop().sock_connect(own, (self.town.target.host, self.town.target.port))
        return await asyncio.open_connection(sock=own)

    async def _drip(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, kept: int = 100) -> None:
        """Send all but the last bytes, then those one by one, until the other side has enough."""
        writer.write(request[:-kept])
        ended = asyncio.create_task(reader.read(65536))
        try:
            for byte in request[-kept:]:
                writer.write(bytes([byte]))
                if (await asyncio.wait([ended], timeout=DRIP_S))[0]:
                    return
            await ended
        finally:
            ended.cancel()

    async def proofs(self, samples: list[Sample]) -> list[Proof]:
        """The quick ones were served; and the slow ones were cut, if it took long enough."""
        told = [undisturbed(samples, "quick")]
        if self.asked.seconds > CUT_S:
            longest = max(self.lived, default=0.0)
            told.append(
                Proof("slow connections are cut", self.cut > 0, f"{self.opened} opened, {self.cut} cut, after {longest:.0f} s at most")
            )
        else:
            told.append(Proof("slow connections were there", self.opened > 0, f"{self.opened} opened, {self.cut} cut"))
        return told
