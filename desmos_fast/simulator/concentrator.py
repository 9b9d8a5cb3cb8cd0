# SPDX-License-Identifier: Apache-2.0
"""The concentrator: takes claim files, has the payers answer, and brings back acknowledgements, returns and a bank statement."""

import datetime
import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from desmos_fast.simulator.bank import account_of, opening_of, statement
from desmos_fast.simulator.codec import UnreadableClaims, read_claims, write_arl, write_returns
from desmos_fast.simulator.model import Answers, ClaimFile, ClaimLot, Credit, Order, Payment, Truth, Verdict
from desmos_fast.simulator.payers import (
    Piece,
    References,
    Share,
    credits_of,
    name_of,
    orders_of,
    outcome_of,
    pieces_of,
    shares_of,
    stray_credit,
    working_day,
)

LAST_SEQUENCE: Final = 999_999
REFUSED_CODE: Final = "LT01"
REFUSED_LABEL: Final = "LOT REFUSE PAR LE FRONTAL D ESSAI"
SENT: Final = "to_payers"
BACK: Final = "from_payers"


class Answered(NamedTuple):
    """One claim file of a letterbox, what was answered to it, and the files that say so."""

    claims: Path
    answers: Answers
    arl: list[Path]
    rsp: list[Path]
    bank: Path

    @property
    def files(self) -> list[Path]:
        """Return all of its answers, acknowledgements first, as they arrive."""
        return [*self.arl, *self.rsp, self.bank]


def verdict_on(seed: int, lot: ClaimLot) -> Verdict:
    """Say whether the front server takes a lot: not when it holds someone whose identity says so."""
    for sheet in lot.sheets:
        if outcome_of(seed, sheet, "amo") == "lot_refused":
            return Verdict(lot, False, REFUSED_CODE, sheet.record, REFUSED_LABEL)
    return Verdict(lot, True)


def numbered(sequence: int) -> int:
    """Bring a file number back to 1..999999."""
    return (sequence - 1) % LAST_SEQUENCE + 1


def returns(claims: ClaimFile, orders: Sequence[Order]) -> Iterator[bytes]:
    """Give the RS files: one with the first payments, one with what comes weeks later; none when there is nothing to say."""
    first = [order for order in orders if order.batch != "later"]
    later = [order for order in orders if order.batch == "later"]
    for rank, some in enumerate((first, later)):
        if some:
            yield write_returns(claims, some, max(order.date for order in some), numbered(2 * claims.sequence - 1 + rank))


def truth_of(shares: Sequence[Share], said: Sequence[tuple[Piece, ...]], orders: Sequence[Order], lines: dict[str, int]) -> list[Truth]:
    """Say what became of each share, in order of invoice and part."""
    by_group = {(order.batch, order.payer): order for order in orders}
    rows = []
    for share, pieces in zip(shares, said, strict=True):
        payments = []
        for piece in pieces:
            order = by_group[piece.batch, piece.share.payer]
            if piece.paid:
                payments.append(Payment(order.reference, order.date, piece.paid, lines.get(order.reference)))
        rows.append(Truth(
            invoice=share.sheet.number, part=share.part, payer=share.payer.id, lot=f"{share.lot.number:03d}", outcome=share.outcome,
            claimed=share.claimed, paid=sum(piece.paid for piece in pieces),
            reject_code=next((piece.code for piece in pieces if piece.code), None), payments=tuple(payments),
        ))
    return sorted(rows, key=lambda row: (row.invoice, row.part != "amo"))


def answer(claim_file: bytes, seed: int, sent_on: datetime.date, *, opening: int | None = None) -> Answers:
    """Answer one claim file, from its bytes and the seed alone; `opening` is the balance of the account before, in cents.

    Raises UnreadableClaims when the bytes are no claim file.
    """
    claims = read_claims(claim_file)
    day = sent_on.isoformat()
    verdicts = [verdict_on(seed, lot) for lot in claims.lots]
    shares = [share for verdict in verdicts for share in shares_of(seed, verdict.lot, not verdict.accepted)]
    said = [pieces_of(seed, share) for share in shares]
    references = References(seed, hashlib.sha256(claim_file).hexdigest())
    orders = orders_of((piece for pieces in said for piece in pieces), references, day)
    stray = stray_credit(seed, claims.biller, day, claims.sequence)
    credits = sorted([*credits_of(orders), stray], key=lambda one: (one.booking, one.payer.id, one.orders))
    before = opening_of(seed, claims.biller) if opening is None else opening
    bank = statement(account_of(seed, claims.biller), before, day, credits)
    return Answers(
        arl=(write_arl(claims, verdicts, working_day(day, 1), numbered(claims.sequence)),),
        rsp=tuple(returns(claims, orders)), bank=bank.data, orders=tuple(orders), credits=tuple(credits),
        truth=tuple(truth_of(shares, said, orders, lines_of(credits, bank.lines))),
        payers={share.payer.id: name_of(share.payer) for share in shares}, closing=bank.closing,
    )


def lines_of(credits: Sequence[Credit], lines: Sequence[int]) -> dict[str, int]:
    """Return the record of the statement that pays each order, by its reference."""
    return {reference: line for credit, line in zip(credits, lines, strict=True) for reference in credit.orders}


def write_once(path: Path, data: bytes) -> Path:
    """Write a file whole or not at all; one that already holds these bytes is left alone."""
    if path.exists() and path.read_bytes() == data:
        return path
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with temporary.open("xb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def answer_folder(letterbox: Path, seed: int, *, biller: str | None = None) -> list[Answered]:
    """Answer every claim file of `letterbox/to_payers`, or those of one centre, into `letterbox/from_payers`.

    A second run writes the same bytes: each file is answered as on its creation date, and the statements of a centre chain in
    the order of its file numbers. Raises UnreadableClaims, after the others are answered, when some file is no claim file.
    """
    back = letterbox / BACK
    back.mkdir(parents=True, exist_ok=True)
    found: list[tuple[ClaimFile, Path, bytes]] = []
    unreadable: list[str] = []
    for path in sorted((letterbox / SENT).glob("*.b2")):
        data = path.read_bytes()
        try:
            claims = read_claims(data)
        except UnreadableClaims as error:
            unreadable.append(f"{path.name}: {error.detail}")
        else:
            if biller in (None, claims.biller):
                found.append((claims, path, data))
    balances: dict[str, int] = {}
    answered: list[Answered] = []
    for claims, path, data in sorted(found, key=lambda one: (one[0].biller, one[0].date, one[0].sequence, one[1].name)):
        answers = answer(data, seed, datetime.date.fromisoformat(claims.date), opening=balances.get(claims.biller))
        balances[claims.biller] = answers.closing
        answered.append(Answered(
            path, answers,
            arl=[write_once(back / f"arl-{path.stem}-{rank}.b2", arl) for rank, arl in enumerate(answers.arl, 1)],
            rsp=[write_once(back / f"rsp-{path.stem}-{rank}.b2", rsp) for rank, rsp in enumerate(answers.rsp, 1)],
            bank=write_once(back / f"bank-{path.stem}.cfonb", answers.bank),
        ))
    if unreadable:
        raise UnreadableClaims("; ".join(unreadable), hint="only whole claim files belong in to_payers")
    return answered
