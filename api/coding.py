# SPDX-License-Identifier: Apache-2.0
"""Bodies and answers that travel compressed: what comes is undone a piece at a time, and refused early when it grows too much."""

import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from api.problems import ApiError, MediaType

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

PIECE: Final = 256 * 1024
# Invoices as NDJSON shrink some thirtyfold; small bodies may be as alike as they like.
RATIO: Final = 200
RATIO_FROM: Final = 1024 * 1024
# Members of gzip or frames of zstd that follow one another: those that hold next to nothing are work without a body.
MEMBERS: Final = 100
MEMBER_BYTES: Final = 4096
WINDOW_LOG: Final = 23
GZIP: Final = 16 + zlib.MAX_WBITS


class BodyInflates(ApiError):
    """A compressed body becomes many times what came: nothing honest does."""

    code = "body_inflates"


class BodyGarbled(ApiError):
    """A body is not what its `Content-Encoding` says, or ends before its end."""

    code = "body_garbled"


class _Unit(Protocol):
    """What undoes one member of gzip or frame of zstd."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """A member of gzip, in the shape that zstd has."""

    __slots__ = ("_inner",)

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(GZIP)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _zstd() -> _Unit:
    return ZstdDecompressor(options={DecompressionParameter.window_log_max: WINDOW_LOG})


UNITS: Final[Mapping[str, Callable[[], _Unit]]] = {"gzip": _Gzip, "x-gzip": _Gzip, "zstd": _zstd}


class Expander:
    """Undo the coding of one body; what it holds in memory does not grow with it."""

    __slots__ = ("_given", "_make", "_members", "_taken", "_unit")

    def __init__(self, make: Callable[[], _Unit]) -> None:
        self._make = make
        self._unit: _Unit | None = None
        self._taken = self._given = self._members = 0

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Give what some more bytes of the body stand for, PIECE bytes at once at most. Raises BodyInflates, BodyGarbled."""
        self._taken += len(data)
        while data or self._unit is not None:
            if self._unit is None:
                self._unit = self._member()
            try:
                piece = self._unit.decompress(data, PIECE)
            except (zlib.error, ZstdError):
                raise BodyGarbled("the body is not what its Content-Encoding says, or asks for a window above 8 MiB") from None
            self._given += len(piece)
            if self._given > max(RATIO_FROM, RATIO * self._taken):
                raise BodyInflates(f"the body becomes more than {RATIO} times what was sent")
            if piece:
                yield piece
            data = b""
            if self._unit.eof:
                data, self._unit = self._unit.unused_data, None
            elif self._unit.needs_input:
                return

    def finish(self) -> None:
        """Say that the body is over. Raises BodyGarbled when what it was made of is not."""
        if self._unit is not None:
            raise BodyGarbled("the compressed body ends before its end")

    def _member(self) -> _Unit:
        self._members += 1
        if self._members > MEMBERS + self._taken // MEMBER_BYTES:
            raise BodyInflates("the body is made of too many compressed parts that hold next to nothing")
        return self._make()


def expander(content_encoding: str | None) -> Expander | None:
    """Return what undoes a `Content-Encoding`, None for a body that is sent as it is. Raises MediaType."""
    coding = (content_encoding or "identity").strip().lower()
    if coding == "identity":
        return None
    make = UNITS.get(coding)
    if make is None:
        raise MediaType("a body is sent as it is, or under one of gzip and zstd")
    return Expander(make)


def takes_gzip(accept_encoding: str) -> bool:
    """Say whether `Accept-Encoding` asks for gzip: by name or `*`, unless with a weight of 0."""
    weights: dict[str, bool] = {}
    for item in accept_encoding.lower().split(","):
        name, _, parameter = item.partition(";")
        key, _, weight = parameter.strip().partition("=")
        weights[name.strip()] = key.strip() != "q" or bool(weight.strip().strip("0."))
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))
