# SPDX-License-Identifier: Apache-2.0
"""Claims checked and decoded in one thread, from bytes in memory to faults or JSON lines.

Two peers. The reader of the tests makes the same four passes, finds the same faults, and is written to be read. The other checks nothing:
struct, dicts, orjson. It does not show the disk, nor an input with many faults.
"""

from typing import Any, Final

import msgspec
import orjson

from desmos_fast.billing.codec import encode
from desmos_fast.billing.model import Invoice
from desmos_fast.billing.reading.codec import blocks, read
from desmos_fast.exchange.codec import check
from desmos_fast.lots.codec import build
from desmos_fast.lots.model import LotSettings
from loadtests.data.invoices import invented
from loadtests.model import Contender, Job, Race
from loadtests.peers.structs import struct_reader
from tests.oracle import reader as oracle
from tests.oracle import wire as oracle_wire

NOT_CARRIED: Final = ("created_on", "third_party", "security")
TOO_SLOW: Final = 2_000


def bare(size: int) -> bytes:
    """Return the records of invoices."""
    return encode(invented(size)).data


def whole(size: int) -> bytes:
    """Return a whole file."""
    return build(invented(size), LotSettings(date="2026-11-21", max_lots_per_file=999)).content


def sorted_lines(lines: Any) -> bytes:
    """Return JSON lines with their keys in order, to be compared."""
    return b"\n".join(orjson.dumps(orjson.loads(line), option=orjson.OPT_SORT_KEYS) for line in lines.splitlines())


def carried(invoice: Invoice) -> dict[str, Any]:
    """Return what the records hold of an invoice: what must be read back."""
    told = msgspec.to_builtins(invoice)
    for name in NOT_CARRIED:
        del told[name]
    del told["beneficiary"]["last_name"], told["beneficiary"]["first_name"]
    if told["prescriber"] is not None:
        del told["prescriber"]["prescribed_on"]
    return dict(told)


def answer(size: int) -> bytes:
    """Return the invoices themselves, without what records do not carry."""
    return sorted_lines(b"\n".join(orjson.dumps(carried(invoice)) for invoice in invented(size)))


def ours_checked(data: bytes, size: int) -> Job:
    """Check."""
    return Job(lambda: check(data), size)


def peer_checked(data: bytes, size: int) -> Job:
    """Check with the reader of the tests."""
    return Job(lambda: oracle.check(data), size)


def ours_decoded(size: int) -> Job:
    """Check, then decode."""
    data = bare(size)
    return Job(lambda: b"".join(block for _, block in blocks(read(data))), size, sorted_lines)


def ours_decoded_alone(size: int) -> Job:
    """Decode what is checked already."""
    reading = read(bare(size))
    return Job(lambda: b"".join(block for _, block in blocks(reading)), size, sorted_lines)


def tests_decoded(size: int) -> Job:
    """Check and decode with the reader of the tests."""
    data = bare(size)

    def run() -> bytes:
        if oracle.check(data):
            raise ValueError("the input has a fault")
        return b"".join(orjson.dumps(invoice) + b"\n" for invoice in oracle_wire.decode(data))

    return Job(run, size, sorted_lines)


def struct_decoded(size: int) -> Job:
    """Decode with struct, without a check."""
    data, decoded = bare(size), struct_reader()
    return Job(lambda: decoded(data), size, sorted_lines)


READER: Final = "reader of the tests"
RACES: Final = (
    Race(
        "check", "check bare records", TOO_SLOW, 500, ours=(Contender("check", lambda size: ours_checked(bare(size), size)),),
        peers=(Contender(READER, lambda size: peer_checked(bare(size), size)),), answer=lambda _: [],
    ),
    Race(
        "check-file", "check a whole file", TOO_SLOW, 500, ours=(Contender("check", lambda size: ours_checked(whole(size), size)),),
        peers=(Contender(READER, lambda size: peer_checked(whole(size), size)),), answer=lambda _: [],
    ),
    Race(
        "decode", "check and decode bare records", TOO_SLOW, 500,
        ours=(Contender("check and decode", ours_decoded),), peers=(Contender("struct", struct_decoded), Contender(READER, tests_decoded)),
        answer=answer,
    ),
    Race(
        "decode-many", "check and decode more bare records than a cache holds", 100_000, 5_000,
        ours=(Contender("check and decode", ours_decoded),),
        peers=(Contender("struct", struct_decoded, size=20_000, quick=2_000),), answer=answer,
    ),
    Race(
        "decode-alone", "decode records that are checked already", 20_000, 2_000,
        ours=(Contender("decode", ours_decoded_alone),),
        peers=(Contender("struct", struct_decoded, size=5_000, quick=1_000),), answer=answer,
    ),
)  # fmt: skip
