# SPDX-License-Identifier: Apache-2.0
"""The main job, one stage after the other: invoices in, files out, answers back, every euro matched."""

import asyncio
import datetime
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from desmos_fast.base.errors import OurBug, OutsideFailed
from desmos_fast.billing.model import BatchResult, Invoice, InvoiceView, LineResult
from desmos_fast.demo.desk import Desk
from desmos_fast.demo.show import Watch
from desmos_fast.lots.model import BuildRequest, Built, FileShown
from desmos_fast.settlement.dashboard import Dashboard
from desmos_fast.settlement.model import RunAnswer
from desmos_fast.simulator import folder
from desmos_fast.simulator.concentrator import SENT, Answered, answer_folder
from desmos_fast.simulator.day import Day, line
from desmos_fast.simulator.world import World

STREAMS: Final = 4
MOST_IN_BATCH: Final = 500
FEWEST_IN_BATCH: Final = 25
DELIVERY_S: Final = 60.0
LOOK_S: Final = 0.05
READ_BACK: Final = 3
"""So many invoices of each outcome and part are read back one by one."""


class NotDelivered(OutsideFailed):
    """The worker did not bring a file to the payers' letterbox in time."""

    code = "outside_failed"


class FileDiffers(OurBug):
    """A file is not the same everywhere that it should be."""


class Plan(NamedTuple):
    """What is to be played: the world's seed, the centre that bills, the day, and how many invoices it has."""

    seed: int
    finess: str
    date: datetime.date
    invoices: int


class Signed(NamedTuple):
    """The invoices of the day, the ids that the service acknowledged by number, and what it refused."""

    invoices: list[Invoice]
    ids: dict[int, UUID]
    refused: list[LineResult]


class Played(NamedTuple):
    """Everything that a day brought: what was given, what the service answered, what the payers and the bank did."""

    signed: Signed
    built: Built
    file_bytes: int
    answered: list[Answered]
    run: RunAnswer
    dashboard: Dashboard
    views: list[InvoiceView]


async def play(plan: Plan, desk: Desk, letterbox: Path, copies: Path, watch: Watch, alive: Callable[[], None]) -> Played:
    """Play the whole day; `copies` receives the files as the service gives them, `alive` raises once nobody would send them."""
    world = World(plan.seed, finess=plan.finess)
    signed = await sign(plan, world, desk, watch)
    built = await build(world, plan, desk, watch)
    file_bytes = await deliver(built, desk, letterbox, copies, alive, watch)
    answered = await answer(plan, letterbox, watch)
    await bring_back(answered, desk, watch)
    run = await reconcile(desk, watch)
    with watch.stage("Tableau de bord", 1, "page") as step:
        dashboard = await desk.dashboard()
        step(1)
    views = await look(signed, answered, desk, watch)
    return Played(signed, built, file_bytes, answered, run, dashboard, views)


async def sign(plan: Plan, world: World, desk: Desk, watch: Watch) -> Signed:
    """Invent the day and have its invoices signed, in batches over several streams at once."""
    with watch.stage("Journée inventée", plan.invoices, "facture") as step:
        invoices = []
        for invoice in Day(world, plan.date).invoices(plan.invoices):
            invoices.append(invoice)
            step(1)
    size = min(MOST_IN_BATCH, max(FEWEST_IN_BATCH, plan.invoices // 16))
    bodies = iter([b"".join(map(line, invoices[at : at + size])) for at in range(0, len(invoices), size)])
    answers: list[BatchResult] = []
    with watch.stage("Factures signées", plan.invoices, "facture") as step:

        async def stream() -> None:
            # Each stream takes the next batch when it has the answer to its last one.
            for body in bodies:
                answer = await desk.sign(body)
                answers.append(answer)
                step(answer.accepted)

        await asyncio.gather(*(stream() for _ in range(STREAMS)))
    results = [one for answer in answers for one in answer.results]
    ids = {one.number: one.id for one in results if one.id is not None and one.number is not None}
    return Signed(invoices, ids, [one for one in results if one.errors])


async def build(world: World, plan: Plan, desk: Desk, watch: Watch) -> Built:
    """Have the lots and files of the day built, routed as the payers of the world ask."""
    settings = folder.settings_of(world, plan.date, plan.invoices)
    request = BuildRequest(
        max_invoices_per_lot=settings.max_invoices_per_lot, max_lots_per_file=settings.max_lots_per_file, routing=settings.routing
    )
    with watch.stage("Lots construits", None, "lot") as step:
        built = await desk.build_lots(request)
        step(built.lots)
    return built


async def deliver(built: Built, desk: Desk, letterbox: Path, copies: Path, alive: Callable[[], None], watch: Watch) -> int:
    """Wait until the worker has brought every file, and compare each with what the service gives of it; return their bytes.

    `alive` is asked while waiting, and raises when there is nothing to wait for. Raises NotDelivered, FileDiffers.
    """
    size = 0
    with watch.stage("Fichiers remis aux payeurs", len(built.files), "fichier") as step:
        for file in built.files:
            brought = await arrival(letterbox / SENT / file.name, alive)
            content = await desk.content(file.id)
            same(file, content, brought)
            keep(copies / file.name, content)
            size += len(content)
            step(1)
    return size


async def arrival(path: Path, alive: Callable[[], None]) -> bytes:
    """Return a file of the letterbox once it is there."""
    deadline = time.monotonic() + DELIVERY_S
    while (content := found(path)) is None:
        alive()
        if time.monotonic() > deadline:
            raise NotDelivered(f"{path.name} is not in the letterbox after {DELIVERY_S:.0f} s", hint="the worker's log says more")
        await asyncio.sleep(LOOK_S)
    return content


def found(path: Path) -> bytes | None:
    """Return the bytes of a file, or None when it is not there: a file of the letterbox is whole or absent."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def keep(path: Path, content: bytes) -> None:
    """Keep a copy of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def same(file: FileShown, content: bytes, brought: bytes) -> None:
    """Refuse a file of which the service and the letterbox say different things."""
    if (len(content), hashlib.sha256(content).hexdigest()) != (file.size, file.sha256):
        raise FileDiffers(f"the service gives other bytes for {file.name} than it announced")
    if content != brought:
        raise FileDiffers(f"{file.name} in the letterbox differs from what the service gives")


async def answer(plan: Plan, letterbox: Path, watch: Watch) -> list[Answered]:
    """Have the simulated payers and bank answer every file of the centre."""
    with watch.stage("Réponses des payeurs et de la banque", None, "fichier") as step:
        answered = await asyncio.to_thread(answer_folder, letterbox, plan.seed, biller=plan.finess)
        step(sum(len(one.files) for one in answered))
    return answered


async def bring_back(answered: Sequence[Answered], desk: Desk, watch: Watch) -> None:
    """Import every acknowledgement, return and statement."""
    arl = [path for one in answered for path in one.arl]
    rsp = [path for one in answered for path in one.rsp]
    await import_all("ARL importés", arl, desk.import_return, watch)
    await import_all("Retours RSP importés", rsp, desk.import_return, watch)
    await import_all("Relevés bancaires importés", [one.bank for one in answered], desk.import_statement, watch)


async def import_all(name: str, paths: Sequence[Path], post: Callable[[bytes], Awaitable[object]], watch: Watch) -> None:
    """Import files one after the other."""
    with watch.stage(name, len(paths), "fichier") as step:
        for path in paths:
            await post(path.read_bytes())
            step(1)


async def reconcile(desk: Desk, watch: Watch) -> RunAnswer:
    """Have all that is free matched."""
    with watch.stage("Rapprochement", None, "mouvement") as step:
        run = await desk.reconcile()
        step(sum(tally.count for tallies in (run.lines, run.credits) for tally in tallies.values()))
    return run


async def look(signed: Signed, answered: Sequence[Answered], desk: Desk, watch: Watch) -> list[InvoiceView]:
    """Read back a few invoices of each outcome."""
    chosen: dict[tuple[str, str], list[int]] = {}
    for one in answered:
        for row in one.answers.truth:
            numbers = chosen.setdefault((row.outcome, row.part), [])
            if len(numbers) < READ_BACK and row.invoice in signed.ids:
                numbers.append(row.invoice)
    ids = [signed.ids[number] for number in sorted({number for numbers in chosen.values() for number in numbers})]
    views = []
    with watch.stage("Factures relues", len(ids), "facture") as step:
        for invoice in ids:
            views.append(await desk.invoice(invoice))
            step(1)
    return views
