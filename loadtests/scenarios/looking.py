# SPDX-License-Identifier: Apache-2.0
"""What the database of a town holds, for proofs."""

from typing import Final

from desmos_fast.db.tenant import direct
from loadtests.scenarios.figures import Sample
from loadtests.scenarios.model import Proof
from loadtests.scenarios.town import Town

INVOICES: Final = "SELECT count(*) FROM invoice WHERE tenant_id = ANY($1)"
OPEN: Final = "SELECT count(*) FROM share WHERE tenant_id = ANY($1) AND flow > 0 AND transport = 'open'"
LEDGER: Final = "SELECT coalesce(sum(debit - credit), 0)::bigint FROM ledger_line WHERE tenant_id = ANY($1)"


async def counted(town: Town, query: str) -> int:
    """Ask for one number of the centres of a town."""
    if town.place is None:
        raise LookupError("the database of somebody else's service is not looked into")
    async with direct(town.place.admin_dsn) as con:
        return int(await con.fetchval(query, [desk.centre.tenant for desk in town.desks]))


async def signed_once(town: Town, samples: list[Sample], before: int, action: str = "sign an invoice") -> Proof:
    """Say whether there is an invoice for each that was answered, and none but those whose answer never came."""
    answered = sum(sample.action == action and not sample.outcome for sample in samples)
    unknown = sum(sample.action == action and sample.outcome in ("timeout", "lost") for sample in samples)
    kept = await counted(town, INVOICES) - before
    said = f"{answered} answered, {unknown} without an answer, {kept} kept"
    return Proof("an invoice is kept for each that was answered, and no other", answered <= kept <= answered + unknown, said)
