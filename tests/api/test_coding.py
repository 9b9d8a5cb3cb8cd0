# SPDX-License-Identifier: Apache-2.0
"""Compressed bodies are undone whole or refused early; lists travel compressed to who asks for it."""

import gzip
import random
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

import orjson
import pytest

from api import coding
from api.coding import BodyGarbled, BodyInflates, Expander, expander, takes_gzip
from desmos_fast.base.types import uuid7
from tests.api.conftest import Desk, House, person
from tests.days import today

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CODINGS: Final[dict[str, Callable[[bytes], bytes]]] = {"gzip": lambda data: gzip.compress(data, 6), "zstd": zstd.compress}
PLAIN: Final = b"".join(b'{"line":%d,"name":"%x"}\n' % (n, n * 7919) for n in range(40_000))


def undone(name: str, chunks: Iterator[bytes] | list[bytes]) -> bytes:
    undoing = expander(name)
    assert isinstance(undoing, Expander)
    found = b"".join(piece for chunk in chunks for piece in undoing.pieces(chunk))
    undoing.finish()
    return found


@pytest.mark.parametrize("name", CODINGS)
def test_a_body_is_undone_however_it_is_cut(name: str) -> None:
    sent, rng = CODINGS[name](PLAIN), random.Random(5)
    cuts = [sorted(rng.randrange(len(sent)) for _ in range(count)) for count in (0, 1, 7, 300)]
    for cut in cuts:
        chunks = [sent[a:b] for a, b in zip([0, *cut], [*cut, len(sent)], strict=True)]
        assert undone(name, chunks) == PLAIN
    assert undone(name, [bytes([byte]) for byte in CODINGS[name](PLAIN[:2000])]) == PLAIN[:2000]
    assert undone(name, [CODINGS[name](b"")]) == b""


@pytest.mark.parametrize("name", CODINGS)
def test_members_follow_one_another(name: str) -> None:
    parts = [PLAIN[start : start + 100_000] for start in range(0, len(PLAIN), 100_000)]
    assert undone(name, [b"".join(map(CODINGS[name], parts))]) == PLAIN


@pytest.mark.parametrize("name", CODINGS)
def test_what_is_cut_or_garbled_is_refused(name: str) -> None:
    sent = CODINGS[name](PLAIN)
    for size in (1, 5, len(sent) // 2, len(sent) - 1):
        with pytest.raises(BodyGarbled):
            undone(name, [sent[:size]])
    for bad in (b"{}", sent + b"x", b"\0" + sent, CODINGS["zstd" if name == "gzip" else "gzip"](PLAIN)):
        with pytest.raises(BodyGarbled):
            undone(name, [bad])


def test_what_zlib_holds_back_is_not_lost() -> None:
    """The last input may be taken whole while much of what it stands for is still to come."""
    data = bytes(3 * coding.PIECE + 17)
    assert undone("gzip", [gzip.compress(data)]) == data
    squeezed = zlib.compressobj(9, zlib.DEFLATED, coding.GZIP)
    assert undone("gzip", [squeezed.compress(data) + squeezed.flush(zlib.Z_SYNC_FLUSH), squeezed.flush()]) == data


@pytest.mark.parametrize("name", CODINGS)
def test_a_bomb_is_refused_early_in_flat_memory(name: str) -> None:
    bomb = CODINGS[name](bytes(300 * 1024 * 1024))
    assert len(bomb) < 400_000
    chunks = [bomb[start : start + 65_536] for start in range(0, len(bomb), 65_536)]
    undoing = expander(name)
    assert undoing is not None
    given, largest = 0, 0
    tracemalloc.start()
    try:
        with pytest.raises(BodyInflates):
            for chunk in chunks:
                for piece in undoing.pieces(chunk):
                    given, largest = given + len(piece), max(largest, len(piece))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert largest <= coding.PIECE
    assert given <= coding.RATIO * 2 * 65_536
    assert peak < 4 * 1024 * 1024


@pytest.mark.parametrize("name", CODINGS)
def test_thousands_of_empty_parts_are_refused(name: str) -> None:
    empty = CODINGS[name](b"")
    assert undone(name, [empty * coding.MEMBERS]) == b""
    with pytest.raises(BodyInflates):
        undone(name, [empty * 3000])


def test_a_window_that_needs_much_memory_is_refused() -> None:
    wide = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: coding.WINDOW_LOG + 1})
    with pytest.raises(BodyGarbled, match="window"):
        undone("zstd", [wide.compress(PLAIN) + wide.flush()])


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("gzip", True), ("gzip, deflate, br", True), ("br;q=1, gzip;q=0.5", True), ("*", True), ("GZIP ; q=1", True), ("x-gzip", True),
        ("", False), ("identity", False), ("gzip;q=0", False), ("gzip;q=0.000", False), ("*;q=0", False), ("*, gzip;q=0", False),
        ("br", False), ("gzipped", False), ("gzip;q=0.1", True), ("gzip;q=0.01", True),
    ],
)  # fmt: skip
def test_who_asks_for_gzip(given: str, taken: bool) -> None:
    assert takes_gzip(given) is taken


@pytest.mark.parametrize("name", CODINGS)
async def test_a_compressed_request_is_the_request(desk: Desk, name: str) -> None:
    body, key = orjson.dumps(desk.invoice()), str(uuid7())
    first = await desk.post("/v1/invoices", CODINGS[name](body), key, **{"Content-Encoding": name})
    assert first.status == 201, first.body
    plain = await desk.post("/v1/invoices", body, key)
    assert plain.body == first.body and plain.headers["Idempotency-Replayed"] == "true"
    lines = b"\n".join(orjson.dumps(desk.invoice(insured_nir=person(order % 1000))) for order in range(300))
    batch = await desk.post("/v1/invoices:batch", CODINGS[name](lines), **{"Content-Encoding": name.upper()})
    assert batch.json["accepted"] == 300
    assert await desk.count("invoice") == 301


@pytest.mark.parametrize("name", CODINGS)
async def test_a_request_that_inflates_or_is_garbled_is_refused(desk: Desk, name: str) -> None:
    bomb = CODINGS[name](bytes(100 * 1024 * 1024))
    for path in ("/v1/invoices", "/v1/invoices:batch", "/v1/quotes"):
        reply = await desk.post(path, bomb, **{"Content-Encoding": name})
        # What is small at most may be too large before it is too alike.
        assert reply.status == 413
        assert reply.code in {"body_inflates"} | ({"body_too_large"} if "batch" not in path else set())
        reply = await desk.post(path, CODINGS[name](b"{}")[:-1], **{"Content-Encoding": name})
        assert (reply.status, reply.code) == (400, "body_garbled")
    large = CODINGS[name](random.Random(1).randbytes(300_000).hex().encode() * 2)
    reply = await desk.post("/v1/invoices", large, **{"Content-Encoding": name})
    assert (reply.status, reply.code) == (413, "body_too_large")
    reply = await desk.post("/v1/invoices", CODINGS[name](b""), **{"Content-Encoding": name})
    assert (reply.status, reply.code) == (400, "empty_body")
    assert await desk.count("invoice") == 0


@pytest.mark.parametrize("name", ["br", "deflate", "gzip, zstd", "x"])
async def test_another_coding_is_not_taken(desk: Desk, name: str) -> None:
    reply = await desk.post("/v1/invoices", b"{}", **{"Content-Encoding": name})
    assert (reply.status, reply.code) == (415, "media_type")


async def test_lists_travel_compressed_to_who_asks(house: House, desk: Desk) -> None:
    assert (await desk.post("/v1/invoices:batch", b"\n".join(orjson.dumps(desk.invoice()) for _ in range(60)))).status == 200
    path = f"{house.url}/v1/ledger/entries?limit=200"
    sizes, bodies = {}, set()
    for asked in ("gzip", "identity", "gzip;q=0"):
        headers = {"Authorization": f"Bearer {desk.key}", "Accept-Encoding": asked}
        async with house.session.get(path, headers=headers) as reply:
            assert reply.status == 200
            assert reply.headers.get("Content-Encoding") == ("gzip" if asked == "gzip" else None)
            assert reply.headers["Vary"] == "Accept-Encoding"
            bodies.add(await reply.read())
            sizes[asked] = int(reply.headers["Content-Length"])
    assert len(bodies) == 1
    assert sizes["gzip"] < sizes["identity"] / 3
    headers = {"Authorization": f"Bearer {desk.key}", "Accept-Encoding": "gzip"}
    async with house.session.get(f"{house.url}/v1/till", headers=headers) as reply:
        # What is small is sent as it is.
        assert "Content-Encoding" not in reply.headers


async def test_files_of_the_books_travel_compressed_to_who_asks(house: House, desk: Desk) -> None:
    assert (await desk.post("/v1/invoices:batch", b"\n".join(orjson.dumps(desk.invoice()) for _ in range(60)))).status == 200
    days = [today() + timedelta(days=apart) for apart in (-2, 2)]
    path = f"{house.url}/v1/accounting/draft?first={days[0]}&last={days[1]}&format=csv"
    sizes, bodies = {}, set()
    for asked in ("gzip", "identity"):
        headers = {"Authorization": f"Bearer {desk.key}", "Accept-Encoding": asked}
        async with house.session.get(path, headers=headers, auto_decompress=False) as reply:
            assert (reply.status, reply.headers["Vary"]) == (200, "Accept-Encoding")
            assert reply.headers.get("Content-Encoding") == ("gzip" if asked == "gzip" else None)
            body = await reply.read()
            sizes[asked] = len(body)
            bodies.add(gzip.decompress(body) if asked == "gzip" else body)
    assert len(bodies) == 1 and bodies.pop().count(b"\r\n") > 120
    assert sizes["gzip"] < sizes["identity"] / 3
