# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.fault.defects [NAME...] [--seed N]`: plant defects in copies of the tree, one by one, and say which are found.

Each defect is text that is replaced; text that is not there any more ends the run, for a defect that is not planted is found by nobody.
"""

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, Literal, NamedTuple

ROOT: Final = Path(__file__).parents[2]
LEFT_OUT: Final = shutil.ignore_patterns(".venv", ".git", "build", "__pycache__", ".*_cache", ".hypothesis")
KILLS: Final = 150
LONGEST_S: Final = 600.0
Test = Literal["storm", "month", "disk"]


class Edit(NamedTuple):
    """Text of one file, and what stands there instead."""

    path: str
    old: str
    new: str


class Defect(NamedTuple):
    """What is wrong, how it gets there, and which test is to find it."""

    name: str
    test: Test
    edits: tuple[Edit, ...]


LATER: Final = """
async def _later(pool: Pool, con: "asyncpg.pool.PoolConnectionProxy", begun: "asyncpg.transaction.Transaction") -> None:
    await asyncio.sleep(0.05)
    await begun.commit()
    await pool.release(con)


@asynccontextmanager
async def transaction("""
COMMITTED: Final = """        async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as con:
            work = con.transaction()
            await work.start()
            try:
                await con.execute(SET_TENANT, str(tenant))
                yield con  # type: ignore[misc]  # the pool's proxy forwards every method of a connection
                await deadline.before_commit()
            except BaseException:
                await _undo(con, work)  # type: ignore[arg-type]
                raise
            await work.commit()
"""
COMMITTED_LATER: Final = """        con = await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        begun = con.transaction()
        await begun.start()
        try:
            await con.execute(SET_TENANT, str(tenant))
            yield con
        except BaseException:
            await begun.rollback()
            await pool.release(con)
            raise
        asyncio.get_running_loop().create_task(_later(pool, con, begun))
"""
TAKEN: Final = """VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id, kind, name) DO UPDATE SET value = counter.value + excluded.value"""
TAKEN_FROM_SEQUENCE: Final = """VALUES (
        $1, $2, $3, CASE WHEN $2 = 'invoice' THEN setval('numbers', nextval('numbers') + $4::bigint - 1) ELSE $4::bigint END)
    ON CONFLICT (tenant_id, kind, name) DO UPDATE
       SET value = CASE WHEN counter.kind = 'invoice' THEN excluded.value ELSE counter.value + excluded.value END"""
LIVE: Final = "CREATE UNIQUE INDEX lot_share_one_live ON lot_share (tenant_id, invoice_id, part) WHERE live;"
SEQUENCE: Final = f"{LIVE}\nCREATE SEQUENCE numbers;\nGRANT USAGE, UPDATE ON SEQUENCE numbers TO desmos_app;"
HOLD: Final = "SELECT pg_advisory_xact_lock(hashtextextended('shares of ' || $1, 2))"
FREE: Final = """
           AND s.state IN ('open', 'file_refused') AND s.transport = s.state
     RETURNING"""
KEPT: Final = """        await con.execute(STORE, tenant, route, key, fingerprint, *_kept(answer))
        return replace(answer, replayed=False)"""
KEPT_APART: Final = """    async with transaction(pool, tenant) as con:
        await con.execute(STORE, tenant, route, key, fingerprint, answer.status, headers, body)
        return replace(answer, replayed=False)"""
PUT: Final = "await self.transports[recipient].put(Parcel(file.name, file.data))"
SAID: Final = "await self._in_transaction(order, lambda con: service.mark_sent(con, order.tenant, self.clock(), order.file, to=recipient))"
NEW_NAME: Final = 'file.name if kept.state == "queued" else file.name.replace(".b2", "-2.b2")'

UNMATCHED: Final = "    await follow.unmatched(con, context.tenant, context.now, said.dead, context.actor)\n"

DEFECTS: Final = (
    Defect("answer before commit", "storm", (
        Edit("desmos_fast/db/tenant.py", "\n@asynccontextmanager\nasync def transaction(", LATER),
        Edit("desmos_fast/db/tenant.py", COMMITTED, COMMITTED_LATER),
    )),
    Defect("no rename", "storm", (Edit("desmos_fast/lots/transports/directory.py", 'part = f".{name}.part"', "part = name"),)),
    Defect("number from a sequence", "storm", (
        Edit("desmos_fast/db/numbers.py", TAKEN, TAKEN_FROM_SEQUENCE),
        Edit("desmos_fast/db/migrations/0001_pre_tables.sql", LIVE, SEQUENCE),
    )),
    Defect("nothing keeps a part out of two live lots", "storm", (
        Edit("desmos_fast/db/migrations/0001_pre_tables.sql", LIVE, "SELECT 1;"),
        Edit("desmos_fast/lots/store.py", HOLD, "SELECT $1::text"),
        Edit("desmos_fast/lots/store.py", FREE, "\n     RETURNING"),
    )),
    Defect("builders do not wait for each other", "storm", (Edit("desmos_fast/lots/store.py", HOLD, "SELECT $1::text"),)),
    Defect("said to be sent before it is", "storm", (
        Edit("desmos_fast/lots/jobs.py", f"                {PUT}", f"                {SAID}\n                {PUT}"),
    )),
    Defect("job done when it is begun", "storm", (
        Edit("desmos_fast/db/queue.py", "            await handler(Job(",
             '            await pool.execute("DELETE FROM pgqueuer WHERE id = $1", job.id)\n            await handler(Job('),
    )),
    Defect("key kept apart from its effect", "storm", (Edit("desmos_fast/db/idempotency.py", KEPT, KEPT_APART),)),
    Defect("sent again under a new name", "month", (
        Edit("desmos_fast/lots/jobs.py", "Parcel(file.name, file.data)", f"Parcel({NEW_NAME}, file.data)"),
    )),
    Defect("holidays are worked", "month", (
        Edit("desmos_fast/base/calendar.py", "return day.weekday() < SATURDAY and not is_holiday(day)", "return day.weekday() < SATURDAY"),
    )),
    Defect("alarm on the last day", "month", (
        Edit("desmos_fast/lots/follow/store.py", "AND ack_due < $2 ORDER", "AND ack_due <= $2 ORDER"),
    )),
    Defect("sent again for ever", "month", (
        Edit("desmos_fast/lots/follow/rules.py", "RESENDS: Final = 1\n", "RESENDS: Final = 9\n"),
    )),
    Defect("late answer leaves the alarm", "month", (
        Edit("desmos_fast/returns/service.py", "    await follow.answered(con, context.tenant, context.now, files, context.actor)\n", ""),
    )),
    Defect("answers for nobody are dropped", "month", (
        Edit("desmos_fast/returns/service.py", UNMATCHED, ""),
    )),
    Defect("full disk taken for success", "disk", (
        Edit("desmos_fast/lots/transports/directory.py", "    except OSError as error:\n        raise TransportFailed(",
             "    except OSError as error:\n        return\n        raise TransportFailed("),
    )),
    Defect("full database is our fault", "disk", (Edit("desmos_fast/db/pool.py", "    asyncpg.InsufficientResourcesError,\n", ""),)),
)  # fmt: skip


def planted(defect: Defect | None, folder: Path) -> Path:
    """Copy the tree with a defect in it, or without any."""
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT, symlinks=True)
    for edit in () if defect is None else defect.edits:
        path = tree / edit.path
        text = path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise SystemExit(f"{defect.name if defect else ''}: {edit.path} does not hold once: {edit.old!r}")
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
    return tree


def command(test: Test, seed: int) -> list[str]:
    """Return what runs a test."""
    if test == "storm":
        return [sys.executable, "-m", "tests.fault.storm.run", "--kills", str(KILLS), "--seed", str(seed)]
    return [sys.executable, "-m", "pytest", "-q", "-x", f"tests/fault/test_{'month' if test == 'month' else 'disk_full'}.py"]


def found(defect: Defect | None, test: Test, seed: int) -> tuple[bool, str]:
    """Run a test over a copy; say whether it failed, and with which last words."""
    with tempfile.TemporaryDirectory(prefix="desmos-defect-") as folder:
        os.chmod(folder, 0o711)
        tree = planted(defect, Path(folder))
        env = {**os.environ, "DESMOS_TEST_CHAOS_SEED": str(seed), "PYTHONPATH": str(tree)}
        try:
            ran = subprocess.run(command(test, seed), cwd=tree, env=env, capture_output=True, text=True, timeout=LONGEST_S)
        except subprocess.TimeoutExpired:
            return True, "it does not end"
    said = [line for line in (ran.stdout + ran.stderr).splitlines() if "wrong" in line or line.startswith("E ") or "Error" in line]
    return ran.returncode != 0, " | ".join(said[-2:])[-300:]


def main() -> None:
    """Run each test without a defect first, then with each; exit 1 when one is not found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="the defects to plant, all unless said")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    asked = parser.parse_args()
    chosen = [defect for defect in DEFECTS if defect.name in asked.names or not asked.names]
    print(f"seed {asked.seed}", flush=True)
    for test in sorted({defect.test for defect in chosen}):
        failed, said = found(None, test, asked.seed)
        if failed:
            raise SystemExit(f"{test} fails without any defect: {said}")
    missed = 0
    for defect in chosen:
        begun = time.monotonic()
        caught, said = found(defect, defect.test, asked.seed)
        missed += not caught
        print(f"{'found ' if caught else 'MISSED'} {defect.test:<5} {time.monotonic() - begun:5.0f} s  {defect.name}  {said}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} found")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
