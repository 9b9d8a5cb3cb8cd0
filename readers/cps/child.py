# SPDX-License-Identifier: Apache-2.0
"""The program that holds the issuer's library of the CPS (PKCS#11). The only import of its binding.

Objects are only ever read. A code is sent to the card once, and wiped; no error says what was in a call.
"""

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, cast

import pkcs11
from pkcs11 import Attribute, ObjectClass, SlotFlag, TokenFlag
from pkcs11 import exceptions as wrong

from readers.apart.child import serve
from readers.apart.frames import DONE, YES

LABELS: Final = {"look": ("CPS_INFO_PS",), "open": ("CPS_INFO_PS", *(f"CPS_ACTIVITY_{rank:02}_PS" for rank in range(1, 17)))}
# Where the bytes of an object of bytes begin.
HEAD: Final = bytes.__basicsize__ - 1
GONE: Final = (
    wrong.TokenNotPresent, wrong.DeviceRemoved, wrong.DeviceError, wrong.SessionHandleInvalid, wrong.SessionClosed, wrong.SlotIDInvalid,
    wrong.TokenNotRecognised, wrong.ObjectHandleInvalid,
)  # fmt: skip


class Told(Exception):
    """Why a call is not done, in one word of the pipe."""


class Code:
    """A code as the binding asks for one: it has it encoded, and what comes of that is overwritten here."""

    def __init__(self, code: bytearray) -> None:
        self._bytes = bytes(code)

    def encode(self, _encoding: str) -> bytes:
        """Return the code, as the one object that will be wiped."""
        return self._bytes

    def wipe(self) -> None:
        """Overwrite the code. An object of one byte belongs to the interpreter, and stays."""
        if len(self._bytes) > 1:
            ctypes.memset(id(self._bytes) + HEAD, 0, len(self._bytes))


class Card:
    """The one card that the library sees, or the one of a name."""

    def __init__(self, path: str, name: str) -> None:
        self._library: Any = pkcs11.lib(path)
        self._name = name

    def library(self) -> list[bytes]:
        """Return what the library says of itself. No card is asked for anything."""
        said = self._library
        version = ".".join(map(str, said.library_version))
        return [f"{said.library_description.strip()} {version}".encode(), said.manufacturer_id.strip().encode()]

    def look(self, *_: bytearray) -> list[bytes]:
        """Return what anybody may read."""
        slot, token = self._find()
        return self._read(slot, token, token.open(), "look")

    def open(self, code: bytearray, last: bytearray) -> list[bytes]:
        """Return what may be read after the code, which is sent once, and only while the card would survive a wrong one."""
        slot, token = self._find()
        if token.flags & TokenFlag.USER_PIN_LOCKED:
            raise Told("blocked")
        if token.flags & TokenFlag.USER_PIN_FINAL_TRY and last != YES:
            raise Told("last")
        secret = Code(code)
        try:
            session = token.open(user_pin=cast(str, secret))
        except (wrong.PinIncorrect, wrong.PinInvalid, wrong.PinLenRange):
            return [b"code", *_token(slot, _again(slot, token))]
        except wrong.PinLocked:
            raise Told("blocked") from None
        finally:
            secret.wipe()
        return self._read(slot, token, session, "open")

    def _read(self, slot: Any, token: Any, session: Any, what: str) -> list[bytes]:
        with session:
            found = [*_data(session, LABELS[what]), *_certificates(session)]
        now = slot.get_token()
        if now.serial != token.serial:
            raise Told("gone")
        return [DONE, *_token(slot, now), *found]

    def _find(self) -> tuple[Any, Any]:
        for slot in self._library.get_slots(token_present=True):
            if SlotFlag.TOKEN_PRESENT not in slot.flags:
                continue
            token = slot.get_token()
            if token.flags & TokenFlag.TOKEN_INITIALIZED and self._name in ("", token.label.strip()):
                return slot, token
        raise Told("absent")


def _again(slot: Any, token: Any) -> Any:
    """Return the token as it is now, or as it was: whatever happened since, a code was refused."""
    try:
        return slot.get_token()
    except wrong.PKCS11Error:
        return token


def _token(slot: Any, token: Any) -> list[bytes]:
    return [slot.slot_description.strip().encode(), token.label.strip().encode(), token.serial, str(int(token.flags)).encode()]


def _data(session: Any, labels: Sequence[str]) -> Iterator[bytes]:
    for each in session.get_objects({Attribute.CLASS: ObjectClass.DATA}):
        label = _attribute(each, Attribute.LABEL)
        if label in labels:
            yield from (b"data", label.encode(), b"", _attribute(each, Attribute.VALUE))


def _certificates(session: Any) -> Iterator[bytes]:
    for each in session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE}):
        label = _attribute(each, Attribute.LABEL) or ""
        yield from (b"certificate", label.encode(), _attribute(each, Attribute.ID), _attribute(each, Attribute.VALUE))


def _attribute(each: Any, which: Attribute) -> Any:
    """Return an attribute, or nothing where the card has none, or a text in no known spelling."""
    try:
        return each[which]
    except (wrong.AttributeTypeInvalid, wrong.AttributeSensitive, UnicodeDecodeError):
        return b""


def main() -> None:
    """Serve the calls of the agent, with the library of the path on the command line."""
    path, name = sys.argv[1:]
    card: Card | None = None

    def answer(fields: list[bytearray]) -> Sequence[bytes]:
        nonlocal card
        what, *rest = fields
        try:
            card = card or Card(path, name)
            calls: dict[bytes, Callable[..., list[bytes]]] = {b"look": card.look, b"open": card.open}
            return [DONE, *card.library()] if what == b"library" else calls[bytes(what)](*rest)
        except Told as told:
            return [str(told).encode()]
        except GONE:
            return [b"gone"]
        except wrong.PKCS11Error as error:
            # The message of one that cannot be loaded has its path; no other has anything.
            return [b"library" if card is None else b"refused", type(error).__name__.encode()]

    serve(answer)


if __name__ == "__main__":
    main()
