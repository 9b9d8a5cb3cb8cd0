# SPDX-License-Identifier: Apache-2.0
"""Reading a Vitale 2: the file of pointers, then whatever it points to that lets itself be read, one short transaction each."""

from collections.abc import Callable
from functools import partial
from typing import Final

from readers.cards.identity import Identity, Place, identity, places
from readers.cards.recognition import VITALE, select, selected
from readers.errors import CardReset
from readers.sessions.channel import DONE, Channel
from readers.sessions.session import Session

POINTERS: Final = Place(VITALE, bytes.fromhex("2001"))
WHOLE: Final = 256
LAST_OFFSET: Final = 0x7FFF
END_OF_FILE: Final = 0x6282
BEHIND_THE_END: Final = 0x6B00
# Left: the seconds that remain.
Left = Callable[[], float]


async def read_identity(session: Session, left: Left) -> Identity:
    """Read who the holder is. Raises CardNoIdentity, CardNirKey, and what the session raises.

    When another program resets the card in the middle, everything read before is dropped and reading begins anew, once.
    """
    try:
        files = await _files(session, left)
    except CardReset:
        files = await _files(session, left)
    return identity(files)


async def _files(session: Session, left: Left) -> list[bytes]:
    pointers = await read_file(session, POINTERS, left)
    found = [await read_file(session, place, left) for place in places(pointers or b"")]
    return [file for file in found if file is not None]


async def read_file(session: Session, place: Place, left: Left) -> bytes | None:
    """Read one file, or nothing when the card refuses it. A slow card gives it in several transactions."""
    data = b""
    while True:
        piece = await session.exchange(partial(_piece, place, len(data)), left(), again=False)
        if piece is None:
            return None
        more, ended = piece
        data += more
        if ended:
            return data


def _piece(place: Place, offset: int, channel: Channel) -> tuple[bytes, bool] | None:
    """Read on from an offset, while others can be kept waiting; say whether the file ended. Nothing for a refusal."""
    for command in (select(place.application), b"\x00\xa4\x02\x00\x02" + place.file):
        if not selected(channel, command):
            return None
    data = b""
    while True:
        at = offset + len(data)
        if at > LAST_OFFSET:
            return data, True
        answer = channel.send(bytes((0x00, 0xB0, at >> 8, at & 0xFF, 0x00)))
        if answer.status == BEHIND_THE_END and at:
            return data, True
        if answer.status not in (DONE, END_OF_FILE):
            return None
        data += answer.data
        if len(answer.data) < WHOLE:
            return data, True
        if not channel.has_room:
            return data, False
