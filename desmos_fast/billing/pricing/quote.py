# SPDX-License-Identifier: Apache-2.0
"""Quotes: what acts would cost and who would pay it, nothing billed, with the act that must be proposed instead where there is one."""

import functools
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import asdict, replace

from desmos_fast.base.french import day as french_day
from desmos_fast.base.french import euros
from desmos_fast.billing import rules
from desmos_fast.billing.model import Act, CcamAct
from desmos_fast.billing.pricing import kernel
from desmos_fast.billing.pricing.codec import Entry, PricedBlock
from desmos_fast.billing.pricing.kernel import AMOUNTS
from desmos_fast.billing.pricing.model import PricedAct, UnpricedAct, UnpricedCcamAct, UnpricedInvoice, UnpricedNgapAct
from desmos_fast.billing.pricing.phrases import BASKETS, PARTICIPATION
from desmos_fast.nomenclature.model import ActRow, Basket, BasketRow
from desmos_fast.nomenclature.tariffs import Tariffs

PROFILE: Final = "profil d'essai, non agréé"
CCAM: Final = (CcamAct, UnpricedCcamAct)


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


class _Shown(NamedTuple):
    """What quotes show of the rows of a pack, as the kernel takes it, and what is to be proposed, by the number of a row of a basket."""

    tables: tuple[Any, ...]
    instead: tuple[str, ...]


def quotes(block: PricedBlock) -> Iterator[tuple[Entry, Quote]]:
    """Make a quote of each sound entry of a block; what is proposed instead of acts is priced in one more call."""
    sound = {entry.line: entry for entry in block.sound}
    found = [(place, sound[entry.line]) for place, entry in enumerate(block.entries) if entry.line in sound]
    shown = _shown(block.tariffs)
    others = _alternatives(block, shown, found)
    for place, entry in found:
        yield entry, _quote(block, shown, place, entry, others.get(place, {}))


def quote_alone(block: PricedBlock) -> Quote:
    """Make the quote of a block of one entry, which is sound."""
    shown, (entry,) = _shown(block.tariffs), block.sound
    others = _alternatives(block, shown, [(0, entry)])[0] if block.priced.wanted(0, shown.instead) else {}
    return _quote(block, shown, 0, entry, others)


@functools.lru_cache(maxsize=8)
def _shown(tariffs: Tariffs) -> _Shown:
    rows = (None, *tariffs.rows)
    baskets = [row if isinstance(row, BasketRow) else None for row in rows]
    labels = tuple(row.label if isinstance(row, ActRow) else "" for row in rows)
    ends = tuple(None if row is None else row.until for row in rows)
    return _Shown(
        tables=(QuotedAct, Shares, labels, tuple(map(_basket, baskets)), ends),
        instead=tuple("" if row is None or row.basket == "rac0" else row.alternative for row in baskets),
    )


def _alternatives(block: PricedBlock, shown: _Shown, found: Sequence[tuple[int, Entry]]) -> dict[int, dict[int, Alternative]]:
    """Price what is to be proposed, by the place of the entry and by that of the act."""
    wanted = [(place, entry, proposed) for place, entry in found if (proposed := _others(block, shown, place, entry))]
    if not wanted:
        return {}
    variants = [_instead(entry, others) for _, entry, others in wanted]
    priced = kernel.price(variants, tariffs=block.tariffs, on=block.on, today=block.today, allow_late=True)
    return {
        place: {other.number: _alternative(other, worth.acts[other.number]) for other in proposed}
        for (place, _, proposed), worth in zip(wanted, priced, strict=True)
    }


def _others(block: PricedBlock, shown: _Shown, place: int, entry: Entry) -> list[_Other]:
    """List what is to be proposed instead of the acts of an entry that are outside the basket without rest to pay."""
    others: list[_Other] = []
    for number, code in block.priced.wanted(place, shown.instead).items():
        act = entry.entered.acts[number]
        row = _row_for(block.tariffs, code, teeth_of(act), block.on or date.fromisoformat(act.date))
        others.append(_Other(number, code, act.quantity, row))
    return others


def teeth_of(act: Act | UnpricedAct) -> tuple[str, ...]:
    """Return the teeth of an act, none for one of the NGAP."""
    return act.teeth if isinstance(act, CCAM) else ()


def _row_for(tariffs: Tariffs, code: str, teeth: tuple[str, ...], day: date) -> BasketRow | None:
    """Return the row of a code on some teeth, by P14."""
    rows = (row for row in tariffs.baskets if row.code == code and row.in_force(day) and (not row.teeth or {*teeth} <= {*row.teeth}))
    return next(rows, None)


def _instead(entry: Entry, others: Sequence[_Other]) -> UnpricedInvoice:
    """Return what was entered with what is proposed in the place of each act that has an alternative.

    The grouping of the act stands for that of the other, which is of the same category.
    """
    values = asdict(entry.entered)
    acts = [(UnpricedCcamAct if isinstance(act, CCAM) else UnpricedNgapAct)(**asdict(act)) for act in values["acts"]]
    for other in others:
        acts[other.number] = replace(acts[other.number], **dict.fromkeys(AMOUNTS) | {"code": other.code, "fees": other.fees})
    return UnpricedInvoice(**values | {"acts": tuple(acts)})


def _alternative(other: _Other, found: PricedAct | None) -> Alternative:
    return Alternative(other.code, _basket(other.row), None if found is None or other.fees is None else _shares(found))


def _basket(row: BasketRow | None) -> QuotedBasket | None:
    return None if row is None else QuotedBasket(row.basket, BASKETS[row.basket], row.cap)


def _shares(found: PricedAct) -> Shares:
    return Shares(found.fees, found.base, found.rate, found.amo, found.amc, found.patient)


def _quote(block: PricedBlock, shown: _Shown, place: int, entry: Entry, others: dict[int, Alternative]) -> Quote:
    acts, until, total, amo, amc, patient, participation = block.priced.quoted(place, entry.entered.acts, shown.tables, others)
    return Quote(
        made_on=block.today, valid_until=until, pack=block.tariffs.name, version=block.tariffs.version, profile=PROFILE, total=total,
        amo=amo, amc=amc, patient=patient, desk=rules.split_sums(entry.invoice.third_party, total, amo, amc).desk,
        participation=participation, acts=acts,
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
