# SPDX-License-Identifier: Apache-2.0
"""Invoices in memory to the bytes of their records, in one thread, beside what one would write in Python.

Ours makes every check. The f-strings, generated from the same tables, make none. It does not show faulty input, names to transliterate,
several threads, lots, nor the database.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from desmos_fast.billing.codec import encode, read_ndjson
from desmos_fast.billing.model import Invoice
from loadtests.data.invoices import invented
from loadtests.machine import ROOT
from loadtests.model import Contender, Job, Race
from loadtests.peers.f_strings import f_strings

SCRATCH: Final = ROOT / "build" / "bench"
CHUNK: Final = 256 << 10
IN_A_CALL: Final = 250


def wire(count: int) -> bytes:
    """Return invoices as NDJSON in the order of the schema."""
    return msgspec.json.Encoder().encode_lines(invented(count))


def dicts(count: int) -> list[dict[str, Any]]:
    """Return invoices as a JSON parser gives them."""
    return [orjson.loads(line) for line in wire(count).splitlines()]


def answer(size: int) -> bytes:
    """Return the records as the f-strings write them; a test compares those with the second encoder of the tests."""
    return f_strings()(invented(size))


def ours_from_objects(size: int) -> Job:
    """Encode msgspec Structs."""
    invoices = invented(size)
    return Job(lambda: encode(invoices).data, size)


def peer_from_objects(size: int) -> Job:
    """Write msgspec Structs with f-strings."""
    invoices, write = invented(size), f_strings()
    return Job(lambda: write(invoices), size)


def one_by_one(call: Callable[[Invoice], bytes], size: int) -> Job:
    """Make one call for each invoice, as the service does for a single request."""
    invoices = invented(size)

    def run() -> list[bytes]:
        return [call(invoice) for invoice in invoices]

    return Job(run, size, lambda parts: b"".join(parts))


def ours_one_by_one(size: int) -> Job:
    """Encode one invoice in one call."""
    return one_by_one(lambda invoice: encode((invoice,)).data, size)


def peer_one_by_one(size: int) -> Job:
    """Write one invoice in one call with f-strings."""
    write = f_strings()
    return one_by_one(lambda invoice: write((invoice,)), size)


def ours_from_ndjson(size: int) -> Job:
    """Read and encode NDJSON."""
    data = wire(size)
    return Job(lambda: encode(read_ndjson(data)[0]).data, size)


def peer_from_ndjson(size: int) -> Job:
    """Read NDJSON with orjson and write its dicts with f-strings."""
    data, write = wire(size), f_strings("dicts")
    return Job(lambda: write([orjson.loads(line) for line in data.splitlines()]), size)


def in_a_file(parts: Callable[[], Iterable[bytes]], size: int, name: str) -> Job:
    """Write parts to a file of its own, without waiting for the disk."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    path = SCRATCH / f"{name}-{os.getpid()}.b2"

    def run() -> Path:
        with path.open("wb", buffering=0) as out:
            for part in parts():
                out.write(part)
        return path

    def proof(_: object) -> bytes:
        written = path.read_bytes()
        path.unlink()
        return written

    return Job(run, size, proof)


def ours_to_a_file(size: int) -> Job:
    """Encode by blocks of about 256 KiB and write each."""
    invoices = invented(size)
    blocks = [invoices[start : start + IN_A_CALL] for start in range(0, size, IN_A_CALL)]
    return in_a_file(lambda: (encode(block).data for block in blocks), size, "ours")


def ready_to_a_file(size: int) -> Job:
    """Write records that are there already."""
    data = memoryview(encode(invented(size)).data)
    parts = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
    return in_a_file(lambda: parts, size, "ready")  # type: ignore[arg-type, return-value]


RACES: Final = (
    Race(
        "objects", "msgspec Structs to records", 20_000, 2_000,
        ours=(Contender("encode", ours_from_objects),), peers=(Contender("f-strings", peer_from_objects),), answer=answer,
    ),
    Race(
        "one", "one invoice in one call", 1_000, 1_000,
        ours=(Contender("encode", ours_one_by_one),), peers=(Contender("f-strings", peer_one_by_one),), answer=answer,
    ),
    Race(
        "ndjson", "NDJSON in schema order to records", 20_000, 2_000,
        ours=(Contender("from bytes", ours_from_ndjson),), peers=(Contender("orjson and f-strings", peer_from_ndjson),), answer=answer,
    ),
    Race(
        "file", "encode and write a file", 100_000, 10_000, clock="wall",
        ours=(Contender("encode and write", ours_to_a_file),), peers=(Contender("write of ready bytes", ready_to_a_file),), answer=answer,
    ),
)  # fmt: skip
