# SPDX-License-Identifier: Apache-2.0
"""The invented invoices with amounts that the tariff pack makes of them, and without any."""

from datetime import date
from typing import Any, Final

import msgspec

from desmos_fast.billing.model import CcamAct, Invoice
from desmos_fast.billing.pricing.model import UnpricedCcamAct, UnpricedInvoice, UnpricedNgapAct
from desmos_fast.nomenclature.tariffs import load_tariffs
from loadtests.data.invoices import invented
from tests.oracle import pricing as oracle

TODAY: Final = date(2026, 11, 20)
AMOUNTS: Final = ("base", "rate", "amo", "fees", "amc")


def entered(size: int) -> list[UnpricedInvoice]:
    """Return invoices without the amounts that pricing finds, those left out whose acts it refuses."""
    asked = [_unpriced(invoice) for invoice in invented(size)]
    _, faults = oracle.price(asked, load_tariffs(), today=TODAY)
    refused = {fault.invoice for fault in faults}
    return [invoice for place, invoice in enumerate(asked) if place not in refused]


def complete(size: int) -> list[Invoice]:
    """Return the same invoices with every amount, as the twin of the tests finds them."""
    asked = entered(size)
    priced, _ = oracle.price(asked, load_tariffs(), today=TODAY)
    return [_filled(invoice, found) for invoice, found in zip(asked, priced, strict=True)]


def _unpriced(invoice: Invoice) -> UnpricedInvoice:
    values: dict[str, Any] = {name: getattr(invoice, name) for name in UnpricedInvoice.__struct_fields__}
    return UnpricedInvoice(**values | {"acts": tuple(map(_act, invoice.acts))})


def _act(act: Any) -> UnpricedNgapAct | UnpricedCcamAct:
    kind = UnpricedCcamAct if isinstance(act, CcamAct) else UnpricedNgapAct
    kept = (name for name in kind.__struct_fields__ if name not in AMOUNTS)
    return kind(**{name: getattr(act, name) for name in kept})


def _filled(asked: UnpricedInvoice, found: Any) -> Invoice:
    raw = msgspec.to_builtins(asked)
    for act, worth in zip(raw["acts"], found.acts, strict=True):
        act.update({name: getattr(worth, name) for name in ("unit_price", *AMOUNTS)})
    return msgspec.convert(raw, Invoice)
