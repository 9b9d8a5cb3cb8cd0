# SPDX-License-Identifier: Apache-2.0
"""The side of the program apart: one call after the other, and an end with the agent. The standard library is all it needs."""

import os
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import BinaryIO

from readers.apart.frames import WIDTH, pack, size, unpack, wipe

STDIN, STDOUT, STDERR = range(3)


def serve(answer: Callable[[list[bytearray]], Sequence[bytes]]) -> None:
    """Answer each message that comes, until the agent closes the pipe or ends. Whatever a message held is wiped after its answer."""
    asked, said = os.fdopen(os.dup(STDIN), "rb", buffering=0), os.fdopen(os.dup(STDOUT), "wb", buffering=0)
    # A library that prints would spoil the answers, or tell a log what it must not hold.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (STDIN, STDOUT, STDERR):
        os.dup2(nowhere, number)
    messages: SimpleQueue[bytearray] = SimpleQueue()
    threading.Thread(target=_listen, args=(asked, messages), daemon=True).start()
    while True:
        body = messages.get()
        fields = unpack(body)
        try:
            said.write(pack(*answer(fields)))
        finally:
            wipe(body, *fields)


def _listen(source: BinaryIO, messages: SimpleQueue[bytearray]) -> None:
    """Hand over what comes. When the agent is gone this ends the program, also one that hangs in its library."""
    head = bytearray(WIDTH)
    while _fill(source, head):
        body = bytearray(size(head))
        if not _fill(source, body):
            break
        messages.put(body)
    os._exit(0)


def _fill(source: BinaryIO, buffer: bytearray) -> bool:
    at = 0
    with memoryview(buffer) as view:
        while at < len(buffer):
            got = source.readinto(view[at:])  # type: ignore[attr-defined]
            if not got:
                return False
            at += got
    return True
