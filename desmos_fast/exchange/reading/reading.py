# SPDX-License-Identifier: Apache-2.0
"""One input read block after block: its kind, and the faults of the four passes."""

from typing import Final

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.reading.answers import AnswerRules
from desmos_fast.exchange.reading.block import Again, Block
from desmos_fast.exchange.reading.claims import ClaimRules
from desmos_fast.exchange.reading.envelope import Envelope
from desmos_fast.exchange.reading.grammar import GRAMMARS
from desmos_fast.exchange.reading.kernel import grammar, types, zones
from desmos_fast.exchange.reading.tables import CODE, NO_TYPE, TYPES
from desmos_fast.exchange.reading.told import Kept

# More faults than these in one pass tell nothing more about a file.
FAULTS_KEPT: Final = 1000
# What the first record that has a type says of an input whose first record has none.
KINDS: Final = {**dict.fromkeys(("1", "6", "999"), "TR"), "A1": "AR", **dict.fromkeys(("P1", "P9", "R1", "R2", "R3"), "RS")}
AFTER_OPENING: Final = {bytes([CODE["A1"]]): "AR", bytes([CODE["P1"]]): "RS"}


class Reading(Block):
    """One input: what is known of it so far, and the block that was read last.

    `kind` is TR, AR or RS, or "" for a bare run.
    """

    def __init__(self, lines: bool, max_faults: int = FAULTS_KEPT, again: Again | None = None) -> None:
        """Take whether records end at a LF, how many faults of each pass are kept, and how to read bytes (offset, size) again.

        Raises ValueError unless 1 to 1000000 faults are kept.
        """
        if not 1 <= max_faults <= 1_000_000:
            raise ValueError("a pass keeps 1 to 1000000 faults")
        super().__init__(lines, again)
        self.kind = self._default = ""
        self.rules: ClaimRules | AnswerRules | None = None
        self.envelope = Envelope()
        self.lengths, self.characters, self.unknown, self.order, self.fields, self.sums = (Kept(max_faults) for _ in range(6))

    @property
    def passes(self) -> tuple[Kept, ...]:
        """The faults, pass by pass."""
        return self.lengths, self.characters, self.unknown, self.order, self.fields, self.sums

    @property
    def faults(self) -> list[Fault]:
        """The faults that were kept: the first one is the answer when only one is wanted."""
        return [fault for kept in self.passes for fault in kept.faults]

    @property
    def found(self) -> int:
        """How many faults there are, kept or not."""
        return sum(kept.found for kept in self.passes)

    @property
    def invoices(self) -> int:
        """How many invoices there are: one that is claimed apart has two claims."""
        return self.claims - (self.rules.pairs if self.rules else 0)

    def feed(self, data: bytes, final: bool) -> int:
        """Check a block, and return how many of its bytes were used: the next block begins with the others.

        The `final` one has all that is left.
        """
        self.scan.feed(types(), data, final)
        self.types = self.scan.codes_of_types
        if self.rules is None and not self._tell_kind(final):
            self.scan.unfeed()
            return 0
        self.firsts, self.stops, (found, count) = self.scan.order(grammar(self.kind), self.order.room)
        self._check_records()
        self.order.add((self.byte_fault(*fault) for fault in found), count)
        self.types = self.types[: self.scan.count]
        self.in_order = not any(kept.found for kept in self.passes[:4])
        self.records = self.scan.records + self.scan.count
        if self.rules:
            self._check_block(self.rules)
        if final and self.rules:
            self.sums.add(*self.rules.check_closing(self, self.envelope, self.sums.room))
        return self.scan.used

    def _tell_kind(self, final: bool) -> bool:
        """Find out what the input is; say False where the block does not hold enough to know."""
        place = next((place for place, code in enumerate(self.types) if code != NO_TYPE), len(self.types))
        following = self.types[place + 1 : place + 2]
        if self.types and not self.scan.records:
            # Whatever else is wrong with it, this opens a file.
            self._default = "TR" if self.scan.data.startswith(b"000") else ""
        if place == len(self.types):
            if not final:
                return True
        elif self.types[place] != CODE["000"]:
            # A first record of another type begins a bare run, unless something that tells nothing stands before it.
            self.kind = KINDS.get(TYPES[self.types[place]], self._default) if self.scan.records + place else ""
        elif (written := self.record(place).zone("exchange_kind")) in GRAMMARS:
            self.kind = written
        elif not following and not final:
            return False
        else:
            self.kind = AFTER_OPENING.get(following, "TR")
        self.rules = AnswerRules() if self.kind in ("AR", "RS") else ClaimRules(bare=not self.kind)
        return True

    def _check_records(self) -> None:
        if self.scan.flawed:
            passes = (self.lengths, self.characters, self.unknown)
            for kept, (found, count) in zip(passes, self.scan.faults(max(kept.room for kept in passes)), strict=True):
                kept.add((self.byte_fault(*fault) for fault in found), count)

    def _check_block(self, checks: ClaimRules | AnswerRules) -> None:
        room = self.fields.room
        found, count = zones().check(self.scan, room)
        faults = [self.record(record).fault(self._field(record, field), code) for record, code, field in found]
        for told, more in (self.envelope.check_opening(self, room), checks.check_values(self, room)):
            faults += told
            count += more
        # Pass 3 goes record by record; faults of one record stay in the order in which they were found.
        faults.sort(key=lambda fault: fault.record or 0)
        self.fields.add(faults, count)
        self.sound = self.sound and self.scan.sound
        self.lots += self.types.count(CODE["1"])
        self.claims += len(self.firsts)
        self.sums.add(*checks.check_sums(self, self.sums.room))
