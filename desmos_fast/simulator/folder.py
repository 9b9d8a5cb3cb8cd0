# SPDX-License-Identifier: Apache-2.0
"""A day as files: what a centre bills, what comes back, and the truth to judge a matching by."""

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from desmos_fast.lots.model import BuiltFile, LotSettings
from desmos_fast.simulator.model import Answers, Truth
from desmos_fast.simulator.world import World

USUAL_LOT: Final = 200
WIDEST_LOT: Final = 999
FULL_FILE: Final = 600
"""Full lots that a file may hold beside the partly filled ones, which are one for each destination and mode."""
POSSIBLE: Final = frozenset({"rsp-1.b2", "rsp-2.b2"})
"""Files that a day may lack: an older day of the folder must not leave its own behind."""


class PayerRow(msgspec.Struct, frozen=True):
    """A payer as `reconcile --payers` takes it."""

    id: str
    kind: str
    names: tuple[str, ...]
    pays_for: tuple[str, ...] = ()


def settings_of(world: World, date: datetime.date, count: int) -> LotSettings:
    """Return the settings of the day's one claim file; its lots grow so that the file can hold them."""
    # Fewer than half of the invoices are claimed twice.
    widest = max(USUAL_LOT, -(-count * 3 // (2 * FULL_FILE)))
    routing = {f"{one.regime}/{one.caisse}/{one.centre}": (one.caisse, one.computing_centre) for one in world.payers.amo}
    return LotSettings(date=date.isoformat(), max_invoices_per_lot=min(widest, WIDEST_LOT), max_lots_per_file=999, routing=routing)


def settings_json(settings: LotSettings) -> bytes:
    """Write settings as `lots build` takes them."""
    return msgspec.json.format(msgspec.json.encode(settings), indent=1) + b"\n"


def payer_rows(payers: Mapping[str, str]) -> list[PayerRow]:
    """Return the payers that answered, in order of id."""
    return [PayerRow(payer, payer.partition(":")[0], (name,)) for payer, name in sorted(payers.items())]


def answer_files(answers: Answers) -> Iterator[tuple[str, bytes]]:
    """Give the names and bytes of what came back, and of the truth."""
    encoder = msgspec.json.Encoder()
    for rank, data in enumerate(answers.arl, 1):
        yield f"arl-{rank}.b2", data
    for rank, data in enumerate(answers.rsp, 1):
        yield f"rsp-{rank}.b2", data
    yield "bank.cfonb", answers.bank
    yield "payers.ndjson", encoder.encode_lines(payer_rows(answers.payers))
    yield "truth.ndjson", encoder.encode_lines(answers.truth)


def outcomes(truth: tuple[Truth, ...]) -> dict[str, int]:
    """Count the shares by what became of them, in alphabetical order."""
    return dict(sorted(Counter(row.outcome for row in truth).items()))


def summary(world: World, date: datetime.date, claims: BuiltFile, answers: Answers, files: list[str]) -> dict[str, object]:
    """Return the day in a few figures, amounts in cents."""
    return {
        "seed": world.seed, "biller": world.centre.finess, "date": date.isoformat(), "lots": len(claims.lots),
        "shares": len(answers.truth), "outcomes": outcomes(answers.truth), "orders": len(answers.orders), "credits": len(answers.credits),
        "announced": sum(order.total for order in answers.orders), "credited": sum(credit.amount for credit in answers.credits),
        "files": files,
    }
