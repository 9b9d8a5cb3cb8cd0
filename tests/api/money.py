# SPDX-License-Identifier: Apache-2.0
"""What a patient owes and pays at the desk over HTTP, and what is stored of it."""

from typing import Any, Final

import orjson

from desmos_fast.base import ledger
from desmos_fast.base.settings import load
from desmos_fast.base.types import Cents
from desmos_fast.db import journal
from desmos_fast.invariants.model import Limits
from desmos_fast.invariants.service import Place, check
from tests.api.conftest import Desk, Reply
from tests.api.post import rows
from tests.db.rows import NOW, insert

UNKNOWN: Final = "01a21227-0000-7000-8000-000000000000"


async def owed(desk: Desk, amount: int = 900, amo: int = 2100) -> str:
    """Sign an invoice of which the patient owes so much at the desk, and return its id."""
    total = amo + amount
    async with rows(desk) as con:
        number = 1 + await con.fetchval("SELECT count(*) FROM invoice")
        made = await insert(
            con, "invoice", tenant_id=desk.tenant, biller=desk.finess, number=number, fees=total, amo=amo, amc=0, amc_sum=0, total=total,
            from_amo=amo, from_amc=0, desk=amount, third_party="amo",
        )  # fmt: skip
        parts = [("amo", "amo:01750", 1, amo, "open"), ("patient", "patient", 0, amount, "due")]
        for part, payer, flow, cents, state in parts[: 1 + bool(amount)]:
            await insert(
                con, "share", tenant_id=desk.tenant, invoice_id=made, part=part, payer=payer, flow=flow, amount=cents, transport=state,
                state=state,
            )  # fmt: skip
        dues = [ledger.Due("amo:01750", Cents(amo)), ledger.Due("patient", Cents(amount))]
        event = journal.Event("invoice.signed", made, made)
        await journal.record(con, desk.tenant, NOW, [event], by="test")
        await journal.post(con, desk.tenant, NOW, [ledger.signed(f"{desk.finess}/{number}", dues)])
    return str(made)


async def pay(desk: Desk, amount: int, *parts: tuple[str, int], **more: object) -> Any:
    reply = await asked(desk, amount, *parts, **more)
    assert reply.status == 201, reply.body
    return reply.json


async def asked(desk: Desk, amount: int, *parts: tuple[str, int], **more: object) -> Reply:
    body = {"means": "cash", "amount": amount, "invoices": [{"invoice": name, "amount": cents} for name, cents in parts]} | more
    return await desk.post("/v1/payments", body)


async def share(desk: Desk, invoice: str) -> tuple[str, int, int]:
    """Return the state of the patient's share and what it received, and see that the list of shares says the same."""
    view = (await desk.get(f"/v1/invoices/{invoice}")).json
    [found] = [one for one in view["shares"] if one["part"] == "patient"]
    assert found["announced"] == found["credited"]
    return found["state"], found["amount"], found["announced"]


async def balances(desk: Desk) -> dict[str, int]:
    """Return what stands on the accounts of the desk."""
    async with rows(desk) as con:
        found = await con.fetch(
            "SELECT account, sum(debit - credit)::bigint AS cents FROM ledger_line"
            " WHERE account NOT LIKE 'creance:amo%' AND account <> 'produit' GROUP BY account HAVING sum(debit) <> sum(credit)"
        )
    return {row["account"].replace(desk.finess, "C"): row["cents"] for row in found}


async def decisions(desk: Desk) -> list[tuple[str, str, Any]]:
    async with rows(desk) as con:
        found = await con.fetch("SELECT kind, subject, detail FROM decision ORDER BY seq")
    return [(row["kind"], row["subject"], orjson.loads(row["detail"])) for row in found]


async def holds(desk: Desk, *wanted: str) -> None:
    """See that what is stored of the centre agrees with itself: nothing twice, to the cent, states, chain, or only what is `wanted`."""
    place = Place(desk.house.owner_dsn, desk.house.wire.dsn, load().data_dir)
    report = await check(place, Limits(), lambda _done, _of: None, only=desk.finess)
    looked = wanted or ("I2", "I4", "I5", "I6")
    found = [verdict for verdict in report.verdicts if verdict.id in looked]
    assert len(found) == len(looked) and all(verdict.looked for verdict in found if verdict.id != "I5")
    assert [verdict.failed for verdict in found if not verdict.holds] == []
