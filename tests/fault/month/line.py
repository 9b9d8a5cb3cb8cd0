# SPDX-License-Identifier: Apache-2.0
"""The line to the payers and back: it drops, doubles, delays and corrupts; and the payers behind it, who see each file as it comes."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple, get_args

from desmos_fast.lots.transports.port import Parcel, TransportFailed
from desmos_fast.simulator.codec import read_claims, write_arl
from desmos_fast.simulator.model import ClaimFile, ClaimLot, Verdict

FAULTY: Final = 0.3
REFUSED: Final = 0.12
# So often a file is tried before it is given up.
TRIES: Final = 3
LONGEST_DELAY: Final = 9
Out = Literal["works", "refused", "taken and refused", "lost", "doubled", "delayed", "corrupted"]
Back = Literal["works", "lost", "doubled", "delayed", "cut", "garbled", "misnumbered"]
# Lots of a month never get so far.
NOBODY: Final = 900
# From the end of the line before to the number of the lot.
LOT: Final = 12


class Message(NamedTuple):
    """Something on the line, and the day on which it arrives; `tag` is the digest that goes with a file, and what was done to an answer."""

    day: date
    name: str
    data: bytes
    tag: str


@dataclass
class Line:
    """Draws what becomes of each message; the first ones go through every fate, so that no run is without one."""

    rng: random.Random
    today: date
    calm: bool = False
    down: bool = False
    fates: Counter[str] = field(default_factory=Counter)
    out: list[Message] = field(default_factory=list)
    back: list[Message] = field(default_factory=list)
    handed: dict[str, list[date]] = field(default_factory=dict)
    failed: Counter[tuple[str, date]] = field(default_factory=Counter)
    first: dict[str, list[str]] = field(default_factory=lambda: {"out": list(get_args(Out)), "back": list(get_args(Back))})

    def _fate(self, way: str, kinds: tuple[str, ...]) -> str:
        if self.calm:
            return "works"
        drawn = self.rng.choice(kinds[1:]) if self.rng.random() < FAULTY else "works"
        fate = self.first[way].pop() if self.first[way] else drawn
        self.fates[f"{way} {fate}"] += 1
        return fate

    async def put(self, parcel: Parcel) -> None:
        """Take a file, or say that it was not taken, whatever is true."""
        fate = "refused" if self.down else self._fate("out", get_args(Out))
        arrives = self.today + timedelta(self.rng.randint(1, LONGEST_DELAY) if fate == "delayed" else 0)
        data = damaged(self.rng, parcel.content, "garbled") if fate == "corrupted" else parcel.content
        copies = {"lost": 0, "refused": 0, "doubled": 2}.get(fate, 1)
        self.out += [Message(arrives, parcel.name, data, parcel.sha256.hex())] * copies
        if "refused" in fate:
            self.failed[parcel.name, self.today] += 1
            raise TransportFailed(f"{parcel.name}: the line is down")
        self.handed.setdefault(parcel.name, []).append(self.today)

    def answer(self, name: str, arl: bytes) -> None:
        """Take an acknowledgement back."""
        fate = self._fate("back", get_args(Back))
        arrives = self.today + timedelta(self.rng.randint(1, LONGEST_DELAY) if fate == "delayed" else 0)
        data = damaged(self.rng, arl, fate) if fate in ("cut", "garbled", "misnumbered") else arl
        self.back += [Message(arrives, name, data, fate)] * {"lost": 0, "doubled": 2}.get(fate, 1)

    def arrived(self, way: list[Message]) -> list[Message]:
        """Take what is there by today off the line, in any order."""
        there = [one for one in way if one.day <= self.today]
        way[:] = [one for one in way if one.day > self.today]
        self.rng.shuffle(there)
        return there

    def died(self) -> set[tuple[str, date]]:
        """Return which files were refused on which day as often as they are tried; one that is dead dies again only once it has left."""
        found: dict[str, date] = {}
        died = set()
        for (name, day), times in sorted(self.failed.items(), key=lambda one: one[0][1]):
            before = found.get(name)
            if times >= TRIES and (before is None or any(before <= left <= day for left in self.handed.get(name, ()))):
                died.add((name, day))
                found[name] = day
        return died

    def under_way(self, name: str) -> bool:
        """Say whether anything of a file is still on the line."""
        return any(one.name == name for one in self.out + self.back)


def damaged(rng: random.Random, data: bytes, how: str) -> bytes:
    """Return a message cut short, with bytes that no message holds, or whose first lot has a number that nobody has."""
    if how == "cut":
        return data[: rng.randrange(1, len(data) - 1)]
    if how == "misnumbered":
        at = data.index(b"\nA1") + LOT
        return data[:at] + b"%03d" % (NOBODY + rng.randrange(100)) + data[at + 3 :]
    broken = bytearray(data)
    for _ in range(rng.randint(1, 5)):
        broken[rng.randrange(len(broken))] = 7
    return bytes(broken)


class Payers:
    """Who takes each file once, by its name and digest, and says the same of it however often it comes."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.said: dict[str, tuple[ClaimFile, list[Verdict]]] = {}
        self.unreadable = 0
        self.again = 0

    def take(self, name: str, data: bytes, sha256: str) -> bool:
        """Take a file; return False when its bytes are not those that its digest is of."""
        if Parcel(name, data).sha256.hex() != sha256:
            self.unreadable += 1
            return False
        if name in self.said:
            self.again += 1
        else:
            claims = read_claims(data)
            self.said[name] = claims, [self._verdict(lot) for lot in claims.lots]
        return True

    def _verdict(self, lot: ClaimLot) -> Verdict:
        refused = self.rng.random() < REFUSED
        return Verdict(lot, False, "LT01", 0, "LOT REFUSE POUR ESSAI") if refused else Verdict(lot, True)

    def arl(self, name: str, today: date, sequence: int) -> bytes:
        """Write the acknowledgement of a file; `sequence` makes other bytes of it each time."""
        claims, verdicts = self.said[name]
        return write_arl(claims, verdicts, today.isoformat(), sequence)

    def accepted(self) -> Counter[tuple[int, int]]:
        """Count how often each invoice was accepted in each flow."""
        return Counter(
            (verdict.lot.flow, sheet.number)
            for _, verdicts in self.said.values() for verdict in verdicts if verdict.accepted for sheet in verdict.lot.sheets
        )  # fmt: skip

    def amo(self) -> int:
        """Sum what the compulsory insurers accepted, in cents."""
        return sum(
            sheet.amo for _, verdicts in self.said.values() for verdict in verdicts if verdict.accepted and verdict.lot.flow == 1
            for sheet in verdict.lot.sheets
        )  # fmt: skip
