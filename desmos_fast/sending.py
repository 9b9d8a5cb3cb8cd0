# SPDX-License-Identifier: Apache-2.0
"""Bodies of any length on their way out: made again for each try, gathered into pieces, compressed as they go."""

import sys
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final, Literal, Protocol

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor
else:
    from backports.zstd import ZstdCompressor

Source = Callable[[], Iterable[bytes] | AsyncIterator[bytes]]
Coding = Literal["gzip", "zstd"]
PIECE: Final = 64 * 1024
GZIP: Final = 16 + zlib.MAX_WBITS


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def _packer(coding: Coding) -> _Packer:
    return zlib.compressobj(wbits=GZIP) if coding == "gzip" else ZstdCompressor()


class Sending:
    """One try to send a body: what its source raised, if anything, is in `failed`."""

    def __init__(self, source: Source, coding: Coding | None) -> None:
        self._source = source
        self._packer = None if coding is None else _packer(coding)
        self.failed: Exception | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the body as it is to travel, some 64 KiB at once; no more than that is held."""
        try:
            async for piece in _gathered(self._source()):
                if packed := piece if self._packer is None else self._packer.compress(piece):
                    yield packed
            if self._packer is not None:
                yield self._packer.flush()
        except Exception as error:
            # The library would wrap it, and it is not the service that failed.
            self.failed = error
            raise


async def _gathered(given: Iterable[bytes] | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    held = bytearray()
    async for part in given if isinstance(given, AsyncIterator) else _each(given):
        held += part
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


async def _each(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
