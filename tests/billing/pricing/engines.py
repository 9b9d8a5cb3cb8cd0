# SPDX-License-Identifier: Apache-2.0
"""The kernel and its twin under one call, and what they said in a form that tests compare."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import msgspec

from desmos_fast.billing.model import CcamAct, Invoice, NgapAct
from desmos_fast.billing.pricing import kernel
from desmos_fast.billing.pricing.model import PricedAct, PricedInvoice, PricingFault, UnpricedCcamAct, UnpricedInvoice
from desmos_fast.nomenclature.tariffs import Tariffs
from tests.oracle import pricing as oracle

TODAY = date(2026, 11, 20)
Given = Sequence[Invoice | UnpricedInvoice]
Answer = tuple[list[PricedInvoice], list[PricingFault]]
Engine = Callable[..., Answer]
AMOUNTS = ("unit_price", "base", "rate", "amo", "fees", "amc")


def twin(invoices: Given, tariffs: Tariffs, *, today: date = TODAY, on: date | None = None, allow_late: bool = False) -> Answer:
    return oracle.price(invoices, tariffs, on=on, today=today, allow_late=allow_late)


def compiled(invoices: Given, tariffs: Tariffs, *, today: date = TODAY, on: date | None = None, allow_late: bool = False) -> Answer:
    priced = kernel.price(invoices, tariffs=tariffs, on=on, today=today, allow_late=allow_late)
    return list(priced), priced.faults


ENGINES: dict[str, Engine] = {"twin": twin, "kernel": compiled}


def told(faults: list[PricingFault]) -> list[tuple[Any, ...]]:
    return [(each.act, each.code, each.field, each.given, each.expected, each.rule) for each in faults]


def filled(invoice: UnpricedInvoice, priced: PricedInvoice) -> Invoice:
    """Return the invoice with every amount that pricing found; each of its acts has one."""
    acts = tuple(complete(act, found) for act, found in zip(invoice.acts, priced.acts, strict=True) if found is not None)
    return Invoice(**{**msgspec.structs.asdict(invoice), "acts": acts})


def complete(act: Any, priced: PricedAct) -> NgapAct | CcamAct:
    kind = CcamAct if isinstance(act, UnpricedCcamAct) else NgapAct
    return kind(**{**msgspec.structs.asdict(act), **{name: getattr(priced, name) for name in AMOUNTS}})


def change(invoice: UnpricedInvoice, act: int = 0, **given: Any) -> UnpricedInvoice:
    """Return an invoice with other values in one of its acts."""
    acts = list(invoice.acts)
    acts[act] = msgspec.structs.replace(acts[act], **given)
    return msgspec.structs.replace(invoice, acts=tuple(acts))
