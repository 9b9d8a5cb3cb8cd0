# SPDX-License-Identifier: Apache-2.0
"""HTTPS, against the concentrator of the simulator on a port of this machine."""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from desmos_fast.lots.recipients.model import Https
from desmos_fast.lots.transports.https import HttpsTransport
from desmos_fast.lots.transports.port import BadTransportKey, NameTaken, Parcel, PeerUntrusted, TransportFailed, TransportRefused
from desmos_fast.simulator.server import make_concentrator, server_context
from tests.lots.transports.authority import DAY, Authority, Pair

PARCEL = Parcel("750000010-000001.b2", bytes(range(256)) * 4000)
Reply = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def listening(app: web.Application, context: ssl.SSLContext | None) -> AsyncIterator[str]:
    """Serve on a free port; give the address."""
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}/files"
    finally:
        await runner.cleanup()


@pytest.fixture
async def url(folder: Path, authority: Authority, server_pair: Pair) -> AsyncIterator[str]:
    """Give a running concentrator."""
    context = server_context(server_pair.certificate_file, server_pair.key_file, authority.file)
    async with listening(make_concentrator(folder), context) as url:
        yield url


def transport(url: str, authority: Authority, pair: Pair, timeout_s: float = 10.0) -> HttpsTransport:
    files = {"certificate_file": str(pair.certificate_file), "key_file": str(pair.key_file), "ca_file": str(authority.file)}
    return HttpsTransport(Https(url=url, timeout_s=timeout_s, **files))


async def test_a_file_arrives_whole_and_once(url: str, folder: Path, authority: Authority, client_pair: Pair) -> None:
    sender = transport(url, authority, client_pair)
    await sender.put(PARCEL)
    first = (folder / PARCEL.name).stat()
    await sender.put(PARCEL)
    assert os.listdir(folder) == [PARCEL.name] and (folder / PARCEL.name).read_bytes() == PARCEL.content
    assert (folder / PARCEL.name).stat().st_ino == first.st_ino


async def test_other_bytes_under_a_known_name_are_a_conflict(url: str, folder: Path, authority: Authority, client_pair: Pair) -> None:
    sender = transport(url, authority, client_pair)
    await sender.put(PARCEL)
    with pytest.raises(NameTaken):
        await sender.put(Parcel(PARCEL.name, b"other"))
    assert (folder / PARCEL.name).read_bytes() == PARCEL.content


async def test_a_server_that_does_not_prove_itself_is_given_nothing(
    folder: Path, authority: Authority, stranger: Authority, client_pair: Pair
) -> None:
    other_host = authority.pair("elsewhere", host="127.0.0.2")
    for pair in (stranger.pair("server"), other_host):
        context = server_context(pair.certificate_file, pair.key_file, authority.file)
        async with listening(make_concentrator(folder), context) as url:
            with pytest.raises(PeerUntrusted, match="does not prove it"):
                await transport(url, authority, client_pair).put(PARCEL)
    assert os.listdir(folder) == []


async def test_a_client_without_a_certificate_of_the_authority_is_not_let_in(
    url: str, folder: Path, authority: Authority, stranger: Authority
) -> None:
    with pytest.raises((PeerUntrusted, TransportFailed)):
        await transport(url, authority, stranger.pair("client")).put(PARCEL)
    context = ssl.create_default_context(cafile=str(authority.file))
    with pytest.raises(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session:
            await session.put(f"{url}/{PARCEL.name}", data=PARCEL.content, ssl=context)
    assert os.listdir(folder) == []


def old(context: ssl.SSLContext) -> ssl.SSLContext:
    """Have one side speak TLS 1.1 alone, which today's libraries do only when they are made to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


async def test_old_tls_is_refused_by_both_sides(folder: Path, authority: Authority, client_pair: Pair, server_pair: Pair) -> None:
    def server() -> ssl.SSLContext:
        return server_context(server_pair.certificate_file, server_pair.key_file, authority.file)

    for context, make_old in ((old(server()), False), (server(), True)):
        async with listening(make_concentrator(folder), context) as url:
            sender = transport(url, authority, client_pair)
            if make_old:
                old(sender.context)
            with pytest.raises((PeerUntrusted, TransportFailed)):
                await sender.put(PARCEL)
    assert os.listdir(folder) == []
    async with listening(make_concentrator(folder), old(server())) as url:
        sender = transport(url, authority, client_pair)
        old(sender.context)
        await sender.put(PARCEL)
    assert os.listdir(folder) == [PARCEL.name], "two old sides understand each other"


async def test_a_port_that_speaks_no_tls_is_given_nothing(authority: Authority, client_pair: Pair) -> None:
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(100_000))
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((PeerUntrusted, TransportFailed)):
            await transport(f"https://127.0.0.1:{port}", authority, client_pair).put(PARCEL)
    assert seen and PARCEL.content[:256] not in seen[0] and PARCEL.name.encode() not in seen[0]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, TransportRefused), (422, TransportRefused), (401, TransportFailed), (404, TransportFailed), (500, TransportFailed),
        (503, TransportFailed), (302, TransportFailed), (204, TransportFailed), (409, NameTaken),
    ],
)  # fmt: skip
async def test_what_a_concentrator_says_is_told_apart(
    authority: Authority, client_pair: Pair, server_pair: Pair, status: int, error: type[Exception]
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers["Idempotency-Key"])
        return web.Response(status=status, headers={"Location": "http://127.0.0.1:9/"})

    with pytest.raises(error) as raised:
        await _answered_with(answer, authority, client_pair, server_pair)
    assert type(raised.value) is error
    assert asked == [PARCEL.key], "a redirection is not followed"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"name": "other.b2", "sha256": "00"}', b"\xff", b"<html>"])
async def test_only_a_receipt_for_this_file_is_believed(authority: Authority, client_pair: Pair, server_pair: Pair, body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=201, body=body)

    with pytest.raises(TransportFailed, match="something else"):
        await _answered_with(answer, authority, client_pair, server_pair)


async def _answered_with(answer: Reply, authority: Authority, client_pair: Pair, server_pair: Pair) -> None:
    app = web.Application(client_max_size=1 << 24)
    app.router.add_put("/files/{name}", answer)
    context = server_context(server_pair.certificate_file, server_pair.key_file, authority.file)
    async with listening(app, context) as url:
        await transport(url, authority, client_pair).put(PARCEL)


async def test_the_concentrator_takes_nothing_that_is_not_what_it_says(
    url: str, folder: Path, authority: Authority, client_pair: Pair
) -> None:
    context = transport(url, authority, client_pair).context
    right = {"Content-Digest": "sha-256=:bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=:", "Idempotency-Key": "one"}
    tries = [
        ("one.b2", right | {"Content-Digest": "sha-256=:AAAA:"}, 422),
        ("one.b2", {"Idempotency-Key": "one"}, 400),
        ("one.b2", {"Content-Digest": right["Content-Digest"]}, 400),
        ("one%20two.b2", right, 400),
        (".hidden", right, 400),
        ("one.b2", right, 201),
    ]
    async with aiohttp.ClientSession() as session:
        for name, headers, status in tries:
            assert os.listdir(folder) == [], name
            async with session.put(f"{url}/{name}", data=b"\x00", headers=headers, ssl=context) as answer:
                assert answer.status == status, (name, headers, await answer.read())
    assert os.listdir(folder) == ["one.b2"]


async def test_a_concentrator_that_does_not_answer_is_not_waited_for_long(authority: Authority, client_pair: Pair) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sender = transport(f"https://127.0.0.1:{silent.getsockname()[1]}", authority, client_pair, timeout_s=1.0)
        with pytest.raises(TransportFailed, match="TimeoutError"):
            await sender.put(PARCEL)


async def test_the_command_is_a_concentrator(folder: Path, authority: Authority, client_pair: Pair, server_pair: Pair) -> None:
    keys = ["--certificate", server_pair.certificate_file, "--key", server_pair.key_file, "--client-ca", authority.file]
    arguments = ["-m", "desmos_fast.cli", "synth", "concentrator", str(folder / "to_payers"), *map(str, keys), "--port", "0"]
    child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
    assert child.stdout is not None
    said = (await asyncio.wait_for(child.stdout.readline(), 30)).decode()
    await transport(said.split()[-1], authority, client_pair).put(PARCEL)
    child.terminate()
    assert await asyncio.wait_for(child.wait(), 30) == 0
    assert (folder / "to_payers" / PARCEL.name).read_bytes() == PARCEL.content


def test_keys_that_do_not_go_together_are_refused(authority: Authority, client_pair: Pair) -> None:
    other, over = authority.pair("other"), authority.pair("over", starts=-20 * DAY)
    with pytest.raises(BadTransportKey, match="not the key of"):
        transport("https://h", authority, client_pair._replace(key_file=other.key_file))
    with pytest.raises(BadTransportKey, match="have it renewed|certificate from"):
        transport("https://h", authority, over)
