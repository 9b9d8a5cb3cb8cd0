# SPDX-License-Identifier: Apache-2.0
"""Invoices as columns to the bytes of their records, beside a copy of those bytes and beside the libraries that work on columns.

Ours makes every check, or, where it says so, those of the prototype: form and key of the NIR, digits, widths, dates, sums; the lists of
codes are left out. The others check nothing. The time is that of the processor, all threads added. It does not show faulty input.
"""

import atexit
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Final
from unittest.mock import patch

import numpy as np

from desmos_fast.billing import kernel
from desmos_fast.billing.codec import Block, UsedNumbers, encode_columns
from desmos_fast.exchange.model import Pack
from ext.arrays import Arrays
from loadtests.data.columns import Columns, columns_of
from loadtests.data.invoices import invented
from loadtests.machine import ROOT
from loadtests.model import Contender, Job, Race, growing
from loadtests.peers import frames, numpy_records
from loadtests.peers.f_strings import f_strings
from loadtests.suites.encoding import answer

SCRATCH: Final = ROOT / "build" / "bench"
A_LINE: Final = 129
IN_A_BLOCK: Final = 1_000
CHUNK: Final = 1 << 20


def given(size: int) -> Columns:
    """Return the columns."""
    return columns_of(invented(size))


def room_for(size: int) -> Block:
    """Return a block that holds the records of that many invoices."""
    return Block(size * 16 * A_LINE)


def every_check(size: int) -> Job:
    """Encode with every check, into memory that is there already."""
    columns, block = given(size), room_for(size)
    return Job(lambda: encode_columns(columns, into=block).data, size)


def lighter_arrays() -> Arrays:
    """Return our reader of columns for the checks of the prototype: the kernel takes its checks as data."""
    checks = kernel.checks

    def lighter(pack: Pack) -> Iterator[Any]:
        for *row, _codes in checks(pack):
            yield (*row, ())

    with patch.multiple(kernel, checks=lighter, encoder=kernel.encoder.__wrapped__, keys=kernel.keys.__wrapped__):
        return kernel.arrays.__wrapped__()


def prototype_checks(size: int) -> Job:
    """Encode with the checks of the prototype, into memory that is there already."""
    columns, block, arrays = given(size), room_for(size), lighter_arrays()
    acts = columns.pop("acts")

    def odd(row: int) -> None:
        raise ValueError(f"row {row} is not what the invented invoices are")

    return Job(lambda: arrays.encode(columns, acts, 1, odd, None, False, block)[0], size)


def copied(size: int) -> Job:
    """Copy the ready records into memory that is there already."""
    ready = memoryview(answer(size))
    room = memoryview(bytearray(len(ready)))

    def run() -> memoryview:
        room[:] = ready
        return room

    return Job(run, size)


def with_numpy(size: int) -> Job:
    """Write with NumPy."""
    columns, write = given(size), numpy_records.writer()
    return Job(lambda: write(columns), size)


def in_frames(writer: Callable[[Columns], Callable[[], bytes]]) -> Callable[[int], Job]:
    """Write with a library of data frames."""
    return lambda size: Job(writer(given(size)), size)


def blocks(size: int) -> list[Columns]:
    """Return the columns cut in blocks."""
    columns, found = given(size), []
    for start in range(0, size, IN_A_BLOCK):
        rows = slice(start, start + IN_A_BLOCK)
        places = columns["acts"][start : start + IN_A_BLOCK + 1]
        acts = slice(places[0], places[-1])
        part = {name: column[acts if name.startswith("act.") else rows] for name, column in columns.items()}
        found.append(part | {"acts": places - places[0]})
    return found


def encode_and_write(parts: list[Columns], out: BinaryIO) -> None:
    """Encode block after block while another thread writes the one before."""
    room = (room_for(IN_A_BLOCK), room_for(IN_A_BLOCK))
    used, before = UsedNumbers(), list[Future[int]]()
    with ThreadPoolExecutor(1) as writer:
        for number, columns in enumerate(parts):
            data = encode_columns(columns, used=used, into=room[number % 2]).data
            if before:
                before.pop().result()
            before.append(writer.submit(out.write, data))
        before.pop().result()


def write_ready(parts: Iterable[memoryview], out: BinaryIO) -> None:
    """Write what is there already."""
    for part in parts:
        out.write(part)


def in_a_file(write: Callable[[BinaryIO], None], size: int) -> Job:
    """Write to a file that goes with its process, without waiting for the disk."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    path = SCRATCH / f"{os.getpid()}.b2"
    atexit.register(path.unlink, missing_ok=True)

    def run() -> Path:
        with path.open("wb", buffering=0) as out:
            write(out)
        return path

    return Job(run, size, Path.read_bytes)


def ours_to_a_file(size: int) -> Job:
    """Encode and write a file."""
    parts = blocks(size)
    return in_a_file(lambda out: encode_and_write(parts, out), size)


def ready_to_a_file(size: int) -> Job:
    """Write a file of ready records."""
    data = memoryview(answer(size))
    parts = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
    return in_a_file(lambda out: write_ready(parts, out), size)


def block_after_block(size: int) -> Job:
    """Encode a stream: the same block under new numbers, all of which are remembered."""
    count = min(size, IN_A_BLOCK)
    columns, room, numbers = given(count), room_for(count), np.arange(count)

    def run() -> tuple[int, int]:
        used, written, fees = UsedNumbers(), 0, 0
        for start in range(1, size, count):
            columns["number"] = numbers + start
            encoded = encode_columns(columns, used=used, into=room)
            written += len(encoded.data)
            fees += sum(encoded.fees)
        return written, fees

    return Job(run, size)


def of_the_stream(size: int) -> tuple[int, int]:
    """Return the bytes and the fees of the stream."""
    invoices = invented(min(size, IN_A_BLOCK))
    times = size // len(invoices)
    return len(f_strings()(invoices)) * times, sum(act.fees for invoice in invoices for act in invoice.acts) * times


PEERS: Final = (
    Contender("memcpy", copied),
    Contender("NumPy", with_numpy),
    Contender("polars", in_frames(frames.polars_writer), needs=("polars",)),
    Contender("fixedwidthparser", in_frames(frames.fixed_width_writer), needs=("fixedwidth", "polars", "pyarrow")),
)
OURS: Final = (Contender("every check", every_check), Contender("the checks of the prototype", prototype_checks))
RACES: Final = (
    Race("columns", "columns to records", 30_000, 10_000, OURS, PEERS, answer),
    Race("columns-block", "a block of columns, which a cache holds, to records", IN_A_BLOCK, IN_A_BLOCK, OURS, PEERS[:1], answer),
    Race(
        "file", "encode and write a file", 30_000, 10_000, clock="wall", ours=(Contender("encode and write", ours_to_a_file),),
        peers=(Contender("write of ready bytes", ready_to_a_file),), answer=answer,
    ),
    growing("growth-encode", "encode a stream of columns", block_after_block, of_the_stream, 10_000, 300),
)  # fmt: skip
