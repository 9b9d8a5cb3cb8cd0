# SPDX-License-Identifier: Apache-2.0
"""Chance that is the same everywhere: numbers drawn from the name of what they decide, never from an order of calls."""

import hashlib
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")
_CHUNK: Final = 6
_LIMIT: Final = 1 << (8 * _CHUNK)


class Draw:
    """A stream of draws owned by one identity; the same names give the same draws on every machine and version."""

    __slots__ = ("_name", "_pool", "_position", "_turn")

    def __init__(self, *names: str | int) -> None:
        self._name = "\x1f".join(map(str, names)).encode()
        self._pool = hashlib.sha256(self._name).digest()
        self._position = 0
        self._turn = 0

    def below(self, limit: int) -> int:
        """Return a number from 0 to limit - 1; ValueError unless 1 <= limit <= 2**40."""
        if not 1 <= limit <= 1 << 40:
            raise ValueError("a draw has between 1 and 2**40 outcomes")
        # 48 bits leave a bias below one in 256 of an outcome at the widest limit, and far less at those in use.
        if self._position + _CHUNK > len(self._pool):
            self._turn += 1
            self._pool = hashlib.sha256(self._name + b"\x1f" + str(self._turn).encode()).digest()
            self._position = 0
        value = int.from_bytes(self._pool[self._position : self._position + _CHUNK], "big")
        self._position += _CHUNK
        return value * limit // _LIMIT

    def chance(self, percent: int) -> bool:
        """Say yes `percent` times in a hundred."""
        return self.below(100) < percent

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices, each as likely as the others."""
        return choices[self.below(len(choices))]

    def weighed(self, choices: Sequence[T], ends: Sequence[int]) -> T:
        """Return one of the choices; `ends` are the running sums of their weights."""
        point = self.below(ends[-1])
        for choice, end in zip(choices, ends, strict=True):
            if point < end:
                return choice
        raise ValueError("running sums of weights must grow")

    def digits(self, count: int) -> str:
        """Return that many decimal digits as text."""
        return "".join(chr(48 + self.below(10)) for _ in range(count))
