# SPDX-License-Identifier: Apache-2.0
"""The amounts that a caller gives, held against the arithmetic of the compulsory share: to the cent, or refused."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from desmos_fast.billing.model import CcamAct, Invoice, NgapAct
from desmos_fast.exchange.faults import Fault
from desmos_fast.nomenclature.values import value

MISMATCH: Final = "amount_mismatch"


def half_up(base: int, rate: int) -> int:
    """Return `rate` percent of `base` cents, half a cent up; integers only."""
    return (base * rate * 2 + 100) // 200


def expected_amo(act: NgapAct | CcamAct) -> tuple[int, ...]:
    """Return the amounts, in cents, that the compulsory share of an act may have.

    At 100 % a heavy act may leave its flat share to the patient; which acts do is the tariff's word, not the arithmetic's.
    """
    share = half_up(act.base, act.rate)
    day = date.fromisoformat(act.date)
    threshold, flat = value("heavy_act_base", day), value("forfait_heavy_act", day)
    if act.rate == 100 and threshold is not None and flat is not None and act.base > threshold:
        return share, act.base - flat
    return (share,)


def mismatches(invoice: Invoice) -> Iterator[Fault]:
    """Yield a fault for each act whose compulsory share is not what its base and rate make; the invoice is otherwise sound."""
    for place, act in enumerate(invoice.acts):
        expected = expected_amo(act)
        if act.amo not in expected:
            wanted = " or ".join(map(str, expected))
            message = f"a base of {act.base} at {act.rate} % makes {wanted} cents, and {act.amo} is given"
            yield Fault(code=MISMATCH, field=f"acts[{place}].amo", value=act.amo, message=message, invoice=invoice.number or None)
