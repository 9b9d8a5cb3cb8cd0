# SPDX-License-Identifier: Apache-2.0
"""What the calculator of capacity prints: a table, or one JSON object, and the part of its page that holds figures."""

import math
from typing import Any, Final

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.capacity.model import GIB, Demand, Figures, Plan, busiest_day, load, plan
from loadtests.capacity.national import Country, National, simulate
from loadtests.machine import ROOT

PAGE: Final = ROOT / "docs" / "capacity.md"
MICRO: Final = 1e6


def rows(found: Plan, demand: Demand) -> list[tuple[str, str]]:
    """Return a plan in words."""
    wait = "for ever: too few" if math.isinf(found.wait_s) else f"{found.wait_s * 1000:.2f} ms"
    line = found.network_per_user_bits / 1000
    return [
        ("invoices a year", f"{found.invoices_per_year:,.0f}"),
        (f"in the fullest hour, {busiest_day():.2f} times a mean open day", f"{found.fullest_hour_per_s:,.1f} invoices a second"),
        ("service", f"{found.service_cores:.2f} processors busy: {found.processes} processes, {found.service_memory / GIB:.1f} GiB"),
        ("wait for a process, on the mean", wait),
        ("pool of each process, connections in all", f"{found.pool}, {found.connections}"),
        ("PostgreSQL", f"{found.database_cores:.2f} processors busy, {found.database_memory / GIB:.0f} GiB of memory"),
        ("workers: lots, returns, matching", f"{found.worker_cores:.2f} processors busy"),
        ("stored a year", f"{found.stored_per_year / GIB:,.1f} GiB, {found.rows_per_year:,.0f} rows"),
        ("log a day", f"{found.wal_per_day / GIB:,.1f} GiB"),
        (f"line, each of {demand.users} users of a centre", f"{line:.2f} kbit/s, {found.network_share:.2%} of 0.2 Mbit/s"),
        (f"machines of {demand.cores} processors, {demand.replicas} replicas", f"{found.machines:.2f}"),
        ("machine-hours a year", f"{found.machine_hours_per_year:,.0f}"),
        ("cost a year", f"{found.cost_per_year:,.0f}" if demand.price_per_hour else "give --price"),
    ]  # fmt: skip


def national_rows(found: National, country: Country) -> list[tuple[str, str]]:
    """Return the plan of the country in words."""
    stored = found.stored_bytes / GIB / 1024
    return [
        ("shards, by centre", f"{found.shards}; the fullest has {found.fullest_shard:.2f} times its part"),
        ("largest centre", f"{found.largest_centre:,} invoices a year"),
        ("in the fullest hour of the year", f"{found.fullest_hour_per_s:,.0f} invoices a second"),
        (f"stored after {country.kept_years} years", f"{stored:,.1f} TiB"),
        (f"of it in each of {country.partitions} partitions of the fullest shard", f"{found.partition_bytes / GIB:,.0f} GiB"),
        (f"database machines of {country.database_cores} processors, {country.replicas} replicas each", str(found.database_machines)),
        (f"processes that serve, on machines of {country.cores}", f"{found.service_processes} on {found.service_machines}"),
        (f"machine-hours a year, of {country.cores} processors", f"{found.machine_hours_per_year:,.0f}"),
        ("cost a year", f"{found.cost_per_year:,.0f}" if country.price_per_hour else "give --price"),
        *((f"full: {limit.name}", f"{limit.used:.2%}, breaks at {limit.breaks_at:.1f} times the load") for limit in found.limits),
    ]  # fmt: skip


def print_plan(demand: Demand, as_json: bool) -> None:
    """Print what a demand takes."""
    figures = load()
    found = plan(demand, figures)
    _print(found, rows(found, demand), figures, as_json)


def print_national(country: Country, as_json: bool) -> None:
    """Print what the country takes."""
    figures = load()
    found = simulate(country, figures)
    _print(found, national_rows(found, country), figures, as_json)


def _print(found: Plan | National, told: list[tuple[str, str]], figures: Figures, as_json: bool) -> None:
    if as_json:
        limits: dict[str, Any] = {}
        if isinstance(found, National):
            limits = {"limits": [{"name": limit.name, "used": limit.used, "breaks_at": limit.breaks_at} for limit in found.limits]}
        print(msgspec.json.encode({**msgspec.to_builtins(found), **limits, "figures": figures}).decode())
        return
    laid = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    laid.add_column()
    laid.add_column(justify="right")
    for row in told:
        laid.add_row(*row)
    console = Console(width=120)
    console.print(laid)
    known = figures.machine
    console.print(f"From figures of {known['cpu']}, {known['cores']} cores, {known['python']}, revision {known['revision']}.")


def page() -> str:
    """Return the figures of the page: what was measured, and the plans of three sizes and of the country."""
    figures = load()
    known = figures.machine
    parts = [
        f"Measured on {known['cpu']}, {known['cores']} cores, {known['python']}, revision {known['revision']}, "
        f"load {known['load']:.1f} at the end.\n",
        *_costs(figures), "", *_sizes(figures), "",
    ]  # fmt: skip
    for centres in (1, 300, 2000):
        demand = Demand(centres=centres, invoices_per_day=300)
        parts += [f"**{centres:,} centres, 300 invoices a day each**\n", *_lines(rows(plan(demand, figures), demand))]
    for country in (Country(), Country(partitions=64)):
        title = f"**The country: {country.claims:,} claims a year, {country.centres:,} centres, {country.partitions} partitions**\n"
        parts += [title, *_lines(national_rows(simulate(country, figures), country))]
    return "\n".join(parts)


def _costs(figures: Figures) -> list[str]:
    costs = (
        ("sign an invoice that comes alone", figures.sign_service, figures.sign_database),
        ("sign an invoice of a batch of 1,000", figures.batch_service, figures.batch_database),
        ("look at an invoice", figures.look_service, figures.look_database),
        ("put an invoice in lots and send its file (worker)", figures.lots_worker, figures.lots_database),
        ("match a line and post it (worker)", figures.match_worker, figures.match_database),
    )
    head = ["| work | service or worker, µs of a processor | PostgreSQL, µs of a processor |", "| --- | ---: | ---: |"]
    return [*head, *(f"| {work} | {ours * MICRO:.0f} | {theirs * MICRO:.0f} |" for work, ours, theirs in costs)]


def _sizes(figures: Figures) -> list[str]:
    half, all_but_one = figures.half_p50_s * 1000, figures.half_p99_s * 1000
    return [
        f"- From its signature to the ledger an invoice makes {figures.rows:.1f} rows and {figures.claims:.2f} claims,",
        f"  {figures.stored_bytes / 1024:.1f} KiB of tables and indexes and {figures.wal_bytes / 1024:.1f} KiB of log;",
        f"  a look at it is noted in {figures.look_stored_bytes / 1024:.1f} KiB and {figures.look_wal_bytes / 1024:.1f} KiB.",
        f"- Signing it takes {figures.request_bytes:,.0f} bytes there and {figures.answer_bytes:,.0f} back, looking at it",
        f"  {figures.look_request_bytes:,.0f} and {figures.look_bytes:,.0f}. A process takes {figures.service_memory / 2**20:.0f} MiB.",
        f"- One process signed {figures.capacity_per_s:,.0f} a second for 64 callers, each of a centre of its own.",
        "  At half of that, half of the answers came within",
        f"  {half:.0f} ms and 99 in a hundred within {all_but_one:.0f} ms. One caller alone waited {figures.sign_latency_s * 1000:.1f} ms.",
    ]


def _lines(told: list[tuple[str, str]]) -> list[str]:
    return ["| | |", "| --- | ---: |", *(f"| {name} | {value} |" for name, value in told if value != "give --price"), ""]
