# SPDX-License-Identifier: Apache-2.0
"""Streams of invoices: kept block after block, told line by line, resumed after a cut, in flat memory."""

import asyncio
import gzip
import io
import random
import re
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import pytest

from api import streams
from api.admission import MOST_STREAMS
from api.body import LIMIT
from api.keys import LIFE, STREAMS
from api.streams import Block, Cutter
from desmos_fast.base.types import uuid7
from desmos_fast.billing import batches
from desmos_fast.db.idempotency import kept
from desmos_fast.db.tenant import direct
from tests.api.conftest import Desk, House, Reply, person
from tests.api.test_invoice_batches import ndjson
from tests.api.test_invoices import REAL_FORM, rows

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PATH: Final = "/v1/invoices:stream"


def lines(reply: Reply) -> list[dict[str, Any]]:
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/x-ndjson"), reply.body
    assert reply.body.endswith(b"\n")
    return [orjson.loads(line) for line in reply.body.splitlines()]


def many(desk: Desk, count: int) -> bytes:
    return ndjson(*(desk.invoice(insured_nir=person(order % 1000)) for order in range(count)))


def cut(data: bytes, sizes: Iterable[int] = ()) -> list[Block]:
    cutter, found, start = Cutter(b"seed"), list[Block](), 0
    for size in sizes:
        found += cutter.feed(data[start : start + size])
        start += size
    return [*found, *cutter.feed(data[start:]), *cutter.finish()]


def test_blocks_end_where_the_body_says(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(3)
    short = [b"x" * rng.choice((0, 1, 30, 3000)) for _ in range(9000)]
    short[40] = short[41] = short[8000] = b"y" * (LIMIT + 1)
    short[42], short[-1] = b"z" * LIMIT, b"x"
    body = b"\n".join(short)
    blocks = cut(body)
    assert len(blocks) == 10
    for _ in range(3):
        assert cut(body, (rng.randrange(1, 200_000) for _ in range(200))) == blocks
    assert cut(body[:50_000], [1] * 50_000) == cut(body[:50_000])
    assert [block.number for block in blocks] == list(range(len(blocks)))
    assert [line for block in blocks for line in block.long] == [41, 42, 8001]
    for block, after in zip(blocks, blocks[1:], strict=False):
        assert block.first_line + block.data.count(b"\n") + 1 == after.first_line
        assert len(block.data) < streams.BLOCK_BYTES + LIMIT + 1
    told = [line for block in blocks for line in block.data.split(b"\n")]
    assert told == [b"" if len(line) > LIMIT else line for line in short]
    # Each is told by all that came before it, long lines included.
    other = cut(body.replace(b"y" * (LIMIT + 1), b"y" * LIMIT + b"w", 1))
    assert all(one.name != two.name for one, two in zip(blocks, other, strict=True))
    late = cut(body[:-1] + b"?")
    assert [one.name for one in blocks[:-1]] == [one.name for one in late[:-1]] and blocks[-1].name != late[-1].name


def test_blanks_make_no_block() -> None:
    assert cut(b"") == cut(b"\n" * 5000) == cut(b" \t\r\n" * 3000) == []
    (block,) = cut(b"\n" * 2500 + b"{}")
    assert (block.number, block.first_line, block.data.strip()) == (0, 2001, b"{}")


async def test_good_lines_are_kept_and_bad_ones_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LIMIT", 3000)
    body = ndjson(
        desk.invoice(), b"", b"{not json", desk.invoice(insured_nir=REAL_FORM), desk.invoice() | {"number": 2}, b"y" * 3001,
        desk.invoice() | {"number": 2}, desk.invoice(), b"",
    )  # fmt: skip
    *found, last = lines(await desk.post(PATH, body))
    assert [(one["line"], one.get("number") or [(error["code"], error.get("field")) for error in one["errors"]]) for one in found] == [
        (1, 1), (3, [("B2_BAD_JSON", None)]), (4, [("wrong_key_kind", "insured_nir")]), (5, 2), (6, [("B2_BAD_JSON", None)]),
        (7, [("B2_DUPLICATE_NUMBER", "number")]), (8, 3),
    ]  # fmt: skip
    assert last == {"done": True, "accepted": 3, "refused": 4}
    stored = {str(row["id"]): row["number"] for row in await rows(desk, "SELECT id, number FROM invoice")}
    assert stored == {one["id"]: one["number"] for one in found if "id" in one}
    assert await desk.count("ledger_entry") == 3


async def test_blocks_follow_one_another(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINES", 100)
    body = many(desk, 950)
    twice = body + b"\n" + ndjson(desk.invoice() | {"number": 17})
    *found, last = lines(await desk.post(PATH, gzip.compress(twice), **{"Content-Encoding": "gzip"}))
    assert [one["line"] for one in found] == list(range(1, 952))
    assert [one["number"] for one in found[:950]] == list(range(1, 951))
    assert last == {"done": True, "accepted": 950, "refused": 1}
    assert found[950]["errors"][0]["code"] == "B2_DUPLICATE_NUMBER"
    # A transaction for each block, and one key.
    assert len({row["xmin"] for row in await rows(desk, "SELECT xmin::text FROM invoice")}) == 10
    assert await desk.count("idempotency") == 10


async def test_the_same_again_is_answered_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINES", 50)
    key, body = str(uuid7()), many(desk, 120) + b"\n{"
    first, again = await desk.post(PATH, body, key), await desk.post(PATH, body, key)
    assert first.body == again.body
    assert await desk.count("invoice") == 120
    # With more at its end, what was kept is told as it was; the block that grew is another one.
    *found, last = lines(await desk.post(PATH, body + b"\n" + ndjson(desk.invoice()), key))
    assert found == lines(first)[:100]
    assert last["problem"]["code"] == "idempotency_key_reused"
    other = await desk.post(PATH, b" " + body, key)
    assert (other.status, other.code) == (422, "idempotency_key_reused")
    late = await desk.post(f"{PATH}?allow_late=true", body, key)
    assert (late.status, late.code) == (422, "idempotency_key_reused")
    assert await desk.count("invoice") == 120


async def begin(house: House, desk: Desk, body: bytes, key: str, size: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send the head of a request and the first bytes of its body."""
    # What the system holds for who does not read is little.
    plug = socket.socket()
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    plug.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plug, ("127.0.0.1", int(house.url.rpartition(":")[2])))
    reader, writer = await asyncio.open_connection(sock=plug, limit=2**24)
    head = f"POST {PATH} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {desk.key}\r\nIdempotency-Key: {key}\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:size])
    await writer.drain()
    return reader, writer


async def test_a_cut_request_goes_on_where_it_was(
    house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:  # fmt: skip
    monkeypatch.setattr(streams, "LINES", 50)
    key, body = str(uuid7()), many(desk, 420)
    reader, writer = await begin(house, desk, body, key, len(body) // 2)
    # It is told of what is kept while the rest has yet to come.
    told = await asyncio.wait_for(reader.readuntil(b'"number":150}\n'), 20)
    writer.transport.abort()
    first = [orjson.loads(found) for found in re.findall(rb"\{.*\}", told)]
    assert [one["number"] for one in first] == list(range(1, 151))
    await asyncio.sleep(0.3)
    assert "our mistake" not in log.getvalue()
    before = await desk.count("invoice")
    assert 150 <= before <= 210 and before % 50 == 0
    *found, last = lines(await desk.post(PATH, body, key))
    assert last == {"done": True, "accepted": 420, "refused": 0}
    assert found[:150] == first
    assert [one["number"] for one in found] == list(range(1, 421))
    assert await desk.count("invoice") == await desk.count("ledger_entry") == 420


async def test_a_database_that_goes_away_ends_it_with_a_problem(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINES", 50)
    key, body = str(uuid7()), many(desk, 300)
    reader, writer = await begin(house, desk, body, key, len(body) // 2)
    await asyncio.wait_for(reader.readuntil(b'"number":100}\n'), 20)
    await house.wire.cut()
    writer.write(body[len(body) // 2 :])
    rest = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 20)
    problem = orjson.loads(re.findall(rb'\{"problem".*\}', rest)[0])["problem"]
    assert (problem["code"], problem["status"]) == ("database_unavailable", 503)
    assert problem["title_fr"] and b'"done"' not in rest
    writer.transport.abort()
    await house.wire.mend()
    *found, last = lines(await desk.insist(PATH, body, key))
    assert last == {"done": True, "accepted": 300, "refused": 0}
    assert [one["number"] for one in found] == list(range(1, 301))
    assert await desk.count("invoice") == 300


async def until_kept(desk: Desk, blocks: int) -> None:
    """Wait until so many blocks of the one stream of a centre are kept."""
    while True:
        if await desk.count("idempotency") == blocks:
            return
        await asyncio.sleep(0.05)


async def test_who_reads_only_when_all_is_sent_is_not_waited_for(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is larger than what the wire holds: were it waited for, each side would wait for the other."""
    monkeypatch.setattr(streams, "MOST_HELD", 2)
    asked = Counter[str]()

    async def counted(*args: Any) -> bytes:
        asked[args[3]] += 1
        return await kept(*args)

    monkeypatch.setattr(streams, "kept", counted)
    body = b"\n".join([b'{"%s":1}' % (b"k" * 60)] * 60_000)
    reader, writer = await begin(house, desk, body, "key", 1000)
    reader._limit = 1024  # type: ignore[attr-defined]
    writer.write(body[1000:])
    await asyncio.wait_for(until_kept(desk, 60), 60)
    reader._limit = 2**26  # type: ignore[attr-defined]
    answer = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 60)
    writer.transport.abort()
    assert answer.endswith(b'{"done":true,"accepted":0,"refused":60000}\n\r\n0\r\n\r\n')
    assert [int(line) for line in re.findall(rb'\{"line":(\d+)', answer)] == list(range(1, 60_001))
    # What it left was not held, but asked for again, once.
    assert len(asked) > 20 and set(asked.values()) == {1}


async def test_who_does_not_read_at_all_is_hung_up_on(house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "STALLED_S", 0.3)
    body = b"\n".join(b'{"%060x":1}' % (number * 7919) for number in range(60_000))
    reader, writer = await begin(house, desk, body, "key", 1000)
    reader._limit = 1024  # type: ignore[attr-defined]
    writer.write(body[1000:])
    await asyncio.wait_for(until_kept(desk, 60), 60)
    for _ in range(100):
        if house.app[STREAMS]._free._value == MOST_STREAMS:
            break
        await asyncio.sleep(0.1)
    assert house.app[STREAMS]._free._value == MOST_STREAMS, "it holds a place no longer"
    reader._limit = 2**26  # type: ignore[attr-defined]
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readuntil(b'"done":true'), 20)
    writer.transport.abort()
    # All of it is kept, and told to who asks again.
    again = await desk.post(PATH, zstd.compress(body, 1), "key", **{"Content-Encoding": "zstd"})
    assert lines(again)[-1] == {"done": True, "accepted": 0, "refused": 60_000}


async def test_what_is_refused_at_once_is_refused_as_anywhere(desk: Desk) -> None:
    for body, headers, status, code in (
        (b"", {}, 400, "empty_body"),
        (b"{}", {"Content-Encoding": "br"}, 415, "media_type"),
        (b"{}", {"Content-Encoding": "gzip"}, 400, "body_garbled"),
        (gzip.compress(bytes(50 * 1024 * 1024)), {"Content-Encoding": "gzip"}, 413, "body_inflates"),
    ):
        reply = await desk.post(PATH, body, **headers)
        assert (reply.status, reply.code) == (status, code)
    assert lines(await desk.post(PATH, b"\n \n")) == [{"done": True, "accepted": 0, "refused": 0}]
    reply = await desk.post(f"{PATH}?draft=true", b"{}")
    assert (reply.status, reply.code) == (400, "bad_parameter")


async def test_a_service_that_leaves_stops_between_two_blocks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    life = desk.house.app[LIFE]
    monkeypatch.setattr(streams, "LINES", 10)
    reader, writer = await begin(desk.house, desk, body := many(desk, 40), "key", len(body) // 2)
    await asyncio.wait_for(reader.readuntil(b'"number":10}\n'), 20)
    life.leaving = True
    writer.write(body[len(body) // 2 :])
    rest = await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 20)
    assert b'"code":"stopping"' in rest
    writer.transport.abort()
    life.leaving = False
    *found, last = lines(await desk.post(PATH, body, "key"))
    assert [one["number"] for one in found] == list(range(1, 41)) and last["accepted"] == 40


async def test_a_key_that_is_revoked_signs_no_further_block(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINES", 5)
    made = (await desk.post("/v1/keys", {"roles": ["biller"]})).json
    revoked = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield many(desk, 5) + b"\n"
        await revoked.wait()
        yield many(desk, 5) + b"\n"

    sent = {"Authorization": f"Bearer {made['secret']}", "Idempotency-Key": str(uuid7())}
    async with desk.house.session.post(desk.house.url + PATH, headers=sent, data=body()) as response:
        assert orjson.loads(await response.content.readline())["number"] == 1
        mine = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}
        assert (await desk.house.send("DELETE", f"/v1/keys/{made['id']}", mine)).status == 204
        await asyncio.sleep(1.0)
        revoked.set()
        told = [orjson.loads(line) async for line in response.content]
    assert told[-1]["problem"]["code"] == "unauthorized"
    assert await desk.count("invoice") == 5


async def test_the_same_key_at_once_is_done_once(desk: Desk) -> None:
    body, key = many(desk, 300), str(uuid7())
    replies = await asyncio.gather(*(desk.post(PATH, body, key) for _ in range(4)))
    assert {reply.status for reply in replies} <= {200, 409}
    whole = {reply.body for reply in replies if reply.status == 200}
    assert len(whole) == 1
    assert {reply.code for reply in replies if reply.status == 409} <= {"idempotency_key_running"}
    assert await desk.count("invoice") == 300


def highest(pid: int, *, forget: bool = False) -> int:
    """Return the peak of a process's memory in bytes, since it was forgotten last."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    if forget:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    return int(found[1]) * 1024


async def test_memory_is_flat(house: House, desk: Desk, tmp_path: Path) -> None:
    """Ten times the body takes no more of it: lines that are refused, with one good invoice in a hundred."""
    serving = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.dying", house.wire.dsn, "0", "x", str(tmp_path / "told"), stdout=asyncio.subprocess.PIPE
    )
    assert serving.stdout is not None
    peaks = []
    try:
        url = f"http://127.0.0.1:{int(await asyncio.wait_for(serving.stdout.readline(), 30))}{PATH}"
        bad = b'{"' + b"k" * 8200 + b'":'
        part = b"\n".join([orjson.dumps(desk.invoice()), *[bad] * 130]) + b"\n"
        for megabytes in (1, 10, 100):
            highest(serving.pid, forget=True)
            headers = {"Authorization": f"Bearer {desk.key}", "Idempotency-Key": str(uuid7())}

            async def body(count: int = megabytes) -> Any:
                for _ in range(count):
                    yield part

            async with house.session.post(url, headers=headers, data=body(), timeout=aiohttp.ClientTimeout(100)) as reply:
                assert reply.status == 200
                answer = await reply.read()
            assert answer.endswith(b'{"done":true,"accepted":%d,"refused":%d}\n' % (megabytes, 130 * megabytes))
            peaks.append(highest(serving.pid))
    finally:
        serving.kill()
        await serving.wait()
    assert len(part) > 1024 * 1024
    print([peak >> 20 for peak in peaks])
    assert peaks[2] < peaks[1] + 12 * 1024 * 1024
    async with direct(house.owner_dsn, desk.tenant) as con:
        assert await con.fetchval("SELECT count(*) FROM invoice") == 111


async def test_who_hangs_up_before_he_is_told_is_no_mistake_of_ours(
    house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    gone, create = asyncio.Event(), batches.create

    async def late(*args: Any, **kwargs: Any) -> Any:
        await gone.wait()
        return await create(*args, **kwargs)

    monkeypatch.setattr(batches, "create", late)
    body = many(desk, 3)
    _, writer = await begin(house, desk, body, "key", len(body))
    for _ in range(500):
        if house.app[STREAMS]._free._value < MOST_STREAMS:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    writer.transport.abort()
    await asyncio.sleep(0.1)
    gone.set()
    for _ in range(500):
        if house.app[STREAMS]._free._value == MOST_STREAMS:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert '"route":"/v1/invoices:stream"' in log.getvalue()
    assert "our mistake" not in log.getvalue() and '"status":500' not in log.getvalue()
    again = await desk.post(PATH, body, "key")
    assert again.status == 200 and await desk.count("invoice") == 3
