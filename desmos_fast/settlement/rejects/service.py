# SPDX-License-Identifier: Apache-2.0
"""The queue of rejects by class, age, payer, owner and code, its figures, and the payments that a reject may have had already."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from desmos_fast.base.errors import NotThere
from desmos_fast.base.french import euros
from desmos_fast.base.types import Cents
from desmos_fast.db.pool import Connection
from desmos_fast.identity.context import Context
from desmos_fast.nomenclature import rejects
from desmos_fast.nomenclature.rejects import OWNERS_FR, RejectTable
from desmos_fast.settlement.rejects import store
from desmos_fast.settlement.rejects.model import (
    ClaimedPart,
    PaymentFound,
    PaymentsFound,
    Reason,
    RejectFigures,
    RejectPage,
    RejectShown,
    RejectTally,
    Wanted,
)
from desmos_fast.settlement.rejects.rules import AGES, age_of
from desmos_fast.settlement.rejects.store import Row

MOST_PAYMENTS: Final = 50
REASONS: Final[tuple[tuple[Reason, str, str], ...]] = (
    ("number", "same_number", "numéro de facture"),
    ("patient", "same_patient", "patient"),
    ("care_date", "same_day", "date de soins"),
    ("amount", "same_amount", "montant"),
    ("part", "same_part", "part"),
)
PLACES_FR: Final = {"matched": "déjà rapproché", "parked": "en attente sans facture", "free": "non rapproché"}
_ORDER: Final = [name for name, _, _ in AGES]


async def listed(
    con: Connection, context: Context, wanted: Wanted, after: tuple[UUID, str] | None, limit: int, cursor: Callable[[UUID, str], str]
) -> RejectPage:
    """Return one page of the queue; `cursor` writes the place of what follows a share."""
    table = await rejects.current(con)
    rows = await store.listed(con, context.tenant, context.today, table, wanted, after, limit + 1)
    shown = tuple(_shown(table, row) for row in rows[:limit])
    return RejectPage(rejects=shown, next=cursor(shown[-1].invoice, shown[-1].part) if len(rows) > limit else None)


def _shown(table: RejectTable, row: Row) -> RejectShown:
    said = table.find(row["code"], row["payer"], row["told_on"])
    return RejectShown(
        invoice=row["invoice_id"], part=row["part"], share=row["share"], payer=row["payer"], care_date=row["care_date"], code=row["code"],
        name=row["name"], label=said.label, action=said.action, owner=row["owner"], owner_fr=OWNERS_FR[said.owner],
        assigned_to=row["person"], recycle=said.recycle, amount=row["amount"], open=row["still_open"], told_on=row["told_on"],
        since=row["since"], days=row["days"], age=age_of(row["days"]), order_line=row["order_line"],
    )  # fmt: skip


async def figures(con: Connection, context: Context, wanted: Wanted) -> RejectFigures:
    """Count what `listed` lists, by class, owner and age."""
    table = await rejects.current(con)
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for row in await store.counted(con, context.tenant, context.today, table, wanted):
        key = (row["name"], row["owner"], age_of(row["days"]))
        count, cents = sums.get(key, (0, 0))
        sums[key] = (count + row["count"], cents + row["cents"])
    tallies = tuple(
        RejectTally(name=name, label=table.kind(name, context.today).label, owner=owner, age=age, count=count, cents=Cents(cents))  # type: ignore[arg-type]
        for (name, owner, age), (count, cents) in sorted(sums.items(), key=lambda item: (item[0][0], item[0][1], _ORDER.index(item[0][2])))
    )  # fmt: skip
    return RejectFigures(count=sum(one.count for one in tallies), cents=Cents(sum(one.cents for one in tallies)), tallies=tallies)


# --- already paid?


async def payments(con: Connection, context: Context, invoice: UUID, part: ClaimedPart) -> PaymentsFound:
    """Return the payments that a share may have had already, each with why it is one of them. Raises NotThere."""
    found = await store.find(con, context.tenant, invoice)
    if found is None or part not in await store.shares(con, context.tenant, invoice):
        raise NotThere("the centre has no such share")
    rows = await store.payments(con, context.tenant, invoice, part)
    shown = tuple(_payment(row) for row in rows[:MOST_PAYMENTS])
    return PaymentsFound(share=found.share(part), payments=shown, left_out=len(rows) - len(shown))


def _payment(row: Row) -> PaymentFound:
    equal = tuple(name for name, column, _ in REASONS if row[column])
    differs = tuple(name for name, column, _ in REASONS if row[column] is False)
    return PaymentFound(
        order_line=row["order_line"], payer=row["payer"], payment_ref=row["payment_ref"], payment_date=row["payment_date"],
        credited=row["credited"], amount=row["amount"], invoice_number=row["invoice_number"], care_date=row["care_date"], part=row["part"],
        equal=equal, differs=differs, place=row["place"], share=row["share"], text=_text(row),
    )  # fmt: skip


def _text(row: Row) -> str:
    """Say in French why a payment may be the one."""
    same = ", ".join(words for _, column, words in REASONS if row[column])
    other = ", ".join(words for _, column, words in REASONS if row[column] is False)
    where = PLACES_FR[row["place"]] + (f" à {row['share']}" if row["share"] else "")
    bank = "crédité en banque" if row["credited"] else "annoncé, pas encore crédité"
    said = f"{euros(row['amount'])} du {row['payment_date']:%d/%m/%Y} : même payeur, {same}"
    return f"{said}{f' ; diffère : {other}' if other else ''} ; {where} ; {bank}"
