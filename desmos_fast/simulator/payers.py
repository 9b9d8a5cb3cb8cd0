# SPDX-License-Identifier: Apache-2.0
"""The payers: what becomes of each share, by the order number of its NIR, and the orders and credits that follow."""

import datetime
import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from desmos_fast.base.identifiers import nir_is_synthetic
from desmos_fast.exchange.layouts import load_pack
from desmos_fast.exchange.reserved import C2S_CONTRACT, C2S_NUMBER
from desmos_fast.exchange.text import fitted
from desmos_fast.nomenclature.tariffs import load_tariffs
from desmos_fast.simulator.codec import AMO_FLOW
from desmos_fast.simulator.draw import Draw
from desmos_fast.simulator.model import (
    Anomaly,
    Batch,
    ClaimLot,
    Credit,
    Letter,
    Order,
    OtherMoney,
    Outcome,
    Part,
    Payer,
    ReturnLine,
    Sheet,
)
from desmos_fast.simulator.world import DESK_ORDERS, load_payers

NAMED: Final[dict[int, Outcome]] = {
    900: "paid", 901: "partly", 902: "late", 903: "twice", 904: "silent", 905: "lot_refused", 906: "rights_closed", 907: "clawed_back",
    908: "reference_lost", 909: "merged", **dict.fromkeys(range(910, 920), "rejected"), **dict.fromkeys(DESK_ORDERS, "desk"),
}
FIRST_REJECT: Final = 910
DRAWN: Final[tuple[tuple[int, Outcome], ...]] = ((960, "paid"), (972, "partly"), (986, "rejected"), (994, "late"), (1000, "silent"))
"""Running sums, in thousandths, of what becomes of the shares whose identity names no outcome."""
BATCHES: Final[tuple[Batch, ...]] = ("first", "merged", "unlabelled", "later")
PAID_IN: Final[dict[Outcome, tuple[Batch, ...]]] = {
    "paid": ("first",), "late": ("later",), "twice": ("first", "later"), "clawed_back": ("first",), "reference_lost": ("unlabelled",),
    "merged": ("merged",), "desk": ("first",), "silent": (), "lot_refused": (),
}
"""In which orders a share is paid in full; the outcomes that pay otherwise are not here."""
WORKING_DAYS: Final[dict[Part, int]] = {"amo": 4, "amc": 6}
LATER_DAYS: Final = 18
STRANGERS: Final = ("ASSURANCE DES LOCAUX", "FOURNISSEUR DE GANTS", "REGIE DES EAUX", "LOUEUR DE FAUTEUILS")
"""Who may send money to the centre without being a payer."""
CLAWBACK_LABEL: Final = "RECUPERATION D INDU"


class Share(msgspec.Struct, frozen=True):
    """One claim of one part of an invoice on one payer, with what becomes of it."""

    lot: ClaimLot
    sheet: Sheet
    part: Part
    payer: Payer
    claimed: int
    outcome: Outcome


class Piece(msgspec.Struct, frozen=True):
    """What one order says of one share."""

    batch: Batch
    share: Share
    letter: Letter
    paid: int
    code: str = ""
    nameless: bool = False


@functools.cache
def reject_codes() -> dict[str, str]:
    """Return the labels of the reject list by code, in its order."""
    return {row.code: plain(row.label) for row in load_tariffs().reject_codes}


@functools.cache
def code_of_class(name: str) -> str:
    """Return the first reject code of a class."""
    return next(row.code for row in load_tariffs().reject_codes if row.name == name)


def reject_code(row: int) -> str:
    """Return the code of a row of the reject list; past its end, a code that no list knows, as real payers send some."""
    codes = tuple(reject_codes())
    return codes[row] if row < len(codes) else f"99999{row:02d}"


def plain(label: str) -> str:
    """Write a label as the zone of an anomaly takes it, cut after its last whole word; one that has no such form is left out."""
    width = load_pack().tables["R2"].field("label").length
    words = (fitted("R2", "label", label) or "").split()
    while len(" ".join(words)) > width:
        words.pop()
    return " ".join(words)


def working_day(start: str, count: int) -> str:
    """Return the day that lies `count` days from Monday to Friday after an ISO date."""
    date = datetime.date.fromisoformat(start)
    while count:
        date += datetime.timedelta(days=1)
        count -= date.weekday() < 5
    return date.isoformat()


def amo_payer(lot: ClaimLot) -> Payer:
    """Return the caisse of a lot."""
    return Payer(f"amo:{lot.regime}{lot.caisse}", regime=lot.regime, caisse=lot.caisse, centre=lot.centre)


def amc_payer(lot: ClaimLot, sheet: Sheet) -> Payer | None:
    """Return who pays the complementary part: the caisse under C2S, None when no number names a payer."""
    if not sheet.amc_number.isdigit():
        return None
    if lot.flow == AMO_FLOW and sheet.contract_type == C2S_CONTRACT and sheet.amc_number.lstrip("0") == C2S_NUMBER:
        return amo_payer(lot)
    return Payer(f"amc:{sheet.amc_number}", amc=sheet.amc_number)


def outcome_of(seed: int, sheet: Sheet, part: Part) -> Outcome:
    """Return what becomes of a share: named by the order number of a synthetic NIR, else drawn from the seed."""
    if nir_is_synthetic(sheet.nir):
        named = NAMED.get(int(sheet.nir[10:13]))
        if named is not None:
            return named
    return drawn_outcome(seed, sheet.nir, sheet.number, part)


def drawn_outcome(seed: int, nir: str, number: int, part: Part) -> Outcome:
    """Return what becomes of a share whose identity names no outcome."""
    roll = Draw(seed, "outcome", nir, number, part).below(1000)
    return next(outcome for end, outcome in DRAWN if roll < end)


def shares_of(seed: int, lot: ClaimLot, refused: bool) -> Iterator[Share]:
    """Give the shares claimed in a lot; in a refused one nothing more becomes of them."""
    for sheet in lot.sheets:
        claims: list[tuple[Part, Payer | None, int]] = []
        if lot.flow == AMO_FLOW:
            claims.append(("amo", amo_payer(lot), sheet.amo))
        if sheet.amc or lot.flow != AMO_FLOW:
            claims.append(("amc", amc_payer(lot, sheet), sheet.amc))
        for part, payer, claimed in claims:
            if payer is not None:
                outcome = outcome_of(seed, sheet, part)
                due = 0 if outcome == "desk" else claimed
                yield Share(lot, sheet, part, payer, due, "lot_refused" if refused else outcome)


def pieces_of(seed: int, share: Share) -> tuple[Piece, ...]:
    """Return what the payer says of a share, once, twice or never."""
    if share.outcome == "partly":
        return (partly(seed, share),)
    if share.outcome == "rights_closed":
        return (Piece("first", share, "R", 0, code_of_class("rights")),)
    if share.outcome == "rejected":
        return (Piece("first", share, "R", 0, reject_code(reject_row(seed, share))),)
    paid = tuple(Piece(batch, share, "P", share.claimed) for batch in PAID_IN[share.outcome])
    if share.outcome == "clawed_back":
        return (*paid, Piece("later", share, "R", -share.claimed, code_of_class("rights"), nameless=share.part == "amc"))
    return paid


def partly(seed: int, share: Share) -> Piece:
    """Return a payment that lacks one cent or a good part; a share of a cent at most cannot be cut."""
    if share.claimed <= 1:
        return Piece("first", share, "P", share.claimed)
    draw = Draw(seed, "cut", share.sheet.nir, share.sheet.number, share.part)
    missing = 1 if draw.chance(30) else 1 + draw.below(share.claimed - 1)
    return Piece("first", share, "Q", share.claimed - missing)


def reject_row(seed: int, share: Share) -> int:
    """Return the row of the reject list that refuses a share."""
    order = int(share.sheet.nir[10:13])
    if nir_is_synthetic(share.sheet.nir) and NAMED.get(order) == "rejected":
        return order - FIRST_REJECT
    return Draw(seed, "reject", share.sheet.nir, share.sheet.number, share.part).below(len(reject_codes()))


def line_of(piece: Piece) -> ReturnLine:
    """Return the R1 of a piece, with its R2 when it refuses something."""
    share, sheet = piece.share, piece.share.sheet
    anomalies: tuple[Anomaly, ...] = ()
    if piece.code:
        identity = piece.code == code_of_class("identity")
        anomalies = (Anomaly(0, piece.code, sheet.nir if identity else "", reject_codes().get(piece.code, "")),)
    return ReturnLine(
        biller=share.lot.biller, lot=share.lot.number, number=sheet.number, nir=sheet.nir, care_date=sheet.care_date, part=share.part,
        letter=piece.letter, claimed=share.claimed, paid=piece.paid, code=piece.code, anomalies=anomalies,
    )


def payment_date(batch: Batch, payer: Payer, sent_on: str) -> str:
    """Return the day of an order: later than the rest for late money, one day apart for a credit without reference."""
    days = WORKING_DAYS["amo" if payer.amc is None else "amc"]
    return working_day(sent_on, LATER_DAYS if batch == "later" else days + (batch == "unlabelled"))


class References:
    """Payment references, 14 digits each: year, day of the year, and a number drawn from the file and the order."""

    def __init__(self, seed: int, digest: str) -> None:
        self._seed = seed
        self._digest = digest
        self._given: set[str] = set()

    def new(self, payer: Payer, batch: Batch, date: str) -> str:
        """Return a reference that this file has not given yet."""
        day = datetime.date.fromisoformat(date)
        draw = Draw(self._seed, "reference", self._digest, payer.id, payer.centre or "", batch)
        while True:
            reference = f"{day:%y%j}{draw.digits(9)}"
            if reference not in self._given:
                self._given.add(reference)
                return reference


def orders_of(pieces: Iterable[Piece], references: References, sent_on: str) -> list[Order]:
    """Group what is said by payer and day of payment: one order, one reference each."""
    groups: dict[tuple[Batch, Payer], list[Piece]] = {}
    for piece in pieces:
        groups.setdefault((piece.batch, piece.share.payer), []).append(piece)
    orders = []
    for batch, payer in sorted(groups, key=lambda group: (BATCHES.index(group[0]), group[1].id, group[1].centre or "")):
        date = payment_date(batch, payer, sent_on)
        found = groups[batch, payer]
        orders.append(Order(
            payer=payer, batch=batch, reference=references.new(payer, batch, date), date=date,
            lines=tuple(line_of(piece) for piece in found if not piece.nameless),
            other=tuple(
                OtherMoney("I", piece.paid, piece.share.sheet.number, CLAWBACK_LABEL) for piece in found if piece.nameless
            ),
        ))
    return orders


def name_of(payer: Payer) -> str:
    """Return the name of a payer; one that the world does not know gets a name without digits that could read as a reference."""
    known = load_payers().names().get(payer.id)
    if known is not None:
        return known
    letters = "".join(chr(65 + int(digit)) for digit in payer.id.partition(":")[2])
    return f"{'CAISSE' if payer.amc is None else 'ORGANISME'} {letters}"


def stray_credit(seed: int, biller: str, sent_on: str, sequence: int) -> Credit:
    """Return a credit that has nothing to do with claims, as every account receives some; another one for each claim file."""
    draw = Draw(seed, "stray", biller, sent_on, sequence)
    booking = working_day(sent_on, WORKING_DAYS["amo"])
    return Credit(payer=Payer(""), name=draw.pick(STRANGERS), amount=1_000 + draw.below(90_000), booking=booking, orders=(), quoted=())


def credits_of(orders: Sequence[Order]) -> list[Credit]:
    """Return the credits of the orders: one each, but merged orders ride with the first of their payer, and debts bring none."""
    bundles: dict[tuple[Payer, Batch], list[Order]] = {}
    for order in orders:
        if order.total > 0:
            bundles.setdefault((order.payer, "first" if order.batch == "merged" else order.batch), []).append(order)
    credits = []
    for (payer, batch), some in bundles.items():
        known = tuple(order.reference for order in some)
        credits.append(Credit(
            payer=payer, name=name_of(payer), amount=sum(order.total for order in some), booking=working_day(some[0].date, 1),
            orders=known, quoted=() if batch == "unlabelled" else known,
        ))
    return credits
