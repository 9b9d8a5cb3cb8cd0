# SPDX-License-Identifier: Apache-2.0
"""Match orders to invoices and credits to orders: a pure function of its inputs, whatever their order."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from desmos_fast.base.types import Cents
from desmos_fast.exchange.faults import Fault, FaultyInput
from desmos_fast.settlement import rules
from desmos_fast.settlement.bank.model import BankLine
from desmos_fast.settlement.credits import decide_credits
from desmos_fast.settlement.lines import decide_lines
from desmos_fast.settlement.model import (
    Conservation,
    Invoice,
    Match,
    Order,
    OrderLine,
    Payer,
    PayerTotals,
    ProblemTotals,
    Result,
    Settings,
    Summary,
    Tally,
)

Item = TypeVar("Item", Invoice, Order, BankLine, Payer)
_ENCODER: Final = msgspec.json.Encoder()


def reconcile(
    invoices: Iterable[Invoice], orders: Iterable[Order], bank: Iterable[BankLine], payers: Iterable[Payer], settings: Settings
) -> Result:
    """Return every decision in canonical order, with its evidence, and the summary.

    Give the bank lines already imported under another file too: that is how duplicates are told.
    Raises FaultyInput: RECON_ID_CONFLICT for one id with two contents, RECON_TOTAL, RECON_AMOUNT or RECON_KEY for amounts and
    names that contradict each other.
    """
    faults: list[Fault] = []
    all_invoices = _distinct("invoice", map(_sorted_parts, invoices), faults)
    all_orders = _distinct("order", (_sorted_lines(order, faults) for order in orders), faults)
    all_bank = _distinct("bank line", bank, faults)
    all_payers = _distinct("payer", payers, faults)
    for invoice in all_invoices:
        faults.extend(_invoice_faults(invoice))
    for order in all_orders:
        faults.extend(_order_faults(order))
    if faults:
        raise FaultyInput(faults)
    lines, parts = rules.open_lines(all_orders), rules.open_parts(all_invoices)
    line_matches = decide_lines(lines, parts, settings)
    credit_matches = decide_credits(all_bank, all_orders, all_payers, settings)
    matches = sorted(line_matches + credit_matches, key=lambda match: (match.problem, match.left))
    conservation = {
        "A": _conservation(line_matches, rules.open_after(parts, line_matches)),
        "B": _conservation(credit_matches, _orders_confirmed(all_orders, credit_matches)),
    }
    inputs: dict[str, Sequence[Any]] = {"invoices": all_invoices, "orders": all_orders, "bank": all_bank, "payers": all_payers}
    summary = Summary(
        problems={problem: _problem(chosen) for problem, chosen in (("A", line_matches), ("B", credit_matches))},
        payers=_payers(all_orders, credit_matches),
        unmatched_credits=_tally(match for match in credit_matches if match.status == "unmatched"),
        duplicates=_tally(match for match in credit_matches if match.status == "duplicate"),
        conservation=conservation,
        inputs={name: _sha256(items) for name, items in inputs.items()},
        settings=settings,
    )
    return Result(tuple(matches), summary)


# --- inputs


def _distinct(kind: str, items: Iterable[Item], faults: list[Fault]) -> list[Item]:
    kept: dict[str, Item] = {}
    for item in items:
        if kept.setdefault(item.id, item) != item:
            faults.append(_conflict(f"two contents for {kind} {item.id}", item.id))
    return [kept[name] for name in sorted(kept)]


def _conflict(message: str, name: str) -> Fault:
    return Fault(code="RECON_ID_CONFLICT", field="id", value=name, message=message)


def _sorted_parts(invoice: Invoice) -> Invoice:
    return msgspec.structs.replace(invoice, parts=tuple(sorted(invoice.parts, key=lambda part: part.part)))


def _sorted_lines(order: Order, faults: list[Fault]) -> Order:
    lines: dict[int, OrderLine] = {}
    for line in order.lines:
        if lines.setdefault(line.line, line) != line:
            faults.append(_conflict(f"two contents for line {line.line} of order {order.id}", f"{order.id}#{line.line}"))
    return msgspec.structs.replace(order, lines=tuple(lines[number] for number in sorted(lines)))


def _invoice_faults(invoice: Invoice) -> list[Fault]:
    faults = []
    if len({part.part for part in invoice.parts}) < len(invoice.parts):
        faults.append(Fault(code="RECON_KEY", field="parts", value=invoice.id, message="an invoice has each part at most once"))
    for part in invoice.parts:
        if not 0 <= part.open <= part.amount:
            message = f"part {part.part} of invoice {invoice.id}: open is {part.open}, it lies between 0 and the amount {part.amount}"
            faults.append(Fault(code="RECON_AMOUNT", field="open", value=part.open, message=message))
    return faults


_SIGN: Final[dict[str, Callable[[int], bool]]] = {
    "paid": lambda amount: amount >= 0,
    "partial": lambda amount: amount >= 0,
    "rejected": lambda amount: amount == 0,
    "recovery": lambda amount: amount < 0,
}


def _order_faults(order: Order) -> list[Fault]:
    faults = []
    if order.total != sum(line.amount for line in order.lines):
        message = f"order {order.id}: its total {order.total} is not the sum of its lines"
        faults.append(Fault(code="RECON_TOTAL", field="total", value=order.total, message=message))
    if (order.kind == "recovery") != (order.total < 0):
        message = f"order {order.id}: a recovery has a total below zero, a payment has not"
        faults.append(Fault(code="RECON_AMOUNT", field="kind", value=order.kind, message=message))
    for line in order.lines:
        # Flat rates, clawbacks and other money name no part, and run both ways.
        if not _SIGN[line.status](line.amount) and (line.part is not None or line.status not in ("paid", "recovery")):
            message = f"line {line.line} of order {order.id}: {line.amount} cannot be {line.status}"
            faults.append(Fault(code="RECON_AMOUNT", field="amount", value=line.amount, message=message))
    return faults


# --- summary


def _tally(matches: Iterable[Match]) -> Tally:
    amounts = [match.amount for match in matches]
    return Tally(len(amounts), Cents(sum(amounts)))


def _problem(matches: Sequence[Match]) -> ProblemTotals:
    statuses = sorted({match.status for match in matches})
    by_status: dict[str, Tally] = {status: _tally(match for match in matches if match.status == status) for status in statuses}
    by_rule = {rule: _tally(match for match in matches if match.rule == rule) for rule in sorted({match.rule for match in matches})}
    return ProblemTotals(_tally(matches), by_status, by_rule)


def _confirmed_orders(matches: Iterable[Match]) -> set[str]:
    return {order for match in matches if match.status == "confirmed" for order in match.right}


def _orders_confirmed(orders: Sequence[Order], matches: Sequence[Match]) -> int:
    confirmed = _confirmed_orders(matches)
    return sum(order.total for order in orders if order.id in confirmed)


def _conservation(matches: Sequence[Match], right: int) -> Conservation:
    confirmed = [match for match in matches if match.status == "confirmed"]
    left, residual = sum(match.amount for match in confirmed), sum(match.residual for match in confirmed)
    return Conservation(Cents(left), Cents(right), Cents(residual), left == right + residual)


def _payers(orders: Sequence[Order], matches: Sequence[Match]) -> dict[str, PayerTotals]:
    confirmed = _confirmed_orders(matches)
    totals: dict[str, tuple[int, int]] = {}
    for order in orders:
        announced, received = totals.get(order.payer, (0, 0))
        totals[order.payer] = (announced + order.total, received + (order.total if order.id in confirmed else 0))
    return {
        payer: PayerTotals(Cents(announced), Cents(received), Cents(announced - received))
        for payer, (announced, received) in sorted(totals.items())
    }


def _sha256(items: Sequence[Any]) -> str:
    # Over the items in the order of their ids, one JSON line each: the order in which they were given must not show.
    digest = hashlib.sha256()
    for item in items:
        digest.update(_ENCODER.encode(item) + b"\n")
    return digest.hexdigest()
