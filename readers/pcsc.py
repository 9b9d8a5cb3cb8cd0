# SPDX-License-Identifier: Apache-2.0
"""PC/SC as it is: the calls of the C library, and what each of its codes means. The only import of the library of card readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, cast

from readers.errors import CardBusy, CardGone, CardMute, CardReset, NoLibrary, ReaderError, ReaderGone, Refused, ServiceDown

Context: TypeAlias = Any
Handle: TypeAlias = Any

OK: Final = 0
CANCELLED: Final = 0x80100002
TIMED_OUT: Final = 0x8010000A
NO_READERS: Final = 0x8010002E
SHARED: Final = 2
ANY_PROTOCOL: Final = 3
LEAVE: Final = 0
UNAWARE: Final = 0x0000
CHANGED: Final = 0x0002
UNKNOWN: Final = 0x0004
PRESENT: Final = 0x0020
MUTE: Final = 0x0200
# Its state changes when readers come and go.
PLUGGED: Final = "\\\\?PnP?\\Notification"
SHORTEST_ANSWER: Final = 2

_GONE: Final = {0x80100016, 0x8010002F, 0x80100069, 0x8010000C, 0x80100067}
_MUTE: Final = {0x80100065, 0x80100066}
_SERVICE: Final = {0x80100003, 0x80100006, 0x80100013, 0x80100018, 0x8010001D, 0x8010001E, 6}
_READER: Final = {0x80100009, 0x80100017}
_NAMES: Final = {
    0x80100003: "handle of another life of the service", 0x80100006: "out of memory", 0x80100009: "no such reader",
    0x8010000B: "held by another program", 0x8010000C: "no card", 0x8010000F: "another protocol", 0x80100013: "service lost",
    0x80100016: "no answer", 0x80100017: "reader unplugged", 0x80100018: "service ends", 0x8010001D: "no service",
    0x8010001E: "service stopped", 0x8010002F: "line lost", 0x80100065: "unsupported card", 0x80100066: "mute card",
    0x80100067: "card without power", 0x80100068: "card reset", 0x80100069: "card removed", 0x8010006A: "access denied",
}  # fmt: skip


class Library(Protocol):
    """The calls of the C library that are used, as its wrapper names and types them."""

    SCARD_SCOPE_USER: int
    SCARD_PCI_T0: Any
    SCARD_PCI_T1: Any

    def SCardEstablishContext(self, scope: int, /) -> tuple[int, Context]: ...  # noqa: D102
    def SCardReleaseContext(self, context: Context, /) -> int: ...  # noqa: D102
    def SCardListReaders(self, context: Context, groups: list[str], /) -> tuple[int, list[str]]: ...  # noqa: D102
    def SCardGetStatusChange(  # noqa: D102
        self, context: Context, wait_ms: int, asked: list[tuple[str, int]], /
    ) -> tuple[int, list[tuple[str, int, list[int]]]]: ...
    def SCardCancel(self, context: Context, /) -> int: ...  # noqa: D102
    def SCardConnect(self, context: Context, reader: str, share: int, protocols: int, /) -> tuple[int, Handle, int]: ...  # noqa: D102
    def SCardReconnect(self, handle: Handle, share: int, protocols: int, then: int, /) -> tuple[int, int]: ...  # noqa: D102
    def SCardStatus(self, handle: Handle, /) -> tuple[int, str, int, int, list[int]]: ...  # noqa: D102
    def SCardBeginTransaction(self, handle: Handle, /) -> int: ...  # noqa: D102
    def SCardTransmit(self, handle: Handle, protocol: Any, command: list[int], /) -> tuple[int, list[int]]: ...  # noqa: D102
    def SCardEndTransaction(self, handle: Handle, then: int, /) -> int: ...  # noqa: D102
    def SCardDisconnect(self, handle: Handle, then: int, /) -> int: ...  # noqa: D102


def load() -> Library:
    """Return the C library. Raises NoLibrary."""
    try:
        from smartcard import scard
    except ImportError as error:
        raise NoLibrary("the library of card readers is not installed", hint="pip install 'desmos-fast[readers]'") from error
    return cast(Library, scard)


def masked(code: int) -> int:
    """Return a code as 32 bits without a sign: Windows gives it as a negative number."""
    return code & 0xFFFFFFFF


def meaning(code: int, doing: str) -> ReaderError:
    """Return the error that a code stands for; it is recognised by its type."""
    said = f"{_NAMES.get(code, 'refused')} (0x{code:08X}) while {doing}"
    if code in _GONE:
        return CardGone(said)
    if code == 0x80100068:
        return CardReset(said)
    if code == 0x8010000B:
        return CardBusy(said, hint="another program holds the card for itself: close it")
    if code in _MUTE:
        return CardMute(said, hint="turn the card over")
    if code in _READER:
        return ReaderGone(said, hint="look at its cable")
    if code in _SERVICE:
        return ServiceDown(said, hint="start the card service")
    return Refused(said)


@dataclass(frozen=True, slots=True)
class Connection:
    """A card that was connected to, and the protocol that was agreed on."""

    handle: Handle
    protocol: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What the service says of a reader: its whole state, and the ATR of its card."""

    reader: str
    state: int
    atr: bytes


class Pcsc:
    """The calls, with their codes turned into errors. Each blocks: none is for the thread of an event loop."""

    def __init__(self, library: Library | None = None) -> None:
        self._library = load() if library is None else library

    def establish(self) -> Context:
        """Return a new context. Raises ServiceDown for every code: while the service starts it gives any."""
        code, context = self._library.SCardEstablishContext(self._library.SCARD_SCOPE_USER)
        if code := masked(code):
            raise ServiceDown(
                f"{_NAMES.get(code, 'refused')} (0x{code:08X}) while asking for the card service", hint="start the card service"
            )
        return context

    def release(self, context: Context) -> None:
        """Give a context back. Of one that died with the service nothing can be told."""
        self._library.SCardReleaseContext(context)

    def cancel(self, context: Context) -> None:
        """End the wait for a change, if it has begun."""
        self._library.SCardCancel(context)

    def readers(self, context: Context) -> list[str]:
        """Return the names of the readers in the order of the service; none is no error."""
        code, names = self._library.SCardListReaders(context, [])
        if (code := masked(code)) == NO_READERS:
            return []
        _insist(code, "listing readers")
        return list(names)

    def changes(self, context: Context, wait_ms: int, known: Sequence[tuple[str, int]]) -> list[Seen]:
        """Wait until a reader is not as known; return what all are then. Nothing when the wait was cancelled."""
        code, found = self._library.SCardGetStatusChange(context, wait_ms, list(known))
        if (code := masked(code)) == CANCELLED:
            return []
        if code != TIMED_OUT:
            _insist(code, "watching readers")
        return [Seen(name, state, bytes(atr)) for name, state, atr in found]

    def connect(self, context: Context, reader: str) -> Connection:
        """Connect to the card of a reader, never for us alone."""
        code, handle, protocol = self._library.SCardConnect(context, reader, SHARED, ANY_PROTOCOL)
        _insist(masked(code), "connecting")
        return Connection(handle, protocol)

    def reconnect(self, card: Connection) -> Connection:
        """Take up a card again that another program reset."""
        code, protocol = self._library.SCardReconnect(card.handle, SHARED, ANY_PROTOCOL, LEAVE)
        _insist(masked(code), "connecting again")
        return Connection(card.handle, protocol)

    def atr(self, card: Connection) -> bytes:
        """Return the ATR of a connected card."""
        code, _, _, _, atr = self._library.SCardStatus(card.handle)
        _insist(masked(code), "asking for the ATR")
        return bytes(atr)

    def begin(self, card: Connection) -> None:
        """Begin a transaction; waits without limit for another program's to end."""
        _insist(masked(self._library.SCardBeginTransaction(card.handle)), "waiting for the card")

    def transmit(self, card: Connection, command: bytes) -> bytes:
        """Send a command and return the answer with its two bytes of status. An empty answer is a card that left."""
        protocol = self._library.SCARD_PCI_T1 if card.protocol == 2 else self._library.SCARD_PCI_T0
        code, answer = self._library.SCardTransmit(card.handle, protocol, list(command))
        _insist(masked(code), "talking to the card")
        if len(answer) < SHORTEST_ANSWER:
            raise CardGone("the card left in the middle of a command")
        return bytes(answer)

    def end(self, card: Connection) -> None:
        """End a transaction. What it says is not asked for: of a card that left, or a service that died, it can only fail."""
        self._library.SCardEndTransaction(card.handle, LEAVE)

    def disconnect(self, card: Connection) -> None:
        """Leave the card as it is: other software is using it."""
        self._library.SCardDisconnect(card.handle, LEAVE)


def _insist(code: int, doing: str) -> None:
    if code != OK:
        raise meaning(code, doing)
