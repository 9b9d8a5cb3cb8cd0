# SPDX-License-Identifier: Apache-2.0
"""Problem B: which orders a bank credit pays. Each pass decides on the whole set before the next.

A wrong match is worse than none: an amount alone never confirms, and whatever a text quotes beats payer and amount.
"""

from collections.abc import Iterable, Sequence

import msgspec

from desmos_fast.settlement.bank.model import BankLine, occurrences
from desmos_fast.settlement.by_amount import NOBODY, Candidates, by_amount, by_group, equal_credits, single_orders
from desmos_fast.settlement.by_name import by_name
from desmos_fast.settlement.by_reference import by_reference, net, offer_less
from desmos_fast.settlement.by_sum import by_sum
from desmos_fast.settlement.labels import NOT_A_PAYER
from desmos_fast.settlement.model import Evidence, Match, Order, Payer, Settings
from desmos_fast.settlement.rules import make_match, shown
from desmos_fast.settlement.standing import CURRENCY, Credits


def decide_credits(
    lines: Sequence[BankLine], orders: Sequence[Order], payers: Sequence[Payer], settings: Settings, taken: Sequence[Order] = ()
) -> list[Match]:
    """Return one record for each bank line, or for several that are offered together.

    `taken` are orders that earlier credits paid: none can be paid again, but a text that names one still speaks against the others.
    """
    state = Credits(lines, orders, payers, settings, taken)
    _set_aside(state)
    # B6 goes before the sums: what a text names less what was taken back says more than any sum of free orders.
    for decide in (by_reference, by_amount, by_group, net, equal_credits, by_sum, offer_less, by_name):
        decide(state)
    found, _ = single_orders(state)
    for line in list(state.waiting()):
        _leave(state, line, found.get(line.id, NOBODY))
    return state.matches + list({match.match_id: match for match in state.offers.values()}.values())


# --- B0


def duplicates_of(lines: Iterable[BankLine]) -> dict[str, str]:
    """Return, for each line another file already gave, the id of the one kept: that of the smallest file hash."""
    ordered = sorted(lines, key=lambda line: (line.source.file_sha256, line.source.line, line.id))
    kept: dict[tuple[str, int], str] = {}
    found = {}
    for line, key in zip(ordered, occurrences(ordered), strict=True):
        first = kept.setdefault(key, line.id)
        if first != line.id:
            found[line.id] = first
    return found


def _set_aside(state: Credits) -> None:
    # What is pending may come again booked, and that is the first time it is paid.
    booked = [line for line in state.open.values() if line.status == "booked"]
    for name, kept in duplicates_of(booked).items():
        amount = state.open.pop(name).amount
        record = make_match("B", "duplicate", "B0", [name], [], amount, _said(state, "imported_before"))
        state.matches.append(msgspec.structs.replace(record, duplicate_of=kept))
    for line in list(state.open.values()):
        if why := _no_credit(line, state.payer[line.id]):
            state.matches.append(make_match("B", "ignored", "B0", [line.id], [], line.amount, _said(state, why)))
            del state.open[line.id]


def _said(state: Credits, why: str) -> Evidence:
    return Evidence(settings=state.version, why=why)


def _no_credit(line: BankLine, payer: str | None) -> str:
    if line.amount <= 0:
        return "debit"
    if line.status == "pending":
        return "pending"
    return "not_a_payer" if payer == NOT_A_PAYER else ""


# --- B9


def _leave(state: Credits, line: BankLine, candidates: Candidates) -> None:
    quoted = state.orders_quoted(line.id)
    lost = {order: "another_sum" if order in state.free else "taken" for order in shown(quoted)}
    for order in candidates.shown:
        lost.setdefault(order, state.contradiction(line.id, frozenset([order])) or "several_credits")
    others = sum(not candidates.holds(state.known[order]) for order in quoted)
    evidence = state.hesitation(
        _why(state, line, candidates, others == len(quoted)), lost, candidates.count + others, min(candidates.count, 2), lost
    )
    if state.alike[line.id]:
        evidence = msgspec.structs.replace(evidence, payers=state.alike[line.id])
    state.offer("unmatched", "B9", [line.id], (), evidence)


def _why(state: Credits, line: BankLine, candidates: Candidates, others: bool) -> str:
    if line.currency != CURRENCY:
        return "other_currency"
    if state.quoted[line.id] and others:
        return "reference_with_another_sum"
    if not state.payer[line.id]:
        return "payer_unknown"
    if candidates.count > 1:
        return "several_orders"
    return "several_credits_or_reference_elsewhere" if candidates.count else "no_order"
