# SPDX-License-Identifier: Apache-2.0
"""A centre over the real database whose invoices and orders are rows, and whose bank and reconciliations go through the service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from desmos_fast.base import ledger
from desmos_fast.base.ledger import Due
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.db import journal
from desmos_fast.db.kernel import blind_index
from desmos_fast.db.keyring import Keyring, TenantKeys
from desmos_fast.db.pool import Connection
from desmos_fast.db.tenant import transaction
from tests.api.conftest import MASTER, Desk, Reply, person
from tests.db.rows import NOW, insert
from tests.settlement import statements

AMO: Final = "amo:01751"
AMC: Final = "amc:0099000013"
NAMES: Final = {AMO: "CAISSE ESSAI RIVE DROITE", AMC: "MUTUELLE DES TILLEULS"}
CARE: Final = date(2026, 9, 14)
PAID_ON: Final = date(2026, 10, 1)
REFERENCE: Final = "26274123456789"


@dataclass
class Centre:
    """One centre, with what tests ask of it."""

    desk: Desk

    @property
    def keys(self) -> TenantKeys:
        return Keyring(MASTER).of(self.desk.tenant)

    @asynccontextmanager
    async def rows(self) -> AsyncIterator[Connection]:
        async with transaction(self.desk.house.pool, self.desk.tenant) as con:
            yield con

    def index(self, order: int) -> bytes:
        return blind_index(self.keys, [person(order)])[0]

    async def invoice(self, number: int = 1, *, amo: int = 2100, amc: int = 900, order: int = 12, transport: str = "sent") -> UUID:
        """Sign an invoice of `amo + amc` cents for the synthetic person of that order number."""
        async with self.rows() as con:
            row_id: UUID = await insert(
                con, "invoice", tenant_id=self.desk.tenant, biller=self.desk.finess, number=number, care_date=CARE, fees=amo + amc, amo=amo,
                amc=amc, amc_sum=amc, total=amo + amc, from_amo=amo, from_amc=amc, insured_key=self.index(order),
            )  # fmt: skip
            parts = [("amo", AMO, amo), ("amc", AMC, amc)]
            for part, payer, amount in parts:
                await insert(
                    con, "share", tenant_id=self.desk.tenant, invoice_id=row_id, part=part, payer=payer, amount=amount,
                    transport=transport, state=transport,
                )  # fmt: skip
            dues = [Due(payer, Cents(amount)) for _, payer, amount in parts]
            await journal.post(con, self.desk.tenant, NOW, [ledger.signed(f"{self.desk.finess}/{number}", dues)])
        return row_id

    def line(self, amount: int = 2100, number: int | None = 1, *, order: int = 12, **changes: Any) -> dict[str, Any]:
        """Say what an order says of one part of an invoice, of the compulsory insurer unless told otherwise."""
        status = "recovery" if amount < 0 else "paid" if amount else "rejected"
        found = {
            "biller": self.desk.finess, "part": "amo", "payer": AMO, "status": status, "amount": amount, "invoice_number": number,
            "insured_key": self.index(order), "care_date": CARE,
        }  # fmt: skip
        return found | changes

    async def order(self, ref: str, *lines: dict[str, Any], reference: str = REFERENCE, day: date = PAID_ON) -> None:
        """Receive one payment order."""
        total, payer = sum(line["amount"] for line in lines), lines[0]["payer"]
        tenant = self.desk.tenant
        async with self.rows() as con:
            file = await insert(con, "return_file", tenant_id=tenant, sha256=uuid7().bytes * 2)
            row_id = await insert(
                con, "payment_order", tenant_id=tenant, return_file_id=file, ref=ref, kind="recovery" if total < 0 else "payment",
                payer=payer, emitter=payer, biller=self.desk.finess, payment_date=day, payment_ref=reference, total=total,
            )  # fmt: skip
            for number, line in enumerate(lines, 1):
                await insert(con, "order_line", tenant_id=tenant, order_id=row_id, line=number, **line)

    async def bank(self, *records: str, opening: int = 100000, key: str | None = None) -> Reply:
        """Import the statement of these movements."""
        reply = await self.desk.post("/v1/bank-statements", statements.joined(*statements.statement(*records, opening=opening)), key)
        assert reply.status == 200, reply.body
        return reply

    async def reconcile(self) -> Any:
        reply = await self.desk.post("/v1/reconciliations", {})
        assert reply.status == 200, reply.body
        return reply.json

    async def dashboard(self) -> Any:
        reply = await self.desk.get("/v1/dashboard")
        assert reply.status == 200, reply.body
        return reply.json

    async def shares(self) -> dict[str, tuple[str, int, int, str | None]]:
        """Return state, announced, credited and reject code by `number/part`."""
        async with self.rows() as con:
            rows = await con.fetch(
                "SELECT i.number, s.part, s.state, s.announced, s.credited, s.reject_code FROM share AS s"
                " JOIN invoice AS i ON i.id = s.invoice_id ORDER BY 1, 2"
            )
        return {f"{row['number']}/{row['part']}": tuple(row)[2:] for row in rows}

    async def balances(self) -> dict[str, int]:
        """Return what stands on each account, those at zero left out."""
        async with self.rows() as con:
            rows = await con.fetch(
                "SELECT account, sum(debit) - sum(credit) AS balance FROM ledger_line GROUP BY 1 HAVING sum(debit) <> sum(credit)"
            )
        return {row["account"].replace(self.desk.finess, "CENTRE"): int(row["balance"]) for row in rows}

    async def documents(self) -> list[str]:
        """Return what is kept of the bank lines."""
        async with self.rows() as con:
            return [row["document"] for row in await con.fetch("SELECT document::text FROM bank_line")]

    async def match_keys(self) -> set[str]:
        async with self.rows() as con:
            return {row["match_key"] for row in await con.fetch("SELECT match_key FROM match WHERE status = 'confirmed'")}

    async def written(self) -> dict[str, int]:
        """Count what a reconciliation may add."""
        return {table: await self.desk.count(table) for table in ("match", "event", "ledger_entry", "ledger_line")}

    async def events(self, invoice: UUID, part: str = "amo") -> list[tuple[str, Any]]:
        async with self.rows() as con:
            rows = await con.fetch("SELECT name, detail FROM event WHERE invoice_id = $1 AND part = $2 ORDER BY id", invoice, part)
        return [(row["name"], row["detail"]) for row in rows]


def credit(amount: int = 2100, *texts: str, payer: str = AMO, day: str = "021026") -> list[str]:
    """Write a credit of a payer with the lines of its remittance."""
    return [
        statements.movement(amount, f"VIR SEPA {NAMES[payer]}", day=day),
        statements.put(statements.detail("NPY", NAMES[payer]), (35, day)),
        *(statements.put(statements.detail("LCC", text), (35, day)) for text in texts),
    ]
