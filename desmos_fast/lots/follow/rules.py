# SPDX-License-Identifier: Apache-2.0
"""Until when what must have happened. Days are working days in France, counted from the day after."""

import hashlib
from datetime import date
from typing import Final

import msgspec

from desmos_fast.base.calendar import add_working_days, late_since
from desmos_fast.lots.follow.model import StageTotal, Totals

# Without third-party payment the patient has paid and waits to be paid back.
SEND_PAID: Final = 3
SEND_THIRD_PARTY: Final = 8
ANSWER: Final = 2
RESEND: Final = 2
# Sent again once by itself; after that a person decides.
RESENDS: Final = 1


def answer_due(sent: date) -> date:
    """Return the last day for the answer to a file that left on a day."""
    return add_working_days(sent, ANSWER)


def resend_due(answer: date) -> date:
    """Return the day on which a file is sent again whose answer was due on a day."""
    return add_working_days(answer, RESEND)


def late_paid(today: date) -> date:
    """Return the last day of signature that is too late to be unsent today, when the patient paid."""
    return late_since(today, SEND_PAID)


def late_third_party(today: date) -> date:
    """Return the last day of signature that is too late to be unsent today, under third-party payment."""
    return late_since(today, SEND_THIRD_PARTY)


def chained(before: bytes, what: bytes) -> bytes:
    """Return the hash of a stage that stands on another."""
    return hashlib.sha256(before + what).digest()


def lots_said(lots: object) -> bytes:
    """Return what the hash of the lots of a file is made of."""
    return msgspec.json.encode(lots)


def differences(one: StageTotal, other: StageTotal) -> dict[str, tuple[int, int]]:
    """Return what two stages count otherwise."""
    pairs = zip(Totals._fields, one.totals, other.totals, strict=True)
    return {name: (before, after) for name, before, after in pairs if before != after}
