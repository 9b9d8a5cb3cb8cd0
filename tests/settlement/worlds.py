# SPDX-License-Identifier: Apache-2.0
"""Small inputs of matching: invented people, one caisse, one mutuelle, one operator."""

import hashlib
from datetime import date, timedelta
from typing import Any

import msgspec

from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.model import Invoice, Match, Order, Payer, Result, Settings
from desmos_fast.settlement.reconcile import reconcile

BILLER = "750000010"
NIR = "185079999900153"
AMO = "amo:01751"
AMC = "amc:0099000013"
OPERATOR = "op:00"
PAID_ON = date(2026, 10, 2)

PAYERS = [
    Payer(id=AMO, kind="amo", names=("CPAM DE ALBEVILLE",)),
    Payer(id=AMC, kind="amc", names=("MUTUELLE GENERALE DU SUD",)),
    Payer(id=OPERATOR, kind="operator", names=("TIERSPAY SERVICES",), pays_for=(AMC,)),
]


def invoice(number: int = 123, **changes: Any) -> Invoice:
    fields: dict[str, Any] = {
        "id": f"{BILLER}/{number}",
        "number": number,
        "biller": BILLER,
        "lot": "012",
        "insured_nir": NIR,
        "birth_date": "19850715",
        "birth_rank": 1,
        "care_date": "2026-09-14",
        "created_on": "2026-09-14",
        "supersedes": None,
        "total": 3000,
        "parts": [
            {"part": "amo", "payer": AMO, "amount": 2100, "open": 2100},
            {"part": "amc", "payer": AMC, "amount": 900, "open": 900, "lot": "013"},
        ],
    }
    return msgspec.convert(fields | changes, Invoice)


def line(number: int = 1, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "line": number,
        "biller": BILLER,
        "part": "amo",
        "payer": AMO,
        "status": "paid",
        "amount": 2100,
        "invoice_number": 123,
        "lot": "012",
        "nir": NIR,
        "care_date": "2026-09-14",
        "reject_code": None,
    }
    return fields | changes


def order(name: str = "o:1", *lines: dict[str, Any], **changes: Any) -> Order:
    chosen = lines or (line(),)
    total = sum(item["amount"] for item in chosen)
    fields: dict[str, Any] = {
        "id": name,
        "kind": "recovery" if total < 0 else "payment",
        "payer": AMO,
        "emitter": AMO,
        "emitter_name": None,
        "biller": BILLER,
        "payment_date": PAID_ON.isoformat(),
        "payment_ref": "262750001234",
        "total": total,
        "lines": list(chosen),
        "source": {"file_sha256": "0" * 64, "line": 1},
    }
    return msgspec.convert(fields | changes, Order)


def credit(number: int = 1, amount: int = 2100, **changes: Any) -> BankLine:
    sha256 = hashlib.sha256(str(changes.pop("file", "bank")).encode()).hexdigest()
    booked = (PAID_ON + timedelta(days=changes.pop("days", 1))).isoformat()
    fields: dict[str, Any] = {
        "id": f"{sha256[:16]}:{number}",
        "account": "30002005500000157845Z",
        "booking_date": booked,
        "value_date": booked,
        "amount": amount,
        "currency": "EUR",
        "operation_code": "05",
        "label": "VIR SEPA CPAM DE ALBEVILLE",
        "remittance": [],
        "end_to_end_id": None,
        "payer_name": "CPAM DE ALBEVILLE",
        "payer_id": None,
        "references": [],
        "qualifiers": [],
        "status": "booked",
        "source": {"file_sha256": sha256, "line": number, "format": "cfonb120"},
    }
    return msgspec.convert(fields | changes, BankLine)


def run(
    invoices: list[Invoice] | None = None,
    orders: list[Order] | None = None,
    bank: list[BankLine] | None = None,
    settings: Settings | None = None,
    payers: list[Payer] | None = None,
) -> Result:
    result = reconcile(invoices or [], orders or [], bank or [], PAYERS if payers is None else payers, settings or Settings())
    assert all(totals.holds for totals in result.summary.conservation.values())
    left = [name for match in result.matches for name in match.left]
    expected = [f"{item.id}#{one.line}" for item in {item.id: item for item in orders or []}.values() for one in item.lines]
    assert sorted(left) == sorted(expected + list({item.id for item in bank or []}))
    return result


def of(result: Result, problem: str) -> list[Match]:
    return [match for match in result.matches if match.problem == problem]
