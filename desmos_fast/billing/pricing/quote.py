# SPDX-License-Identifier: Apache-2.0
"""Quotes: what acts would cost and who would pay it, nothing billed, with the act that must be proposed instead where there is one."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import asdict, replace

from desmos_fast.base.french import day as french_day
from desmos_fast.base.french import euros
from desmos_fast.billing import rules
from desmos_fast.billing.model import Act, CcamAct
from desmos_fast.billing.pricing import kernel
from desmos_fast.billing.pricing.codec import Entry, PricedBlock
from desmos_fast.billing.pricing.kernel import AMOUNTS
from desmos_fast.billing.pricing.model import PricedAct, PricedInvoice, UnpricedAct, UnpricedCcamAct, UnpricedInvoice, UnpricedNgapAct
from desmos_fast.billing.pricing.phrases import BASKETS, PARTICIPATION, row_of
from desmos_fast.nomenclature.model import ActRow, Basket, BasketRow
from desmos_fast.nomenclature.tariffs import Tariffs

PROFILE: Final = "profil d'essai, non agréé"
ROWS: Final = tuple(name for name in PricedAct.__struct_fields__ if name.endswith("_row"))


class Shares(msgspec.Struct, frozen=True):
    """What one act costs and who bears it: cents, the rate in percent."""

    fees: int
    base: int
    rate: int
    amo: int
    amc: int
    patient: int


class QuotedBasket(msgspec.Struct, frozen=True):
    """The basket of a dental act, as screens name it, and its highest fees for one act, in cents."""

    basket: Basket
    name: str
    cap: int | None


class Alternative(msgspec.Struct, frozen=True):
    """The act to propose instead, at its ceiling; without shares when no tariff says what it costs."""

    code: str
    basket: QuotedBasket | None
    shares: Shares | None


class QuotedAct(msgspec.Struct, frozen=True):
    """One act of a quote; `participation` in cents."""

    code: str
    label: str
    date: str
    teeth: tuple[str, ...]
    basket: QuotedBasket | None
    shares: Shares
    participation: int
    alternative: Alternative | None


class Quote(msgspec.Struct, frozen=True):
    """What an invoice would be worth, in cents; `desk` is what the patient would pay the centre.

    It holds until `valid_until`, the last day of the rows of the pack that made it, None while none of them has one.
    """

    made_on: date
    valid_until: date | None
    pack: str
    version: str
    profile: str
    total: int
    amo: int
    amc: int
    patient: int
    desk: int
    participation: int
    acts: list[QuotedAct]


class _Other(NamedTuple):
    """What is proposed instead of one act of an entry, and the row of its basket."""

    number: int
    code: str
    quantity: int
    row: BasketRow | None

    @property
    def fees(self) -> int | None:
        """Return its ceiling for the whole line, in cents, None when there is none."""
        return None if self.row is None or self.row.cap is None else self.row.cap * self.quantity


def quotes(block: PricedBlock) -> Iterator[tuple[Entry, Quote]]:
    """Make a quote of each sound entry of a block; what is proposed instead of acts is priced in one more call."""
    sound = {entry.line: entry for entry in block.sound}
    places = [place for place, entry in enumerate(block.entries) if entry.line in sound]
    wanted = {place: proposed for place in places if (proposed := list(_others(block, place)))}
    variants = [_instead(block.entries[place], others) for place, others in wanted.items()]
    worth = kernel.price(variants, tariffs=block.tariffs, on=block.on, today=block.today, allow_late=True)
    others = {
        (place, other.number): _alternative(other, found.acts[other.number])
        for (place, proposed), found in zip(wanted.items(), worth, strict=True)
        for other in proposed
    }
    for place in places:
        entered, found = block.entries[place].entered, block.priced[place]
        acts = [
            _quoted(block.tariffs, act, priced, others.get((place, number)))
            for number, (act, priced) in enumerate(zip(entered.acts, found.acts, strict=True))
            if priced is not None
        ]
        entry = sound[block.entries[place].line]
        yield entry, _quote(block.tariffs, entry, found, acts, block.today)


def _others(block: PricedBlock, place: int) -> Iterator[_Other]:
    """Give what is to be proposed instead of the acts of an entry that are outside the basket without rest to pay."""
    for number, (act, found) in enumerate(zip(block.entries[place].entered.acts, block.priced[place].acts, strict=True)):
        row = _basket_row(block.tariffs, found)
        if row is not None and row.basket != "rac0" and row.alternative:
            own = _row_for(block.tariffs, row.alternative, teeth_of(act), block.on or date.fromisoformat(act.date))
            yield _Other(number, row.alternative, act.quantity, own)


def teeth_of(act: Act | UnpricedAct) -> tuple[str, ...]:
    """Return the teeth of an act, none for one of the NGAP."""
    return act.teeth if isinstance(act, CcamAct | UnpricedCcamAct) else ()


def _basket_row(tariffs: Tariffs, found: PricedAct | None) -> BasketRow | None:
    row = row_of(tariffs, found.basket_row) if found is not None else None
    return row if isinstance(row, BasketRow) else None


def _row_for(tariffs: Tariffs, code: str, teeth: tuple[str, ...], day: date) -> BasketRow | None:
    """Return the row of a code on some teeth, by P14."""
    rows = (row for row in tariffs.baskets if row.code == code and row.in_force(day) and (not row.teeth or {*teeth} <= {*row.teeth}))
    return next(rows, None)


def _instead(entry: Entry, others: Sequence[_Other]) -> UnpricedInvoice:
    """Return what was entered with what is proposed in the place of each act that has an alternative.

    The grouping of the act stands for that of the other, which is of the same category.
    """
    values = asdict(entry.entered)
    acts = [(UnpricedCcamAct if isinstance(act, CcamAct | UnpricedCcamAct) else UnpricedNgapAct)(**asdict(act)) for act in values["acts"]]
    for other in others:
        acts[other.number] = replace(acts[other.number], **dict.fromkeys(AMOUNTS) | {"code": other.code, "fees": other.fees})
    return UnpricedInvoice(**values | {"acts": tuple(acts)})


def _alternative(other: _Other, found: PricedAct | None) -> Alternative:
    return Alternative(other.code, _basket(other.row), None if found is None or other.fees is None else _shares(found))


def _quoted(tariffs: Tariffs, act: Act | UnpricedAct, found: PricedAct, other: Alternative | None) -> QuotedAct:
    own = row_of(tariffs, found.act_row)
    return QuotedAct(
        code=act.code, label=own.label if isinstance(own, ActRow) else "", date=act.date, teeth=teeth_of(act),
        basket=_basket(_basket_row(tariffs, found)), shares=_shares(found), participation=found.participation, alternative=other,
    )  # fmt: skip


def _basket(row: BasketRow | None) -> QuotedBasket | None:
    return None if row is None else QuotedBasket(row.basket, BASKETS[row.basket], row.cap)


def _shares(found: PricedAct) -> Shares:
    return Shares(found.fees, found.base, found.rate, found.amo, found.amc, found.patient)


def _quote(tariffs: Tariffs, entry: Entry, worth: PricedInvoice, acts: list[QuotedAct], today: date) -> Quote:
    used = {getattr(act, name) for act in worth.acts if act is not None for name in ROWS} - {0}
    ends = [until for number in used if (until := tariffs.rows[number - 1].until) is not None]
    return Quote(
        made_on=today, valid_until=min(ends, default=None), pack=tariffs.name, version=tariffs.version, profile=PROFILE,
        total=worth.total, amo=worth.amo, amc=worth.amc, patient=worth.patient, desk=rules.split(entry.invoice).desk,
        participation=worth.participation, acts=acts,
    )  # fmt: skip


def as_text(quote: Quote, name: str) -> str:
    """Write a quote in French, without a word on who the people are."""
    lines = [f"Devis du {french_day(quote.made_on.isoformat())}, {name} ({quote.profile})"]
    for number, act in enumerate(quote.acts, 1):
        teeth = f", dent{'s' if len(act.teeth) > 1 else ''} {' '.join(act.teeth)}" if act.teeth else ""
        lines.append(f"  {number}. {act.code}{teeth}, le {french_day(act.date)}" + (f" : {act.label}" if act.label else ""))
        if act.basket is not None:
            lines.append(f"     Panier {_named(act.basket)}")
        lines.append(f"     {_said(act.shares)}")
        if act.alternative is not None:
            lines.append(f"     {_proposed(act.alternative)}")
    lines.append(f"  Total : {euros(quote.total)}, dont AMO {euros(quote.amo)}, AMC {euros(quote.amc)}, "
                 f"reste à la charge du patient {euros(quote.patient)}")  # fmt: skip
    lines.append(f"  À régler au centre : {euros(quote.desk)}")
    if quote.participation:
        lines.append(f"  Participation forfaitaire : {euros(quote.participation)}, {PARTICIPATION}")
    until = f"jusqu'au {french_day(quote.valid_until.isoformat())}" if quote.valid_until else "tant que ces tarifs sont en vigueur"
    lines.append(f"  Valable {until} ; tarifs « {quote.pack} », version {quote.version}.")
    return "\n".join(lines) + "\n"


def _said(shares: Shares) -> str:
    return (
        f"Honoraires {euros(shares.fees)} ; base {euros(shares.base)} ; AMO {euros(shares.amo)} ({shares.rate} %) ; "
        f"AMC {euros(shares.amc)} ; reste à la charge du patient {euros(shares.patient)}"
    )


def _proposed(other: Alternative) -> str:
    basket = "" if other.basket is None else f", panier {_named(other.basket)}"
    cost = "aucun tarif n'en fixe le prix" if other.shares is None else _said(other.shares)
    return f"Alternative à proposer : {other.code}{basket} : {cost}"


def _named(basket: QuotedBasket) -> str:
    cap = "" if basket.cap is None else f", honoraires de {euros(basket.cap)} au plus"
    return f"« {basket.name} »{cap}"
