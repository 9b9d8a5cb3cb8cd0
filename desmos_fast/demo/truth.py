# SPDX-License-Identifier: Apache-2.0
"""What the day must have come to, told from the invoices and the truth of the simulated payers and bank alone."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from desmos_fast.billing.model import Invoice
from desmos_fast.billing.rules import document_state, split
from desmos_fast.demo.model import Amount
from desmos_fast.nomenclature.tariffs import load_tariffs
from desmos_fast.simulator.model import Answers, Truth

UNKNOWN: Final = "unknown"
ENDS: Final = {"lot_refused": "file_refused", "silent": "received", "rejected": "rejected", "rights_closed": "rejected"}
Key = tuple[int, str]


class Fate(NamedTuple):
    """What must have become of one share, amounts in cents."""

    part: str
    payer: str
    amount: int
    state: str
    announced: int
    credited: int
    reject_code: str | None


class Money(NamedTuple):
    """What one payer owes, announces and pays, in cents."""

    expected: int
    announced: int
    received: int


class Expected(NamedTuple):
    """The figures of a day that need no service to be known."""

    fates: dict[Key, Fate]
    states: dict[str, Amount]
    payers: dict[str, Money]
    lots_accepted: int
    lots_refused: int
    credits: Amount
    credits_unmatched: Amount
    lines_unmatched: Amount


def expected(invoices: Sequence[Invoice], answers: Sequence[Answers], unmatched: Iterable[tuple[str, int]]) -> Expected:
    """Tell the figures. `unmatched` are booking day and amount of the credits that stayed so: only one without any reference may."""
    lost = unpaid_orders(answers, unmatched)
    rows: dict[Key, Truth] = {(row.invoice, row.part): row for one in answers for row in one.truth}
    lots = {(rank, row.lot): row.outcome == "lot_refused" for rank, one in enumerate(answers) for row in one.truth}
    credits = [credit for one in answers for credit in one.credits]
    told = dict(fates(invoices, rows, lost))
    return Expected(
        fates=told,
        states=invoice_states(invoices, told),
        payers=payers(rows.values(), answers, lost),
        lots_accepted=sum(not refused for refused in lots.values()),
        lots_refused=sum(lots.values()),
        credits=total(credit.amount for credit in credits),
        credits_unmatched=total(credit.amount for credit in credits if lost.issuperset(credit.orders)),
        lines_unmatched=Amount(0, 0),
    )


def payers(rows: Iterable[Truth], answers: Sequence[Answers], lost: set[str]) -> dict[str, Money]:
    """Add up the money of each payer."""
    owed: Counter[str] = Counter()
    for row in rows:
        owed[row.payer] += row.claimed
    orders = [order for one in answers for order in one.orders]
    announced: Counter[str] = Counter()
    received: Counter[str] = Counter()
    for order in orders:
        announced[order.payer.id] += order.total
        if order.total > 0 and order.reference not in lost:
            received[order.payer.id] += order.total
    return {payer: Money(owed[payer], announced[payer], received[payer]) for payer in sorted(owed | announced)}


def total(amounts: Iterable[int]) -> Amount:
    """Count and add up."""
    known = list(amounts)
    return Amount(len(known), sum(known))


def unpaid_orders(answers: Sequence[Answers], unmatched: Iterable[tuple[str, int]]) -> set[str]:
    """Return the references of the orders whose credit bears none and stayed unmatched."""
    left = Counter(unmatched)
    lost: set[str] = set()
    for one in answers:
        for credit in one.credits:
            if not credit.quoted and left[credit.booking, credit.amount]:
                left[credit.booking, credit.amount] -= 1
                lost.update(credit.orders)
    return lost


def fates(invoices: Sequence[Invoice], rows: Mapping[Key, Truth], lost: set[str]) -> Iterator[tuple[Key, Fate]]:
    """Give the fate of every share; the patients' shares have not moved yet."""
    for key, row in rows.items():
        # An AMC takes back without naming the share: only one payment of that amount was made on the invoice.
        announced = sum(payment.amount for payment in row.payments)
        credited = sum(payment.amount for payment in row.payments if payment.bank_line is not None and payment.reference not in lost)
        yield key, Fate(row.part, row.payer, row.claimed, state_of(row, announced, credited), announced, credited, row.reject_code)
    for invoice in invoices:
        if desk := split(invoice).desk:
            yield (invoice.number, "patient"), Fate("patient", "patient", desk, "due", 0, 0, None)


def state_of(row: Truth, announced: int, credited: int) -> str:
    """Return the state that a payer's share must have ended in."""
    if row.outcome in ENDS:
        return ENDS[row.outcome]
    if row.outcome == "clawed_back":
        return "indu"
    if credited >= row.claimed:
        return "settled"
    if credited > 0:
        return "settled_part"
    return "announced" if announced >= row.claimed else "announced_part"


def invoice_states(invoices: Sequence[Invoice], found: Mapping[Key, Fate]) -> dict[str, Amount]:
    """Return how many invoices must be in which state, with their totals."""
    by_number: dict[int, list[str]] = {}
    for (number, _), fate in found.items():
        by_number.setdefault(number, []).append(fate.state)
    return tally((document_state("signed", by_number[one.number]), split(one).total) for one in invoices)


def share_states(found: Iterable[Fate]) -> dict[str, dict[str, Amount]]:
    """Return how many shares of each part must be in which state, with what is due on them."""
    fates = list(found)
    return {part: tally((fate.state, fate.amount) for fate in fates if fate.part == part) for part in ("amo", "amc", "patient")}


def reject_classes(found: Iterable[Fate]) -> dict[str, Amount]:
    """Return how many shares must be rejected for which class of reason."""
    return tally((class_of(fate.reject_code or ""), fate.amount - fate.announced) for fate in found if fate.state == "rejected")


def class_of(code: str) -> str:
    """Return the class that the list of rejects gives a code."""
    return next((row.name for row in load_tariffs().reject_codes if row.code == code), UNKNOWN)


def tally(items: Iterable[tuple[str, int]]) -> dict[str, Amount]:
    """Count and add up by name."""
    found: dict[str, Amount] = {}
    for name, cents in items:
        before = found.get(name, Amount(0, 0))
        found[name] = Amount(before.count + 1, before.cents + cents)
    return found
