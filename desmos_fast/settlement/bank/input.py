# SPDX-License-Identifier: Apache-2.0
"""What the readers of statements share: the input, read twice by blocks, and what is found in it besides its lines."""

import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NoReturn

from desmos_fast.base.identifiers import mask_nir
from desmos_fast.settlement.bank.model import WARNINGS_KEPT, BankFault, BankRefused, Block, Entry, gap

BLOCK: Final = 256 * 1024


def blocks_of(source: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    """Give a file from its beginning, by blocks; only its first `size` bytes if that is given."""
    source.seek(0)
    while data := source.read(BLOCK if size is None else min(BLOCK, size)):
        size = None if size is None else size - len(data)
        yield data


def hash_of(source: BinaryIO, look: Callable[[bytes], None] | None = None) -> str:
    """Return the SHA-256 of a file in hexadecimal; `look` is given each block."""
    digest = hashlib.sha256()
    for data in blocks_of(source):
        digest.update(data)
        if look is not None:
            look(data)
    return digest.hexdigest()


def refuse(
    code: str, message: str, hint: str, line: int | None = None, position: int | None = None, value: str | None = None
) -> NoReturn:
    """Raise BankRefused; whatever has the form of a NIR is hidden in `value`."""
    shown = None if value is None else mask_nir(value)
    raise BankRefused(BankFault(code=code, message=message, hint=hint, line=line, position=position, value=shown))


class Found:
    """What a statement holds besides its lines: its blocks and entries unless `keep` is false, and the first warnings and gaps.

    `count` and `warned` count all blocks and warnings.
    """

    def __init__(self, keep: bool = True) -> None:
        self.sha256 = self.format = ""
        self.blocks: list[Block] = []
        self.entries: list[Entry] = []
        self.lines = self.count = self.warned = 0
        self._keeps = keep
        self._warnings: list[BankFault] = []
        self._gaps: list[BankFault] = []
        self._last: dict[tuple[str, str], Block] = {}

    @property
    def warnings(self) -> tuple[BankFault, ...]:
        """The warnings in the order of the file."""
        return tuple(sorted(self._warnings + self._gaps, key=lambda fault: (fault.line or 0, fault.position or 0, fault.code)))

    def warn(self, fault: BankFault) -> None:
        """Take a warning."""
        self._keep(self._warnings, fault)

    def add_block(self, block: Block) -> None:
        """Take the next block, with a warning when it does not go on where the last one of its account ended."""
        self.count += 1
        before = self._last.get((block.account, block.currency))
        self._last[block.account, block.currency] = block
        fault = before and gap(before, block)
        if fault:
            self._keep(self._gaps, fault)
        if self._keeps:
            self.blocks.append(block)

    def add_entry(self, entry: Entry) -> None:
        """Take an entry that another file may tell of too."""
        if self._keeps and entry.keys:
            self.entries.append(entry)

    def _keep(self, kept: list[BankFault], fault: BankFault) -> None:
        self.warned += 1
        if len(kept) < WARNINGS_KEPT:
            kept.append(fault)
