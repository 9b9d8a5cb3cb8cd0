# SPDX-License-Identifier: Apache-2.0
"""The side of the card on a virtual reader: a socket that dials in is a card that goes in, one that closes is a card that is pulled."""

import contextlib
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

HOST: Final = "127.0.0.1"
# Of the two slots of one virtual reader, in the order of their names.
PORTS: Final = (35963, 35964)
POWER_OFF: Final = 0
# Of the commands that a card had, the last ones.
REMEMBERED: Final = 1000
GIVE_ATR: Final = 4
# Linux alone has it; elsewhere nothing waits for acknowledgements.
QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)
FaultKind = Literal["pull", "stall", "swap", "cut"]


class Card(Protocol):
    """A card: its ATR, and its answer to a command."""

    @property
    def atr(self) -> bytes:
        """Return the answer to reset."""

    def power(self, on: bool) -> None:
        """Forget what was selected: power came, went, or the card was reset."""

    def answer(self, command: bytes) -> bytes:
        """Return the answer to a command, its two bytes of status last."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong at the command of that index, counted from 0 since the card went in.

    `pull`: the card leaves instead of answering. `stall`: it answers after `seconds`. `swap`: it leaves, and `card` is in before anybody
    looks. `cut`: it answers with half of its status.
    """

    at: int
    kind: FaultKind
    seconds: float = 0.0
    card: Card | None = None


@dataclass(frozen=True)
class Played:
    """One command that was answered: its instruction, its length, the status. Never what it said."""

    ins: int
    length: int
    status: int


class Slot:
    """One slot of a virtual reader, into which cards go and from which they are pulled."""

    def __init__(self, port: int, host: str = HOST) -> None:
        self.port, self.host = port, host
        self.played: deque[Played] = deque(maxlen=REMEMBERED)
        self.commands = 0
        self.on_command: Callable[[int, bytes], None] | None = None
        self._lock = threading.Lock()
        self._out = True
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def holds_card(self) -> bool:
        """Say whether a card is in."""
        return self._socket is not None

    def insert(self, card: Card, fault: Fault | None = None, patience: float = 5.0) -> None:
        """Put a card in, in place of the one that is. Raises OSError when there is no virtual reader for that long (seconds)."""
        self.pull()
        self.commands = 0
        self.played.clear()
        until = time.monotonic() + patience
        while True:
            try:
                line = self._dial()
                break
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
        self._socket, self._out = line, False
        self._thread = threading.Thread(target=self._serve, args=(line, card, fault), name=f"card-{self.port}", daemon=True)
        self._thread.start()

    def pull(self) -> None:
        """Pull the card, whatever it is doing."""
        with self._lock:
            self._out = True
            line, self._socket = self._socket, None
        if line is not None:
            _hang_up(line)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
            self._thread = None

    def __enter__(self) -> "Slot":
        return self

    def __exit__(self, *_: object) -> None:
        self.pull()

    def _swapped(self) -> socket.socket:
        other = self._dial()
        with self._lock:
            # Pulled before the other card was in: nobody would ever pull that one.
            if self._out:
                other.close()
                raise EOFError
            self._socket = other
        return other

    def _dial(self) -> socket.socket:
        line = socket.create_connection((self.host, self.port))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return line

    def _serve(self, line: socket.socket, card: Card, fault: Fault | None) -> None:
        try:
            # What ends the conversation is the reader, or whoever pulls the card: neither is an error here.
            with contextlib.suppress(OSError, EOFError):
                while True:
                    message = _receive(line)
                    if len(message) > 1:
                        swapped = self._command(line, card, fault, message)
                        if swapped is not None:
                            line, card, fault = swapped, _other(fault), None
                    elif message[0] == GIVE_ATR:
                        _send(line, card.atr)
                    else:
                        card.power(message[0] != POWER_OFF)
        finally:
            line.close()
            if self._socket is line:
                self._socket = None

    def _command(self, line: socket.socket, card: Card, fault: Fault | None, command: bytes) -> socket.socket | None:
        """Answer one command; return the new line when another card took the place."""
        index, self.commands = self.commands, self.commands + 1
        if self.on_command is not None:
            self.on_command(index, command)
        kind = fault.kind if fault is not None and fault.at == index else ""
        if kind == "pull":
            raise EOFError
        if kind == "swap":
            _hang_up(line)
            return self._swapped()
        if kind == "stall" and fault is not None:
            time.sleep(fault.seconds)
        answer = card.answer(command)
        self.played.append(Played(command[1], len(command), int.from_bytes(answer[-2:], "big")))
        _send(line, answer[-1:] if kind == "cut" else answer)
        return None


def _other(fault: Fault | None) -> Card:
    if fault is None or fault.card is None:
        raise ValueError("a swap needs the card that comes")
    return fault.card


def _hang_up(line: socket.socket) -> None:
    # Only a shutdown wakes a thread that waits for this line.
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()


def _send(line: socket.socket, payload: bytes) -> None:
    line.sendall(struct.pack(">H", len(payload)) + payload)


def _receive(line: socket.socket) -> bytes:
    [length] = struct.unpack(">H", _exactly(line, 2))
    return _exactly(line, length)


def _exactly(line: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        # The reader sends length and body apart: unless acknowledgements are quick, and asked for each time, every command costs 44 ms.
        if QUICKACK is not None:
            line.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
        more = line.recv(length - len(found))
        if not more:
            raise EOFError
        found += more
    return found
