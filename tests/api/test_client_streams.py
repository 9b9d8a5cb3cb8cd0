# SPDX-License-Identifier: Apache-2.0
"""The client sends bodies of any length: told as it goes, resumed after a cut, neither side held in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import msgspec
import orjson
import pytest

from api import streams
from api.keys import LIFE
from desmos_fast.billing import remote
from desmos_fast.billing.model import LineResult
from desmos_fast.client import Client, Refused, Retries, Streamed, Unreachable
from desmos_fast.sending import Coding, Source
from tests.api.conftest import Desk, House
from tests.api.conftest import person as nir
from tests.api.test_invoice_batches import ndjson

QUICK = Retries(tries=3, base_s=0.01, cap_s=0.02)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    """Serve connections, and leave none behind."""
    tasks = set[asyncio.Task[None]]()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await handler(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)


class Cutting:
    """Passes connections on to the service; ends each, both ways, after so many bytes of its answer."""

    def __init__(self, house: House, after: list[int]) -> None:
        self._port = int(house.url.rpartition(":")[2])
        self.after = after
        self.seen: list[bytes] = []

    async def passing(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self.after.pop(0) if self.after else None
        there, back = await asyncio.open_connection("127.0.0.1", self._port)

        async def up() -> None:
            self.seen.append(data := await reader.read(65_536))
            while data:
                back.write(data)
                await back.drain()
                data = await reader.read(65_536)

        sending = asyncio.create_task(up())
        try:
            while data := await there.read(65_536):
                writer.write(data[:left])
                await writer.drain()
                if left is not None and (left := left - len(data)) <= 0:
                    return
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            back.transport.abort()


class Given:
    """A source that counts how often it was begun, and what was taken of it."""

    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self.begun = self.taken = 0

    def __call__(self) -> Iterator[bytes]:
        self.begun += 1
        for line in self._lines:
            self.taken += 1
            yield line + b"\n"


def invoices(desk: Desk, count: int) -> list[bytes]:
    return [orjson.dumps(desk.invoice(insured_nir=nir(order % 1000))) for order in range(count)]


async def told(client: Client, source: Source, **how: str) -> tuple[list[LineResult], Streamed]:
    found = [one async for one in remote.stream(client, source, **how)]  # type: ignore[arg-type]
    *results, last = found
    assert isinstance(last, Streamed)
    return [one for one in results if isinstance(one, LineResult)], last


@pytest.mark.parametrize("coding", [None, "gzip", "zstd"])
async def test_each_line_is_told_under_every_coding(desk: Desk, coding: Coding | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINES", 40)
    sent = [*invoices(desk, 90), b"{not json"]

    async def slowly() -> AsyncIterator[bytes]:
        yield b"\n".join(sent)

    async with Client(desk.house.url, desk.key) as client:
        results, last = [], None
        async for one in remote.stream(client, slowly, coding=coding, key="mine"):
            if isinstance(one, Streamed):
                last = one
            else:
                results.append(one)
        again = await told(client, Given(sent[:1]), key="other")
    assert [(one.line, one.number) for one in results] == [*((n, n) for n in range(1, 91)), (91, None)]
    assert [fault.code for fault in results[-1].errors] == ["B2_BAD_JSON"]
    assert last == Streamed(90, 1) and again[1] == Streamed(1, 0)
    assert await desk.count("invoice") == 91


async def test_a_connection_that_is_cut_twice_costs_no_line(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINES", 50)
    wire, source = Cutting(house, [6_000, 20_000]), Given(invoices(desk, 420))
    # The service may be at work under the key still when it is asked again, which costs a try.
    async with listening(wire.passing) as url, Client(url, desk.key, retries=Retries(tries=500, base_s=0.01, cap_s=0.05)) as client:
        results, last = await told(client, source)
    assert source.begun >= 3 and len(wire.seen) >= 3
    keys = {line for head in wire.seen for line in head.split(b"\r\n") if line.startswith(b"Idempotency-Key:")}
    assert len(keys) == 1, "each try goes under the same key"
    assert [(one.line, one.number) for one in results] == [(n, n) for n in range(1, 421)], "each line once, in order"
    assert last == Streamed(420, 0)
    assert await desk.count("invoice") == await desk.count("ledger_entry") == 420


async def test_who_is_cut_before_every_line_gives_up_and_names_the_key(house: House, desk: Desk) -> None:
    wire = Cutting(house, [1] * 10)
    async with listening(wire.passing) as url, Client(url, desk.key, retries=QUICK) as client:
        with pytest.raises(Unreachable) as gone:
            await told(client, Given(invoices(desk, 2)), key="kept")
    assert gone.value.key == "kept" and len(wire.after) == 7
    async with Client(house.url, desk.key) as client:
        assert (await told(client, Given(invoices(desk, 2)), key="kept"))[1] == Streamed(2, 0)
    assert await desk.count("invoice") == 2


async def test_a_service_that_leaves_is_asked_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINES", 10)
    life = desk.house.app[LIFE]
    async with Client(desk.house.url, desk.key, retries=Retries(tries=40, base_s=0.05, cap_s=0.1)) as client:
        numbers = []
        async for one in remote.stream(client, Given(invoices(desk, 60))):
            if isinstance(one, LineResult):
                numbers.append(one.number)
                # It says so in the last line of its answer, then in a status, then it is back.
                life.leaving = one.number == 10
                if life.leaving:
                    asyncio.get_running_loop().call_later(0.3, setattr, life, "leaving", False)
            else:
                assert one == Streamed(60, 0)
    assert numbers == list(range(1, 61))


async def test_what_is_refused_is_raised_and_not_sent_again(desk: Desk) -> None:
    source = Given(invoices(desk, 3))
    async with Client(desk.house.url, desk.key) as client:
        await told(client, source, key="used")
        with pytest.raises(Refused) as refused:
            await told(client, other := Given(invoices(desk, 2)), key="used")
    assert refused.value.problem.code == "idempotency_key_reused" and other.begun == 1
    async with Client(desk.house.url, "dsf_test_" + "x" * 43) as stranger:
        with pytest.raises(Refused) as refused:
            await told(stranger, large := Given([b"x" * 60_000] * 500))
    assert refused.value.problem.code == "unauthorized" and large.begun == 1


async def test_a_source_that_fails_is_not_the_service(desk: Desk) -> None:
    begun = 0

    def broken() -> Iterator[bytes]:
        nonlocal begun
        begun += 1
        yield ndjson(desk.invoice()) + b"\n"
        raise LookupError("the caller's own")

    async with Client(desk.house.url, desk.key, retries=QUICK) as client:
        with pytest.raises(LookupError, match="the caller's own"):
            await told(client, broken)
    assert begun == 1
    assert await desk.count("invoice") == 0, "a body without its end is no body"


async def _bounded(counts: "Given | list[int]", seconds: float = 20) -> int:
    """Wait until a count stands still, and return it."""
    before = -1
    async with asyncio.timeout(seconds):
        while True:
            now = counts.taken if isinstance(counts, Given) else counts[0]
            if now == before:
                return now
            before = now
            await asyncio.sleep(0.5)


async def test_neither_side_runs_ahead_of_the_other() -> None:
    """A service that reads nothing is sent what the wire holds, a caller that takes nothing is told what it holds: of 200 MB each."""
    written = [0]

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(60)

    async def chatting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in range(1, 2001):
            line = msgspec.json.encode({"line": number, "errors": [{"code": "B2_BAD_JSON", "message": "x" * 100_000}]}) + b"\n"
            writer.write(b"%x\r\n%b\r\n" % (len(line), line))
            await writer.drain()
            written[0] += 1

    source = Given([b"x" * 100_000] * 2000)
    async with listening(deaf) as url, Client(url, "k") as client:
        asking = asyncio.create_task(told(client, source))
        assert 0 < await _bounded(source) < 300
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    async with (
        listening(chatting) as url,
        Client(url, "k") as client,
        contextlib.aclosing(remote.stream(client, Given([b"{}"]))) as answers,
    ):
        assert isinstance(first := await anext(answers), LineResult) and first.line == 1
        assert await _bounded(written) < 300
