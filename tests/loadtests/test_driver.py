# SPDX-License-Identifier: Apache-2.0
"""Arrivals, the driver that keeps to them, and the figures of what came."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from loadtests.scenarios import arrivals, figures
from loadtests.scenarios.driver import Step, Target, Visit, play
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.model import Asked

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b'HTTP/1.1 503 Busy\r\nContent-Length: 15\r\n\r\n{"code":"busy"}'
Answer = Callable[[bytes], Awaitable[bytes]]


@asynccontextmanager
async def service(answer: Answer) -> AsyncIterator[Target]:
    """Run a service that answers each request as it is told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                writer.write(await answer(request))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # The client has left, or is to lose its connection.
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    target = Target(server.sockets[0].getsockname()[1])
    try:
        yield target
    finally:
        target.close()
        # Until those who serve have seen it.
        await asyncio.sleep(0.05)
        server.close()


def get(path: str) -> Step:
    return Step(path, "read", lambda _: f"GET {path} HTTP/1.1\r\n\r\n".encode())


def sample(due: float, seconds: float, outcome: str = "", kind: figures.Kind = "read", action: str = "look") -> Sample:
    return Sample(due, seconds, 0.0, action, kind, "all", outcome)


def test_arrivals_are_those_of_the_seed_and_of_the_rate() -> None:
    first, again, other = (arrivals.steady(Asked(seed=seed).draw, 50, 100) for seed in (1, 1, 2))
    assert first == again != other
    assert first == sorted(first) and first[0] > 0 and first[-1] < 100
    # Five thousand are awaited; ten times the deviation is allowed.
    assert abs(len(first) - 5000) < 710
    late = arrivals.poisson(Asked().draw, lambda now: 100.0 if now > 50 else 0.0, 100.0, 100.0)
    assert min(late) > 50 and abs(len(late) - 5000) < 710


def test_every_door_opens_in_time_and_half_of_them_soon() -> None:
    doors = arrivals.opening(1000, 10, Asked().draw, 60)
    assert len(doors) == 1000 and doors[0] >= 0 and doors[-1] <= 60
    assert 400 < sum(due < 10 for due in doors) < 620
    draw = Asked().draw
    thought = sorted(arrivals.thinking(draw, 2.0) for _ in range(2001))
    assert 1.6 < thought[1000] < 2.5 < thought[-1]


async def test_who_comes_while_the_service_stands_still_has_waited_since_he_was_due() -> None:
    asked, still, meanwhile = 0, asyncio.Event(), list[int]()

    def go_on() -> None:
        meanwhile.append(asked)
        still.set()

    async def answer(_: bytes) -> bytes:
        nonlocal asked
        asked += 1
        if asked == 1:
            asyncio.get_running_loop().call_later(0.5, go_on)
        await still.wait()
        return OK

    async with service(answer) as target:
        samples = await play(target, [Visit(due / 100, "all", [get("/")]) for due in range(40)])
    assert asked == 40 and meanwhile[0] > 10, "the others came all the same"
    # One that sends only once it has its answer would have seen a single slow one.
    waited = sorted(samples, key=lambda one: one.due)
    assert all(one.seconds >= 0.45 - one.due for one in waited)
    assert sum(one.seconds > 0.2 for one in waited) >= 20


async def test_a_client_that_is_late_is_told_and_its_lateness_is_waited_for() -> None:
    async def answer(_: bytes) -> bytes:
        return OK

    async with service(answer) as target:
        # The client does something else for a while.
        samples = await play(target, [Visit(0.0, "all", [get("/")]), Visit(0.05, "all", [get("/")])], lambda done: time.sleep(0.2))
    second = max(samples, key=lambda one: one.due)
    assert second.late >= 0.1 and second.seconds >= second.late


async def test_a_visit_is_one_thing_after_the_other_and_ends_when_it_is_refused() -> None:
    seen: list[bytes] = []

    async def answer(request: bytes) -> bytes:
        seen.append(request.split()[1])
        return BUSY if b"/no" in request else OK

    again = Step("/second", "write", lambda before: b"GET /" + before + b" HTTP/1.1\r\n\r\n", think_s=0.2)
    async with service(answer) as target:
        samples = await play(target, [Visit(0.0, "all", [get("/first"), again]), Visit(0.05, "all", [get("/no"), get("/never")])])
    assert sorted(seen) == [b"/first", b"/no", b"/{}"]
    by_action = {one.action: one for one in samples}
    assert by_action["/no"].outcome == "503 busy" and by_action["/first"].outcome == ""
    second = by_action["/second"]
    assert second.due >= 0.2, "it is due once the person has thought"
    assert second.seconds < second.due, "thinking is no waiting"


async def test_a_connection_that_is_lost_is_an_error() -> None:
    async def answer(_: bytes) -> bytes:
        raise ConnectionError

    async with service(answer) as target:
        samples = await play(target, [Visit(0.0, "all", [get("/")])])
    assert [one.outcome for one in samples] == ["lost"]
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert [one.outcome for one in await play(Target(port), [Visit(0.0, "all", [get("/")])])] == ["lost"]


def test_figures_tell_percentiles_errors_and_what_was_good() -> None:
    samples = [sample(0, number / 1000) for number in range(1, 1001)]
    samples += [sample(0, 0.001, "503 busy"), sample(0, 10.0, "timeout"), sample(0, 3.0), sample(0, 30.0, kind="bulk")]
    told = figures.figures(samples, 10.0)
    assert (told.asked, told.answered, told.good) == (1004, 1002, 1001), "an answer after two seconds is none to a person"
    assert told.goodput_per_s == 100.1
    assert (told.p50, told.p95, told.p99, told.p999, told.longest) == (501.0, 952.0, 992.0, 3000.0, 30000.0)
    assert told.errors == {"503 busy": 1, "timeout": 1}
    assert figures.figures([], 1.0).p50 is None
    parts = figures.apart([sample(0, 0.1), sample(0, 0.2, action="write")], "action", 1.0)
    assert {name: part.asked for name, part in parts.items()} == {"look": 1, "write": 1}


@pytest.mark.parametrize(
    ("samples", "missed"),
    [
        ([sample(0, 0.1)] * 1000, []),
        ([sample(0, 0.2)] * 1000, ["read p95"]),
        ([sample(0, 0.2, kind="write")] * 1000, []),
        ([sample(0, 0.4, kind="write")] * 1000, ["write p95"]),
        ([sample(0, 0.1)] * 980 + [sample(0, 1.5)] * 20, ["p99"]),
        ([sample(0, 0.1)] * 990 + [sample(0, 0.1, "503 busy")] * 10, ["good answers"]),
        ([sample(0, 0.1)] * 990 + [sample(0, 2.5)] * 10, ["good answers"]),
        ([sample(0, 60.0, kind="bulk")] * 10, []),
        ([], ["good answers"]),
    ],
)
def test_the_aims_are_held_against_what_came(samples: list[Sample], missed: list[str]) -> None:
    assert [aim.name for aim in figures.aims(samples) if not aim.met] == missed
