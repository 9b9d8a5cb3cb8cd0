# SPDX-License-Identifier: Apache-2.0
"""A centre whose invoices are signed by the service and then rejected by their payers, for the tests of rejects."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import orjson

from desmos_fast.base.types import uuid7
from desmos_fast.db.tenant import direct
from tests.api.conftest import Reply
from tests.days import today
from tests.settlement.centre import Centre

KNOWN: Final = "0250050"
DUPLICATE: Final = "2900005"
APART: Final = "07_amc_apart"
TOGETHER: Final = "02_dental_ccam"


@dataclass
class Signed:
    """An invoice as the service answered for it, and what it was asked for."""

    id: UUID
    number: int
    body: dict[str, Any]
    parts: dict[str, tuple[str, int]]


class Work(Centre):
    """What a centre does about its rejects."""

    async def sign(self, name: str = APART, **changes: object) -> Signed:
        """Sign an invoice and let it be sent."""
        body = self.desk.invoice(name, **changes)
        reply = await self.desk.post("/v1/invoices", body)
        assert reply.status == 201, reply.body
        made = Signed(UUID(reply.json["id"]), reply.json["number"], body, {})
        for state in ("lotted", "sent", "received"):
            await self.move(made.id, state)
        for share in (await self.view(made.id))["shares"]:
            made.parts[share["part"]] = (share["payer"], share["amount"])
        return made

    def signed_as(self, said: Any, before: Signed) -> Signed:
        """Return the invoice that an answer of recycling names."""
        parts = {one["part"]: (one["payer"], one["billed"]) for one in said["parts"]}
        return Signed(UUID(said["invoice"]), said["number"], before.body, parts)

    async def move(self, invoice: UUID, state: str) -> None:
        """Move what is sent of an invoice along, as lots and acknowledgements do."""
        async with direct(self.desk.house.owner_dsn, self.desk.tenant) as con:
            query = "UPDATE share SET transport = $2, state = $2 WHERE invoice_id = $1 AND part <> 'patient'"
            await con.execute(query, invoice, state)

    def says(self, made: Signed, part: str = "amo", amount: int = 0, code: str | None = KNOWN, **changes: Any) -> dict[str, Any]:
        """Say what an order says of a part: a reject unless there is an amount."""
        payer, _ = made.parts[part]
        status = "rejected" if not amount else "paid"
        found = {
            "biller": self.desk.finess, "part": part, "payer": payer, "status": status, "amount": amount,
            "invoice_number": made.number, "insured_key": self.index(12), "care_date": date(2026, 11, 20),
            "reject_code": code if status == "rejected" else None,
        }  # fmt: skip
        return found | changes

    async def told(self, *lines: dict[str, Any], day: date | None = None) -> None:
        """Receive one order of these lines, paid yesterday unless said otherwise, and reconcile."""
        day = today() - timedelta(days=1) if day is None else day
        await self.order(f"{uuid7().hex[16:]}:1", *lines, day=day, reference=str(uuid7().int % 10**14))
        await self.reconcile()

    async def rejected(self, name: str = APART, *parts: str, code: str = KNOWN, **changes: object) -> Signed:
        """Sign an invoice of which parts come back rejected."""
        made = await self.sign(name, **changes)
        for part in parts or ("amo",):
            await self.told(self.says(made, part, code=code))
        return made

    async def view(self, invoice: UUID) -> Any:
        reply = await self.desk.get(f"/v1/invoices/{invoice}")
        assert reply.status == 200, reply.body
        return reply.json

    async def share(self, invoice: UUID, part: str = "amo") -> Any:
        return next(share for share in (await self.view(invoice))["shares"] if share["part"] == part)

    async def queue(self, query: str = "") -> list[Any]:
        """Read the whole queue, page by page."""
        found: list[Any] = []
        path = f"/v1/rejects?{query}"
        cursor: str | None = ""
        while cursor is not None:
            reply = await self.desk.get(path + (f"&cursor={cursor}" if cursor else ""))
            assert reply.status == 200, reply.body
            found += reply.json["rejects"]
            cursor = reply.json["next"]
        return found

    async def figures(self, query: str = "") -> Any:
        reply = await self.desk.get(f"/v1/rejects/figures?{query}")
        assert reply.status == 200, reply.body
        return reply.json

    async def do(self, made: Signed, what: str, part: str = "amo", query: str = "", **body: object) -> Reply:
        return await self.desk.post(f"/v1/rejects/{made.id}/{part}:{what}{query}", {"why": "essai", **body} if what != "assign" else body)

    async def owed(self) -> dict[str, int]:
        """Return what the books say is owed, by payer and invoice number."""
        debts = {name: cents for name, cents in (await self.balances()).items() if name.startswith("creance:")}
        return {name.removeprefix("creance:").replace("CENTRE/", ""): cents for name, cents in debts.items()}

    async def look(self, query: str, *args: object) -> Any:
        """Look at the rows of the centre, beside the service."""
        async with direct(self.desk.house.owner_dsn, self.desk.tenant) as con:
            return await con.fetch(query, *args)


def details(rows: Any) -> list[Any]:
    """Read a column of JSON."""
    return [orjson.loads(row["detail"]) for row in rows]
