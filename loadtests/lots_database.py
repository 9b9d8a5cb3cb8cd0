# SPDX-License-Identifier: Apache-2.0
"""Invoices from the database to sealed files on disk, and where the time goes: `python -m loadtests.lots_database --invoices 500000`.

A cluster of its own is filled with signed invoices of one centre by the product's own bulk path. Then, each in a fresh process: the lots
are built as the API builds them, in one transaction over the serving role, and the worker sends every file into a folder. What comes out is
checked against what went in. It shows neither HTTP nor several centres at once.
"""

import argparse
import asyncio
import hashlib
import inspect
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from api.logs import configure
from desmos_fast.base.settings import Settings
from desmos_fast.base.types import TenantId, uuid7
from desmos_fast.billing import store as invoices
from desmos_fast.billing.sealed import seal_block
from desmos_fast.db import journal, pool, queue
from desmos_fast.db.embedded import open_cluster
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.migrate import migrate
from desmos_fast.db.tenant import direct, transaction
from desmos_fast.exchange.model import RECORD_WIDTH
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import Caller
from desmos_fast.lots import assembly, codec, service, store
from desmos_fast.lots.jobs import Sender
from desmos_fast.lots.model import SEND_FILE, BuildRequest, Built
from desmos_fast.lots.recipients.reading import letterbox
from desmos_fast.lots.transports.directory import DirectoryTransport
from desmos_fast.simulator.day import Day
from desmos_fast.simulator.world import World
from loadtests.machine import forget_peak, peak_memory

CARE: Final = date(2026, 11, 20)
NOW: Final = datetime(2026, 11, 21, 9, tzinfo=UTC)
TENANT: Final = TenantId(UUID(int=7))
MASTER: Final = b"a master key of a load test only"
BLOCK: Final = 5_000
# 999 numbers of lots are free at most: lots as wide as a trailer can count, files of some twenty thousand invoices.
REQUEST: Final = BuildRequest(max_invoices_per_lot=999, max_lots_per_file=20)
LINE: Final = RECORD_WIDTH + 1


class Stages:
    """Seconds spent inside functions of the product, by stage; a stage that runs beside another counts in both."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def watch(self, stage: str, owner: Any, name: str) -> None:
        """Time every call of a function, where its callers look it up."""
        real: Callable[..., Any] = getattr(owner, name)
        self.seconds.setdefault(stage, 0.0)

        async def waited(*args: Any, **kwargs: Any) -> Any:
            with self.during(stage):
                return await real(*args, **kwargs)

        def called(*args: Any, **kwargs: Any) -> Any:
            with self.during(stage):
                return real(*args, **kwargs)

        setattr(owner, name, waited if inspect.iscoroutinefunction(real) else called)

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """Time what is done inside."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - began


class Asking(NamedTuple):
    """A centre of a measurement; there is one unless several share a database."""

    tenant: TenantId = TENANT
    seed: int = 1

    @property
    def context(self) -> Context:
        """Return its request."""
        return Context(Caller(self.tenant, World(self.seed).centre.finess, "test", uuid7()), Keyring(MASTER).of(self.tenant), NOW)


ALONE: Final = Asking()


async def fill(owner_dsn: str, app_dsn: str, count: int, centre: Asking = ALONE) -> dict[str, Any]:
    """Sign so many invoices, as a batch does: encoded, sealed, copied with their shares."""
    await migrate(owner_dsn)
    asking, tenant = centre.context, centre.tenant
    async with direct(owner_dsn) as con:
        await con.execute("INSERT INTO centre (tenant_id, finess, name) VALUES ($1, $2, 'Centre de charge')", tenant, asking.finess)
    made = Day(World(centre.seed), CARE).invoices(count)
    began = time.perf_counter()
    sealing = 0.0
    for start in range(0, count, BLOCK):
        some = [msgspec.structs.replace(next(made), created_on=CARE.isoformat()) for _ in range(min(BLOCK, count - start))]
        at = time.perf_counter()
        block = seal_block(asking.keys, tenant, some)
        async with direct(app_dsn, tenant) as con:
            await invoices.add(con, tenant, invoices.tables(block, kind="test", signed_at=NOW))
        sealing += time.perf_counter() - at
    return {"seconds": time.perf_counter() - began, "of which sealed and copied": sealing}


async def build(app_dsn: str, centre: Asking = ALONE) -> dict[str, Any]:
    """Build every file as the API does."""
    stages = Stages()
    for stage, owner, name in (
        ("read", store, "waiting"), ("read", store, "contents"), ("open seals, check hashes", assembly, "open_claims"),
        ("group and cut", codec, "plan"), ("lay out", codec, "lay_out"), ("seal", service, "_sealed"),
        ("store files", store, "add_files"), ("store lots", store, "add_lots"),
        ("store lots", store, "retire"), ("store shares", store, "fill"), ("store events", journal, "record"),
    ):  # fmt: skip
        stages.watch(stage, owner, name)
    opened = await pool.create(app_dsn, 2)
    forget_peak()
    began = time.perf_counter()
    async with transaction(opened, centre.tenant) as con:
        built = await service.build(con, centre.context, msgspec.json.encode(REQUEST))
        done = time.perf_counter()
    ended = time.perf_counter()
    stages.seconds["commit"] = ended - done
    peak = peak_memory()
    await opened.close()
    return {"seconds": ended - began, "stages": stages.seconds, "memory": peak, **described(built)}


def described(built: Built) -> dict[str, Any]:
    """Return what a build made, in figures."""
    return {
        "files": len(built.files), "lots": built.lots, "invoices": built.invoices, "shares": built.shares,
        "claims": sum(lot.invoices for file in built.files for lot in file.lots), "bytes": sum(file.size for file in built.files),
        "sha256": {file.name: file.sha256 for file in built.files},
    }  # fmt: skip


async def send(app_dsn: str, out: Path) -> dict[str, Any]:
    """Send every file as the worker does, into a folder."""
    stages = Stages()
    for stage, owner, name in (
        ("read files", store, "find_file"), ("open files, check", service, "opened"), ("write, fsync", DirectoryTransport, "put"),
        ("mark as sent", service, "mark_sent"),
    ):  # fmt: skip
        stages.watch(stage, owner, name)
    recipients = letterbox(out)
    opened = await pool.create(app_dsn, queue.AT_ONCE + 4)
    sender = Sender(opened, Keyring(MASTER), recipients, {name: DirectoryTransport(out) for name in recipients.by_name}, lambda: NOW)
    forget_peak()
    began = time.perf_counter()
    await queue.run(opened, {SEND_FILE: sender}, asyncio.Event(), once=True)
    ended = time.perf_counter()
    peak = peak_memory()
    await opened.close()
    return {"seconds": ended - began, "stages": stages.seconds, "memory": peak, "sent": sender.sent, "dead": sender.dead}


def verified(out: Path, built: dict[str, Any]) -> dict[str, Any]:
    """Compare the folder with what the build said: every file, byte for byte, and every claim in one of them."""
    found = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    same = {name: hashlib.sha256(data).hexdigest() for name, data in found.items()} == built["sha256"]
    claims = sum(int(data[at + 13 : at + 16]) for data in found.values() for at in range(0, len(data), LINE) if data[at : at + 1] == b"6")
    return {"files as built": same, "claims in trailers": claims}


def child(stage: str, *args: str) -> dict[str, Any]:
    """Do a stage in a process of its own."""
    command = [sys.executable, "-m", "loadtests.lots_database", "--stage", stage, *args]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def whole(count: int) -> dict[str, Any]:
    """Run all of it on a cluster that goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="desmos-lots-") as folder:
        Path(folder).chmod(0o711)
        out = Path(folder) / "out"
        out.mkdir()
        with open_cluster(Settings(data_dir=Path(folder) / "data")) as cluster:
            dsns = (cluster.owner_dsn("desmos"), cluster.app_dsn("desmos"))
            filled = child("fill", *dsns, str(count))
            built = child("build", dsns[1])
            sent = child("send", dsns[1], str(out))
        checked = verified(out, built)
        del built["sha256"]
        return {"count": count, "fill": filled, "build": built, "send": sent, "check": checked}


def show(found: dict[str, Any]) -> None:
    """Print the figures."""
    built, sent = found["build"], found["send"]
    print(f"{found['count']} invoices signed in {found['fill']['seconds']:.1f} s; {built['claims']} claims, {built['lots']} lots,", end=" ")
    print(f"{built['files']} files, {built['bytes'] / 1e6:.0f} MB")
    for name, part in (("build", built), ("send", sent)):
        print(f"{name}: {part['seconds']:.1f} s, peak memory {part['memory'] / 2**20:.0f} MiB")
        for stage, seconds in part["stages"].items():
            print(f"  {stage:<28}{seconds:8.2f} s {100 * seconds / part['seconds']:5.1f} %")
    both = built["seconds"] + sent["seconds"]
    print(f"together {both:.1f} s, {found['count'] / both:.0f} invoices a second")
    print("check:", ", ".join(f"{key} {value}" for key, value in found["check"].items()))


def main() -> None:
    """Read the arguments; a stage is what a process of its own is started for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--stage", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    match given.stage:
        case None:
            found = whole(given.invoices)
            print(json.dumps(found)) if given.json else show(found)
        case ["fill", owner, app, count]:
            print(json.dumps(asyncio.run(fill(owner, app, int(count)))))
        case ["build", app]:
            print(json.dumps(asyncio.run(build(app))))
        case ["send", app, out]:
            # Standard output is for the figures.
            configure("error")
            print(json.dumps(asyncio.run(send(app, Path(out)))))


if __name__ == "__main__":
    main()
