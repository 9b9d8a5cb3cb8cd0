# SPDX-License-Identifier: Apache-2.0
"""Double entry: what each event debits and credits, and the chain of hashes over the entries.

Pure: nothing here stores anything. An amount of zero gives no line, a negative amount turns the two sides
over, so a recovery is written by the builder of the payment it takes back.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, cast

import msgspec

from desmos_fast.base.errors import OurBug
from desmos_fast.base.types import Cents

INCOME: Final = "produit"
LOSS: Final = "perte"
UNEXPLAINED: Final = "ecart"
DESK: Final = "caisse"
PATIENT: Final = "patient"
GENESIS: Final = bytes(32)
LARGEST: Final = 2**63 - 1


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One side of an entry: exactly one of `debit` and `credit` is above zero."""

    account: str
    debit: Cents
    credit: Cents


# Said of each amount that it is cents, a line takes twice the time.
_line: Final = cast("Callable[[str, int, int], Line]", Line)


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What one event changes: its name, the id of what it is about, and lines that sum to zero."""

    event: str
    ref: str
    lines: tuple[Line, ...]


class Due(NamedTuple):
    """What one payer owes, or how much of an order or a credit is one payer's; in cents."""

    payer: str
    amount: Cents


class Settled(NamedTuple):
    """How a payment moves one patient's share, in cents: what falls due less, what is above the debt, what an ended share loses."""

    invoice: str
    due: int
    excess: int
    lost: int = 0


def receivable(payer: str, invoice: str) -> str:
    """Name the account of what `payer` owes on one invoice."""
    return f"creance:{payer}:{invoice}"


def awaited(payer: str) -> str:
    """Name the account between what a payer announces and what the bank receives."""
    return f"attente:{payer}"


def bank(account: str) -> str:
    """Name the account of one bank account."""
    return f"banque:{account}"


def clawback(payer: str) -> str:
    """Name the account of sums a payer took back and nobody has explained yet."""
    return f"indu:{payer}"


def outside_invoices(payer: str) -> str:
    """Name the account of money that belongs to no invoice of ours."""
    return f"hors_facture:{payer}"


def overpayment(payer: str) -> str:
    """Name the account of what a payer sent above its debt."""
    return f"trop_percu:{payer}"


def till(means: str) -> str:
    """Name the account of what is in the till in one form: cash, cheques."""
    return f"{DESK}:{means}"


def advance(payment: str) -> str:
    """Name the account of what a patient's payment still has for no invoice."""
    return f"avance:{payment}"


def _lines(moves: Iterable[tuple[str, int]]) -> tuple[Line, ...]:
    # A positive amount is a debit; the table refuses a line of nothing, so zero gives none.
    return tuple([_line(account, amount, 0) if amount > 0 else _line(account, 0, -amount) for account, amount in moves if amount])


def _entry(event: str, ref: str, moves: Iterable[tuple[str, int]]) -> Entry:
    return check(Entry(event, ref, _lines(moves)))


def _transfer(event: str, ref: str, debit: str, credit: str, amount: int) -> Entry:
    return _entry(event, ref, ((debit, amount), (credit, -amount)))


def _positive(amount: int, what: str) -> int:
    if amount < 0:
        raise OurBug(f"{what} is negative: {amount} cents")
    return amount


def check(entry: Entry) -> Entry:
    """Return `entry` when it is sound.

    Raises OurBug for a line of nothing, of two sides or beyond 64 bits, and for sides that differ.
    """
    balance = 0
    for line in entry.lines:
        debit, credit = line.debit, line.credit
        if (debit == 0) == (credit == 0) or not 0 <= debit <= LARGEST or not 0 <= credit <= LARGEST:
            raise OurBug(f"entry {entry.event} has a line that is not one positive side: {debit} / {credit} cents")
        balance += debit - credit
    if balance:
        raise OurBug(f"entry {entry.event} does not sum to zero")
    return entry


def signed(invoice: str, parts: Sequence[Due]) -> Entry:
    """Record what each payer owes once an invoice is signed."""
    due = [(receivable(part.payer, invoice), _positive(part.amount, "a part")) for part in parts]
    return _entry("invoice.signed", invoice, [*due, (INCOME, -sum([amount for _, amount in due]))])


def voided(invoice: str, opens: Sequence[Due], *, event: str = "invoice.voided") -> Entry:
    """Take back what is still open on an invoice that is void or recycled."""
    due = [(receivable(part.payer, invoice), -_positive(part.amount, "an open amount")) for part in opens]
    return _entry(event, invoice, [(INCOME, -sum(amount for _, amount in due)), *due])


def line_matched(ref: str, payer: str, invoice: str, amount: Cents) -> Entry:
    """Move an order line from its payer's debt to what is awaited; a recovery (below zero) the other way."""
    return _transfer("line.matched", ref, awaited(payer), receivable(payer, invoice), amount)


def overpaid(ref: str, payer: str, invoice: str, due: Cents, excess: Cents, *, event: str = "line.overpaid") -> Entry:
    """Record an order line that closes the `due` cents left and announces `excess` more; both below zero take that back."""
    return _placed(event, ref, awaited(payer), payer, receivable(payer, invoice), due, excess)


def _placed(event: str, ref: str, source: str, payer: str, target: str, due: int, excess: int) -> Entry:
    if due * excess < 0:
        raise OurBug(f"{event}: {due} cents due and {excess} cents in excess run against each other")
    return _entry(event, ref, ((source, due + excess), (target, -due), (overpayment(payer), -excess)))


def line_without_invoice(ref: str, payer: str, amount: Cents) -> Entry:
    """Record announced money that no invoice of ours explains: paper, flat rate, other software."""
    return _transfer("line.without_invoice", ref, awaited(payer), outside_invoices(payer), amount)


def line_invoiced_later(ref: str, payer: str, invoice: str, due: Cents, excess: Cents = Cents(0)) -> Entry:
    """Move an order line from the money without invoice to the invoice found at last, what is above its debt apart."""
    return _placed("line.invoiced_later", ref, outside_invoices(payer), payer, receivable(payer, invoice), due, excess)


def recovery_parked(ref: str, payer: str, amount: Cents) -> Entry:
    """Record a recovery nobody can place; `amount` is below zero, as the order line says."""
    return _transfer("recovery.parked", ref, awaited(payer), clawback(payer), amount)


def recovery_identified(ref: str, payer: str, invoice: str | None, due: Cents, excess: Cents = Cents(0)) -> Entry:
    """Move a parked recovery (below zero) to its invoice, or to the losses when `invoice` is None; its part of an excess apart."""
    target = LOSS if invoice is None else receivable(payer, invoice)
    return _placed("recovery.identified", ref, clawback(payer), payer, target, due, excess)


def credit_matched(ref: str, account: str, orders: Sequence[Due]) -> Entry:
    """Receive at the bank what orders announced; `orders` gives the amount of each payer, recoveries below zero."""
    moves = [(awaited(order.payer), -order.amount) for order in orders]
    return _entry("credit.matched", ref, [(bank(account), sum(order.amount for order in orders)), *moves])


def credit_unmatched(ref: str, account: str, amount: Cents) -> Entry:
    """Receive at the bank what nothing explains yet; a debit of the statement is below zero."""
    return _transfer("credit.unmatched", ref, bank(account), UNEXPLAINED, amount)


def credit_matched_later(ref: str, orders: Sequence[Due], remainder: tuple[str, int] | None = None) -> Entry:
    """Explain by orders a credit that was received unexplained; `remainder` is what the credit is more than they are, and its account."""
    moves = [(awaited(order.payer), -order.amount) for order in orders]
    if remainder is not None:
        account, cents = remainder
        moves.append((account, -cents))
    return _entry("credit.matched_later", ref, [(UNEXPLAINED, -sum(amount for _, amount in moves)), *moves])


def at_desk(event: str, ref: str, means: str, cash: int, shares: Sequence[Settled], advances: Sequence[tuple[str, int]]) -> Entry:
    """Move money between the till, what patients owe, and what waits for an invoice.

    `cash` comes in by `means`; each share, and each payment of `advances` by its id, takes its cents. Below zero is the other way, and
    `lost` is what a share that has ended owes no more. Raises OurBug when what comes in is not what is taken.
    """
    owed = [(receivable(PATIENT, share.invoice), -share.due) for share in shares]
    excess, lost = sum(share.excess for share in shares), sum(share.lost for share in shares)
    waiting = [(advance(payment), -amount) for payment, amount in advances]
    return _entry(event, ref, [(till(means), cash), *owed, (overpayment(PATIENT), -excess), (LOSS, -lost), *waiting])


def moved_to_patient(ref: str, payer: str, invoice: str, amount: Cents, excess: Cents = Cents(0)) -> Entry:
    """Let the patient owe what a payer will not pay; `excess` of it was received at the desk already, above what was owed there."""
    moves = [(receivable(PATIENT, invoice), amount - excess), (overpayment(PATIENT), excess), (receivable(payer, invoice), -amount)]
    return _entry("share.to_patient", ref, moves)


def taken_from_patient(ref: str, payer: str, invoice: str, due: Cents, excess: Cents) -> Entry:
    """Let the patient owe `due` cents less, for the payer has sent them; `excess` more were paid at the desk and are to be given back."""
    return _placed("share.from_patient", ref, overpayment(payer), PATIENT, receivable(PATIENT, invoice), due, excess)


def written_off(ref: str, payer: str, invoice: str, amount: Cents, *, event: str = "share.written_off") -> Entry:
    """Give up what is open on one share."""
    return _transfer(event, ref, LOSS, receivable(payer, invoice), amount)


def undone(entry: Entry, ref: str) -> Entry:
    """Return the entry that cancels `entry` and touches nothing else."""
    return check(Entry(f"{entry.event}.undone", ref, tuple(Line(line.account, line.credit, line.debit) for line in entry.lines)))


def balances(entries: Iterable[Entry]) -> dict[str, Cents]:
    """Return debit less credit of each account, accounts at zero left out."""
    sums: dict[str, int] = {}
    for entry in entries:
        for line in entry.lines:
            sums[line.account] = sums.get(line.account, 0) + line.debit - line.credit
    return {account: Cents(amount) for account, amount in sums.items() if amount}


_ENCODER: Final = msgspec.json.Encoder()


def canonical(entry: Entry) -> bytes:
    """Return the bytes that are hashed: compact JSON `[event, ref, [[account, debit, credit], ...]]` in UTF-8."""
    return _ENCODER.encode(entry)


def chain(previous: bytes, entries: Iterable[Entry]) -> list[bytes]:
    """Return one SHA-256 an entry, each over the hash before it and the entry's canonical bytes.

    `previous` is the 32-byte hash of the last entry kept, or `GENESIS`.
    """
    if len(previous) != 32:
        raise OurBug("a link of the chain has 32 bytes")
    links: list[bytes] = []
    for entry in entries:
        previous = hashlib.sha256(previous + canonical(entry)).digest()
        links.append(previous)
    return links
