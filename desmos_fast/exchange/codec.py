# SPDX-License-Identifier: Apache-2.0
"""Exchange files (test profile): bytes in, every fault out, in the order of the four passes."""

from desmos_fast.exchange.faults import Fault
from desmos_fast.exchange.reading import answers
from desmos_fast.exchange.reading.kernel import Reading


def examine(data: bytes) -> tuple[Reading, list[Fault]]:
    """Read a buffer and return it with its faults, pass by pass: the first one is the answer when only one is wanted."""
    reading = Reading(data)
    faults = list(reading.faults)
    fields = reading.check_fields()
    if reading.kind in ("AR", "RS"):
        fields += answers.check_values(reading)
        fields.sort(key=lambda fault: fault.record or 0)
        faults += fields
        faults += answers.check_sums(reading)
    else:
        faults += fields
    return reading, faults


def check(data: bytes) -> list[Fault]:
    """Return every fault of a bare run, a claim file, an acknowledgement or a return; at most 1000 of each pass."""
    return examine(data)[1]
