# SPDX-License-Identifier: Apache-2.0
"""Bank statements in one thread, from bytes to bank lines; and the peak memory of `bank parse` as statements grow.

The peers read into objects of their own; none of them checks that a statement balances or controls anything, and each reads what it is
made for only (one movement an entry, every record whole). It does not show damaged files, which most of them do not read.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from desmos_fast.settlement.bank import stream_statement
from desmos_fast.settlement.bank.input import Found
from loadtests.data import statements
from loadtests.model import Contender, Job, Race
from loadtests.suites.columns import SCRATCH
from loadtests.suites.memory import ended
from tests.oracle import cfonb120 as oracle

Write = Callable[[int], Iterator[bytes]]
# Movements in about a megabyte.
IN_A_MEGABYTE: Final = {"cfonb": 1650, "camt": 1420}


class Amount(msgspec.Struct):
    """The one thing that is compared of a line."""

    amount: int


def answer(size: int) -> tuple[int, int]:
    """Return how many movements there are, and their sum."""
    return size, sum(map(statements.amount_of, range(size)))


def of_cents(amounts: Iterable[int]) -> tuple[int, int]:
    """Return the same of amounts in cents."""
    found = list(amounts)
    return len(found), sum(found)


def of_lines(written: bytes) -> tuple[int, int]:
    """Return the same of lines of JSON."""
    return of_cents(line.amount for line in msgspec.json.Decoder(Amount).decode_lines(written))


def ours(write: Write) -> Callable[[int], Job]:
    """Read a statement to lines of JSON."""

    def prepare(size: int) -> Job:
        data = b"".join(write(size))
        return Job(lambda: b"".join(stream_statement(io.BytesIO(data), Found(keep=False))), len(data), of_lines)

    return prepare


def plain(size: int) -> Job:
    """Read a CFONB 120 statement in plain Python, to the same lines, with the same checks."""
    data = b"".join(statements.cfonb(size))
    return Job(lambda: oracle.parse(data), len(data), lambda found: of_cents(line.amount for line in found.lines))


def python_cfonb(size: int) -> Job:
    """Read a CFONB 120 statement with python-cfonb."""
    reader: Any = import_module("cfonb").StatementReader
    text = b"".join(statements.cfonb(size)).decode("latin-1")

    def proof(found: Any) -> tuple[int, int]:
        return of_cents(int(Decimal(line["amount"]) * 100) for statement in found for line in statement.lines)

    return Job(lambda: reader().parse(io.StringIO(text)), len(text), proof)


def pycamt(size: int) -> Job:
    """Read a camt.053 statement with pycamt."""
    parser: Any = import_module("pycamt.parser").Camt053Parser
    data = b"".join(statements.camt(size))

    def proof(found: Any) -> tuple[int, int]:
        return of_cents(int(Decimal(row["Amount"]) * 100) for row in found)

    return Job(lambda: parser(data).get_transactions(), len(data), proof)


def statement_parser(size: int) -> Job:
    """Read a camt.053 statement with bankstatementparser, from a file as it wants."""
    parser: Any = import_module("bankstatementparser").CamtParser
    path = made("camt", size, statements.camt)

    def proof(found: Any) -> tuple[int, int]:
        return of_cents(int(amount * 100) for amount in found["Amount"])

    return Job(lambda: parser(str(path)).parse(), path.stat().st_size, proof)


def made(suffix: str, size: int, write: Write) -> Path:
    """Return the file of so many movements, made unless it is there."""
    path = SCRATCH / f"statement-{size}.{suffix}"
    if not path.exists():
        SCRATCH.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        with partial.open("wb") as out:
            out.writelines(write(size))
        partial.rename(path)
    return path


def memory(suffix: str, write: Write, large: int, quick: int) -> Race:
    """Return the race of `bank parse` on so many megabytes beside one: what it holds must not grow."""

    def prepare(megabytes: int) -> Job:
        path = made(suffix, megabytes * IN_A_MEGABYTE[suffix], write)
        return Job(
            lambda: ended("bank", "parse", str(path)), proof=lambda found: found.status, reading=lambda found: float(found.peak), again=True
        )  # fmt: skip

    sizes = Contender("large", prepare, size=large, quick=quick), Contender("small", prepare, size=1, quick=1)
    work = f"peak memory of `bank parse` on {suffix}"
    return Race(f"memory-{suffix}", work, large, quick, sizes[:1], sizes[1:], lambda _: 0, unit="B")


RACES: Final = (
    Race(
        "cfonb", "CFONB 120 to bank lines, a byte", 20_000, 2_000, ours=(Contender("kernel", ours(statements.cfonb)),),
        peers=(Contender("plain Python", plain), Contender("python-cfonb", python_cfonb, needs=("cfonb",))), answer=answer,
    ),
    Race(
        "camt", "camt.053 to bank lines, a byte", 5_000, 1_000, ours=(Contender("stream", ours(statements.camt)),),
        peers=(
            Contender("pycamt", pycamt, needs=("pycamt",), size=500),
            Contender("bankstatementparser", statement_parser, needs=("bankstatementparser",)),
        ),
        answer=answer,
    ),
    memory("cfonb", statements.cfonb, 1000, 30),
    memory("camt", statements.camt, 100, 10),
)  # fmt: skip
