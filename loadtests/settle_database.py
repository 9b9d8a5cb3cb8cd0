# SPDX-License-Identifier: Apache-2.0
"""Open invoices and the lines of payers in the database, matched and posted: `python -m loadtests.settle_database --lines 1000000`.

A cluster of its own is filled with signed invoices of one centre by the product's own bulk path, and with payment orders of a thousand
lines that name them: 94 in a hundred to the letter, two without the patient, two with half the amount, one with another day, one without
number. Then, each in a fresh process: the same matching as one SQL statement, taken back; the product's reconciliation, committed. It shows
neither the reading of return files, nor HTTP, nor the bank; the statement writes neither evidence, nor events, nor the ledger.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import asyncpg

from desmos_fast.base.settings import Settings
from desmos_fast.db import journal, leaf, pool
from desmos_fast.db.embedded import open_cluster
from desmos_fast.db.tenant import direct, transaction
from desmos_fast.settlement import applying, service, store
from desmos_fast.settlement.bulk import store as bulk
from loadtests.command import progress
from loadtests.lots_database import ALONE, Asking, Stages, fill
from loadtests.machine import forget_peak, peak_memory

FILE: Final = """
    INSERT INTO return_file (tenant_id, id, sha256, kind, sequence, answer, sealed, imported_at)
    VALUES ($1, gen_random_uuid(), decode(repeat('ab', 32), 'hex'), 'rsp', 1, '{}', '', now())
"""
ORDERS: Final = """
    WITH due AS MATERIALIZED (
        SELECT i.biller, i.number, i.insured_key, i.care_date, s.part, s.payer, s.amount,
               (row_number() OVER (PARTITION BY s.payer ORDER BY i.number) - 1)::integer AS n
          FROM (SELECT DISTINCT ON (invoice_id) * FROM share WHERE tenant_id = $1 AND part <> 'patient' ORDER BY invoice_id, part DESC) AS s
          JOIN invoice AS i ON i.tenant_id = $1 AND i.id = s.invoice_id
    ),
    said AS MATERIALIZED (
        SELECT biller, part, payer, n / 1000 AS file, n % 1000 + 1 AS line,
               CASE WHEN n % 100 IN (3, 4) THEN amount / 2 ELSE amount END AS amount,
               CASE WHEN n % 100 <> 5 THEN number END AS number, CASE WHEN n % 100 NOT IN (0, 1) THEN insured_key END AS insured_key,
               care_date + (n % 100 = 2)::integer AS care_date
          FROM due
    ),
    orders AS MATERIALIZED (
        SELECT gen_random_uuid() AS id, payer, file, min(biller) AS biller, sum(amount) AS total,
               encode(substring(sha256(convert_to(payer || '#' || file, 'UTF8')) FROM 1 FOR 8), 'hex') || ':1' AS ref
          FROM said GROUP BY payer, file
    ),
    added AS (
        INSERT INTO payment_order (tenant_id, id, return_file_id, ref, kind, payer, emitter, biller, payment_date, payment_ref, total, line)
        SELECT $1, o.id, f.id, o.ref, 'payment', o.payer, o.payer, o.biller, '2026-12-01', o.ref, o.total, 1
          FROM orders AS o CROSS JOIN return_file AS f WHERE f.tenant_id = $1
    )
    INSERT INTO order_line (tenant_id, order_id, line, biller, part, payer, status, amount, invoice_number, insured_key, care_date)
    SELECT $1, o.id, s.line, s.biller, s.part, s.payer, 'paid', s.amount, s.number, s.insured_key, s.care_date
      FROM said AS s JOIN orders AS o USING (payer, file)
"""
STATEMENT: Final = """
    WITH pair AS MATERIALIZED (
        SELECT gen_random_uuid() AS id, o.ref || '#' || l.line AS named, i.biller || '/' || i.number || '/' || s.part AS share,
               l.order_id, l.line, l.amount, i.id AS invoice_id, s.part, s.amount AS due
          FROM order_line AS l
          JOIN payment_order AS o ON o.tenant_id = $1 AND o.id = l.order_id
          JOIN invoice AS i
                 ON i.tenant_id = $1 AND i.biller = l.biller AND i.number = l.invoice_number AND i.care_date = l.care_date
                AND i.state = 'signed' AND (l.insured_key IS NULL OR i.insured_key = l.insured_key)
          JOIN share AS s ON s.tenant_id = $1 AND s.invoice_id = i.id AND s.part = l.part AND s.payer = l.payer
         WHERE l.tenant_id = $1 AND l.match_id IS NULL
    ),
    matched AS (
        INSERT INTO match (tenant_id, id, run_id, match_key, problem, status, rule, left_refs, right_refs, amount, residual, evidence,
                           decided_by, decided_at)
        SELECT $1, id, '00000000-0000-0000-0000-000000000001', id::text, 'A', 'confirmed', 'A1', ARRAY[named], ARRAY[share], amount, 0,
               '{}', 'auto', now()
          FROM pair
    ),
    taken AS (
        UPDATE order_line AS l SET match_id = p.id, share_invoice_id = p.invoice_id
          FROM pair AS p WHERE l.tenant_id = $1 AND l.order_id = p.order_id AND l.line = p.line
    )
    UPDATE share AS s SET state = CASE WHEN p.amount >= p.due THEN 'announced' ELSE 'announced_part' END, announced = p.amount
      FROM pair AS p WHERE s.tenant_id = $1 AND s.invoice_id = p.invoice_id AND s.part = p.part
"""
TIDY: Final = "VACUUM ANALYZE order_line, payment_order, match, share, invoice"
CHECK: Final = """
    SELECT (SELECT count(*) FROM match WHERE status = 'confirmed') AS confirmed,
           (SELECT sum(amount) FROM match WHERE status = 'confirmed') AS cents,
           (SELECT sum(announced) FROM share) AS announced,
           (SELECT sum(debit) - sum(credit) FROM ledger_line) AS unbalanced,
           (SELECT sum(debit) FROM ledger_line WHERE account LIKE 'attente:%') AS awaited,
           (SELECT sum(amount) FROM order_line) AS said
"""


async def announce(owner_dsn: str, app_dsn: str, centre: Asking = ALONE) -> dict[str, Any]:
    """Let the payers say what they pay."""
    began = time.perf_counter()
    async with direct(app_dsn, centre.tenant) as con:
        await con.execute(FILE, centre.tenant)
        said = await con.execute(ORDERS, centre.tenant, timeout=3600)
    await tidy(owner_dsn)
    return {"seconds": time.perf_counter() - began, "lines": int(said.rpartition(" ")[2])}


async def tidy(owner_dsn: str) -> None:
    """Leave no dead row and no old statistics to what is measured next."""
    con = await asyncpg.connect(owner_dsn)
    try:
        await con.execute(TIDY, timeout=3600)
    finally:
        await con.close()


class TakenBack(Exception):
    """Ends a transaction of which nothing is kept."""


async def state(owner_dsn: str, app_dsn: str, centre: Asking = ALONE) -> dict[str, Any]:
    """Match by one statement, and take it back."""
    found: dict[str, Any] = {}
    try:
        async with direct(app_dsn, centre.tenant) as con, con.transaction():
            began = time.perf_counter()
            said = await con.execute(STATEMENT, centre.tenant, timeout=3600)
            found = {"seconds": time.perf_counter() - began, "matched": int(said.rpartition(" ")[2])}
            raise TakenBack
    except TakenBack:
        await tidy(owner_dsn)
        return found


def watched() -> Stages:
    """Time the stages of a run."""
    stages = Stages()
    for stage, owner, name in (
        ("lines and shares in, joined", bulk, "read"), ("matches, lines, shares, events", bulk, "write"),
        ("of which events", leaf, "copy_blocks"), ("the rest: read", store, "open_book"), ("the rest: decided", service, "decide"),
        ("the rest: written", store, "add_matches"), ("the rest: written", applying, "take"),
        ("the rest: written", applying, "move_shares"), ("ledger", bulk, "post"), ("ledger", journal, "post"),
    ):  # fmt: skip
        stages.watch(stage, owner, name)
    return stages


async def reconcile(app_dsn: str, centre: Asking = ALONE) -> dict[str, Any]:
    """Reconcile as the API does."""
    stages = watched()
    opened = await pool.create(app_dsn, 2)
    forget_peak()
    before, began = peak_memory(), time.perf_counter()
    async with transaction(opened, centre.tenant) as con:
        answer = await service.reconcile(con, centre.context)
        done = time.perf_counter()
    ended = time.perf_counter()
    # Entries and their lines are copied by the same function as events.
    stages.seconds["of which events"] -= stages.seconds["ledger"]
    stages.seconds["commit"] = ended - done
    async with transaction(opened, centre.tenant) as con:
        row = await con.fetchrow(CHECK)
    await opened.close()
    assert row is not None, "the query gives one row"
    return {
        "seconds": ended - began, "before commit": done - began, "stages": stages.seconds, "memory": peak_memory(), "memory before": before,
        "rules": {name: tally.count for name, tally in answer.rules.items()}, "entries": answer.entries,
        "check": {name: int(value) for name, value in row.items()},
    }  # fmt: skip


def child(stage: str, *args: str) -> dict[str, Any]:
    """Do a stage in a process of its own."""
    command = [sys.executable, "-m", "loadtests.settle_database", "--stage", stage, *args]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def whole(count: int) -> dict[str, Any]:
    """Run all of it on a cluster that goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="desmos-settle-") as folder, progress(4) as told:
        Path(folder).chmod(0o711)
        with open_cluster(Settings(data_dir=Path(folder) / "data")) as cluster:
            dsns = (cluster.owner_dsn("desmos"), cluster.app_dsn("desmos"))
            found: dict[str, Any] = {"invoices": count}
            for stage, args in (("fill", (*dsns, str(count))), ("announce", dsns), ("statement", dsns), ("reconcile", dsns[1:])):
                told(stage)
                found[stage] = child(stage, *args)
    ours, theirs = found["reconcile"], found["statement"]["seconds"]
    found["ratio"] = ours["before commit"] / theirs
    posted = ours["stages"]["ledger"] + ours["stages"]["of which events"]
    found["ratio without ledger and events"] = (ours["before commit"] - posted) / theirs
    return found


def show(found: dict[str, Any]) -> None:
    """Print the figures."""
    ours = found["reconcile"]
    print(f"{found['invoices']} invoices signed in {found['fill']['seconds']:.1f} s, {found['announce']['lines']} lines announced")
    print(
        f"reconciliation: {ours['seconds']:.1f} s, peak memory {ours['memory'] / 2**20:.0f} MiB, {ours['memory before'] / 2**20:.0f} before"
    )
    for stage, seconds in ours["stages"].items():
        print(f"  {stage:<32}{seconds:8.2f} s {100 * seconds / ours['seconds']:5.1f} %")
    print(f"one statement: {found['statement']['seconds']:.1f} s for {found['statement']['matched']} matches;", end=" ")
    print(f"ours takes {found['ratio']:.2f} of it, {found['ratio without ledger and events']:.2f} without ledger and events")
    print("rules:", ours["rules"], "entries:", ours["entries"])
    print("check:", ", ".join(f"{key} {value}" for key, value in ours["check"].items()))


def main() -> None:
    """Read the arguments; a stage is what a process of its own is started for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--stage", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    match given.stage:
        case None:
            found = whole(given.lines)
            print(json.dumps(found)) if given.json else show(found)
        case ["fill", owner, app, count]:
            print(json.dumps(asyncio.run(fill(owner, app, int(count)))))
        case ["announce", owner, app]:
            print(json.dumps(asyncio.run(announce(owner, app))))
        case ["statement", owner, app]:
            print(json.dumps(asyncio.run(state(owner, app))))
        case ["reconcile", app]:
            print(json.dumps(asyncio.run(reconcile(app))))


if __name__ == "__main__":
    main()
