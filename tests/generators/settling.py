# SPDX-License-Identifier: Apache-2.0
"""Small centres as the settling kernels read them: lines and shares, as streams of the database."""

import random
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from desmos_fast.db.kernel import Kind, copy_stream
from tests.oracle.settle import Line, Share

LINE_KINDS: Final = [
    Kind.UUID, Kind.INT4, Kind.TEXT, Kind.TEXT, Kind.TEXT, Kind.TEXT, Kind.TEXT, Kind.INT8, Kind.INT8, Kind.TEXT, Kind.BYTEA, Kind.DATE,
    Kind.BOOL, Kind.BOOL,
]  # fmt: skip
SHARE_KINDS: Final = [Kind.UUID, Kind.TEXT, Kind.INT8, Kind.TEXT, Kind.TEXT, Kind.INT8, Kind.INT2, Kind.BYTEA, Kind.DATE]
DAYS: Final = (date(2026, 9, 14), date(2026, 9, 15))
PEOPLE: Final = (b"a" * 32, b"b" * 32, b"c" * 32)
ODD: Final[list[dict[str, Any]]] = [
    {"biller": None}, {"biller": 'quo"te'}, {"biller": "as long as no biller is"}, {"number": 77}, {"number": None}, {"insured": None},
    {"insured": PEOPLE[1]}, {"insured": b"short"}, {"care": None}, {"care": DAYS[1]}, {"lot": "007"}, {"lot": "7"}, {"lot": "012"},
    {"lot": ""}, {"part": None}, {"part": "amc"}, {"payer": "amc:0099000013"}, {"amount": -3}, {"plain": False},
]  # fmt: skip
"""What a line may say that makes it another one, or none that can be settled."""


def stream(kinds: Sequence[Kind], rows: Sequence[Line] | Sequence[Share]) -> bytes:
    """Return rows as the database sends them."""
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in kinds]
    return copy_stream([kind.name for kind in kinds], kinds, columns, len(rows))


def streams(chance: random.Random) -> bytes:
    """Invent a few shares and the lines that name them, most of them rightly; return lines and shares, one stream behind the other."""
    shares = [
        Share(
            number.to_bytes(16, "big"), chance.choice(("750000010", "750000028")), number, part, "amo:01751", chance.randint(0, 5),
            chance.choice((None, 7, 12)), chance.choice(PEOPLE), chance.choice(DAYS),
        )
        for number in chance.sample(range(1, 30), chance.randint(0, 7)) for part in ("amo", "amc")
    ]  # fmt: skip
    lines = [_line(chance, place, chance.choice(shares)) for place in range(chance.randint(0, 9)) if shares]
    return stream(LINE_KINDS, lines) + stream(SHARE_KINDS, shares)


def _line(chance: random.Random, place: int, share: Share) -> Line:
    line = Line(
        bytes([place]) * 16, chance.randint(1, 12) * 100 + place, chance.choice(("f:1", "f:10", "g:2")), share.biller, share.biller,
        share.part, share.payer, chance.randint(0, 6), share.number, None, share.insured, share.care, chance.random() < 0.5, True,
    )  # fmt: skip
    return line._replace(**chance.choice(ODD)) if chance.randrange(3) == 0 else line
