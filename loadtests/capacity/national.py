# SPDX-License-Identifier: Apache-2.0
"""All centres of the country on shards: a year simulated hour by hour, what is fullest, and what breaks first as the load grows.

Centres are invented, few of them large; each belongs to one shard, by the hash of its number as a database that is distributed by centre
has it. The year has the seasons and holidays of the simulator; hours of a day are those of a centre that is open for ten.
"""

import math
from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from desmos_fast.simulator.draw import Draw
from desmos_fast.simulator.season import load_season, spread
from loadtests.capacity.model import BUSY, GIB, LOOKS, YEAR_S, Figures

FIRST: Final = date(2026, 1, 1)
# Shares of a day by hour, from eight in the morning; the fullest is that of the model.
HOURS: Final = (7, 12, 14, 12, 6, 8, 13, 12, 10, 6)
# Of one hash partition, all tables together: what a night is long enough to copy, clean and index anew.
PARTITION: Final = 128 * GIB
# One centre's invoices have numbers without a gap and one chain of its ledger: its commits follow each other.
COMMITS_PER_S: Final = 100.0
# Of one machine: what its disk takes of the log, and its line.
DISK_BYTES: Final = 400e6
LINE_BYTES: Final = 125e6
DISK: Final = 16 * 1024 * GIB
TRIED: Final = tuple(range(1, 65))


class Country(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the whole country."""

    claims: int = 1_000_000_000
    centres: int = 3_000
    database_cores: int = 16
    replicas: int = 2
    partitions: int = 8
    kept_years: int = 5
    price_per_hour: float = 0.0
    cores: int = 8
    seed: int = 1


class Limit(msgspec.Struct, frozen=True):
    """One thing that can be full: how full it is in the fullest hour of the fullest shard, and at how many times the load it breaks."""

    name: str
    used: float

    @property
    def breaks_at(self) -> float:
        """Return the factor of the load at which nothing is left."""
        return 1 / self.used if self.used else math.inf


class National(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a country."""

    shards: int
    largest_centre: int
    fullest_shard: float
    fullest_hour_per_s: float
    stored_bytes: float
    partition_bytes: float
    service_processes: int
    database_machines: int
    service_machines: int
    machine_hours_per_year: float
    cost_per_year: float
    limits: tuple[Limit, ...]


def sizes(country: Country, claims: float) -> list[int]:
    """Return the invoices of each centre in a year: sizes are lognormal, a tenth of the centres does a third of the work."""
    raw = [math.exp(0.7 * _normal(Draw(country.seed, "size", number))) for number in range(country.centres)]
    whole = sum(raw)
    return [round(country.claims / claims * one / whole) for one in raw]


def _normal(draw: Draw) -> float:
    """Return a draw around nought with a spread of one: the sum of twelve even ones."""
    return sum(draw.below(1 << 20) for _ in range(12)) / (1 << 20) - 6


def placed(country: Country, shards: int, invoices: Sequence[int]) -> list[int]:
    """Return the invoices of each shard in a year."""
    found = [0] * shards
    for number, count in enumerate(invoices):
        found[Draw(country.seed, "shard", number).below(shards)] += count
    return found


def fullest_hour() -> float:
    """Return which share of a year's work comes in its fullest hour, each day and hour looked at."""
    days = [count for _, count in spread(100_000_000, FIRST, 365, load_season())]
    return max(count * hour / sum(HOURS) for count in days for hour in HOURS) / sum(days)


def limits(country: Country, figures: Figures, shard: int, largest: int) -> tuple[Limit, ...]:
    """Return how full each thing is in the fullest hour of a shard, the fullest first."""
    rate = shard * fullest_hour() / 3600
    night = shard * max(count for _, count in spread(10_000, FIRST, 365, load_season())) / 10_000 / (24 * 3600)
    database = rate * (figures.sign_database + LOOKS * figures.look_database) + night * (
        figures.lots_database + figures.match_database * figures.claims
    )
    stored = shard * figures.kept_bytes * country.kept_years
    wire = rate * (figures.request_bytes + figures.answer_bytes + LOOKS * (figures.look_bytes + figures.look_request_bytes))
    found = (
        Limit("processors of the database", database / (country.database_cores * BUSY)),
        Limit("log to disk", rate * figures.logged_bytes / DISK_BYTES),
        Limit("log to replicas over the line", rate * figures.logged_bytes * country.replicas / LINE_BYTES),
        Limit("requests over the line", wire / LINE_BYTES),
        Limit("size of a partition", stored / country.partitions / PARTITION),
        Limit("disk of a database machine", stored / DISK),
        Limit("commits of the largest centre, were each invoice one", largest * fullest_hour() / 3600 / COMMITS_PER_S),
    )
    return tuple(sorted(found, key=lambda limit: -limit.used))


def simulate(country: Country, figures: Figures) -> National:
    """Return the smallest number of shards on which nothing is full, and what it all takes. Raises ArithmeticError when 64 are too few."""
    invoices = sizes(country, figures.claims)
    for shards in TRIED:
        found = max(placed(country, shards, invoices))
        full = limits(country, figures, found, max(invoices))
        if full[0].used <= 1:
            return _told(country, figures, invoices, shards, found, full)
    raise ArithmeticError(f"on {TRIED[-1]} shards the {full[0].name} is still {full[0].used:.1f} times too small")


def _told(country: Country, figures: Figures, invoices: Sequence[int], shards: int, fullest: int, full: tuple[Limit, ...]) -> National:
    rate = sum(invoices) * fullest_hour() / 3600
    service = math.ceil(rate * (figures.sign_service + LOOKS * figures.look_service) / BUSY)
    workers = math.ceil(sum(invoices) / YEAR_S * (figures.lots_worker + figures.match_worker * figures.claims) * 4 / BUSY)
    service_machines = math.ceil((service + workers) / country.cores) + 1
    database_machines = shards * (1 + country.replicas)
    hours = (service_machines + database_machines * country.database_cores / country.cores) * YEAR_S / 3600
    stored = fullest * figures.kept_bytes * country.kept_years
    return National(
        shards=shards, largest_centre=max(invoices), fullest_shard=fullest / (sum(invoices) / shards), fullest_hour_per_s=rate,
        stored_bytes=sum(invoices) * figures.kept_bytes * country.kept_years, partition_bytes=stored / country.partitions,
        service_processes=service, database_machines=database_machines, service_machines=service_machines,
        machine_hours_per_year=hours, cost_per_year=hours * country.price_per_hour, limits=full,
    )  # fmt: skip
