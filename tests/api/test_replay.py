# SPDX-License-Identifier: Apache-2.0
"""What is stored is what follows from what came in: after each step of random centres the database is played again in memory."""

import asyncio
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from desmos_fast.db.tenant import direct
from desmos_fast.invariants.store import reading
from desmos_fast.settlement import store
from desmos_fast.settlement.replay.service import Replayed, replay
from tests.api import worker
from tests.api.conftest import Desk, House
from tests.api.test_settlement_random import steps
from tests.settlement.centre import Centre, credit
from tests.settlement.rejects.work import APART, DUPLICATE, Work


async def replayed(centre: Centre) -> Replayed:
    async with reading(centre.desk.house.wire.dsn, centre.desk.tenant) as con:
        return await replay(con, centre.desk.tenant, centre.desk.finess, centre.keys.index)


async def same(centre: Centre) -> Replayed:
    found = await replayed(centre)
    assert found.differences == () and found.same
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_each_step_of_a_random_centre_is_played_again(house: House, seed: int) -> None:
    draw, centre = random.Random(seed), Centre(await house.desk())
    all_steps = steps(seed)
    for step in draw.sample(all_steps, len(all_steps)):
        await step(centre)
        if draw.random() < 0.4:
            await centre.reconcile()
            await same(centre)
    await centre.reconcile()
    found = await same(centre)
    assert found.runs > 2 and found.entries > 20 and found.stored == found.rebuilt


async def lived(desk: Desk) -> Centre:
    """Give a centre of which one order was paid, and one was not."""
    centre = Centre(desk)
    for number in (1, 2):
        await centre.invoice(number, order=20 + number)
    await centre.order("o:1", centre.line(order=21))
    await centre.order("o:2", centre.line(1999, 2, order=22), reference="26274000000002")
    await centre.bank(*credit(2100))
    await centre.reconcile()
    return centre


async def test_invoices_signed_while_a_run_reads_are_seen_or_not_as_they_were(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    centre, read = Centre(desk), store.open_book
    await centre.order("o:1", centre.line(2100, 7, order=27), centre.line(2100, 8, order=28))
    await centre.bank(*credit(55))

    async def interrupted(*args: Any) -> Any:
        await centre.invoice(7, order=27)
        book = await read(*args)
        await centre.invoice(8, order=28)
        return book

    with monkeypatch.context() as patch:
        patch.setattr(store, "open_book", interrupted)
        await centre.reconcile()
    assert {name: share[0] for name, share in (await centre.shares()).items() if "amo" in name} == {"7/amo": "announced", "8/amo": "sent"}
    await same(centre)
    await centre.reconcile()
    assert (await centre.shares())["8/amo"][0] == "announced"
    await same(centre)


DAMAGE = {
    "shares": ("UPDATE share SET credited = credited - 1 WHERE credited = 2100", "CENTRE/1/amo"),
    "matches": ("UPDATE match SET residual = 1 WHERE rule = 'B2'", None),
    "balances": ("UPDATE ledger_line SET debit = debit + 1 WHERE account = 'ecart' AND debit > 0", "ecart"),
    "chain": ("UPDATE ledger_entry SET hash = sha256(hash) WHERE seq = 4", "entry 4 ("),
}


@pytest.mark.parametrize("component", DAMAGE)
async def test_what_was_changed_by_another_hand_is_named(desk: Desk, component: str) -> None:
    centre = await lived(desk)
    assert (await replayed(centre)).same
    change, name = DAMAGE[component]
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        table = change.split()[1]
        await con.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        assert await con.execute(change) == "UPDATE 1"
        await con.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    found = await replayed(centre)
    assert not found.same and found.stored.state != found.rebuilt.state or component == "chain"
    [difference] = found.differences
    assert difference.component == component
    assert name is None or difference.name.startswith(name.replace("CENTRE", desk.finess))


async def test_a_run_that_was_not_kept_is_told(desk: Desk) -> None:
    centre = await lived(desk)
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        await con.execute("ALTER TABLE run DISABLE TRIGGER USER")
        assert await con.execute("DELETE FROM run") == "DELETE 1"
        await con.execute("ALTER TABLE run ENABLE TRIGGER USER")
    found = await replayed(centre)
    assert not found.same and found.differences[0].component == "runs"


async def test_rejects_are_played_again(desk: Desk) -> None:
    work = Work(desk)
    for what in ("claim", "recycle", "assign"):
        made = await work.rejected(APART, code="0450072" if what == "recycle" else DUPLICATE)
        reply = await work.do(made, what, **({"to": "Camille R."} if what == "assign" else {}))
        assert reply.status in (200, 201), reply.body
        if what == "claim":
            # A claimed reject closes nothing: a line without number finds its share.
            await work.told(work.says(made, "amo", 2800, invoice_number=None))
            assert (await work.share(made.id))["state"] == "announced"
        await same(work)
    await work.reconcile()
    assert (await same(work)).decisions == 3


async def command(desk: Desk, home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = worker.environment(desk, home) | {"DESMOS_OWNER_DSN": desk.house.owner_dsn}
    asked = [sys.executable, "-m", "desmos_fast.cli", "replay", *arguments]
    # The database is reached through this loop.
    return await asyncio.to_thread(subprocess.run, asked, env=env, capture_output=True, text=True, timeout=100, cwd=worker.ROOT)


async def test_the_command_says_the_same_or_what_differs(desk: Desk, tmp_path: Path) -> None:
    await lived(desk)
    done = await command(desk, tmp_path, "--centre", desk.finess)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert f"{desk.finess}  the same" in done.stdout
    async with direct(desk.house.owner_dsn, desk.tenant) as con:
        await con.execute("UPDATE match SET residual = 1 WHERE rule = 'B2'")
    done = await command(desk, tmp_path, "--centre", desk.finess, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["same"], [one["component"] for one in told["differences"]]) == (1, False, ["matches"])
    assert (await command(desk, tmp_path, "--centre", "000000000")).returncode == 1
