# SPDX-License-Identifier: Apache-2.0
"""What the service counts of one request: that it runs and ended, its status, its time by bound, and its outcome for availability.

Peers: the usual client with `labels()` at each request, as its pages show, and with the children that `labels()` gave kept in dictionaries.
The loop over the requests is in every figure. It does not show a scrape, nor several threads.
"""

import random
from bisect import bisect_left
from collections import Counter
from typing import Final

import prometheus_client as client

from ext import tally
from loadtests.model import Contender, Job, Race

Request = tuple[str, str, int, float]
Counts = tuple[dict[tuple[str, str, int], int], dict[tuple[str, str], list[int]], list[int]]
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
METHODS: Final = frozenset({"GET", "POST"})
SLOW_S: Final = 2.0
SHED: Final = 429
OUTCOMES: Final = ("good", "bad")


def requests(count: int) -> list[Request]:
    """Return requests of a busy centre: 40 routes, of which few take most."""
    chance = random.Random(14)
    routes = [f"/v1/things/{{id}}:act-{number}" for number in range(40)]
    return [
        (
            chance.choice(("GET", "POST")), routes[min(int(chance.expovariate(0.2)), 39)], chance.choice((200, 200, 200, 201, 404, 503)),
            chance.lognormvariate(-5, 1.5),
        )
        for _ in range(count)
    ]  # fmt: skip


def outcome(status: int, seconds: float) -> int | None:
    """Return 0 for a good request, 1 for a bad one, None for one that does not count."""
    if 400 <= status < 500 and status != SHED:
        return None
    return int(status >= 400 or seconds > SLOW_S)


def answer(count: int) -> Counts:
    """Count in plain Python."""
    some = requests(count)
    statuses = Counter((method, route, status) for method, route, status, _ in some)
    bounds: dict[tuple[str, str], list[int]] = {}
    outcomes = [0, 0]
    for method, route, status, seconds in some:
        bounds.setdefault((method, route), [0] * (len(BOUNDS) + 1))[bisect_left(BOUNDS, seconds)] += 1
        found = outcome(status, seconds)
        if found is not None:
            outcomes[found] += 1
    return dict(sorted(statuses.items())), dict(sorted(bounds.items())), outcomes


def kernel(count: int) -> Job:
    """Count with the kernel."""
    some, memory = requests(count), bytearray(tally.SIZE)
    one = tally.Tally(memory, BOUNDS, METHODS, SLOW_S, SHED)

    def run() -> None:
        for method, route, status, seconds in some:
            one.begin()
            one.end()
            one.observe(method, route, status, seconds)
            one.outcome(status, seconds, True)

    def counted(_: object) -> Counts:
        found, running, outcomes = tally.read([memory], len(BOUNDS))
        assert running == 0 and outcomes[:2] == (0, 0)
        statuses = {(*name, status): times for name, (_, _, by_status) in found.items() for status, times in by_status.items()}
        return dict(sorted(statuses.items())), {name: counts for name, (counts, _, _) in sorted(found.items())}, list(outcomes[2:])

    return Job(run, count, counted)


class Client:
    """What the usual client counts with."""

    def __init__(self) -> None:
        self.registry = client.CollectorRegistry()
        self.running = client.Gauge("running", "Running.", registry=self.registry)
        self.requests = client.Counter("requests", "Requests.", ("method", "route", "status"), registry=self.registry)
        self.seconds = client.Histogram("seconds", "Time.", ("method", "route"), buckets=BOUNDS, registry=self.registry)
        self.outcomes = client.Counter("outcomes", "Outcomes.", ("window", "outcome"), registry=self.registry)

    def counted(self, _: object) -> Counts:
        """Return what was counted."""
        statuses: dict[tuple[str, str, int], int] = {}
        bounds: dict[tuple[str, str], list[int]] = {}
        outcomes = [0, 0]
        for sample in (sample for family in self.registry.collect() for sample in family.samples):
            labels = sample.labels
            if sample.name == "requests_total":
                statuses[labels["method"], labels["route"], int(labels["status"])] = int(sample.value)
            elif sample.name == "seconds_bucket":
                bounds.setdefault((labels["method"], labels["route"]), []).append(int(sample.value))
            elif sample.name == "outcomes_total":
                outcomes[OUTCOMES.index(labels["outcome"])] = int(sample.value)
        apart = {name: [each - before for each, before in zip(sums, [0, *sums], strict=False)] for name, sums in bounds.items()}
        return dict(sorted(statuses.items())), dict(sorted(apart.items())), outcomes


def labelled(count: int) -> Job:
    """Count with `labels()` at each request."""
    some, one = requests(count), Client()

    def run() -> None:
        for method, route, status, seconds in some:
            one.running.inc()
            one.running.dec()
            one.requests.labels(method, route, str(status)).inc()
            one.seconds.labels(method, route).observe(seconds)
            found = outcome(status, seconds)
            if found is not None:
                one.outcomes.labels("open", OUTCOMES[found]).inc()

    return Job(run, count, one.counted)


def kept(count: int) -> Job:
    """Count with children that are kept."""
    some, one = requests(count), Client()
    by_status: dict[tuple[str, str, int], client.Counter] = {}
    by_route: dict[tuple[str, str], client.Histogram] = {}
    by_outcome = [one.outcomes.labels("open", name) for name in OUTCOMES]

    def run() -> None:
        for method, route, status, seconds in some:
            one.running.inc()
            one.running.dec()
            key = (method, route, status)
            counter = by_status.get(key)
            if counter is None:
                counter = by_status[key] = one.requests.labels(method, route, str(status))
            counter.inc()
            histogram = by_route.get(key[:2])
            if histogram is None:
                histogram = by_route[key[:2]] = one.seconds.labels(method, route)
            histogram.observe(seconds)
            found = outcome(status, seconds)
            if found is not None:
                by_outcome[found].inc()

    return Job(run, count, one.counted)


RACES: Final = (
    Race(
        "request", "count one request", 100_000, 10_000, ours=(Contender("compiled", kernel),),
        peers=(Contender("labels()", labelled), Contender("kept children", kept)), answer=answer,
    ),
)  # fmt: skip
