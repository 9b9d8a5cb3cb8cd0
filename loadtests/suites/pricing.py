# SPDX-License-Identifier: Apache-2.0
"""Invoices in memory priced, or their amounts checked, in one thread, beside the encoder of the same invoices and beside plain Python.

The twin of the tests follows the same rules and is written to be read. The encoder is no peer but a yardstick: pricing is to cost no more.
The result is what the kernel holds: the objects that say it act by act are made when they are asked for. It does not show faulty input,
nor a block that no cache holds.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from desmos_fast.billing.codec import Block, encode
from desmos_fast.billing.pricing.kernel import price
from desmos_fast.nomenclature.tariffs import load_tariffs
from loadtests.data.priced import TODAY, complete, entered
from loadtests.model import Contender, Job, Race, growing
from tests.oracle import pricing as oracle

ROOM: Final = 64 << 20
IN_A_BLOCK: Final = 1_000
Sums = tuple[int, int, int]


def sums(priced: Sequence[Any]) -> Sums:
    """Return fees, AMO and AMC of priced invoices."""
    return sum(one.total for one in priced), sum(one.amo for one in priced), sum(one.amc for one in priced)


def answer(size: int) -> Sums:
    """Return the sums over the invoices themselves."""
    acts = [act for invoice in complete(size) for act in invoice.acts]
    return sum(act.fees for act in acts), sum(act.amo for act in acts), sum(act.amc for act in acts)


def ours(given: Callable[[int], Sequence[Any]]) -> Callable[[int], Job]:
    """Price with the kernel."""

    def prepare(size: int) -> Job:
        invoices = tuple(given(size))
        return Job(lambda: price(invoices, today=TODAY), len(invoices), sums)

    return prepare


def twin(size: int) -> Job:
    """Price with the twin of the tests."""
    invoices, tariffs = entered(size), load_tariffs()
    return Job(lambda: oracle.price(invoices, tariffs, today=TODAY)[0], len(invoices), sums)


def encoder(size: int) -> Job:
    """Encode the same invoices, every check on, into memory that is there already."""
    invoices, block = complete(size), Block(ROOM)

    def proof(encoded: Any) -> Sums:
        return sum(encoded.fees), sum(encoded.amo), sum(encoded.amc)

    return Job(lambda: encode(invoices, into=block), len(invoices), proof)


def block_after_block(size: int) -> Job:
    """Price a stream of invoices, a block after the other, as the service and the command do."""
    invoices = tuple(complete(min(size, IN_A_BLOCK)))
    times = size // IN_A_BLOCK or 1

    def run() -> tuple[Any, int]:
        for _ in range(times):
            priced = price(invoices, today=TODAY)
        return priced, times

    return Job(run, len(invoices) * times, lambda result: tuple(one * result[1] for one in sums(result[0])))


def of_the_stream(size: int) -> Sums:
    """Return the sums over the stream."""
    fees, amo, amc = answer(min(size, IN_A_BLOCK))
    times = size // IN_A_BLOCK or 1
    return fees * times, amo * times, amc * times


CHECKED: Final = Contender("check given amounts", ours(complete))
FOUND: Final = Contender("find absent amounts", ours(entered))
PEERS: Final = (Contender("encoder", encoder), Contender("plain Python", twin, size=1_000, quick=500))
RACES: Final = (
    Race("pricing", "invoices in memory to what their acts are worth", 10_000, 1_000, (CHECKED, FOUND), PEERS, answer),
    growing("growth-pricing", "price a stream of invoices", block_after_block, of_the_stream, 1_000, 1_000),
)
