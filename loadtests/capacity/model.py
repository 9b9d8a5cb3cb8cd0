# SPDX-License-Identifier: Apache-2.0
"""How large an installation must be: pure arithmetic from measured service times and what centres ask for.

Work is in seconds of one processor. Nothing here is measured; `figures.json` holds what was, and where.
"""

import math
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from desmos_fast.simulator.season import load_season, spread

FIGURES: Final = Path(__file__).with_name("figures.json")
GIB: Final = 2**30
MBIT: Final = 1_000_000 / 8
USER_LINE_BITS: Final = 200_000
YEAR_S: Final = 365 * 24 * 3600
# A processor that is busier makes those who wait wait for each other.
BUSY: Final = 0.6
# How much of a day's work comes in its fullest hour, of the ten that a centre is open.
FULLEST_HOUR: Final = 0.14
# What people look at and try for each invoice that they sign: screens, quotes, lists.
LOOKS: Final = 4
CONNECTIONS_LEAST: Final = 4


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Service times in processor seconds and sizes in bytes, each of one invoice unless its name says otherwise."""

    machine: dict[str, Any]
    sign_service: float
    sign_database: float
    batch_service: float
    batch_database: float
    look_service: float
    look_database: float
    lots_worker: float
    lots_database: float
    match_worker: float
    match_database: float
    sign_latency_s: float
    half_p50_s: float
    half_p99_s: float
    rows: float
    stored_bytes: float
    wal_bytes: float
    request_bytes: float
    answer_bytes: float
    look_rows: float
    look_stored_bytes: float
    look_wal_bytes: float
    look_bytes: float
    look_request_bytes: float
    service_memory: float
    claims: float
    client: float
    capacity_per_s: float

    @property
    def kept_rows(self) -> float:
        """Return the rows of an invoice and of the looks at it, each of which is noted."""
        return self.rows + LOOKS * self.look_rows

    @property
    def kept_bytes(self) -> float:
        """Return the bytes of an invoice and of the looks at it."""
        return self.stored_bytes + LOOKS * self.look_stored_bytes

    @property
    def logged_bytes(self) -> float:
        """Return the bytes of log of an invoice and of the looks at it."""
        return self.wal_bytes + LOOKS * self.look_wal_bytes


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: centres, invoices a centre signs on a mean day of the year that it is open, people at work in a centre."""

    centres: int
    invoices_per_day: float
    open_days: int = 300
    users: int = 10
    bulk_share: float = 0.0
    price_per_hour: float = 0.0
    cores: int = 8
    replicas: int = 2


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What that takes."""

    invoices_per_year: float
    fullest_hour_per_s: float
    service_cores: float
    processes: int
    service_memory: float
    database_cores: float
    pool: int
    connections: int
    worker_cores: float
    wait_s: float
    rows_per_year: float
    stored_per_year: float
    wal_per_day: float
    database_memory: float
    network_per_user_bits: float
    network_share: float
    machines: float
    machine_hours_per_year: float
    cost_per_year: float


def load(path: Path = FIGURES) -> Figures:
    """Read what was measured."""
    return msgspec.json.decode(path.read_bytes(), type=Figures)


def busiest_day() -> float:
    """Return how many times a mean open day the fullest day of a year has, by the table of the seasons."""
    counts = [count for _, count in spread(10_000_000, date(2026, 1, 1), 365, load_season()) if count]
    return max(counts) * len(counts) / sum(counts)


def waiting(load: float, servers: int, service_s: float) -> float:
    """Return how long one waits on the mean for one of so many servers (Erlang C); infinite where they cannot keep up.

    `load` is in servers kept busy; arrivals and service times are taken as memoryless, which overstates the wait of even work.
    """
    if load >= servers:
        return math.inf
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    busy = load / servers
    return blocked / (1 - busy * (1 - blocked)) * service_s / (servers - load)


def plan(demand: Demand, figures: Figures) -> Plan:
    """Return what a demand takes at its fullest hour, with processors at most so busy that nobody waits for long."""
    daily = demand.centres * demand.invoices_per_day
    yearly = daily * demand.open_days
    rate = daily * busiest_day() * FULLEST_HOUR / 3600
    single, bulk = 1 - demand.bulk_share, demand.bulk_share
    service = rate * (single * (figures.sign_service + LOOKS * figures.look_service) + bulk * figures.batch_service)
    database = rate * (single * (figures.sign_database + LOOKS * figures.look_database) + bulk * figures.batch_database)
    # Lots and returns are worked off over a day, not in its fullest hour: they are asked for at night and may wait.
    spread_out = daily * busiest_day() / (24 * 3600)
    worker = spread_out * (figures.lots_worker + figures.match_worker * figures.claims)
    background = spread_out * (figures.lots_database + figures.match_database * figures.claims)
    processes = max(2, math.ceil(service / BUSY))
    # As many connections are in use as transactions run at a moment: arrivals by how long each stays (Little).
    in_use = rate * (1 + LOOKS) * figures.sign_latency_s
    pool = max(CONNECTIONS_LEAST, math.ceil(2 * in_use / processes))
    per_user = _per_user(demand, figures)
    stored = yearly * figures.kept_bytes
    cores = processes + max(1, math.ceil((database + background) / BUSY)) * (1 + demand.replicas) + max(1, math.ceil(worker / BUSY))
    hours = cores / demand.cores * YEAR_S / 3600
    return Plan(
        invoices_per_year=yearly, fullest_hour_per_s=rate, service_cores=service, processes=processes,
        service_memory=processes * figures.service_memory, database_cores=database + background, pool=pool, connections=pool * processes,
        worker_cores=worker, wait_s=waiting(service, processes, figures.sign_service), rows_per_year=yearly * figures.kept_rows,
        stored_per_year=stored, wal_per_day=daily * figures.logged_bytes, database_memory=_memory(stored, pool * processes),
        network_per_user_bits=per_user, network_share=per_user / USER_LINE_BITS, machines=cores / demand.cores,
        machine_hours_per_year=hours, cost_per_year=hours * demand.price_per_hour,
    )  # fmt: skip


def _per_user(demand: Demand, figures: Figures) -> float:
    """Return the bits a second of one person in the fullest hour, looks included, both ways."""
    hour = demand.invoices_per_day * busiest_day() * FULLEST_HOUR / 3600
    action = figures.request_bytes + figures.answer_bytes + LOOKS * (figures.look_request_bytes + figures.look_bytes)
    return hour / max(demand.users, 1) * action * 8


def _memory(stored: float, connections: int) -> float:
    """Return the memory of a database: what came in the last four weeks, which returns still name, and the part of each connection."""
    return max(2 * GIB, stored / 13 + connections * 12 * 2**20)


def seconds_an_invoice(service: float, database: float, client: float, processes: int, cores: int) -> float:
    """Return the least time between two invoices that so many processes sign on so many processors, which client and database share."""
    return max(service / processes, client, (service + database + client) / cores)
