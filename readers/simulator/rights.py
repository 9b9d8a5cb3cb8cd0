# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the licensed components: people who were never born, drawn from a seed, and every code on demand."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from readers.simulator.cards import Person, invented
from readers.ssv.port import SsvFailed
from readers.ssv.zones import Group, LongForm, decode, encode

CODE: Final = "1234"
WRONG_CODE: Final = 0xF003
WITHDRAWN: Final = 0xF015
VITALE_ABSENT: Final = 0xF011
MOST_PEOPLE: Final = 6
Call = Literal["config", "read_ps", "read_rights"]
_STREETS: Final = ("1 RUE DE L'ESSAI", "22 AVENUE DES EXEMPLES", "3 IMPASSE FICTIVE")


@dataclass(frozen=True)
class Trouble:
    """What goes wrong: at which call, counted from 0 and config included, which code is answered, after how many seconds."""

    at: int
    status: int = 0
    seconds: float = 0.0


class SimulatedCards:
    """The backend of a seed: the same seed gives the same bytes. Implements HealthCardBackend."""

    def __init__(self, seed: int, troubles: Sequence[Trouble] = (), form: LongForm = "counted") -> None:
        self._seed, self._form = seed, form
        self._troubles = {trouble.at: trouble for trouble in troubles}
        self._calls = 0
        self._taken = False

    async def config(self) -> list[Group]:
        """Return the components, made up."""
        return await self._answer(config_zone(self._seed, self._form))

    async def read_ps(self, code_porteur: str) -> list[Group]:
        """Return an invented professional. Raises SsvFailed for a wrong code."""
        return await self._answer(ps_zone(self._seed, self._form), code_porteur)

    async def read_rights(self, code_porteur: str, on: date) -> list[Group]:
        """Return an invented family with its rights on a day. Raises SsvFailed for a wrong code, or without a card."""
        return await self._answer(rights_zone(self._seed, on, self._form), code_porteur, needs_card=True)

    def withdraw(self) -> None:
        """Take the Vitale card out; every call that needs it says so from now on."""
        self._taken = True

    async def close(self) -> None:
        """Give nothing back, as nothing is held."""

    async def _answer(self, zone: bytes, code: str = CODE, *, needs_card: bool = False) -> list[Group]:
        trouble = self._troubles.get(self._calls)
        self._calls += 1
        was_there = not self._taken
        if trouble is not None:
            await asyncio.sleep(trouble.seconds)
            if trouble.status:
                raise SsvFailed(trouble.status)
        if code != CODE:
            raise SsvFailed(WRONG_CODE)
        if needs_card and self._taken:
            # Taken out while the components were at work, or before.
            raise SsvFailed(WITHDRAWN if was_there else VITALE_ABSENT)
        return decode(zone, self._form)


def config_zone(seed: int, form: LongForm = "counted") -> bytes:
    """Return the groups 60 to 64 of a seed."""
    drawn = random.Random(f"config {seed}")
    serial = f"{drawn.randrange(10**8):08}"
    return _zone(
        form, (60, "SIMULATEUR", "0.0"), (61, "DESMOS", "SIMULE", serial, "0", "0.0", "00000000"), (62, "1", "0"), (63, "0.0"),
        (64, "SIMULATEUR", "0.0"),
    )  # fmt: skip


def ps_zone(seed: int, form: LongForm = "counted") -> bytes:
    """Return the groups 1 and 2 of a seed: one to three situations."""
    drawn, person = random.Random(f"ps {seed}"), invented(seed + 10_000)
    number = f"{drawn.randrange(1, 10**10):010}"
    situations = [
        (
            2,
            str(rank),
            "0",
            "1",
            "10",
            "1",
            "999999990",
            "0",
            "CENTRE FICTIF",
            number[:8],
            "0",
            "",
            "",
            "1",
            "01",
            "10",
            "20",
            "",
            "",
            "",
            "1",
            "1",
        )
        for rank in range(1, drawn.randrange(2, 5))
    ]
    return _zone(form, (1, "1", "8", number, "0", "", person.last_name, person.first_name), *situations)


def rights_zone(seed: int, on: date, form: LongForm = "counted") -> bytes:
    """Return the groups 101 to 111 of a seed on a day: one to six beneficiaries; rights open or expired, ALD, C2S, mutuelle or AMC."""
    drawn, holder = random.Random(f"rights {seed}"), invented(seed)
    ended = drawn.random() < 0.15
    until = on - timedelta(days=drawn.randrange(1, 300)) if ended else on + timedelta(days=drawn.randrange(1, 700))
    period = (_day(on - timedelta(days=1000)), _day(until))
    groups: list[tuple[int, *tuple[str, ...]]] = [
        (
            101,
            "3",
            f"{drawn.randrange(10**10):010}",
            _day(until),
            "",
            "",
            "",
            "1",
            holder.nir[:13],
            holder.nir[13:],
            "01",
            "999",
            "9999",
            "10",
            "",
        ),
        (102, "00", *period),
        (103, "", "", ""),
    ]
    for rank in range(1, drawn.randrange(1, MOST_PEOPLE + 1) + 1):
        groups += _beneficiary(drawn, holder if rank == 1 else invented(seed * 7 + rank), rank, period)
    complement = drawn.choice(("none", "mutuelle", "amc", "c2s"))
    if complement == "mutuelle":
        groups += [(107, "99999997"), (108, *period)]
    elif complement != "none":
        number = "88888888" if complement == "c2s" else "99999998"
        groups.append((109, number, "", f"{drawn.randrange(10**8):08}", "C" if complement == "c2s" else "", *period, "", "", "", "", ""))
    return _zone(form, *groups, (111, ""))


def _beneficiary(drawn: random.Random, person: Person, rank: int, period: tuple[str, str]) -> list[tuple[int, *tuple[str, ...]]]:
    address = (drawn.choice(_STREETS), "", "", "", "99999 VILLE-FICTIVE")
    nir = (person.nir[:13], person.nir[13:], _day(date(2020, 1, 1)))
    ald = "1" if drawn.random() < 0.2 else "0"
    return [
        (104, person.last_name, "", person.first_name, *address, *nir, person.birth_date, "1", str(rank - 1), "00", *period, ""),
        (105, *period),
        (106, "100" if ald == "1" else "070", *period, ald, "0"),
    ]


def _day(day: date) -> str:
    return day.strftime("%Y%m%d")


def _zone(form: LongForm, *groups: tuple[int, *tuple[str, ...]]) -> bytes:
    return encode((Group(number, tuple(field.encode("latin-1") for field in fields)) for number, *fields in groups), form)
