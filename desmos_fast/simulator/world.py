# SPDX-License-Identifier: Apache-2.0
"""A synthetic world, the same for the same seed: a centre, its practitioners, payers and people. Nobody in it exists."""

import csv
import datetime
import functools
import itertools
from pathlib import Path
from typing import Final, Literal

import msgspec

from desmos_fast.base.errors import InvalidInput
from desmos_fast.base.identifiers import SYNTHETIC_PLACE, finess_is_valid, luhn_sum_is_zero, nir_key
from desmos_fast.nomenclature.payers import TEST_TABLE
from desmos_fast.simulator.draw import Draw

DATA: Final = Path(__file__).parent / "data"
GP: Final = "01"
DENTIST: Final = "19"
ZONE: Final = "26"
EXECUTORS: Final = 20
DENTISTS: Final = 8
REFUSED_ORDER: Final = 905
"""Order number of the people whose lot is refused whole."""
DESK_ORDERS: Final = range(920, 930)
"""Order numbers of the people who pay everything at the desk: no record of a claim says so, the identity must."""

Discipline = Literal["medical", "dental"]
LAST_NAMES: Final = (
    "ESSAIMANT", "FICTIF", "LAFEINTE", "MODELE", "MARTINGALE", "DUPATRON", "SIMULACRE", "VRAISEMBLE", "GABARIT", "DUJEU", "MAQUETTE",
    "PANTIN", "CHIMERE", "LEURRE", "MIRAGE", "EBAUCHE", "CALQUE", "CANEVAS",
)
WOMEN: Final = ("ALMA", "BRUNE", "CAPUCINE", "DIANE", "ELOISE", "FLORE", "GISELE", "HONORINE", "IRIS", "JUNON")
MEN: Final = ("ANSELME", "BASILE", "CYPRIEN", "DAMIEN", "ELZEAR", "FLORIAN", "GASPARD", "HONORE", "ISIDORE", "JOACHIM")


class Centre(msgspec.Struct, frozen=True):
    """The health centre that bills."""

    finess: str
    name: str


class Practitioner(msgspec.Struct, frozen=True):
    """A salaried practitioner: a personal AM number and an RPPS number, both with their Luhn key."""

    am: str
    rpps: str
    specialty: str


class AmoPayer(msgspec.Struct, frozen=True):
    """A compulsory insurer; `computing_centre` is where its lots are routed."""

    id: str
    regime: str
    caisse: str
    centre: str
    computing_centre: str
    name: str


class AmcPayer(msgspec.Struct, frozen=True):
    """A complementary insurer; `apart` when it is claimed in a flow of its own."""

    id: str
    number: str
    apart: bool
    name: str


class Payers(msgspec.Struct, frozen=True):
    """The payers of the world, with the running sums of their weights among the insured."""

    amo: tuple[AmoPayer, ...]
    amo_ends: tuple[int, ...]
    amc: tuple[AmcPayer, ...]
    amc_ends: tuple[int, ...]

    def names(self) -> dict[str, str]:
        """Return the names of the payers by id."""
        return {payer.id: payer.name for payer in self.amo} | {payer.id: payer.name for payer in self.amc}


class Act(msgspec.Struct, frozen=True):
    """An act that the centre does: amounts in cents, rates in percent, in force from a day."""

    id: str
    discipline: Discipline
    since: str
    kind: Literal["ngap", "ccam"]
    code: str
    grouping: str
    activity: str
    base: int
    fees: int
    rate: int
    rate_off_path: int
    teeth: tuple[str, ...]
    covers_excess: bool
    weight: int


class Person(msgspec.Struct, frozen=True):
    """An insured person; every trait comes from the seed and the NIR, so a second visit finds the same person."""

    nir: str
    birth_date: str
    order: int
    last_name: str
    first_name: str
    caisse: AmoPayer
    rank: int
    amc: AmcPayer | None
    c2s: bool
    ald: bool
    child_birth: str | None
    child_name: str


@functools.cache
def load_payers(path: Path = TEST_TABLE) -> Payers:
    """Read the table of payers that a test key knows, with what only the world needs: routes and weights."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    amo = [row for row in rows if row["kind"] == "amo"]
    amc = [row for row in rows if row["kind"] == "amc"]
    return Payers(
        amo=tuple(AmoPayer(row["id"], row["regime"], row["caisse"], row["centre"], row["computing_centre"], row["name"]) for row in amo),
        amo_ends=tuple(itertools.accumulate(int(row["weight"]) for row in amo)),
        amc=tuple(AmcPayer(row["id"], row["number"], row["apart"] == "yes", row["name"]) for row in amc),
        amc_ends=tuple(itertools.accumulate(int(row["weight"]) for row in amc)),
    )


@functools.cache
def load_acts(path: Path = DATA / "acts.csv") -> dict[str, Act]:
    """Read the table of acts, by id."""
    with path.open(encoding="utf-8", newline="") as lines:
        acts = [
            Act(
                id=row["id"], discipline="dental" if row["discipline"] == "dental" else "medical", since=row["from"],
                kind="ccam" if row["kind"] == "ccam" else "ngap", code=row["code"], grouping=row["grouping"], activity=row["activity"],
                base=int(row["base"]), fees=int(row["fees"]), rate=int(row["rate"]), rate_off_path=int(row["rate_off_path"]),
                teeth=tuple(row["teeth"].split()), covers_excess=row["amc_rule"] == "full", weight=int(row["weight"]),
            )
            for row in csv.DictReader(lines)
        ]
    return {act.id: act for act in acts}


def with_luhn(digits: str) -> str:
    """Add the Luhn key to a number."""
    return next(digits + str(key) for key in range(10) if luhn_sum_is_zero(digits + str(key)))


class World:
    """A centre and the people who come to it, from one seed; `finess` replaces the invented centre by a given one.

    Raises InvalidInput when `finess` has a wrong form or key.
    """

    def __init__(self, seed: int, *, finess: str | None = None) -> None:
        if finess is not None and not finess_is_valid(finess):
            raise InvalidInput("the FINESS of the centre has a wrong form or key", hint="give 9 characters with their Luhn key")
        self.seed = seed
        self.payers = load_payers()
        self.acts = load_acts()
        self.centre = self._centre(finess)
        self.practitioners = tuple(self._practitioner(rank) for rank in range(EXECUTORS))
        self.doctors = tuple(one for one in self.practitioners if one.specialty == GP)
        self.dentists = tuple(one for one in self.practitioners if one.specialty == DENTIST)

    def _centre(self, finess: str | None) -> Centre:
        draw = Draw(self.seed, "centre")
        if finess is None:
            # From 75 on there is no Corsican number and none that reads as one.
            finess = with_luhn(str(75 + draw.below(20)) + "0" + draw.digits(5))
        return Centre(finess, f"CENTRE DE SANTE {draw.pick(LAST_NAMES)}")

    @property
    def _district(self) -> str:
        # A personal number has digits only: both Corsican departments begin with 20.
        return self.centre.finess[:2].replace("2A", "20").replace("2B", "20")

    def _practitioner(self, rank: int) -> Practitioner:
        draw = Draw(self.seed, "practitioner", rank)
        specialty = DENTIST if rank < DENTISTS else GP
        # The rank stands inside both numbers, so that no two practitioners share one.
        am = with_luhn(f"{self._district}{4 if specialty == DENTIST else 1}{draw.digits(3)}{rank:02d}")
        rpps = with_luhn(f"10{draw.digits(6)}{rank:02d}")
        return Practitioner(am, rpps, specialty)

    def prescriber(self, rank: int) -> Practitioner:
        """Return one of the doctors in town who send patients to the centre."""
        draw = Draw(self.seed, "prescriber", rank)
        am = with_luhn(f"{self._district}1{draw.digits(3)}{50 + rank % 50:02d}")
        return Practitioner(am, with_luhn(f"10{draw.digits(8)}"), GP)

    def patient(self, visit: int, order: int | None = None) -> Person:
        """Return who comes for a visit; `order` gives the order number of the NIR, otherwise an ordinary one is drawn."""
        draw = Draw(self.seed, "visit", visit)
        sex, year, month = 1 + draw.below(2), 1940 + draw.below(66), 1 + draw.below(12)
        return self.person(sex, year, month, 1 + draw.below(899) if order is None else order)

    def person(self, sex: int, year: int, month: int, order: int) -> Person:
        """Return the person of that sex (1 or 2), birth year and month, and order number (0 to 999)."""
        nir13 = f"{sex}{year % 100:02d}{month:02d}{SYNTHETIC_PLACE}{order:03d}"
        draw = Draw(self.seed, "person", nir13)
        # A refused lot takes everyone in it along: those who cause it are insured with the smallest caisse.
        caisse = self.payers.amo[-1] if order == REFUSED_ORDER else draw.weighed(self.payers.amo, self.payers.amo_ends)
        amc, c2s = self._cover(draw)
        birth = datetime.date(year, month, 1 + draw.below(28))
        last_name = draw.pick(LAST_NAMES)
        child = draw.below(100) < 14 and 1970 <= year <= 2000
        return Person(
            nir=f"{nir13}{nir_key(nir13):02d}", birth_date=birth.strftime("%Y%m%d"), order=order, last_name=last_name,
            first_name=draw.pick(MEN if sex == 1 else WOMEN), caisse=caisse,
            rank=0 if caisse.regime == "01" else draw.below(2), amc=amc, c2s=c2s, ald=draw.chance(9),
            child_birth=f"{2010 + draw.below(13)}{1 + draw.below(12):02d}{1 + draw.below(28):02d}" if child else None,
            child_name=draw.pick(MEN + WOMEN),
        )

    def _cover(self, draw: Draw) -> tuple[AmcPayer | None, bool]:
        roll = draw.below(100)
        amc = draw.weighed(self.payers.amc, self.payers.amc_ends)
        if roll < 9:
            return None, True
        return (None, False) if roll < 19 else (amc, False)
