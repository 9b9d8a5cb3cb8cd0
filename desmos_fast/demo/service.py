# SPDX-License-Identifier: Apache-2.0
"""One day of one centre, played through a service of its own from the first invoice to the last euro."""

import asyncio
import datetime
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from desmos_fast.base.clock import paris_date, system_clock
from desmos_fast.base.settings import load
from desmos_fast.client import Client
from desmos_fast.db.embedded import CLUSTER
from desmos_fast.db.home import make_home
from desmos_fast.demo import audit, flow, page
from desmos_fast.demo.desk import Desk
from desmos_fast.demo.flow import Plan, Played
from desmos_fast.demo.house import LOGS, House
from desmos_fast.demo.model import Amount, Check, Invariants, PayerRow, Places, Summary, Unmatched
from desmos_fast.demo.show import Watch
from desmos_fast.invariants.model import INVARIANTS, Report
from desmos_fast.settlement.dashboard import Dashboard
from desmos_fast.settlement.model import Tally
from desmos_fast.simulator.world import World, with_luhn

DAYS: Final = "days"
PAGE: Final = "page.html"
PAID: Final = frozenset({"announced", "settled"})
PARTLY_PAID: Final = frozenset({"announced_part", "settled_part"})
PATIENCE_S: Final = 60.0


class Ordered(NamedTuple):
    """What a user asks of a demo; `data_dir` None is a folder of its own below the usual one, `date` None is today."""

    seed: int
    invoices: int
    data_dir: Path | None = None
    date: datetime.date | None = None


def data_dir_of(ordered: Ordered) -> Path:
    """Return the folder of the demo's database and files, made with its rights; never that of the real service."""
    if ordered.data_dir is None:
        usual = load().data_dir
        make_home(usual)
        chosen = usual / "demo"
    else:
        chosen = ordered.data_dir.absolute()
    make_home(chosen)
    return chosen


def next_day(data_dir: Path) -> tuple[int, Path]:
    """Take the next free number of a day and make its folder: each day is billed by a centre of its own."""
    days = data_dir / DAYS
    days.mkdir(exist_ok=True)
    rank = 1 + max((int(path.name) for path in days.iterdir() if path.name.isdigit()), default=0)
    folder = days / f"{rank:03d}"
    folder.mkdir()
    return rank, folder


def play(ordered: Ordered, watch: Watch) -> Summary:
    """Start a house, play the day in it, stop it, and leave its page, its summary and its files behind."""
    data_dir = data_dir_of(ordered)
    watch.say(f"Base, fichiers et journaux : {data_dir}")
    with House(data_dir) as house:
        rank, folder = next_day(data_dir)
        # The number of the day stands in the FINESS: kept data never see an invoice number twice.
        finess = with_luhn(f"750{rank:05d}")
        plan = Plan(ordered.seed, finess, ordered.date or paris_date(system_clock()), ordered.invoices)
        day = play_in(house, plan, folder, watch)
    (folder / PAGE).write_text(page.render(day), encoding="utf-8")
    (folder / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(day), indent=1) + b"\n")
    return day


def play_in(house: House, plan: Plan, folder: Path, watch: Watch) -> Summary:
    """Play a day in a house that runs, and tell what it came to."""
    world = World(plan.seed, finess=plan.finess)
    house.command("centre", "add", plan.finess, "--name", world.centre.name)
    key = house.command("key", "new", plan.finess, "--kind", "test").strip()
    day = asyncio.run(_played(house, key, plan, folder, watch))
    with watch.stage("Invariants vérifiés", len(INVARIANTS), "invariant") as step:
        report = house.invariants()
        step(len(report.verdicts))
    return summary_of(house, world, plan, day, report, folder, watch)


async def _played(house: House, key: str, plan: Plan, folder: Path, watch: Watch) -> Played:
    async with Client(house.url, key) as client:
        return await flow.play(plan, Desk(client, PATIENCE_S), house.letterbox, folder / "files", watch, house.check)


def summary_of(house: House, world: World, plan: Plan, day: Played, report: Report, folder: Path, watch: Watch) -> Summary:
    """Put the figures of the service together, and hold them against the truth."""
    said = day.dashboard
    names = world.payers.names()
    parts = {part: sum(tally.cents for tally in said.shares.get(part, {}).values()) for part in ("amo", "amc", "patient")}
    lots = {state: tally.count for state, tally in said.lots.items()}
    credits, lines = said.credits_unmatched.list, said.order_lines_unmatched.list
    return Summary(
        seed=plan.seed, date=plan.date.isoformat(), finess=plan.finess, centre=world.centre.name, executors=len(world.practitioners),
        invoices=added(said.invoices.values()), refused_invoices=len(day.signed.refused),
        from_amo=parts["amo"], from_amc=parts["amc"], desk=parts["patient"], states=amounts(said.invoices),
        shares={part: amounts(states) for part, states in said.shares.items()},
        files=len(day.built.files), file_bytes=day.file_bytes, lots=day.built.lots,
        lots_accepted=lots.get("accepted", 0), lots_refused=lots.get("refused", 0),
        paid=shares_in(said, PAID), partly_paid=shares_in(said, PARTLY_PAID),
        rejects={one.name: Amount(one.count, one.cents) for one in said.rejects.classes},
        payers=[PayerRow(one.payer, names.get(one.payer, one.payer), one.expected, one.announced, one.received) for one in said.payers],
        credits=amounts(day.run.credits), rules=amounts(day.run.rules),
        unmatched_credits=[Unmatched(one.label, str(one.booking_date), one.amount, one.why) for one in credits],
        unmatched_lines=[Unmatched(names.get(one.payer, one.payer), str(one.payment_date), one.amount, one.why) for one in lines],
        ledger=dict(said.ledger.balances), ledger_balance=said.ledger.sum,
        invariants=Invariants(report.holds, [Check(one.id, one.holds, one.looked, one.wrong) for one in report.verdicts]),
        differences=audit.differences(day, audit.expected_of(day)), stages=list(watch.stages),
        places=Places(
            page=str(folder / PAGE), files=str(folder / "files"), letterbox=str(house.letterbox), database=str(house.data_dir / CLUSTER),
            logs=str(house.data_dir / LOGS),
        ),
    )  # fmt: skip


def amounts(tallies: Mapping[str, Tally]) -> dict[str, Amount]:
    """Give tallies of the service the type that the summary shows."""
    return {name: Amount(tally.count, tally.cents) for name, tally in tallies.items()}


def added(tallies: Iterable[Tally]) -> Amount:
    """Add tallies up."""
    known = list(tallies)
    return Amount(sum(tally.count for tally in known), sum(tally.cents for tally in known))


def shares_in(said: Dashboard, states: frozenset[str]) -> Amount:
    """Add up the payers' shares that are in some states."""
    return added(tally for part in ("amo", "amc") for state, tally in said.shares.get(part, {}).items() if state in states)
