# SPDX-License-Identifier: Apache-2.0
"""Commands and answers inside one transaction, with what a card leaves to whoever asks: the rest of an answer, another length."""

import logging
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from readers.errors import CardAnswer
from readers.pcsc import Connection, Pcsc

log: Final = logging.getLogger("desmos.readers")

# Another program waits without limit for our transaction to end.
LONGEST_S: Final = 2.0
MORE: Final = 0x61
OTHER_LENGTH: Final = 0x6C
# What the older cards of health professionals say instead.
OLD_MORE: Final = 0x9F
OLD_CLASS: Final = 0xA0
GET_RESPONSE: Final = 0xC0
DONE: Final = 0x9000
# 64 KiB, more than any card holds.
MOST_ROUNDS: Final = 256
SHORTEST_COMMAND: Final = 4


class GivenUp(Exception):
    """Nobody waits for the answer any more."""


class Answer(NamedTuple):
    """What a card answered: its data, and its two bytes of status as one number."""

    data: bytes
    status: int

    @property
    def done(self) -> bool:
        """Say whether the command was carried out."""
        return self.status == DONE


class Channel:
    """One transaction with a card. Used in the thread of its reader alone."""

    def __init__(self, pcsc: Pcsc, card: Connection, given_up: Callable[[], bool], reader: str) -> None:
        self._pcsc, self._card, self._given_up, self._reader = pcsc, card, given_up, reader
        self._began = time.monotonic()
        self._slowest = 0.0

    @property
    def has_room(self) -> bool:
        """Say whether one more command, as slow as the slowest so far, leaves the transaction short enough."""
        return time.monotonic() - self._began + self._slowest <= LONGEST_S

    def send(self, command: bytes) -> Answer:
        """Send a command and return its whole answer: 61xx, 6Cxx and 9Fxx are followed.

        Raises CardAnswer for a card that never comes to an end, and what the card service says.
        """
        data, answer = b"", self.once(command)
        for _ in range(MOST_ROUNDS):
            kind, low = answer.status >> 8, answer.status & 0xFF
            if kind == OTHER_LENGTH:
                command = _with_length(command, low)
            elif kind == MORE or (kind == OLD_MORE and command[0] == OLD_CLASS):
                data += answer.data
                command = bytes((command[0], GET_RESPONSE, 0, 0, low))
            else:
                return Answer(data + answer.data, answer.status)
            answer = self.once(command)
        raise CardAnswer("the card never comes to the end of its answer")

    def once(self, command: bytes) -> Answer:
        """Send a command and return just what the card answers."""
        if self._given_up():
            raise GivenUp
        began = time.monotonic()
        found = self._pcsc.transmit(self._card, command)
        took = time.monotonic() - began
        self._slowest = max(self._slowest, took)
        status = int.from_bytes(found[-2:], "big")
        log.debug("command reader=%s ins=%02X status=%04X ms=%.1f", self._reader, command[1], status, took * 1000)
        return Answer(found[:-2], status)


def _with_length(command: bytes, length: int) -> bytes:
    """Return a command that asks for another number of bytes."""
    body = command[SHORTEST_COMMAND:]
    # With data and no length asked for, the last byte is one of the data.
    if len(body) > 1 and len(body) == 1 + body[0]:
        return command + bytes((length,))
    return (command[:-1] if body else command) + bytes((length,))
