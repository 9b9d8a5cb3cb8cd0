# SPDX-License-Identifier: Apache-2.0
"""The order of records, for each kind of file: a table of moves from state to state, and where to go on after a fault."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from desmos_fast.exchange.reading.tables import CODE, NO_TYPE, TYPES

START: Final = "start"
Moves = Mapping[str, Mapping[str, str]]


class GrammarRow(NamedTuple):
    """A grammar as the kernel takes it: states in order of `Moves`, types in order of TYPES."""

    moves: bytes
    resume: bytes
    within: bytes
    final: bytes
    opener: int


def _invoice(after: str) -> dict[str, dict[str, str]]:
    """Give the moves within an invoice: 2 2S (4 4S [4E] [4M])+ 5, after which the state is `after`."""
    next_act = {"4": "act", "5": after}
    return {
        "invoice": {"2S": "insured"},
        "insured": {"4": "act"},
        "act": {"4S": "act-s"},
        "act-s": {"4E": "act-e", "4M": "act-m", **next_act},
        "act-e": {"4M": "act-m", **next_act},
        "act-m": next_act,
    }


BARE: Final[Moves] = {START: {"2": "invoice"}, **_invoice(START)}
CLAIMS: Final[Moves] = {
    START: {"000": "open"},
    "open": {"1": "lot"},
    "lot": {"2": "invoice"},
    **_invoice("lot-more"),
    "lot-more": {"2": "invoice", "6": "closed"},
    "closed": {"1": "lot", "999": "end"},
    "end": {},
}
ACKNOWLEDGEMENTS: Final[Moves] = {START: {"000": "open"}, "open": {"A1": "lots"}, "lots": {"A1": "lots", "999": "end"}, "end": {}}
_LINES: Final = {"R1": "line", "R3": "order", "P9": "paid"}
RETURNS: Final[Moves] = {
    START: {"000": "open"},
    "open": {"P1": "order"},
    "order": _LINES,
    "line": {"R2": "line", **_LINES},
    "paid": {"P1": "order", "999": "end"},
    "end": {},
}

GRAMMARS: Final[Mapping[str, Moves]] = {"": BARE, "TR": CLAIMS, "AR": ACKNOWLEDGEMENTS, "RS": RETURNS}
_FILE: Final = {"000": "open", "999": "end"}
# After a fault: the first record of one of these types is taken for what it says, and the order goes on from there.
RESUME: Final[Mapping[str, Mapping[str, str]]] = {
    "": {"2": "invoice"},
    "TR": {**_FILE, "1": "lot", "2": "invoice", "6": "closed"},
    "AR": {**_FILE, "A1": "lots"},
    "RS": {**_FILE, "P1": "order", "R1": "line", "R3": "order", "P9": "paid"},
}
FINAL: Final[Mapping[str, str]] = {"": START, "TR": "end", "AR": "end", "RS": "end"}
WITHIN: Final = frozenset(_invoice(""))


def grammar_row(kind: str) -> GrammarRow:
    """Lay out the grammar of a kind of file; "" is a bare run of invoices."""
    moves, resume = GRAMMARS[kind], RESUME[kind]
    place = {state: number for number, state in enumerate(moves)}
    table = bytearray([NO_TYPE]) * (len(moves) * len(TYPES))
    for state, following in moves.items():
        for name, to in following.items():
            table[place[state] * len(TYPES) + CODE[name]] = place[to]
    return GrammarRow(
        bytes(table),
        bytes(place[resume[name]] if name in resume else NO_TYPE for name in TYPES),
        bytes(state in WITHIN for state in moves),
        bytes(state == FINAL[kind] for state in moves),
        CODE["2"],
    )
