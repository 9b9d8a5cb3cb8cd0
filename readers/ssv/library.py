# SPDX-License-Identifier: Apache-2.0
"""The licensed components behind the port: each call in a program apart, with a deadline, and its zone decoded here. A test profile."""

import asyncio
import contextlib
from datetime import date
from pathlib import Path
from typing import Final, Literal

import msgspec

from readers.apart.frames import DONE, wipe
from readers.apart.process import Apart
from readers.errors import ReaderError, Refused, VendorLibrary
from readers.ssv.port import MOST_TRIES, SsvFailed
from readers.ssv.port import TABLE as ERRORS
from readers.ssv.zones import Group, LongForm, decode

NAME: Final = "library of the SSV components"
CHILD: Final = "readers.ssv.child"
FUNCTIONS: Final = Path(__file__).with_name("functions.csv")
PAUSE_S: Final = 0.2
# What a call of a function is like in a library of 32 bits for Windows; everywhere else both are the same.
Convention = Literal["cdecl", "stdcall"]


class Deadlines(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long (seconds) the components may take for each call, the start of their program included."""

    config: float = 15.0
    read_ps: float = 30.0
    read_rights: float = 60.0


class SsvChoices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The licensed components: their library, an interpreter of its width, which rows of functions, names of resources, other tables."""

    library: str
    python: str | None = None
    interface: str = "2003"
    convention: Convention = "cdecl"
    ps_resource: str = ""
    reader_resource: str = ""
    sesam_ini: str = ""
    tables: str | None = None
    long_form: LongForm = "counted"
    deadlines_s: Deadlines = Deadlines()


def table(chosen: SsvChoices, ours: Path) -> Path:
    """Return the table of a name: that of the folder that is set, where it has one, else ours."""
    theirs = Path(chosen.tables) / ours.name if chosen.tables is not None else ours
    return theirs if theirs.exists() else ours


class SsvCards:
    """The licensed library. Implements HealthCardBackend; what hangs or crashes costs one call, and is never asked again by itself."""

    def __init__(self, chosen: SsvChoices) -> None:
        self._chosen, self._errors = chosen, table(chosen, ERRORS)
        functions = str(table(chosen, FUNCTIONS))
        arguments = (chosen.library, chosen.convention, functions, chosen.interface, chosen.sesam_ini)
        self.apart = Apart(NAME, CHILD, *arguments, python=chosen.python)

    async def library(self) -> None:
        """Load the library and look for its functions; none is called, no card is touched. Raises VendorLibrary, VendorFailed."""
        await self._once(b"library", deadline_s=self._chosen.deadlines_s.config)

    async def config(self) -> list[Group]:
        """Return the components and the reader. Raises SsvFailed, ZoneFault, VendorLibrary, VendorFailed, as every call."""
        return await self._call("config", {}, self._chosen.deadlines_s.config)

    async def read_ps(self, code_porteur: str) -> list[Group]:
        """Return the professional and the situations. A refused code is never sent again."""
        return await self._call("read_ps", {"code": code_porteur}, self._chosen.deadlines_s.read_ps)

    async def read_rights(self, code_porteur: str, on: date) -> list[Group]:
        """Return the insured, the beneficiaries and their rights on a day."""
        given = {"code": code_porteur, "date": on.strftime("%Y%m%d")}
        return await self._call("read_rights", given, self._chosen.deadlines_s.read_rights)

    async def close(self) -> None:
        """Stop the components, and end their program, whatever they say to it."""
        with contextlib.suppress(ReaderError):
            if self.apart.runs:
                await self._once(b"stop", deadline_s=self._chosen.deadlines_s.config)
        await self.apart.end()

    async def _call(self, name: str, given: dict[str, str], deadline_s: float) -> list[Group]:
        """Make a call, again while another program has the channel, three times at most."""
        for _ in range(MOST_TRIES - 1):
            try:
                return await self._read(name, given, deadline_s)
            except SsvFailed as error:
                if not error.may_be_tried_again:
                    raise
                await asyncio.sleep(PAUSE_S)
        return await self._read(name, given, deadline_s)

    async def _read(self, name: str, given: dict[str, str], deadline_s: float) -> list[Group]:
        texts = {"ps": self._chosen.ps_resource, "reader": self._chosen.reader_resource, **given}
        try:
            held = [bytearray(text, "latin-1") for pair in texts.items() for text in pair]
        except UnicodeEncodeError:
            # That error would show the text, and a code may be one.
            raise Refused("a text has signs that the components do not know", hint="nothing was sent to them") from None
        try:
            zone = await self._once(name.encode(), *held, deadline_s=deadline_s)
        finally:
            wipe(*held)
        return decode(zone, self._chosen.long_form)

    async def _once(self, *fields: bytes | bytearray, deadline_s: float) -> bytes:
        why, *found = await self.apart.ask(*fields, deadline_s=deadline_s)
        if why == DONE:
            return bytes(found[0]) if found else b""
        if why == b"status":
            raise SsvFailed(int(found[0]), self._errors)
        await self.apart.end()
        said = f"the {NAME} cannot be used: {found[0].decode('utf-8', 'replace')}"
        raise VendorLibrary(said, hint="check [ssv] in the file of DESMOS_CARDS")
