# SPDX-License-Identifier: Apache-2.0
"""The service in several processes: one port, one set of counts, no request lost when one is replaced, dies, or all leave."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from pathlib import Path

import orjson
import pytest

from desmos_fast.commands import service
from tests.api.conftest import Desk
from tests.api.crew import Crew, Line, Load, crew, gone
from tests.api.post import column

REQUESTS = 'desmos_http_requests_total{method="GET",route="/v1/lots",status="200"}'
TIMED = 'desmos_http_request_duration_seconds_count{method="GET",route="/v1/lots"}'


async def look(one: Crew, desk: Desk, times: int) -> None:
    """Ask so often, on a connection of its own each time."""
    for _ in range(times):
        async with Line(one.port, desk.key) as line:
            assert (await line.send("GET", "/v1/lots"))[0] == 200


async def counted(one: Crew) -> float:
    """Return how many such requests are counted, whichever process is asked."""
    found = {(counts[REQUESTS], counts[TIMED]) for counts in [await one.counts() for _ in range(8)]}
    assert len(found) == 1 and len(set(*found)) == 1, found
    return found.pop()[0]


async def test_three_processes_count_as_one_and_never_back(desk: Desk, tmp_path: Path) -> None:
    async with crew(desk, tmp_path, processes=3) as one:
        await look(one, desk, 90)
        assert await counted(one) == 90
        counts = await one.counts()
        assert counts["desmos_processes"] == 3
        assert counts["desmos_http_requests_running"] == 1, "the scrape itself"
        assert counts['desmos_database_connections{state="idle"}'] + counts['desmos_database_connections{state="used"}'] <= 12
        # Who asks before they were counted for the first time, over all centres, is told the rest.
        figure, ends = 'desmos_invariant_difference{invariant="files_sent"}', time.monotonic() + 30
        while not all([figure in await one.counts() for _ in range(8)]):
            assert time.monotonic() < ends, "whichever is asked tells the figures"
            await asyncio.sleep(0.2)
        before = one.pids()
        assert len(before) == 3
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        await look(one, desk, 30)
        await one.full({killed}, 3)
        assert one.pids() > before - {killed}, "the others were left alone"
        await look(one, desk, 30)
        assert await counted(one) == 150
        assert (await one.counts())["desmos_process_restarts_total"] == 1
        await one.replaced()
        await look(one, desk, 30)
        assert await counted(one) == 180
        counts = await one.counts()
        assert (counts["desmos_processes"], counts["desmos_process_restarts_total"]) == (3, 1)
        one.watcher.terminate()
        assert await one.ended() == 0


async def test_no_request_fails_while_processes_are_replaced(desk: Desk, tmp_path: Path) -> None:
    await roll(desk, tmp_path, 3)


@pytest.mark.fault
async def test_no_request_fails_over_fifty_rolling_restarts(desk: Desk, tmp_path: Path) -> None:
    await roll(desk, tmp_path, 50)


async def roll(desk: Desk, home: Path, times: int) -> None:
    async with crew(desk, home) as one:
        load = Load(desk, one.port)
        running = asyncio.create_task(load.run())
        for _ in range(times):
            await one.replaced()
        load.stop.set()
        await running
        assert load.failed == []
        assert load.written > 10 * times and load.looked > 10 * times
        assert await desk.count("invoice") == load.written
        assert await column(desk, "SELECT count(DISTINCT number) FROM invoice") == [load.written]
        one.watcher.terminate()
        assert await one.ended() == 0


async def test_it_leaves_in_order(desk: Desk, tmp_path: Path) -> None:
    """Not ready first, then the port closed, then what runs is answered, then the end."""
    loop = asyncio.get_running_loop()
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    told.bind(str(tmp_path / "notify"))
    async with crew(desk, tmp_path / "home", grace_s=1.0, NOTIFY_SOCKET=str(tmp_path / "notify")) as one:
        assert await asyncio.wait_for(loop.sock_recv(told, 100), 10) == b"READY=1"
        async with Line(one.port) as line:
            assert (await line.send("GET", "/readyz"))[0] == 200
        body = orjson.dumps(desk.invoice())
        head = f"POST /v1/invoices HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {desk.key}\r\nIdempotency-Key: k\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        writer.write(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:-1])
        await asyncio.sleep(0.2)
        one.watcher.terminate()
        await asyncio.sleep(0.4)
        async with Line(one.port) as line:
            status, said = await line.send("GET", "/readyz")
        assert (status, orjson.loads(said)["reason"]) == (503, "stopping")
        await asyncio.sleep(1.2)
        async with asyncio.timeout(10):
            await closed(one.port)
        assert one.watcher.returncode is None
        writer.write(body[-1:])
        assert (await Line(one.port).answer(reader))[0] == 201
        writer.transport.abort()
        assert await one.ended() == 0
        assert await asyncio.wait_for(loop.sock_recv(told, 100), 10) == b"STOPPING=1"
    told.close()
    assert await desk.count("invoice") == 1


async def closed(port: int) -> None:
    """Wait until nobody takes connections: what the killed one began last may live a moment longer."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await asyncio.sleep(0.05)


async def test_nobody_serves_on_when_the_watcher_is_killed(desk: Desk, tmp_path: Path) -> None:
    async with crew(desk, tmp_path) as one:
        serving = one.pids()
        one.watcher.kill()
        assert await one.ended() == -signal.SIGKILL
        assert all([await gone(pid) for pid in serving])
        async with asyncio.timeout(10):
            await closed(one.port)


async def test_a_new_process_that_does_not_serve_costs_none_of_the_old(desk: Desk, tmp_path: Path) -> None:
    async with crew(desk, tmp_path) as one:
        serving = one.pids()
        await desk.house.wire.cut()
        one.watcher.send_signal(signal.SIGHUP)
        async with asyncio.timeout(30):
            while one.pids() == serving:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            while one.pids() != serving:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await desk.house.wire.mend()
        await look(one, desk, 4)
        assert one.pids() == serving


async def test_one_process_alone_is_not_ended_by_a_reload(desk: Desk, tmp_path: Path) -> None:
    async with crew(desk, tmp_path, processes=1) as one:
        one.watcher.send_signal(signal.SIGHUP)
        await asyncio.sleep(0.5)
        await look(one, desk, 2)
        one.watcher.terminate()
        assert await one.ended() == 0


def test_one_process_for_each_processor_up_to_three(monkeypatch: pytest.MonkeyPatch) -> None:
    for processors, expected in ((1, 1), (2, 2), (3, 3), (16, 3)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, many=processors: set(range(many)))
        assert service.default_processes() == expected
