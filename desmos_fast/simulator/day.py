# SPDX-License-Identifier: Apache-2.0
"""A centre's day: the invoices of its visits, priced to the cent, one at a time."""

import datetime
import itertools
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from desmos_fast.base.errors import InvalidInput
from desmos_fast.billing.model import Amc, Amo, Beneficiary, CcamAct, Executor, Invoice, NgapAct, Prescriber, ReferringDoctor
from desmos_fast.exchange.reserved import C2S_CONTRACT, C2S_NUMBER
from desmos_fast.simulator.draw import Draw
from desmos_fast.simulator.world import DESK_ORDERS, REFUSED_ORDER, ZONE, Act, Discipline, Person, World

DEFAULT_DAY: Final = datetime.date(2026, 11, 20)
SPECIAL_EVERY: Final = 16
"""One visit in so many is of a person whose order number names an outcome."""
REFUSED_EVERY: Final = 2000
DESK_PERCENT: Final = 5
DENTAL_PERCENT: Final = 35
NAMED_OUTCOMES: Final = tuple(order for order in range(900, 920) if order != REFUSED_ORDER)
LAST_NUMBER: Final = 999_999_999
Security = Literal["secured", "degraded", "desynchronised"]
SECURITY: Final[tuple[Security, ...]] = ("secured", "degraded", "desynchronised")
SECURITY_ENDS: Final = (92, 97, 100)


class Shares(msgspec.Struct, frozen=True):
    """One line priced: base, rate (percent), and who bears what of the fees, in cents."""

    base: int
    rate: int
    amo: int
    amc: int


def half_up(base: int, rate: int) -> int:
    """Return `rate` percent of `base` cents, half a cent up; integers only."""
    return (base * rate * 2 + 100) // 200


def price(act: Act, *, exempt: bool, off_path: bool, covered: bool, c2s: bool) -> Shares:
    """Price one line: the AMO by its rate, the rest of the base and any covered excess to the AMC, what is left to the patient."""
    rate = 100 if exempt else act.rate_off_path if off_path else act.rate
    amo = half_up(act.base, rate)
    if not covered or exempt:
        return Shares(act.base, rate, amo, 0)
    # A responsible contract pays outside the care path what it would pay inside.
    amc = act.base - half_up(act.base, act.rate) if off_path else act.base - amo
    if act.covers_excess and not c2s:
        amc += act.fees - act.base
    return Shares(act.base, rate, amo, amc)


def order_of(seed: int, visit: int) -> int | None:
    """Return the order number that names the outcome of a visit, or None for an ordinary person."""
    draw = Draw(seed, "order", visit)
    if visit % REFUSED_EVERY == 27:
        return REFUSED_ORDER
    if visit % SPECIAL_EVERY == 5:
        return NAMED_OUTCOMES[visit // SPECIAL_EVERY % len(NAMED_OUTCOMES)]
    if draw.chance(DESK_PERCENT):
        return DESK_ORDERS[draw.below(len(DESK_ORDERS))]
    return None


class Day:
    """The visits of one day at the centre of a world; `weights` of acts by id replace those of the table of acts.

    Raises InvalidInput when the day lies before the tariffs of the acts or is outside 1970 to 2069.
    """

    def __init__(self, world: World, date: datetime.date = DEFAULT_DAY, weights: Mapping[str, int] | None = None) -> None:
        self.world = world
        self.date = date.isoformat()
        weighs = {act.id: act.weight for act in world.acts.values()} if weights is None else weights
        acts = [act for act in world.acts.values() if weighs.get(act.id)]
        first = max(act.since for act in acts)
        if date.year > 2069 or self.date < first:
            raise InvalidInput(f"no tariff is known for {self.date}", hint=f"give a day from {first} to 2069-12-31")
        self.acts: dict[Discipline, list[Act]] = {
            "medical": [act for act in acts if act.discipline == "medical"],
            "dental": [act for act in acts if act.discipline == "dental"],
        }
        self.ends = {name: tuple(itertools.accumulate(weighs[act.id] for act in some)) for name, some in self.acts.items()}
        dental = sum(weighs[act.id] for act in self.acts["dental"])
        self.dental_percent = DENTAL_PERCENT if weights is None else round(100 * dental / sum(weighs[act.id] for act in acts))

    def invoices(self, count: int, first_number: int = 1) -> Iterator[Invoice]:
        """Give the invoices one by one, numbered from `first_number`; InvalidInput when the numbers leave 1 to 999999999."""
        if first_number < 1 or first_number + count - 1 > LAST_NUMBER:
            raise InvalidInput("invoice numbers go from 1 to 999999999", hint="give a smaller first number")
        return (self._invoice(visit, first_number + visit) for visit in range(count))

    def _invoice(self, visit: int, number: int) -> Invoice:
        return self.invoice_of(self.world.patient(visit, order_of(self.world.seed, visit)), number)

    def invoice_of(self, person: Person, number: int, drawn_as: int | None = None) -> Invoice:
        """Return the invoice of a visit; `drawn_as` is the number of another visit of the same person, which it repeats."""
        draw = Draw(self.world.seed, self.date, "invoice", number if drawn_as is None else drawn_as, person.nir)
        discipline: Discipline = "dental" if draw.chance(self.dental_percent) else "medical"
        acts = self._acts_of(draw, discipline)
        at_desk = person.order in DESK_ORDERS
        pathway = self._pathway(draw, person, discipline)
        off_path = pathway == "S"
        covered = not at_desk and (person.c2s or person.amc is not None)
        # The complementary cover for all who need it pays no excess: those it covers are offered care at the tariff.
        fees = [act.base if person.c2s else act.fees for act in acts]
        shares = [price(act, exempt=person.ald, off_path=off_path, covered=covered, c2s=person.c2s) for act in acts]
        amc = self._amc(person) if sum(share.amc for share in shares) else None
        executor = self._executor(draw, discipline)
        return Invoice(
            number=number, biller=self.world.centre.finess, created_on=self.date, security=self._security(draw, person),
            third_party="none" if at_desk else "full" if amc or person.ald else "amo", insured_nir=person.nir,
            beneficiary=beneficiary(person), amo=rights(person, pathway), amc=amc,
            referring_doctor=ReferringDoctor(last_name="GENERIQUE", first_name="PAULE") if pathway == "O" else None,
            prescriber=self._prescriber(draw) if draw.chance(6) else None,
            acts=tuple(self._line(draw, act, fee, share, executor) for act, fee, share in zip(acts, fees, shares, strict=True)),
        )

    def _security(self, draw: Draw, person: Person) -> Security:
        drawn = draw.weighed(SECURITY, SECURITY_ENDS)
        # The smallest lot of the day is refused, not the largest.
        return SECURITY[-1] if person.order == REFUSED_ORDER else drawn

    def _pathway(self, draw: Draw, person: Person, discipline: Discipline) -> str:
        roll = draw.below(100)
        if discipline == "dental":
            return ""
        if roll < 4 and person.child_birth is None and not person.ald and not person.c2s:
            return "S"
        return "O" if roll >= 96 else "T"

    def _acts_of(self, draw: Draw, discipline: Discipline) -> list[Act]:
        choices, ends = self.acts[discipline], self.ends[discipline]
        first = draw.weighed(choices, ends)
        if discipline == "dental" and first.kind == "ccam" and draw.chance(25):
            second = draw.weighed(choices, ends)
            if second.kind == "ccam" and second.id != first.id:
                return [first, second]
        return [first]

    def _executor(self, draw: Draw, discipline: Discipline) -> Executor:
        one = draw.pick(self.world.dentists if discipline == "dental" else self.world.doctors)
        return Executor(am=one.am, specialty=one.specialty, condition="S", rpps=one.rpps, zone=ZONE)

    def _prescriber(self, draw: Draw) -> Prescriber:
        one = self.world.prescriber(draw.below(12))
        return Prescriber(condition="L", am=one.am, rpps=one.rpps, origin="T", prescribed_on=self.date)

    def _amc(self, person: Person) -> Amc | None:
        if person.c2s:
            return Amc(number=C2S_NUMBER, contract_type=C2S_CONTRACT)
        return Amc(number=person.amc.number, separate_claim=person.amc.apart) if person.amc else None

    def _line(self, draw: Draw, act: Act, fees: int, share: Shares, executor: Executor) -> NgapAct | CcamAct:
        if act.kind == "ngap":
            return NgapAct(
                code=act.code, date=self.date, unit_price=act.base, base=share.base, rate=share.rate,
                amo=share.amo, fees=fees, amc=share.amc, executor=executor,
            )
        return CcamAct(
            code=act.code, grouping=act.grouping, activity=act.activity, teeth=(draw.pick(act.teeth),) if act.teeth else (),
            date=self.date, unit_price=act.base, base=share.base, rate=share.rate,
            amo=share.amo, fees=fees, amc=share.amc, executor=executor,
        )


def beneficiary(person: Person) -> Beneficiary:
    """Return who receives care: the insured, or the child on the insured's rights."""
    if person.child_birth is not None:
        return Beneficiary(birth_date=person.child_birth, rank=person.rank, last_name=person.last_name, first_name=person.child_name)
    return Beneficiary(birth_date=person.birth_date, rank=person.rank, last_name=person.last_name, first_name=person.first_name)


def rights(person: Person, pathway: str) -> Amo:
    """Return the compulsory cover as the card gives it, with the place of the visit in the care path."""
    return Amo(
        regime=person.caisse.regime, caisse=person.caisse.caisse, centre=person.caisse.centre, rights_source=4,
        exemption="4" if person.ald else "0", pathway=pathway, treating_physician={"": "", "S": "N"}.get(pathway, "O"),
    )


_ENCODER: Final = msgspec.json.Encoder()


def line(invoice: Invoice) -> bytes:
    """Return an invoice as one line of NDJSON, line end included."""
    return _ENCODER.encode(invoice) + b"\n"
