# SPDX-License-Identifier: Apache-2.0
"""Exchange files (test profile): bytes in, every fault out, in the order of the four passes."""

from itertools import islice

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.reading import answers, claims
from desmos_fast.exchange.reading.kernel import FAULTS_KEPT, Reading


def examine(data: bytes) -> tuple[Reading, list[Fault]]:
    """Read a buffer and return it with its faults, pass by pass: the first one is the answer when only one is wanted."""
    reading = Reading(data)
    rules = answers if reading.kind in ("AR", "RS") else claims
    fields = reading.check_fields()
    fields += islice(rules.check_values(reading), FAULTS_KEPT)
    # Pass 3 goes record by record; faults of one record stay in the order in which they were found.
    fields.sort(key=lambda fault: fault.record or 0)
    return reading, [*reading.faults, *fields, *islice(rules.check_sums(reading), FAULTS_KEPT)]


def check(data: bytes) -> list[Fault]:
    """Return every fault of a bare run, a claim file, an acknowledgement or a return; at most 1000 of each kind and pass."""
    return examine(data)[1]
