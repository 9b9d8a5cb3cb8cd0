# SPDX-License-Identifier: Apache-2.0
"""What a day must have come to: worked by hand for each outcome, and every difference noticed."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from desmos_fast.base.types import Cents, FileId
from desmos_fast.billing.model import InvoiceView, ShareView
from desmos_fast.demo import audit, truth
from desmos_fast.demo.flow import Played, Signed
from desmos_fast.demo.model import Amount
from desmos_fast.lots.codec import build
from desmos_fast.lots.model import Built, FileShown
from desmos_fast.settlement.dashboard import (
    Dashboard,
    Ledger,
    PayerFigures,
    RejectClass,
    Rejects,
    UnmatchedCredit,
    UnmatchedCredits,
    UnmatchedLines,
)
from desmos_fast.settlement.model import RunAnswer, Tally
from desmos_fast.simulator import folder
from desmos_fast.simulator.concentrator import Answered, answer
from desmos_fast.simulator.day import DEFAULT_DAY, Day
from desmos_fast.simulator.model import Outcome, Part, Payment, Truth
from desmos_fast.simulator.world import World

ID = UUID(int=7)


def row(outcome: Outcome, *payments: tuple[int, int | None], claimed: int = 100, part: Part = "amo", code: str | None = None) -> Truth:
    return Truth(
        invoice=1, part=part, payer="amo:01751", lot="001", outcome=outcome, claimed=claimed, paid=sum(amount for amount, _ in payments),
        reject_code=code, payments=tuple(Payment(f"ref{rank}", "2026-11-26", *one) for rank, one in enumerate(payments)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "state", "announced", "credited"),
    [
        (row("paid", (100, 2)), "settled", 100, 100),
        (row("paid", (100, None)), "announced", 100, 0),
        (row("partly", (99, 2)), "settled_part", 99, 99),
        (row("partly", (40, None)), "announced_part", 40, 0),
        (row("late", (100, 9)), "settled", 100, 100),
        (row("twice", (100, 2), (100, 9)), "settled", 200, 200),
        (row("silent"), "received", 0, 0),
        (row("lot_refused"), "file_refused", 0, 0),
        (row("rights_closed", code="0450072"), "rejected", 0, 0),
        (row("rejected", code="2900005"), "rejected", 0, 0),
        (row("clawed_back", (100, 2), (-100, None)), "indu", 0, 100),
        (row("clawed_back", (100, 2), (-100, None), part="amc"), "indu", 0, 100),
        (row("merged", (100, 2)), "settled", 100, 100),
        (row("desk", claimed=0), "settled", 0, 0),
    ],
)
def test_the_fate_of_a_share_is_that_of_its_outcome(given: Truth, state: str, announced: int, credited: int) -> None:
    ((_, fate),) = truth.fates([], {(1, given.part): given}, set())
    assert (fate.state, fate.announced, fate.credited) == (state, announced, credited)


def test_a_credit_that_stayed_unmatched_leaves_its_shares_announced() -> None:
    ((_, fate),) = truth.fates([], {(1, "amo"): row("reference_lost", (100, 2))}, {"ref0"})
    assert (fate.state, fate.announced, fate.credited) == ("announced", 100, 0)


def test_classes_are_those_of_the_list_of_rejects() -> None:
    assert [truth.class_of(code) for code in ("2900005", "0450072", "9999906", "")] == ["duplicate", "rights", "unknown", "unknown"]


def played() -> Played:
    """A day as a faultless service would tell it, worked from the truth."""
    world = World(7)
    invoices = list(Day(world).invoices(300))
    claims = build(invoices, folder.settings_of(world, DEFAULT_DAY, 300))
    answers = answer(claims.content, 7, DEFAULT_DAY)
    (stray,) = [credit for credit in answers.credits if not credit.orders]
    left = [(stray.booking, stray.amount)]
    told = truth.expected(invoices, [answers], left)
    return Played(
        signed=Signed(invoices, {invoice.number: ID for invoice in invoices}, []),
        built=Built(
            files=(FileShown(id=FileId(ID), name="f", sequence=1, size=1, sha256="", lots=()),), lots=len(claims.lots),
            shares=len(answers.truth), invoices=300,
        ),
        file_bytes=1, answered=[Answered(Path("f"), answers, [], [], Path("b"))],
        run=RunAnswer(run_id=ID, lines={}, credits={}, rules={}, entries=0), dashboard=dashboard(told, left[0], sum_of(invoices)), views=[],
    )  # fmt: skip


def sum_of(invoices: list[Any]) -> int:
    return sum(act.fees for invoice in invoices for act in invoice.acts)


def tallies(amounts: dict[str, Amount]) -> dict[str, Tally]:
    return {name: Tally(amount.count, Cents(amount.cents)) for name, amount in amounts.items()}


def dashboard(told: truth.Expected, stray: tuple[str, int], fees: int) -> Dashboard:
    nothing = Tally(0, Cents(0))
    date = datetime.date.fromisoformat(stray[0])
    classes = truth.reject_classes(told.fates.values())
    return Dashboard(
        at=datetime.datetime(2026, 11, 20, tzinfo=datetime.UTC), invoices=tallies(told.states),
        shares={part: tallies(states) for part, states in truth.share_states(told.fates.values()).items()},
        lots={"accepted": Tally(told.lots_accepted, Cents(0)), "refused": Tally(told.lots_refused, Cents(0))}, files={"acknowledged": 1},
        rejects=Rejects(0, Cents(0), tuple(
            RejectClass(name=name, count=one.count, cents=Cents(one.cents), codes=()) for name, one in classes.items()
        )),
        payers=tuple(
            PayerFigures(payer, Cents(one.expected), Cents(0), Cents(one.announced), Cents(one.received))
            for payer, one in told.payers.items()
        ),
        credits_unmatched=UnmatchedCredits(
            1, Cents(stray[1]), {}, (UnmatchedCredit("r:1", "a", date, Cents(stray[1]), "VIR", "payer_unknown"),), nothing
        ),
        debits=nothing, other_currencies={},
        order_lines_unmatched=UnmatchedLines(told.lines_unmatched.count, Cents(told.lines_unmatched.cents), {}, (), nothing),
        ledger=Ledger({"produit": Cents(-fees), "banque": Cents(told.credits.cents)}, Cents(0)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def day() -> Played:
    return played()


def differences(day: Played) -> list[str]:
    return audit.differences(day, audit.expected_of(day))


def test_a_faultless_day_has_no_difference(day: Played) -> None:
    assert differences(day) == []


def changed(day: Played, **changes: object) -> Played:
    return day._replace(dashboard=msgspec.structs.replace(day.dashboard, **changes))


def one_cent_less(tallied: dict[str, Tally], name: str) -> dict[str, Tally]:
    return {**tallied, name: Tally(tallied[name].count, Cents(tallied[name].cents - 1))}


def payers(day: Played) -> tuple[PayerFigures, ...]:
    first, *others = day.dashboard.payers
    return msgspec.structs.replace(first, received=first.received - 1), *others


LIES: dict[str, Callable[[Played], Played]] = {
    "one invoice refused": lambda day: day._replace(signed=day.signed._replace(ids={one: ID for one in list(day.signed.ids)[1:]})),
    "one share not in a lot": lambda day: day._replace(built=msgspec.structs.replace(day.built, shares=day.built.shares - 1)),
    "one lot more": lambda day: day._replace(built=msgspec.structs.replace(day.built, lots=day.built.lots + 1)),
    "a file not acknowledged": lambda day: changed(day, files={"sent": 1}),
    "a refused lot forgotten": lambda day: changed(day, lots={"accepted": day.dashboard.lots["accepted"]}),
    "a cent of an invoice": lambda day: changed(day, invoices=one_cent_less(day.dashboard.invoices, "paid")),
    "a cent of a share": lambda day: changed(
        day, shares={**day.dashboard.shares, "amo": one_cent_less(day.dashboard.shares["amo"], "settled")}
    ),
    "a part without any share": lambda day: changed(day, shares={**day.dashboard.shares, "amc": {}}),
    "no reject": lambda day: changed(day, rejects=Rejects(0, Cents(0), ())),
    "a cent received": lambda day: changed(day, payers=payers(day)),
    "the stray credit matched": lambda day: changed(
        day, credits_unmatched=UnmatchedCredits(0, Cents(0), {}, (), Tally(0, Cents(0)))
    ),
    "a cent in the ledger": lambda day: changed(day, ledger=Ledger(day.dashboard.ledger.balances, Cents(1))),
    "a cent of the bank": lambda day: changed(
        day, ledger=Ledger({**day.dashboard.ledger.balances, "banque": Cents(1)}, Cents(0))
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_every_lie_is_found(day: Played, lie: Callable[[Played], Played]) -> None:
    assert differences(lie(day))


def view(day: Played, **changes: object) -> InvoiceView:
    fate = audit.expected_of(day).fates[1, "amo"]
    share = ShareView("amo", fate.payer, 1, fate.amount, fate.state, fate.announced, fate.credited, None, None, None)
    return InvoiceView(
        ID, 1, "750000018", "paid", "signed", datetime.date(2026, 11, 20), fate.amount, fate.amount, 0, 0, "amo", "secured", None,
        [msgspec.structs.replace(share, **changes)], [], [],
    )  # fmt: skip


@pytest.mark.parametrize("changes", [{"state": "sent"}, {"announced": 1}, {"credited": 1}, {"payer": "amo:02345"}, {"part": "amc"}])
def test_an_invoice_that_reads_otherwise_is_found(day: Played, changes: dict[str, object]) -> None:
    assert differences(day._replace(views=[view(day)])) == []
    (found,) = differences(day._replace(views=[view(day, **changes)]))
    assert found.startswith("facture 1, part")
