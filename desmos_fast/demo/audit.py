# SPDX-License-Identifier: Apache-2.0
"""Whether the figures of the service are those of the truth, to the cent; every difference is one sentence."""

from collections.abc import Iterator, Mapping
from typing import Final

from desmos_fast.base.errors import OurBug
from desmos_fast.billing.model import InvoiceView
from desmos_fast.billing.rules import split
from desmos_fast.demo import truth
from desmos_fast.demo.flow import Played
from desmos_fast.demo.model import Amount
from desmos_fast.demo.truth import Expected
from desmos_fast.settlement.dashboard import Dashboard
from desmos_fast.settlement.model import Tally

SHOWN: Final = 50


class DayDoesNotAddUp(OurBug):
    """The service and the truth of the payers and the bank say different things."""

    code = "internal"

    def __init__(self, found: list[str]) -> None:
        super().__init__("the day does not add up", hint="; ".join(found) or "an invariant is broken: `desmos-fast invariants` says more")


def expected_of(day: Played) -> Expected:
    """Tell what must have come of what was played."""
    left = ((str(one.booking_date), one.amount) for one in day.dashboard.credits_unmatched.list)
    return truth.expected(day.signed.invoices, [one.answers for one in day.answered], left)


def differences(day: Played, told: Expected) -> list[str]:
    """Return in what the service and the truth differ, the first few."""
    found = [*sending(day, told), *figures(day.dashboard, told), *money(day.dashboard, told), *books(day, told)]
    for view in day.views:
        found += shares(view, told)
    return found[:SHOWN]


def differ(what: str, said: object, true: object) -> Iterator[str]:
    """Give a sentence when what is said is not what is true."""
    if said != true:
        yield f"{what} : le service dit {said}, la vérité est {true}"


def sending(day: Played, told: Expected) -> Iterator[str]:
    """Compare what was taken in and sent."""
    numbers = [invoice.number for invoice in day.signed.invoices]
    yield from differ("factures refusées", [fault.code for one in day.signed.refused for fault in one.errors], [])
    yield from differ("factures acceptées", len(day.signed.ids), len(numbers))
    yield from differ("factures en lot", day.built.invoices, len(numbers))
    yield from differ("parts en lot", day.built.shares, sum(fate.part != "patient" for fate in told.fates.values()))
    lots = {state: tally.count for state, tally in day.dashboard.lots.items()}
    true = {"accepted": told.lots_accepted, "refused": told.lots_refused}
    yield from differ("lots", lots, {state: count for state, count in true.items() if count})
    yield from differ("lots construits", day.built.lots, told.lots_accepted + told.lots_refused)
    yield from differ("fichiers", dict(day.dashboard.files), {"acknowledged": len(day.built.files)})


def figures(said: Dashboard, told: Expected) -> Iterator[str]:
    """Compare the states of invoices and shares, and the rejects."""
    yield from each("factures", counted(said.invoices), told.states)
    for part, states in truth.share_states(told.fates.values()).items():
        yield from each(f"parts {part}", counted(said.shares.get(part, {})), states)
    classes = {one.name: Amount(one.count, one.cents) for one in said.rejects.classes}
    yield from each("rejets", classes, truth.reject_classes(told.fates.values()))


def money(said: Dashboard, told: Expected) -> Iterator[str]:
    """Compare what each payer owes, announces and pays, and what is left over."""
    known = {one.payer: truth.Money(one.expected, one.announced, one.received) for one in said.payers}
    yield from each("payeur", known, told.payers)
    credits, lines = said.credits_unmatched, said.order_lines_unmatched
    yield from differ("virements non rapprochés", Amount(credits.count, credits.cents), told.credits_unmatched)
    yield from differ("lignes non rapprochées", Amount(lines.count, lines.cents), told.lines_unmatched)


def books(day: Played, told: Expected) -> Iterator[str]:
    """Compare the ledger with the invoices and the bank."""
    balances = day.dashboard.ledger.balances
    splits = [split(invoice) for invoice in day.signed.invoices]
    yield from differ("somme du grand livre", day.dashboard.ledger.sum, 0)
    yield from differ("produits", -balances.get("produit", 0), sum(one.total for one in splits))
    yield from differ("banque", balances.get("banque", 0), told.credits.cents)
    parts = {part: sum(tally.cents for tally in states.values()) for part, states in day.dashboard.shares.items()}
    owed = {"amo": [one.from_amo for one in splits], "amc": [one.from_amc for one in splits], "patient": [one.desk for one in splits]}
    dues = {part: sum(amounts) for part, amounts in owed.items()}
    yield from each("somme des parts", parts, {part: due for part, due in dues.items() if due})


def shares(view: InvoiceView, told: Expected) -> Iterator[str]:
    """Compare one invoice, share by share."""
    yield from differ(f"facture {view.number}, somme", view.from_amo + view.from_amc + view.desk, view.total)
    for share in view.shares:
        fate = told.fates.get((view.number, share.part))
        true = fate and (fate.payer, fate.amount, fate.state, fate.announced, fate.credited)
        said = (share.payer, share.amount, share.state, share.announced, share.credited)
        yield from differ(f"facture {view.number}, part {share.part}", said, true)


def counted(tallies: Mapping[str, Tally]) -> dict[str, Amount]:
    """Give tallies of the service the type of our amounts."""
    return {name: Amount(tally.count, tally.cents) for name, tally in tallies.items()}


def each(what: str, said: Mapping[str, object], true: Mapping[str, object]) -> Iterator[str]:
    """Compare figure by figure; one that is absent is said to be so."""
    for name in sorted({*said, *true}):
        yield from differ(f"{what} {name}", said.get(name), true.get(name))
