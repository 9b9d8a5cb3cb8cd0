# SPDX-License-Identifier: Apache-2.0
"""The card of a health professional, through the issuer's library in a program apart: what is public, and after the code the rest."""

from typing import Final

from desmos_fast.base.errors import InvalidInput
from readers.apart.frames import DONE, YES, wipe
from readers.apart.process import Apart
from readers.cps.chosen import CpsChoices
from readers.cps.model import TRIES, Object, Professional, professional, tries
from readers.errors import CardGone, CpsAbsent, CpsBlocked, CpsCodeWrong, CpsLastTry, ReaderError, Refused, VendorLibrary

NAME: Final = "library of the CPS"
CHILD: Final = "readers.cps.child"
SHORTEST, LONGEST = 4, 12
# Reader, token, serial, flags.
HEAD: Final = 4
OBJECT: Final = len(Object._fields)
ONCE: Final = "the code was sent once, and is never sent again by itself"
WHY: Final[dict[bytes, tuple[type[ReaderError], str, str]]] = {
    b"absent": (CpsAbsent, "no CPS is in any reader", "insert it"),
    b"gone": (CardGone, "the CPS left, or was swapped, while it was read", "insert it, and begin anew"),
    b"blocked": (CpsBlocked, TRIES["none"], "have the issuer unblock it"),
    b"last": (CpsLastTry, TRIES["last"], "nothing was sent to the card: say that the last try may be used"),
}


class BadCode(InvalidInput):
    """What was typed cannot be a code: nothing was sent to the card."""

    code = "invalid_input"


class Cps:
    """The CPS of this workstation. Nothing here blocks the loop; a library that hangs or crashes costs one call."""

    def __init__(self, chosen: CpsChoices | None) -> None:
        if chosen is None:
            raise VendorLibrary("no library of the CPS is set", hint="DESMOS_CARDS names a file that says where it is: [cps] library")
        self._apart = Apart(NAME, CHILD, chosen.library, chosen.token)
        self._deadline_s = chosen.deadline_s

    async def library(self) -> str:
        """Return what the library says of itself; no card is touched. Raises VendorLibrary, VendorFailed."""
        said, *_ = await self._ask(b"library")
        return said.decode("utf-8", "replace")

    async def look(self) -> Professional:
        """Return what anybody may read. Raises CpsAbsent, CardGone, VendorLibrary, VendorFailed, Refused."""
        return _told(await self._ask(b"look"), opened=False)

    async def open(self, code: bytearray, *, last_try: bool = False) -> Professional:
        """Return what may be read after the code, which is sent to the card once at most, and wiped here whatever comes of it.

        The last try is used only when somebody said so. Raises BadCode, CpsCodeWrong, CpsBlocked, CpsLastTry, and what `look` raises.
        """
        try:
            # A card counts as wrong what has not even the form of a code.
            if not (SHORTEST <= len(code) <= LONGEST and code.isdigit()):
                raise BadCode(f"a code has {SHORTEST} to {LONGEST} digits", hint="nothing was sent to the card")
            return _told(await self._ask(b"open", code, YES if last_try else b""), opened=True)
        finally:
            wipe(code)
            # What the library and the binding copied is gone with the memory of their program.
            await self._apart.end()

    async def close(self) -> None:
        """Let the library go."""
        await self._apart.end()

    async def _ask(self, *fields: bytes | bytearray) -> list[bytearray]:
        why, *found = await self._apart.ask(*fields, deadline_s=self._deadline_s)
        if why == DONE:
            return found
        # A failure leaves nothing behind that the next call could meet.
        await self._apart.end()
        raise _failure(bytes(why), [bytes(each) for each in found])


def _failure(why: bytes, found: list[bytes]) -> ReaderError:
    if why == b"code":
        return _wrong(int(found[HEAD - 1]))
    if why in WHY:
        kind, detail, hint = WHY[why]
        return kind(detail, hint=hint)
    said = found[0].decode("ascii", "replace")
    if why == b"library":
        return VendorLibrary(f"the {NAME} cannot be loaded ({said})", hint="check its path in the file that DESMOS_CARDS names")
    return Refused(f"the {NAME} refused ({said})")


def _wrong(flags: int) -> ReaderError:
    """Return what a refused code leaves: it may have been the one that blocked the card."""
    left = tries(flags)
    if left == "none":
        return CpsBlocked(f"the card refused the code, and {TRIES[left]}", hint="have the issuer unblock it")
    # A library that sets no flag after a wrong code says nothing of the tries.
    return CpsCodeWrong(f"the card refused the code; {TRIES[left] if left != 'all' else 'how many tries are left is not told'}", hint=ONCE)


def _told(found: list[bytearray], *, opened: bool) -> Professional:
    reader, token, _serial, flags, *rest = (bytes(each) for each in found)
    fields = [rest[at : at + OBJECT] for at in range(0, len(rest), OBJECT)]
    objects = [Object(kind.decode(), label.decode(), identifier, value) for kind, label, identifier, value in fields]
    return professional(reader.decode("utf-8", "replace"), token.decode("utf-8", "replace"), int(flags), objects, opened=opened)
