# SPDX-License-Identifier: Apache-2.0
"""How long a change of keys takes for many rows: `ROWS=1000000 pytest -m fault -s tests/settlement/rotation/test_scale.py`."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from desmos_fast.billing.sealed import pack
from desmos_fast.db import kernel
from desmos_fast.db.embedded import Cluster
from desmos_fast.db.journal import ids
from desmos_fast.db.keyring import KeyUse
from desmos_fast.db.tenant import direct
from desmos_fast.settlement.rotation import service
from tests.db.databases import Place, empty
from tests.db.rows import insert
from tests.settlement.rotation.sources import Numbered, ring

pytestmark = pytest.mark.fault
ROWS: Final = int(os.environ.get("ROWS", "100000"))
PATIENT_COMES: Final = 4
BATCH: Final = 10_000
# As many bytes as a visit has in its records.
RECORDS: Final = bytes(900)
ANSWER: Final = Path(__file__).parents[2] / "golden" / "files" / "rsp3_no_invoice.b2"
# One row of every kind, over and over: what a rotation reads of it is its id, its index and its blob.
INVOICES: Final = """
    INSERT INTO invoice (tenant_id, id, biller, number, kind, state, security, third_party, created_on, care_date, destination,
                         amc_number, amc_apart, executor_am, fees, amo, amc, amc_sum, total, from_amo, from_amc, desk, insured_key,
                         content_hash, sealed)
    SELECT $1, n.id, '750000018', n.number, 'test', 'signed', 'secured', 'full', current_date, current_date, 1,
           0, false, 0, 1, 1, 0, 0, 1, 1, 0, 0, n.insured, n.insured, n.sealed
      FROM unnest($2::uuid[], $3::bigint[], $4::bytea[], $5::bytea[]) AS n (id, number, insured, sealed)
"""
LINES: Final = """
    INSERT INTO order_line (tenant_id, order_id, line, biller, part, payer, status, amount, invoice_number, insured_key, care_date)
    SELECT tenant_id, $2, number::integer, biller, 'amo', 'amo:01750', 'paid', 1, number, insured_key, care_date FROM invoice
     WHERE tenant_id = $1
"""


def nir(patient: int) -> str:
    """Return one of 2,400,000 synthetic people."""
    year, month, rest = patient % 100, patient // 100 % 12 + 1, patient // 1200
    return f"{rest // 1000 % 2 + 1}{year:02d}{month:02d}99999{rest % 1000:03d}"


@pytest.fixture
def place(cluster: Cluster, template: str) -> Iterator[Place]:
    with empty(cluster, template=template) as made:
        yield made


async def test_many_rows_move_in_minutes(place: Place) -> None:
    tenant = await place.centre()
    keys = ring(KeyUse()).of(tenant)
    async with direct(place.owner_dsn, tenant) as con:
        for first in range(0, ROWS, BATCH):
            numbers = range(first, min(first + BATCH, ROWS))
            people = [nir(number // PATIENT_COMES) for number in numbers]
            names = ids(len(numbers))
            blobs = [pack(RECORDS, b"", msgspec.json.encode({"insured_nir": person})) for person in people]
            await con.execute(
                INVOICES, tenant, names, [number + 1 for number in numbers], kernel.blind_index(keys, people),
                kernel.seal(keys, "invoice", tenant, names, blobs),
            )  # fmt: skip
        returned = ids(1)[0]
        (answer,) = kernel.seal(keys, "return_file", tenant, [returned], [ANSWER.read_bytes()])
        await insert(con, "return_file", tenant_id=tenant, id=returned, sealed=answer)
        order = await insert(con, "payment_order", tenant_id=tenant, return_file_id=returned)
        await con.execute(LINES, tenant, order)
    async with place.admin() as con:
        await con.execute("ANALYZE")
    started = time.monotonic()
    done = await service.rotate(place.owner_dsn, Numbered(), lambda *_: None, grace_s=0)
    seconds = time.monotonic() - started
    print(f"\n{ROWS} invoices and as many lines in {seconds:.1f} s, {seconds * 1_000_000 / ROWS / 60:.1f} min for 10^6")
    assert done.rows >= ROWS
