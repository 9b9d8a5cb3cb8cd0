# SPDX-License-Identifier: Apache-2.0
"""Eight builders of one centre that are killed while they build: `python -m tests.fault.builders DSN TENANT FINESS KILLS SEED`.

They are forked from one program that has loaded everything, and go on until that program has killed so many of them.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
import traceback
from typing import Final
from uuid import UUID

import orjson

from desmos_fast.base.clock import system_clock
from desmos_fast.base.types import FileId, LotId, TenantId, uuid7
from desmos_fast.billing import service as billing
from desmos_fast.billing.intake import Terms
from desmos_fast.db import journal
from desmos_fast.db import pool as pools
from desmos_fast.db.journal import Event
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.pool import DatabaseDown, Pool
from desmos_fast.db.tenant import transaction
from desmos_fast.identity.context import Context
from desmos_fast.identity.model import Caller
from desmos_fast.lots import service as lots
from desmos_fast.lots.model import Built
from desmos_fast.nomenclature.tariffs import load_tariffs
from desmos_fast.returns import store as returns
from tests.api.conftest import GOLDEN, MASTER, person

BUILDERS: Final = 8
MOST_INVOICES: Final = 6
UNANSWERED: Final = "SELECT id FROM file WHERE state = 'queued' ORDER BY id LIMIT 50 FOR UPDATE SKIP LOCKED"
ONE_EACH: Final = b'{"max_invoices_per_lot":1,"max_lots_per_file":3}'


def context(tenant: UUID, finess: str) -> Context:
    """Return what a request of the centre is given."""
    owner = TenantId(tenant)
    return Context(Caller(owner, finess, "test", uuid7()), Keyring(MASTER).of(owner), system_clock())


def batch(finess: str, count: int) -> bytes:
    """Return so many invoices of a biller, without numbers."""
    one = orjson.loads((GOLDEN / "01_ngap_visit.ndjson").read_bytes().splitlines()[0])
    del one["number"]
    return b"\n".join([orjson.dumps(one | {"biller": finess, "insured_nir": person()})] * count)


async def bill(pool: Pool, who: Context, count: int) -> None:
    """Sign so many invoices, whole or not at all."""
    async with transaction(pool, who.tenant) as con:
        signed = await billing.create_batch(con, who, batch(who.finess, count), Terms(load_tariffs()))
        assert signed.accepted == count, signed


async def build(pool: Pool, who: Context) -> Built:
    """Build what waits, a lot for each invoice."""
    async with transaction(pool, who.tenant) as con:
        return await lots.build(con, who, ONE_EACH)


async def answer(pool: Pool, who: Context) -> None:
    """Have what was built sent and accepted, by whomever, so that its numbers may be given again."""
    async with transaction(pool, who.tenant) as con:
        files = [FileId(row["id"]) for row in await con.fetch(UNANSWERED)]
        for file in files:
            await lots.mark_sent(con, who.tenant, who.now, file)
            made = [LotId(row["id"]) for row in await con.fetch("SELECT id FROM lot WHERE file_id = $1 ORDER BY id", file)]
            await returns.answer_lots(con, who.tenant, [returns.Verdict(lot, "accepted", "0000") for lot in made])
            await journal.record(con, who.tenant, who.now, [Event("ack.accepted", lot) for lot in made], by=who.actor)
        await returns.acknowledge(con, who.tenant, files)


async def work(dsn: str, who: Context, seed: int) -> None:
    """Bill, build and have answered, again and again."""
    rng = random.Random(seed)
    pool = await pools.create(dsn, 1)
    while True:
        with contextlib.suppress(DatabaseDown):
            await bill(pool, who, rng.randint(1, MOST_INVOICES))
            await build(pool, who)
            await answer(pool, who)


def fork(dsn: str, who: Context, seed: int) -> int:
    """Start one builder and return its process."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(work(dsn, who, seed))
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    return child


def kill(child: int) -> bool:
    """Kill a builder as a power cut would; return False when it had ended by itself."""
    os.kill(child, signal.SIGKILL)
    return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def main() -> None:
    """Kill builders at random moments, each replaced at once; at the end kill all."""
    dsn, tenant, finess, kills, seed = sys.argv[1:]
    rng = random.Random(int(seed))
    who = context(UUID(tenant), finess)
    load_tariffs()
    running = [fork(dsn, who, rng.getrandbits(32)) for _ in range(BUILDERS)]
    killed = 0
    try:
        for _ in range(int(kills)):
            time.sleep(rng.uniform(0.0, 0.4))
            killed += kill(running.pop(rng.randrange(BUILDERS)))
            running.append(fork(dsn, who, rng.getrandbits(32)))
    finally:
        killed += sum([kill(child) for child in running])
    if killed != int(kills) + BUILDERS:
        sys.exit("a builder ended by itself")
    print(killed)


if __name__ == "__main__":
    main()
