# SPDX-License-Identifier: Apache-2.0
"""Credits whose payer nothing tells for certain: a name that is like one, and an order of its amount, make a proposal and no more."""

from collections import Counter
from typing import NamedTuple

from desmos_fast.settlement.by_amount import orders_of, single_orders
from desmos_fast.settlement.standing import Credits, Values, stretch


class Likely(NamedTuple):
    """An order of the amount and days of a credit, of a payer whose name its texts are like."""

    payer: str
    order: str


def by_name(state: Credits) -> None:
    """Propose the only order of its amount and days that a payer of a like name has, when no other credit may be it."""
    waiting = [line for line in state.waiting() if state.alike[line.id] and not state.quoted[line.id]]
    if not waiting:
        return
    index = orders_of(state)
    _, claims = single_orders(state)
    likely: dict[str, list[Likely]] = {}
    for line in waiting:
        day = line.booking_date.toordinal()
        for payer in state.alike[line.id]:
            days, tolerance = index.get((payer, int(line.amount)), []), state.tolerance(payer)
            first, end = stretch(days, day - tolerance.window_to, day - tolerance.window_from)
            likely.setdefault(line.id, []).extend(Likely(payer, name) for _, name in days[first:end])
    wanted = Counter(order for some in likely.values() for order in {one.order for one in some})
    for line in waiting:
        some = likely.get(line.id, [])
        if len(some) == 1 and wanted[some[0].order] == 1 and not claims[some[0].order] and not state.is_quoted(some[0].order):
            order = state.free[some[0].order]
            values: Values = {
                "payer": (line.payer_name or line.label, some[0].payer),
                "amount": (line.amount, order.total),
                "window": (str(line.booking_date), str(order.payment_date)),
            }
            evidence = state.evidence(
                [order.id], ("payer", "amount", "window"), values, why="name_like", payers=state.alike[line.id]
            )  # fmt: skip
            state.offer("suggested", "B2", [line.id], [order.id], evidence)
