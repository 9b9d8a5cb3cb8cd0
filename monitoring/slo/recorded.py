# SPDX-License-Identifier: Apache-2.0
"""What was recorded of a month: outages, and what was measured of saving and restoring; lines of JSON, every fault told at once."""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from monitoring.slo.model import Cause, Fault, SloInvalid

Instant = Annotated[datetime, Meta(tz=True)]
Seconds = Annotated[int, Meta(ge=0)]


class Outage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="outage"):
    """A stretch in which the service was down or degraded, or of which nothing is known; without an end it still lasts."""

    start: Instant
    end: Instant | None = None
    state: Literal["down", "degraded", "unknown"] = "down"
    cause: Cause = "provider"
    planned: bool = False
    disaster: bool = False
    declared: Instant | None = None
    acknowledged: Instant | None = None
    what: Annotated[str, Meta(max_length=200)] = ""


class Measured(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="measured"):
    """What was measured: how much would have been lost, how long a restoration took, or that a test of it passed."""

    at: Instant
    what: Literal["rpo", "rto", "restore_test", "weekly_backup"]
    seconds: Seconds | None = None
    passed: bool = True


_DECODER: Final = msgspec.json.Decoder(Outage | Measured)


def read_recorded(lines: bytes, name: str) -> tuple[list[Outage], list[Measured]]:
    """Read lines of JSON. Raises SloInvalid with all their faults: a report that left one out would say too much."""
    outages: list[Outage] = []
    measured: list[Measured] = []
    faults: list[Fault] = []
    for number, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        try:
            told = _DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            faults.append(Fault(code="BAD_LINE", file=name, field=str(number), message=str(error)))
            continue
        message = _wrong(told)
        if message:
            faults.append(Fault(code="BAD_VALUE", file=name, field=str(number), message=message))
        elif isinstance(told, Outage):
            outages.append(told)
        else:
            measured.append(told)
    if faults:
        raise SloInvalid(faults)
    return outages, measured


def _wrong(told: Outage | Measured) -> str:
    if isinstance(told, Measured):
        timed = told.what in ("rpo", "rto")
        return f"{told.what} {'needs' if timed else 'takes no'} seconds" if timed != (told.seconds is not None) else ""
    if told.end is not None and told.end <= told.start:
        return "end must come after start"
    if told.acknowledged is not None and told.acknowledged < told.start:
        return "acknowledged must not come before start"
    if told.cause == "maintenance" and told.disaster:
        return "maintenance is no disaster"
    return ""
