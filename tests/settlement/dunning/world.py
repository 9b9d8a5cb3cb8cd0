# SPDX-License-Identifier: Apache-2.0
"""A centre whose invoices were signed, sent and acknowledged on given days, for payers that pay late or not at all."""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID

from desmos_fast.base import ledger
from desmos_fast.base.clock import PARIS
from desmos_fast.base.ledger import Due
from desmos_fast.base.types import Cents, uuid7
from desmos_fast.db import journal
from desmos_fast.identity.context import Context, without_key
from tests.db.rows import insert
from tests.settlement.centre import AMC, AMO, Centre

SENT_STATES: Final = ("sent", "received", "pending")


def at(day: date, hour: int = 9) -> datetime:
    """Return a time of a day in Paris."""
    return datetime.combine(day, time(hour), PARIS)


class LateCentre(Centre):
    """A centre with what the follow-up looks at; days are given, never taken from the clock."""

    lots = 0

    def context(self, day: date) -> Context:
        return without_key(self.desk.tenant, self.desk.finess, self.keys, at(day), "worker")

    async def lot(self, sent: date, acked: date | None) -> UUID:
        """Send a lot on a day, and read its acknowledgement on another."""
        LateCentre.lots += 1
        async with self.rows() as con:
            tenant = self.desk.tenant
            file = await insert(con, "file", tenant_id=tenant, biller=self.desk.finess, sequence=LateCentre.lots, sent_at=at(sent))
            lot: UUID = await insert(
                con, "lot", tenant_id=tenant, biller=self.desk.finess, number=LateCentre.lots % 999 + 1, cycle=LateCentre.lots // 999 + 1,
                file_id=file, state="accepted" if acked else "sent",
            )  # fmt: skip
            if acked:
                await journal.record(con, tenant, at(acked), [journal.Event("ack.accepted", lot)], by="worker")
        return lot

    async def claim(
        self, number: int, signed: date, lot: UUID | None, parts: Sequence[tuple[str, str, int]] = (("amo", AMO, 2100),), *,
        care: date | None = None, state: str = "received", order: int = 12, **columns: Any,
    ) -> UUID:  # fmt: skip
        """Sign an invoice on a day; each part is its name, its payer and its cents."""
        total = sum(amount for _, _, amount in parts)
        async with self.rows() as con:
            row: UUID = await insert(
                con, "invoice", tenant_id=self.desk.tenant, biller=self.desk.finess, number=number, care_date=care or signed, fees=total,
                amo=total, amc=0, amc_sum=0, total=total, from_amo=total, from_amc=0, insured_key=self.index(order), signed_at=at(signed),
                created_on=signed, **columns,
            )  # fmt: skip
            for part, payer, amount in parts:
                is_patient = part == "patient"
                await insert(
                    con, "share", tenant_id=self.desk.tenant, invoice_id=row, part=part, payer=payer, amount=amount,
                    flow=0 if is_patient else 1, transport="due" if is_patient else state, state="due" if is_patient else state,
                    lot_id=None if is_patient else lot,
                )  # fmt: skip
            dues = [Due(payer, Cents(amount)) for _, payer, amount in parts]
            await journal.post(con, self.desk.tenant, at(signed), [ledger.signed(f"{self.desk.finess}/{number}", dues)])
        return row

    async def paid(self, number: int, amount: int, day: date, *, care: date, **line: Any) -> None:
        """Receive a payment order of one line, and match it."""
        reference = f"{number:06d}{day:%Y%m%d}"
        await self.order(f"o:{number}:{day}:{uuid7()}", self.line(amount, number, care_date=care, **line), reference=reference, day=day)
        await self.reconcile()

    async def list(self, name: str, **query: str | int) -> Any:
        """Return one page of a list."""
        text = "&".join(f"{key}={value}" for key, value in query.items()).replace(">", "%3E")
        reply = await self.desk.get(f"/v1/follow-up/{name}" + (f"?{text}" if text else ""))
        assert reply.status == 200, reply.body
        return reply.json


__all__ = ["AMC", "AMO", "SENT_STATES", "LateCentre", "at"]
