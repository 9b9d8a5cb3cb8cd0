# SPDX-License-Identifier: Apache-2.0
"""Invoices in memory, as objects, dicts or NDJSON, to the bytes of their records, in one thread, beside what one would write in Python.

Ours makes every check. The f-strings, generated from the same tables, make none. It does not show faulty input, names to transliterate,
several threads, lots, nor the database.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from desmos_fast.billing.codec import Block, encode, encode_ndjson, encode_one
from loadtests.data.invoices import invented
from loadtests.data.wire import FORMS, ORDER, SCHEMA, dicts, loaded, ndjson
from loadtests.model import Contender, Job, Race
from loadtests.peers.f_strings import Form, f_strings

ROOM: Final = 64 << 20


def answer(size: int) -> bytes:
    """Return the records as the f-strings write them; a test compares those with the second encoder of the tests."""
    return f_strings()(invented(size))


def ours(given: Callable[[int], Any]) -> Callable[[int], Job]:
    """Encode to new bytes."""

    def prepare(size: int) -> Job:
        invoices = given(size)
        return Job(lambda: encode(invoices).data, size)

    return prepare


def ours_into(given: Callable[[int], Any]) -> Callable[[int], Job]:
    """Encode into a block that is there already."""

    def prepare(size: int) -> Job:
        invoices, block = given(size), Block(ROOM)
        return Job(lambda: encode(invoices, into=block).data, size)

    return prepare


def f_strings_from(given: Callable[[int], Any], form: Form) -> Callable[[int], Job]:
    """Write with f-strings."""

    def prepare(size: int) -> Job:
        invoices, write = given(size), f_strings(form)
        return Job(lambda: write(invoices), size)

    return prepare


def memory_race(name: str, work: str, given: Callable[[int], Sequence[Any]], form: Form) -> Race:
    """Return the race of invoices that are in memory."""
    mine = (Contender("encode", ours(given)), Contender("encode into a block", ours_into(given)))
    return Race(name, work, 10_000, 1_000, mine, (Contender("f-strings", f_strings_from(given, form)),), answer)


def one_by_one(call: Callable[[Any], bytes]) -> Callable[[int], Job]:
    """Make one call for each invoice, as the service does for a single request."""

    def prepare(size: int) -> Job:
        invoices = [(invoice,) for invoice in invented(size)]
        return Job(lambda: [call(invoice) for invoice in invoices], size, b"".join)

    return prepare


def ndjson_race(form: str) -> Race:
    """Return the race of NDJSON in one form."""

    def from_bytes(size: int) -> Job:
        data = ndjson(size, form)
        return Job(lambda: encode_ndjson(data).data, size)

    def our_dicts(size: int) -> Job:
        data = ndjson(size, form)
        return Job(lambda: encode(loaded(data)).data, size)

    def their_dicts(size: int) -> Job:
        data, write = ndjson(size, form), f_strings("dicts")
        return Job(lambda: write(loaded(data)), size)

    name = {SCHEMA: "ndjson", ORDER: "ndjson-order"}.get(form, "ndjson-spacing")
    peers = Contender("orjson and our encoder of dicts", our_dicts), Contender("orjson and f-strings", their_dicts)
    return Race(name, f"NDJSON {form} to records", 10_000, 1_000, (Contender("from bytes", from_bytes),), peers, answer)


RACES: Final = (
    memory_race("objects", "msgspec Structs to records", invented, "objects"),
    memory_race("dicts", "dicts to records", dicts, "dicts"),
    Race(
        "one", "one invoice in one call", 1_000, 1_000,
        ours=(
            Contender("encode", one_by_one(lambda invoice: encode_one(invoice[0]))),
            Contender("a block of one", one_by_one(lambda invoice: encode(invoice).data)),
        ),
        peers=(Contender("f-strings", one_by_one(f_strings())),), answer=answer,
    ),
    *(ndjson_race(form) for form in FORMS),
)  # fmt: skip
