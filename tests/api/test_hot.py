# SPDX-License-Identifier: Apache-2.0
"""The routes that are served where their bytes arrive say what the others would have said, and in the order in which they were asked."""

import asyncio
from typing import Any, Final

import orjson
import pytest

from api import hot, lanes
from api.keys import KEYS, POOL, TOGETHER
from desmos_fast.base.types import uuid7
from desmos_fast.identity.service import KeyBook
from tests.api.conftest import Desk, House, person
from tests.api.test_together import arrived, held

INVOICES: Final = "/v1/invoices"
QUOTES: Final = "/v1/quotes"
# A header that means nothing, and is not known to mean nothing.
AROUND: Final = {"X-Around": "1"}
# What is of one request, or of one moment.
OWN: Final = {"x-request-id", "date", "location", "content-length"}


@pytest.fixture
def straight(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the routes that were served without the library, as they are."""
    found: list[str] = []
    real = hot.Hot._end

    def end(self: hot.Hot, asking: hot.Asking, *arguments: Any) -> None:
        found.append(asking.route)
        real(self, asking, *arguments)

    monkeypatch.setattr(hot.Hot, "_end", end)
    return found


def request(desk: Desk, path: str, body: bytes, key: str | None = None, **headers: str) -> bytes:
    """Return the bytes of one request."""
    named = {"Host": "here", "Authorization": f"Bearer {desk.key}", "Content-Length": str(len(body))} | headers
    if path == INVOICES:
        named["Idempotency-Key"] = key or str(uuid7())
    lines = "\r\n".join((f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())))
    return f"{lines}\r\n\r\n".encode() + body


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return the status, headers and body of the next answer."""
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 30)).decode()
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(first.split()[1]), headers, await self._reader.readexactly(int(headers["content-length"]))

    async def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send one request and return its answer."""
        self.writer.write(data)
        return await self.answer()


async def connect(house: House) -> Line:
    return Line(*await asyncio.open_connection("127.0.0.1", int(house.url.rpartition(":")[2])))


def kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in OWN}


def without(body: bytes) -> Any:
    told = orjson.loads(body)
    return {name: value for name, value in told.items() if name not in ("id", "number", "instance")}


async def test_both_ways_say_the_same(house: House, desk: Desk, straight: list[str]) -> None:
    line = await connect(house)
    good, bad = orjson.dumps(desk.invoice(insured_nir=person(1))), orjson.dumps(desk.invoice(biller="750000009"))
    await line.ask(request(desk, QUOTES, good, **AROUND))
    assert straight == []
    for path, body, status in ((QUOTES, good, 200), (INVOICES, good, 201), (INVOICES, bad, 422), (INVOICES, b"{", 400)):
        here, around = await line.ask(request(desk, path, body)), await line.ask(request(desk, path, body, **AROUND))
        assert straight == [path], (path, status)
        assert here[0] == around[0] and (here[0] == status or here[0] in (400, 422)), here
        assert kept(here[1]) == kept(around[1])
        assert here[1].keys() == around[1].keys()
        assert without(here[2]) == without(around[2])
        straight.clear()
    line.writer.close()


async def test_a_key_is_one_request_whichever_way_it_comes(house: House, desk: Desk, straight: list[str]) -> None:
    line, key = await connect(house), str(uuid7())
    body = orjson.dumps(desk.invoice(insured_nir=person(1)))
    # Of a centre that was seen twice, commits take two exchanges.
    assert [(await line.ask(request(desk, INVOICES, body)))[0] for _ in range(2)] == [201, 201]
    straight.clear()
    first = await line.ask(request(desk, INVOICES, body, key, **AROUND))
    again = await line.ask(request(desk, INVOICES, body, key))
    other = await line.ask(request(desk, INVOICES, body + b" ", key))
    assert [first[0], again[0], other[0]] == [201, 201, 422]
    assert (
        first[2] == again[2] and again[1]["idempotency-replayed"] == "true" and orjson.loads(other[2])["code"] == "idempotency_key_reused"
    )
    assert straight == [INVOICES] * 2
    assert await desk.count("invoice") == 3
    line.writer.close()


@pytest.mark.parametrize("cut", [0, 1, 60])
async def test_requests_of_one_connection_are_answered_in_their_order(house: House, desk: Desk, straight: list[str], cut: int) -> None:
    """One that waits for the disk is not overtaken by what comes after it, in one piece with it or in two."""
    line = await connect(house)
    body = orjson.dumps(desk.invoice(insured_nir=person(1)))
    assert (await line.ask(request(desk, INVOICES, body)))[0] == 201
    sent = [request(desk, path, body) for path in (INVOICES, QUOTES, INVOICES, QUOTES)]
    later = b"".join(sent[1:])
    straight.clear()
    async with held(desk):
        line.writer.write(sent[0])
        await arrived(desk, 1)
        for piece in filter(None, (later[:cut], later[cut:])):
            line.writer.write(piece)
            await asyncio.sleep(0.05)
    assert [(await line.answer())[0] for _ in sent] == [201, 200, 201, 200]
    assert straight[0] == INVOICES
    # Nor is the line any worse afterwards.
    assert (await line.ask(request(desk, QUOTES, body)))[0] == 200
    assert straight[-1] == QUOTES
    line.writer.close()


async def test_what_is_not_plain_goes_the_other_way(house: House, desk: Desk, straight: list[str]) -> None:
    line = await connect(house)
    body = orjson.dumps(desk.invoice(insured_nir=person(1)))
    await line.ask(request(desk, QUOTES, body, **AROUND))
    for sent, status in (
        (request(desk, INVOICES, body, "é" * 3), 400),
        (request(desk, INVOICES + "?draft=true", body).replace(b"\r\n\r\n", b"\r\nIdempotency-Key: k\r\n\r\n", 1), 201),
        (request(desk, QUOTES, body).replace(b"Bearer ", b"Basic ", 1), 401),
        (request(desk, QUOTES, body).replace(b"Bearer ", b"Bearer x", 1), 401),
        (request(desk, QUOTES, body, **{"Expect": "nothing"}), 417),
    ):
        assert (await line.ask(sent))[0] == status
    # A body that comes in two pieces.
    whole = request(desk, QUOTES, body)
    line.writer.write(whole[:-10])
    await asyncio.sleep(0.05)
    assert (await line.ask(whole[-10:]))[0] == 200
    assert straight == []
    line.writer.close()


@pytest.mark.parametrize("path", [INVOICES, QUOTES])
async def test_without_a_body_both_ways_say_so(house: House, desk: Desk, straight: list[str], path: str) -> None:
    line = await connect(house)
    around = await line.ask(request(desk, path, b"", **AROUND))
    told = await line.ask(request(desk, path, b""))
    assert told[0] == around[0] == 400 and without(told[2]) == without(around[2])
    assert orjson.loads(told[2])["code"] == "empty_body"
    unknown = await line.ask(request(desk, path, b"", Authorization="Bearer nobody"))
    assert unknown[0] == 401 and not straight
    line.writer.close()


async def test_who_hangs_up_is_forgotten_and_what_he_asked_is_kept(house: House, desk: Desk, straight: list[str]) -> None:
    line, key = await connect(house), str(uuid7())
    body = orjson.dumps(desk.invoice(insured_nir=person(1)))
    await line.ask(request(desk, QUOTES, body, **AROUND))
    line.writer.write(request(desk, INVOICES, body, key))
    await line.writer.drain()
    for _ in range(500):
        if len(house.app[TOGETHER]):
            break
        await asyncio.sleep(0.001)
    line.writer.transport.abort()
    other = await connect(house)
    async with asyncio.timeout(30):
        while (replied := await other.ask(request(desk, INVOICES, body, key)))[0] != 201:
            assert replied[0] == 409
            await asyncio.sleep(0.02)
    assert await desk.count("invoice") == 1
    assert straight[0] == INVOICES
    other.writer.close()


async def test_who_is_sent_away_is_told_the_same_and_nobody_is_forgotten(
    house: House, desk: Desk, straight: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [await connect(house) for _ in range(3 * hot.AWAY_AT_ONCE)]
    body = orjson.dumps(desk.invoice(insured_nir=person(1)))
    await lines[0].ask(request(desk, QUOTES, body, **AROUND))
    monkeypatch.setattr(lanes, "MOST_WAITING", 0)
    around = await lines[0].ask(request(desk, INVOICES, body, **AROUND))
    answers = await asyncio.gather(*(line.ask(request(desk, INVOICES, body, **{"X-Request-Id": f"r{n}"})) for n, line in enumerate(lines)))
    assert len(straight) == len(lines)
    for number, (status, headers, told) in enumerate(answers):
        assert status == around[0] == 503
        assert headers["x-request-id"] == f"r{number}" and 1 <= int(headers["retry-after"]) <= 5
        assert orjson.loads(told)["instance"] == f"urn:desmos:request:r{number}"
        assert without(told) == without(around[2])
        assert headers.keys() == around[1].keys()
    monkeypatch.undo()
    # Who was sent away comes back on the same connection.
    assert {(await line.ask(request(desk, QUOTES, body)))[0] for line in lines} == {200}
    for line in lines:
        line.writer.close()


async def test_a_key_in_use_is_looked_up_before_anybody_must_wait_for_it(house: House, desk: Desk) -> None:
    book, secret = KeyBook(house.app[KEYS].pepper, kept_s=3600), desk.key
    pool = house.app[POOL]
    await book.authenticate(pool, secret)
    assert book.recall(pool, secret) is not None and not book._asked, "it is known for long"
    ((hashed, (until, caller)),) = book._known.items()
    book._known[hashed] = (until - 1900, caller)
    assert book.recall(pool, secret) is not None
    assert len(book._asked) == 1
    assert book.recall(pool, secret) is not None and len(book._asked) == 1, "one look-up for all"
    await book.close()
    assert book._known[hashed][0] > until - 100 and not book._asked
    # While nobody can be asked it is as it was: known until its time is over, and never longer.
    await house.wire.cut()
    book._known[hashed] = (until - 1900, caller)
    assert book.recall(pool, secret) is not None
    await book.close()
    await house.wire.mend()
    assert book._known[hashed][0] == until - 1900
    book._known[hashed] = (until - 7200, caller)
    assert book.recall(pool, secret) is None
