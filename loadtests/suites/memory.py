# SPDX-License-Identifier: Apache-2.0
"""Peak memory of the commands as processes, on a file a thousand times larger than another: a stream must not grow with its input.

The files are made once, under `build/bench`. It does not show time, nor an input with many faults.
"""

import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import orjson

from desmos_fast.billing.codec import encode
from desmos_fast.billing.model import Invoice
from loadtests.data import invoices as source
from loadtests.data.invoices import invented
from loadtests.machine import ROOT
from loadtests.model import Contender, Job, Race
from loadtests.peers.f_strings import f_strings
from loadtests.suites.columns import SCRATCH
from loadtests.suites.reading import carried

IN_A_BLOCK: Final = 1000
# Numbers of eight digits, or blocks would not be of one length.
FIRST: Final = 10_000_000
LAUNCH: Final = """
from desmos_fast.cli import main
from loadtests.machine import peak_memory
status = 0
try:
    main()
except SystemExit as left:
    status = left.code or 0
print(status, peak_memory())
"""


class Ended(NamedTuple):
    """How a command ended: status, bytes it wrote, peak memory."""

    status: int
    written: int
    peak: int


def numbered(blocks: int) -> Iterator[list[Invoice]]:
    """Give blocks of the same invoices under new numbers."""
    first = invented(IN_A_BLOCK)
    for block in range(blocks):
        start = FIRST + block * IN_A_BLOCK
        yield [msgspec.structs.replace(invoice, number=start + place) for place, invoice in enumerate(first)]


def ndjson(block: list[Invoice]) -> bytes:
    """Return a block as the command encodes it."""
    return msgspec.json.Encoder().encode_lines(block)


def records(block: list[Invoice]) -> bytes:
    """Return a block as the commands read it."""
    return encode(block).data


def made(blocks: int, suffix: str, write: Callable[[list[Invoice]], bytes]) -> Path:
    """Return the file of that many blocks, made unless it is there; its name changes when the invoices do."""
    told = zlib.crc32(Path(source.__file__).read_bytes())
    path = SCRATCH / f"memory-{blocks}-{told:08x}.{suffix}"
    if not path.exists():
        SCRATCH.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        with partial.open("wb") as out:
            for block in numbered(blocks):
                out.write(write(block))
        partial.rename(path)
    return path


def ended(*arguments: str) -> Ended:
    """Run a command of the program in a process of its own, its output to a file."""
    output = SCRATCH / "memory.out"
    output.unlink(missing_ok=True)
    given = [*arguments, "-o", str(output)] if arguments[1] != "check" else arguments
    run = subprocess.run([sys.executable, "-c", LAUNCH, *given], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=800, check=True)
    status, peak = run.stdout.split()
    return Ended(int(status), output.stat().st_size if output.exists() else 0, int(peak))


def job(command: str, path: Path) -> Job:
    """Run a command on a file and read its peak."""
    return Job(
        lambda: ended("fse", command, str(path)), proof=lambda found: found[:2], reading=lambda found: float(found.peak), again=True
    )  # fmt: skip


def encoding(blocks: int) -> Job:
    """Encode a file."""
    return job("encode", made(blocks, "ndjson", ndjson))


def decoding(blocks: int) -> Job:
    """Decode a file."""
    return job("decode", made(blocks, "b2", records))


def checking(blocks: int) -> Job:
    """Check a file."""
    return job("check", made(blocks, "b2", records))


def encoded_size(blocks: int) -> tuple[int, int]:
    """Return the status and the size of what encoding must write."""
    return 0, len(f_strings()(next(numbered(1)))) * blocks


def decoded_size(blocks: int) -> tuple[int, int]:
    """Return the status and the size of what decoding must write."""
    return 0, sum(len(orjson.dumps(carried(invoice))) + 1 for invoice in next(numbered(1))) * blocks


def race(command: str, prepare: Callable[[int], Job], answer: Callable[[int], object]) -> Race:
    """Return the race of a command: 1 MB beside 1 GB, or beside 15 MB when time is short."""
    sizes = Contender("large", prepare, size=1000, quick=10), Contender("small", prepare, size=1, quick=1)
    return Race(f"memory-{command}", f"peak memory of `fse {command}`", 1000, 15, sizes[:1], sizes[1:], answer, unit="B")


RACES: Final = (
    race("encode", encoding, encoded_size),
    race("decode", decoding, decoded_size),
    race("check", checking, lambda _: (0, 0)),
)
