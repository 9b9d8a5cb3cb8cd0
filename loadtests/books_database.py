# SPDX-License-Identifier: Apache-2.0
"""The books of a year from the ledger to files, and how long that takes: `python -m loadtests.books_database --lines 1000000`.

A cluster of its own is filled through the product's own posting: invoices signed, announced, received. Then, in a fresh process, the year
is closed and written in each format, and the FEC is checked. It shows neither HTTP nor several centres at once.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Due, Entry
from desmos_fast.base.settings import Settings
from desmos_fast.base.types import Cents, TenantId
from desmos_fast.db import journal
from desmos_fast.db.embedded import open_cluster
from desmos_fast.db.keyring import Keyring
from desmos_fast.db.migrate import migrate
from desmos_fast.db.tenant import direct
from desmos_fast.identity.context import Context, without_key
from desmos_fast.settlement.accounting import service
from desmos_fast.settlement.accounting.check import check
from desmos_fast.settlement.accounting.model import FORMATS, ExportAsked
from loadtests.machine import forget_peak, peak_memory

TENANT: Final = TenantId(UUID(int=7))
FINESS: Final = "750000018"
FIRST: Final = datetime(2025, 1, 1, 8, tzinfo=UTC)
NOW: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
# Two payers' parts and the income; two lines announced; two credits received and explained.
LINES: Final = 3 + 4 + 2 + 2
BLOCK: Final = 20_000


def context() -> Context:
    """Return the request of the one centre."""
    return without_key(TENANT, FINESS, Keyring(b"a master key of a load test only").of(TENANT), NOW, "load test")


def year(invoices: int) -> Iterator[tuple[datetime, list[Entry]]]:
    """Give the entries of a year, day by day, an invoice signed, announced and received on each its own day."""
    for start in range(0, invoices, BLOCK // 5):
        made = []
        for number in range(start, min(start + BLOCK // 5, invoices)):
            bill, amo, amc = f"{FINESS}/{number + 1}", f"amo:{1000 + number % 30:05d}", f"amc:{number % 40:010d}"
            parts = (Due(amo, Cents(2100)), Due(amc, Cents(900)))
            made += [
                ledger.signed(bill, parts),
                *(ledger.line_matched(f"o:{number}#{rank}", part.payer, bill, part.amount) for rank, part in enumerate(parts)),
                ledger.credit_unmatched(f"f:{number}", "30002005500000157845Z", Cents(3000)),
                ledger.credit_matched_later(f"f:{number}", [Due(amo, Cents(3000))]),
            ]
        yield FIRST + timedelta(days=364 * start / invoices), made


async def fill(owner_dsn: str, app_dsn: str, invoices: int) -> dict[str, Any]:
    """Post the year."""
    await migrate(owner_dsn)
    async with direct(owner_dsn) as con:
        await con.execute("INSERT INTO centre (tenant_id, finess, name) VALUES ($1, $2, 'Centre de charge')", TENANT, FINESS)
    began, entries = time.perf_counter(), 0
    for when, made in year(invoices):
        async with direct(app_dsn, TENANT) as con:
            entries += await journal.post(con, TENANT, when, made)
    async with direct(app_dsn, TENANT) as con:
        await service.put_settings(con, context(), msgspec.json.encode({"siren": "123456782"}))
    async with direct(owner_dsn) as con:
        await con.execute("ANALYZE")
    return {"seconds": time.perf_counter() - began, "entries": entries}


async def write(app_dsn: str, folder: Path) -> dict[str, Any]:
    """Close the year, write it in each format, check the FEC."""
    told: dict[str, Any] = {}
    forget_peak()
    for wanted in FORMATS:
        began = time.perf_counter()
        async with direct(app_dsn, TENANT) as con:
            volume = await service.close(con, context(), ExportAsked(period="2025"))
            with (folder / wanted).open("wb") as out:
                async for block in service.write(con, context(), volume, wanted):
                    out.write(block)
        told[wanted] = {"seconds": time.perf_counter() - began, "bytes": (folder / wanted).stat().st_size}
    told["lines"], told["peak_mib"] = volume.export.lines, peak_memory() // 2**20
    began = time.perf_counter()
    with (folder / "fec").open("rb") as lines:
        report = check(lines)
    told["check"] = {"seconds": time.perf_counter() - began, "sound": report.sound, "lines": report.lines, "debit": report.debit}
    if not report.sound or report.lines != volume.export.lines or report.debit != volume.export.amount:
        raise SystemExit(f"the FEC is not the ledger: {report.counts}, {report.lines} lines")
    return told


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000, help="About how many lines of the ledger.")
    parser.add_argument("--write", nargs=2, metavar=("DSN", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        print(json.dumps(asyncio.run(write(asked.write[0], Path(asked.write[1])))))
        return
    with tempfile.TemporaryDirectory(prefix="desmos-books-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with open_cluster(Settings(data_dir=folder / "data")) as running:
            app_dsn = running.app_dsn("desmos")
            told = {"fill": asyncio.run(fill(running.owner_dsn("desmos"), app_dsn, asked.lines // LINES))}
            print(json.dumps(told), file=sys.stderr)
            out = folder / "out"
            out.mkdir()
            command = [sys.executable, "-m", "loadtests.books_database", "--write", app_dsn, str(out)]
            told["write"] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
