# SPDX-License-Identifier: Apache-2.0
"""What PC/SC alone gives of all that the port asks for: who is on the Vitale. Without the licensed components nothing else is readable."""

import asyncio
import logging
from collections.abc import Callable
from datetime import date
from typing import Final

from readers.errors import CardNoIdentity, NotOffered
from readers.reading import Wait
from readers.sessions.desk import Desk
from readers.ssv.zones import Group, layout

log: Final = logging.getLogger("desmos.readers")
DEADLINE_S: Final = 30.0
NIR_WIDTH: Final = 13


class PcscCards:
    """Identity by PC/SC. Implements HealthCardBackend; what needs the components is refused."""

    def __init__(self, desk: Callable[[], Desk] = Desk, deadline_s: float = DEADLINE_S) -> None:
        self._desk, self._deadline_s = desk, deadline_s

    async def config(self) -> list[Group]:
        """Refuse: there are no components."""
        raise _lacking("there are no components to tell of")

    async def read_ps(self, code_porteur: str) -> list[Group]:
        """Refuse: nothing here takes a code."""
        raise _lacking("the situations of a professional come through the licensed components alone")

    async def read_rights(self, code_porteur: str, on: date) -> list[Group]:
        """Return the insured and the one beneficiary that the card names, without any right. No code is used. Raises ReaderError."""
        until = asyncio.get_running_loop().time() + self._deadline_s
        async with self._desk() as desk:
            found = await Wait(desk, None, until, log.info).read()
        if found.identity is None:
            raise CardNoIdentity("the card that is in is no Vitale 2", hint="insert the card of the insured")
        who = {name: value or "" for name, value in found.identity.items()}
        nir, key = who["nir"][:NIR_WIDTH], who["nir"][NIR_WIDTH:]
        person = {"usual_name": who["last_name"], "first_name": who["first_name"], "birth_date": who["birth_date"]}
        return [_group(101, {"nir": nir, "key": key}), _group(104, person)]

    async def close(self) -> None:
        """Give nothing back, as nothing is held."""


def _lacking(what: str) -> NotOffered:
    return NotOffered(what, hint="the file of DESMOS_CARDS chooses the backend")


def _group(number: int, named: dict[str, str]) -> Group:
    """Return a group with the fields that have a name here; all others are empty."""
    return Group(number, tuple(named.get(name, "").encode("latin-1") for name in layout()[number].names))
