# SPDX-License-Identifier: Apache-2.0
"""What each action of a desk and of a biller sends over the line of a centre, and whether ten people share 2 Mbit/s well.

`python -m loadtests.bandwidth [--kbps 2000] [--users 10] [--seconds 60] [--json]`: a service, a line that passes no more than so much
(`tc tbf` between two network namespaces; takes root), and a proxy at its end that ends TLS and passes on 20 ms later each way. First each
action alone, ten times; then everybody at once, each request timed from when it was due. Bytes of HTTP are those of heads and bodies; bytes
of the line have TLS, TCP/IP and frames too. Without root the former are shown alone.
"""

import argparse
import asyncio
import base64
import random
import ssl
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from loadtests import line as lines
from loadtests.actions import Action, actions, lived_in
from loadtests.machine import ROOT
from loadtests.scenarios import arrivals
from loadtests.scenarios.town import Desk, Town, own
from loadtests.served import place
from loadtests.wire import Line, connect, percentile
from tests.lots.transports.authority import Authority

REPEATS: Final = 10
DELAY_S: Final = 0.02
# One request of each person in so many seconds.
PAUSE_S: Final = 4.0
P95_S: Final = 1.0
PATIENCE_S: Final = 30.0
RUN_S: Final = 280.0


class Weight(msgspec.Struct, frozen=True):
    """The bytes of HTTP of one action, up and down."""

    name: str
    who: str
    up: int
    down: int


class Job(msgspec.Struct, frozen=True):
    """What the far end of the line is to do; requests are base64, those of an action together, and `often` how often it is done."""

    host: str
    port: int
    ca: str
    requests: dict[str, list[str]]
    often: dict[str, float]
    users: int
    seconds: float


class Alone(msgspec.Struct, frozen=True):
    """One action alone on the line: its bytes there up and down, and the longest of the seconds that it took."""

    up: float
    down: float
    seconds: float


class Far(msgspec.Struct, frozen=True):
    """What the far end saw: each action alone; then of all people the action, seconds and status of each request, and bytes up and down."""

    alone: dict[str, Alone]
    samples: list[tuple[str, float, int]]
    passed: tuple[int, int]


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """What came of everybody at once."""

    kbps: int
    users: int
    asked: int
    failed: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    up_kbps: float
    down_kbps: float
    slowest: dict[str, float]

    @property
    def holds(self) -> bool:
        """Say whether all were answered, and 95 of 100 within a second."""
        return self.asked > 0 and not self.failed and self.p95_ms <= P95_S * 1000


async def weigh(port: int, known: Sequence[Action]) -> list[Weight]:
    """Ask each thing once over a plain connection, and count what went over it."""
    line, told = await connect(port), []
    try:
        for action in known:
            request = action.make()
            await _asked(line, request, action.name)
            told.append(Weight(action.name, action.who, len(request), line.taken))
    finally:
        line.close()
    return told


async def _asked(line: Line, request: bytes, name: str) -> float:
    """Ask, and return the seconds that it took. Raises LookupError for what is refused."""
    began = time.perf_counter()
    status = await asyncio.wait_for(line.ask(request), PATIENCE_S)
    if not 200 <= status < 300:
        raise LookupError(f"{name}: {status} {line.body[:200].decode(errors='replace')}")
    return time.perf_counter() - began


async def far(job: Job) -> Far:
    """Be the far end of the line: each action alone, then all people at once."""
    tls = ssl.create_default_context(cafile=job.ca)
    requests = {name: iter([base64.b64decode(one) for one in some]) for name, some in job.requests.items()}
    line, alone = await connect(job.port, job.host, tls), {}
    for name, some in requests.items():
        before = _passed()
        longest = max([await _asked(line, next(some), name) for _ in range(REPEATS)])
        up, down = (now - then for now, then in zip(_passed(), before, strict=True))
        alone[name] = Alone(up / REPEATS, down / REPEATS, longest)
    line.close()
    before, samples = _passed(), list[tuple[str, float, int]]()

    async def person(rank: int) -> None:
        draw, now = random.Random(rank), time.perf_counter
        # The first request of each waits for TLS to be agreed.
        line, started = None, now()
        for due in arrivals.steady(draw, 1 / PAUSE_S, job.seconds):
            name = draw.choices(list(job.often), list(job.often.values()))[0]
            if (wait := started + due - now()) > 0:
                await asyncio.sleep(wait)
            line = line or await connect(job.port, job.host, tls)
            status = await asyncio.wait_for(line.ask(next(requests[name])), PATIENCE_S)
            samples.append((name, now() - started - due, status))
        if line is not None:
            line.close()

    await asyncio.gather(*map(person, range(job.users)))
    up, down = (now - then for now, then in zip(_passed(), before, strict=True))
    return Far(alone, samples, (up, down))


def _passed() -> tuple[int, int]:
    folder = Path("/sys/class/net", lines.THERE, "statistics")
    return int((folder / "tx_bytes").read_text(encoding="ascii")), int((folder / "rx_bytes").read_text(encoding="ascii"))


async def shaped(port: int, known: Sequence[Action], kbps: int, users: int, seconds: float) -> tuple[dict[str, Alone], Shared]:
    """Do all of it over a line. Raises NoLine."""
    # Twice as many of each as are drawn on the average, and some.
    share = 2 * users * seconds / PAUSE_S / sum(one.often for one in known)
    with lines.line(kbps) as inside, tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        pair = authority.pair("line", host=lines.NEAR)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pair.certificate_file, pair.key_file)
        async with lines.delaying(port, DELAY_S, tls) as near:
            made = {
                one.name: [base64.b64encode(one.make()).decode() for _ in range(REPEATS + 10 + round(share * one.often))] for one in known
            }
            job = Job(lines.NEAR, near, str(authority.file), made, {one.name: one.often for one in known}, users, seconds)
            command = [*inside, sys.executable, "-m", "loadtests.bandwidth", "--far"]
            done = await asyncio.to_thread(
                subprocess.run, command, cwd=ROOT, input=msgspec.json.encode(job), capture_output=True, timeout=RUN_S + seconds
            )
    if done.returncode:
        raise LookupError(done.stderr.decode(errors="replace")[-2000:])
    told = msgspec.json.decode(done.stdout, type=Far)
    return told.alone, judged(told, kbps, users, seconds)


def judged(told: Far, kbps: int, users: int, seconds: float) -> Shared:
    """Put what everybody saw into figures; `slowest` has the 95th of 100 of each action."""
    parts: dict[str, list[float]] = defaultdict(list)
    for name, took, _ in told.samples:
        parts[name].append(took)
    every = [took for _, took, _ in told.samples]
    up, down = (round(passed * 8 / seconds / 1000, 1) for passed in told.passed)
    return Shared(
        kbps=kbps, users=users, asked=len(every), failed=sum(not 200 <= status < 300 for _, _, status in told.samples),
        p50_ms=_ms(every, 0.5), p95_ms=_ms(every, 0.95), p99_ms=_ms(every, 0.99), up_kbps=up, down_kbps=down,
        slowest={name: _ms(times, 0.95) for name, times in parts.items()},
    )  # fmt: skip


def _ms(times: list[float], share: float) -> float:
    return round(percentile(times, share) * 1000, 1)


async def measured(here: Town, asked: argparse.Namespace) -> tuple[list[Weight], dict[str, Alone], Shared | None]:
    """Let a centre live, and measure what its people do."""
    await lived_in(here)
    known = await actions(here)
    weights = await weigh(here.target.port, known)
    here.target.close()
    try:
        return weights, *await shaped(here.target.port, known, asked.kbps, asked.users, asked.seconds)
    except lines.NoLine as error:
        print(f"no shaped line: {error}", file=sys.stderr)
        return weights, {}, None


def table(weights: Sequence[Weight], alone: dict[str, Alone], shared: Shared | None) -> str:
    """Show all of it as text."""
    told = [f"{'':24} {'who':7} {'HTTP up':>8} {'down':>8} {'line up':>8} {'down':>8} {'alone ms':>9} {'shared p95':>10}"]
    for one in weights:
        by = alone.get(one.name, Alone(0, 0, 0))
        last = shared.slowest.get(one.name, 0.0) if shared else 0.0
        told.append(f"{one.name:24} {one.who:7} {one.up:8} {one.down:8} {by.up:8.0f} {by.down:8.0f} {by.seconds * 1000:9.0f} {last:10.0f}")
    if shared is not None:
        told.append(
            f"{shared.users} people on {shared.kbps} kbit/s: {shared.asked} requests, {shared.failed} failed, p50 {shared.p50_ms} ms,"
            f" p95 {shared.p95_ms} ms, p99 {shared.p99_ms} ms; {shared.up_kbps} kbit/s up, {shared.down_kbps} down"
        )
        told.append(f"{'met    ' if shared.holds else 'NOT MET'} p95 <= {P95_S:g} s, nothing failed")
    return "\n".join(told)


def main(arguments: list[str]) -> int:
    """Run it, or be its far end."""
    if arguments == ["--far"]:
        job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
        sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(far(job))))
        return 0
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bandwidth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kbps", type=int, default=2000, help="what the line passes each way")
    parser.add_argument("--users", type=int, default=10, help="how many people share it")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long they do")
    parser.add_argument("--json", action="store_true", help="print one object")
    asked = parser.parse_args(arguments)
    with place() as here, own(here, 1) as target:
        desks = [Desk(centre) for centre in uvloop.run(here.centres([1]))]
        weights, alone, shared = uvloop.run(measured(Town(target, desks, here), asked))
    if asked.json:
        print(msgspec.json.encode({"actions": weights, "alone": alone, "shared": shared}).decode())
    else:
        print(table(weights, alone, shared))
    return 0 if shared is None or shared.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
