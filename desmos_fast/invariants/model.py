# SPDX-License-Identifier: Apache-2.0
"""What must always hold, said for people; and what a check found."""

from dataclasses import dataclass
from typing import Final

SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Invariant:
    """One thing that must always hold, whatever crashed before."""

    id: str
    means: str


INVARIANTS: Final = (
    Invariant("I1", "whatever an answer of success named (an invoice, a file, a statement) is there"),
    Invariant("I2", "no effect twice: no number, key or file content twice, one event and one ledger entry for each signature"),
    Invariant("I3", "lots, files and invoices are numbered without a gap, save lot numbers that the round before still held"),
    Invariant("I4", "to the cent: shares make their invoice, invoices their lot, and the ledger says what shares and bank say"),
    Invariant("I5", "the state of every share follows from what was matched to it, whatever came first"),
    Invariant("I6", "the chain of hashes over the ledger verifies from its first entry to its last"),
    Invariant("I7", "no centre sees a row of another one"),
    Invariant("I8", "a file under its final name in the letterbox is whole, and nothing half written is left there"),
    Invariant("I9", "no part of an invoice stands in two live lots"),
    Invariant("I10", "no NIR stands anywhere in clear"),
    Invariant("I11", "no connection sleeps inside a transaction"),
    Invariant("I12", "no temporary file is left behind in the data folder"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """From how many seconds on a sleeping transaction, and a temporary file, is one too many."""

    idle_s: float = 60.0
    temporary_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw: how many things it looked at, how many were wrong, and at most ten of those.

    `centre` is a FINESS, or None for a check of the whole house. `examples` are ids, never a NIR.
    """

    invariant: str
    check: str
    centre: str | None
    looked: int
    wrong: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant over all centres; `failed` holds the checks that found something."""

    id: str
    means: str
    holds: bool
    looked: int
    wrong: int
    failed: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The verdicts in order; it holds when all of them do."""

    holds: bool
    centres: int
    verdicts: tuple[Verdict, ...]


def judge(findings: list[Finding], centres: int) -> Report:
    """Bring findings together, one verdict for each invariant."""
    verdicts = []
    for invariant in INVARIANTS:
        own = [finding for finding in findings if finding.invariant == invariant.id]
        failed = tuple(finding for finding in own if finding.wrong)
        looked, wrong = sum(finding.looked for finding in own), sum(finding.wrong for finding in own)
        verdicts.append(Verdict(invariant.id, invariant.means, not failed, looked, wrong, failed))
    return Report(all(verdict.holds for verdict in verdicts), centres, tuple(verdicts))
