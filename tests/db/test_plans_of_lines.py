# SPDX-License-Identifier: Apache-2.0
"""The statements that look for the patient of a line, and for the lines that are decided again, find their rows by an index too."""

from datetime import UTC, datetime, timedelta

from desmos_fast.billing.rules import TERMINAL
from desmos_fast.db.pool import Connection
from desmos_fast.settlement import store as settlement
from tests.db.test_plans import Busy, busy, con, explained, indexes, scanned

__all__ = ["busy", "con"]


async def test_lines_told_by_their_patient_and_lines_decided_again(con: Connection, busy: Busy) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    revised = await explained(con, settlement.REVISED, busy.tenant, yesterday, sorted(TERMINAL))
    assert scanned(revised) == [] and "match_of_lines" in indexes(revised)
    row = await con.fetchrow("SELECT biller, insured_key, care_date FROM invoice WHERE id = $1", busy.invoices[0])
    assert row is not None
    patients = await explained(con, settlement.PATIENTS, busy.tenant, *([value] for value in row.values()))
    assert scanned(patients) == [] and any("insured" in name for name in indexes(patients))
    taken = await explained(con, settlement.TAKEN, busy.tenant, busy.invoices[:5], busy.invoices[:1])
    assert scanned(taken) == [] and "order_line_share" in indexes(taken)
