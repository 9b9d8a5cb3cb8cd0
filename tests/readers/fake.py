# SPDX-License-Identifier: Apache-2.0
"""The C layer without a card service: one reader with a card that answers 9000, and every code that one may want to see returned."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

from readers.pcsc import NO_READERS, PLUGGED, PRESENT, UNKNOWN

NAME: Final = "Fake 00 00"
ATR: Final = list(bytes.fromhex("3B751300004309EA9000"))
TIMED_OUT: Final = 0x8010000A
CANCELLED: Final = 0x80100002


def negative(code: int) -> int:
    """Return a code as Windows gives it."""
    return code - (1 << 32)


class FakeLibrary:
    """Counts what is opened and closed, and by which thread each context is used. `fail` gives the next codes of a call."""

    SCARD_SCOPE_USER = 0
    SCARD_PCI_T0 = "T=0"
    SCARD_PCI_T1 = "T=1"

    def __init__(self) -> None:
        self.names = [NAME]
        self.state = PRESENT | 1 << 16
        self.protocol = 1
        self.atr = ATR
        self.plugging_known = True
        self.answer: Callable[[bytes], bytes] = lambda command: b"\x90\x00"
        self.fail: dict[str, list[int]] = defaultdict(list)
        self.contexts: dict[int, set[str]] = {}
        self.cards: dict[int, int] = {}
        self.released = self.disconnected = 0
        self.shares: list[int] = []
        self.left: list[int] = []
        self.protocols: list[str] = []
        self.commands: list[bytes] = []
        self.transactions: list[float] = []
        self.looks = 0
        self._began = 0.0
        self.changed = threading.Event()
        self._cancelled: set[int] = set()
        self._last = 0

    def _code(self, call: str) -> int:
        return self.fail[call].pop(0) if self.fail[call] else 0

    def _used(self, context: int) -> None:
        self.contexts[context].add(threading.current_thread().name)

    def SCardEstablishContext(self, scope: int, /) -> tuple[int, Any]:
        if code := self._code("establish"):
            return code, 0
        self._last += 1
        self.contexts[self._last] = {threading.current_thread().name}
        return 0, self._last

    def SCardReleaseContext(self, context: int, /) -> int:
        self._used(context)
        self.released += 1
        return 0

    def SCardListReaders(self, context: int, groups: list[str], /) -> tuple[int, list[str]]:
        self._used(context)
        if code := self._code("list"):
            return code, []
        return (0, list(self.names)) if self.names else (negative(NO_READERS), [])

    def SCardGetStatusChange(self, context: int, wait_ms: int, asked: list[tuple[str, int]], /) -> tuple[int, list[Any]]:
        self._used(context)
        if code := self._code("changes"):
            return code, []
        self.looks += 1
        if not self.plugging_known and PLUGGED in dict(asked):
            # Such a system does not wait either.
            return 0, [self._seen(name) for name, _ in asked]
        waited = all(state not in (0, UNKNOWN) for name, state in asked if name != PLUGGED) and bool(asked)
        if waited and all(state == self.state for name, state in asked if name != PLUGGED):
            self.changed.wait(wait_ms / 1000)
            self.changed.clear()
        if context in self._cancelled:
            return CANCELLED, []
        return 0, [self._seen(name) for name, _ in asked]

    def _seen(self, name: str) -> tuple[str, int, list[int]]:
        if name == PLUGGED:
            return name, 0 if self.plugging_known else UNKNOWN, []
        return name, self.state, self.atr if self.state & PRESENT else []

    def SCardCancel(self, context: int, /) -> int:
        self._cancelled.add(context)
        self.changed.set()
        return 0

    def SCardConnect(self, context: int, reader: str, share: int, protocols: int, /) -> tuple[int, Any, int]:
        self._used(context)
        self.shares.append(share)
        if code := self._code("connect"):
            return code, 0, 0
        self._last += 1
        self.cards[self._last] = context
        return 0, self._last, self.protocol

    def SCardReconnect(self, handle: int, share: int, protocols: int, then: int, /) -> tuple[int, int]:
        self._used(self.cards[handle])
        self.shares.append(share)
        self.left.append(then)
        return self._code("reconnect"), self.protocol

    def SCardStatus(self, handle: int, /) -> tuple[int, str, int, int, list[int]]:
        self._used(self.cards[handle])
        return self._code("status"), NAME, 0, self.protocol, self.atr

    def SCardBeginTransaction(self, handle: int, /) -> int:
        self._used(self.cards[handle])
        self._began = time.monotonic()
        return self._code("begin")

    def SCardTransmit(self, handle: int, protocol: Any, command: list[int], /) -> tuple[int, list[int]]:
        self._used(self.cards[handle])
        self.protocols.append(protocol)
        self.commands.append(bytes(command))
        if code := self._code("transmit"):
            return code, []
        return 0, list(self.answer(bytes(command)))

    def SCardEndTransaction(self, handle: int, then: int, /) -> int:
        self._used(self.cards[handle])
        self.left.append(then)
        self.transactions.append(time.monotonic() - self._began)
        return self._code("end")

    def SCardDisconnect(self, handle: int, then: int, /) -> int:
        self._used(self.cards[handle])
        self.left.append(then)
        self.disconnected += 1
        return 0
