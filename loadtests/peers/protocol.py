# SPDX-License-Identifier: Apache-2.0
"""No framework at all: `python -m loadtests.peers.protocol` finds the end of the head, decodes the body, and writes ready bytes.

It takes nothing but what the load sends it; no server could be faster and still decode the body.
"""

import asyncio
from typing import Final, cast

import orjson
import uvloop

BODY: Final = b'{"made_on":"2026-11-25"}'
ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
END: Final = b"\r\n\r\n"
LENGTH: Final = b"\r\nContent-Length: "


class Answering(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take it."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._buffer += data
        while (end := self._buffer.find(END)) >= 0:
            at = self._buffer.index(LENGTH) + len(LENGTH)
            start = end + len(END)
            stop = start + int(self._buffer[at : self._buffer.index(b"\r\n", at)])
            if len(self._buffer) < stop:
                return
            body = orjson.loads(self._buffer[start:stop])
            assert body["acts"]
            self._buffer = self._buffer[stop:]
            self._transport.write(ANSWER)


async def main() -> None:
    """Serve until killed, on any port, which is told."""
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
