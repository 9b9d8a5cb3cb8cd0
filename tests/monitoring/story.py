# SPDX-License-Identifier: Apache-2.0
"""Invented days of a service and a worker, as the samples that Prometheus would have scraped: what pictures of dashboards show."""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from desmos_fast.base import window
from desmos_fast.base.clock import PARIS
from monitoring.metrics import ANSWERED_S, SECONDS

DAYS: Final = 7
DETAIL_H: Final = 25
END: Final = datetime(2026, 10, 12, 17, 30, tzinfo=PARIS)
START: Final = END - timedelta(days=DAYS)
STEP_S, DETAIL_STEP_S = 15, 30
# When nothing answered, and when one request in ten was bad.
DOWN: Final = ((datetime(2026, 10, 8, 10, 12, tzinfo=PARIS), 19), (datetime(2026, 10, 10, 21, 0, tzinfo=PARIS), 40))
FAILING: Final = ((datetime(2026, 10, 12, 14, 20, tzinfo=PARIS), 6),)
SERVICE: Final = {"job": "desmos-fast", "instance": "centre-1:8080"}
WORKER: Final = {"job": "desmos-worker", "instance": "centre-1:9100"}
# Method, route, share of the requests, typical seconds, status and its share beside 2xx.
ROUTES: Final = (
    ("POST", "/v1/invoices", 0.34, 0.021, "422", 0.02), ("POST", "/v1/invoices:batch", 0.04, 0.160, "422", 0.01),
    ("GET", "/v1/invoices/{id}", 0.22, 0.004, "404", 0.01), ("GET", "/v1/settlement/dashboard", 0.08, 0.048, "401", 0.01),
    ("GET", "/v1/matches", 0.10, 0.018, "400", 0.005), ("POST", "/v1/lots:build", 0.02, 0.240, "409", 0.03),
    ("GET", "/v1/lots", 0.08, 0.009, "400", 0.002), ("POST", "/v1/returns", 0.05, 0.090, "422", 0.04),
    ("POST", "/v1/decisions", 0.04, 0.035, "409", 0.05), ("GET", "/v1/rejects", 0.03, 0.022, "400", 0.002),
)  # fmt: skip
PROBLEMS: Final = {"faulty_input": 0.5, "not_found": 0.2, "conflict": 0.15, "unauthorized": 0.1, "bad_cursor": 0.05}
RECIPIENTS: Final = {"cpam-75": 0.6, "cpam-93": 0.25, "mutuelles": 0.15}
# Model of a reader, outcome, share of the requests.
CARDS: Final = (
    ("reader_one", "done", 0.004), ("reader_two", "done", 0.003), ("reader_one", "card_mute", 0.0002),
    ("reader_two", "card_mute", 0.0001), ("reader_two", "reader_lost", 0.00005),
)  # fmt: skip
AWAY: Final = "mutuelles"
# What grows by so much for each request, by who counts it.
FLOW: Final = {
    SERVICE["instance"]: {
        ("desmos_invoices_signed_total", "kind", "live"): 0.36, ("desmos_invoices_signed_total", "kind", "test"): 0.02,
        ("desmos_invoices_refused_total", "kind", "live"): 0.008, ("desmos_lots_sealed_total",): 0.006,
        ("desmos_files_queued_total",): 0.002,
        ("desmos_returns_imported_total",): 0.0022, ("desmos_returns_dead_total", "code", "faulty_input"): 0.00004,
        ("desmos_bank_lines_imported_total",): 0.004, ("desmos_reconciliations_total",): 0.0012,
        ("desmos_accounting_periods_closed_total",): 0.000004, ("desmos_idempotent_replays_total", "route", "/v1/invoices"): 0.004,
        ("desmos_decisions_total", "kind", "match"): 0.0008, ("desmos_decisions_total", "kind", "accept"): 0.0021,
        ("desmos_decisions_total", "kind", "write_off"): 0.0003, ("desmos_decisions_total", "kind", "recycle"): 0.0006,
        ("desmos_anomalies_noticed_total", "kind", "return_dead"): 0.00004, ("desmos_process_restarts_total",): 0.000004,
        ("desmos_agent_channels_ended_total", "reason", "left"): 0.0009, ("desmos_agent_channels_ended_total", "reason", "slow"): 0.00005,
        ("desmos_agent_events_total", "kind", "card_inserted"): 0.008, ("desmos_agent_events_total", "kind", "card_removed"): 0.008,
        ("desmos_agent_events_total", "kind", "card_mute"): 0.0003, ("desmos_agent_events_total", "kind", "reader_removed"): 0.00004,
        ("desmos_connections_cut_total", "reason", "slow_head"): 0.0004,
    },
    WORKER["instance"]: {
        ("desmos_files_resent_total",): 0.00003, ("desmos_acks_missing_total",): 0.00004,
        ("desmos_reminders_made_total", "rule", "amo"): 0.0002,
        ("desmos_anomalies_noticed_total", "kind", "ack_missing"): 0.00004,
        ("desmos_anomalies_noticed_total", "kind", "send_late"): 0.00002,
        ("desmos_notices_total", "outcome", "mailed"): 0.0001, ("desmos_notices_total", "outcome", "failed"): 0.000008,
        ("desmos_webhook_tries_total", "outcome", "delivered"): 0.05, ("desmos_webhook_tries_total", "outcome", "failed"): 0.002,
        ("desmos_webhook_tries_total", "outcome", "dead"): 0.00002, ("desmos_scheduled_builds_total", "result", "built"): 0.00008,
        ("desmos_scheduled_builds_total", "result", "nothing"): 0.00003,
    },
}  # fmt: skip


class Sample(NamedTuple):
    """One value of one series at one instant, in seconds since 1970."""

    at: int
    series: str
    value: float


def series(name: str, **labels: str) -> str:
    """Return a series as Prometheus writes it."""
    told = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{told}}}" if told else name


def within(at: datetime, stretches: tuple[tuple[datetime, int], ...]) -> bool:
    """Say whether an instant lies in one of the stretches, each told as its start and its minutes."""
    return any(start <= at < start + timedelta(minutes=minutes) for start, minutes in stretches)


def load(at: datetime) -> float:
    """Return the requests a second at an instant: two humps by day, little by night, less on Saturday and Sunday."""
    hour = at.hour + at.minute / 60
    day = math.exp(-((hour - 10.5) ** 2) / 5) + 0.8 * math.exp(-((hour - 15.5) ** 2) / 6)
    return 0.4 + (24, 25, 23, 24, 22, 9, 1)[at.weekday()] * day


def availability(start: datetime = START, end: datetime = END) -> Iterator[Sample]:
    """Give what the promised availability is reckoned from."""
    counts: dict[tuple[str, str], float] = dict.fromkeys([(w, o) for w in ("open", "closed") for o in ("good", "bad")], 0.0)
    for at in _instants(start, end, STEP_S):
        now = round(at.timestamp())
        is_down = within(at, DOWN)
        yield Sample(now, series("up", **SERVICE), 0 if is_down else 1)
        yield Sample(now, series("up", **WORKER), 1)
        if is_down:
            continue
        is_open = window.is_open(at)
        share = 0.1 if within(at, FAILING) else 0.0006
        for outcome, part in (("good", 1 - share), ("bad", share)):
            counts["open" if is_open else "closed", outcome] += load(at) * STEP_S * part
        for (place, outcome), count in counts.items():
            yield Sample(now, series("desmos_sli_requests_total", **SERVICE, window=place, outcome=outcome), round(count))
        yield Sample(now, series("desmos_service_window", **SERVICE), int(is_open))
        yield from _calendar(at, now)


def _calendar(at: datetime, now: int) -> Iterator[Sample]:
    ahead = {"opens": 0, "closes": 0}
    coming = window.edges(at)
    for _ in range(10):
        edge, when = next(coming)
        ahead[edge] += 1
        name = series("desmos_service_window_edge_timestamp_seconds", **SERVICE, edge=edge, ahead=str(ahead[edge]))
        yield Sample(now, name, when.timestamp())
    for period, opened, whole in (("month", 27 * 43200, 31 * 86400), ("year", 303 * 43200, 365 * 86400)):
        for basis, seconds in (("window", opened), ("24x7", whole)):
            yield Sample(now, series("desmos_service_period_seconds", **SERVICE, basis=basis, period=period), seconds)


def details() -> Iterator[Sample]:
    """Give everything else, for the last day."""
    draw = random.Random(14)
    counted: dict[str, float] = {}
    for at in _instants(END - timedelta(hours=DETAIL_H), END, DETAIL_STEP_S):
        now = round(at.timestamp())
        requests = load(at) * DETAIL_STEP_S
        slow = 6.0 if within(at, FAILING) else 1.0
        for name, more in _grown(at, requests, slow, draw):
            counted[name] = counted.get(name, 0.0) + more
        yield from (Sample(now, name, round(value, 3)) for name, value in counted.items())
        yield from (Sample(now, name, value) for name, value in _held(at, requests, slow, draw))


def _grown(at: datetime, requests: float, slow: float, draw: random.Random) -> Iterator[tuple[str, float]]:
    failing = 0.1 if within(at, FAILING) else 0.0
    for method, route, share, typical, wrong, part in ROUTES:
        here = requests * share * draw.uniform(0.9, 1.1)
        place = SERVICE | {"method": method, "route": route}
        done = "201" if method == "POST" else "200"
        for status, of in ((done, 1 - part - failing), (wrong, part), ("503", failing)):
            yield series("desmos_http_requests_total", **place, status=status), here * of
        yield from _histogram("desmos_http_request_duration_seconds", place, here, typical * slow)
    for code, share in PROBLEMS.items():
        yield series("desmos_http_problems_total", **SERVICE, code=code), requests * share * 0.02
    yield series("desmos_http_problems_total", **SERVICE, code="database_unavailable"), requests * failing
    yield series("desmos_database_unavailable_total", **SERVICE), requests * failing
    place = {"outcome": "bad" if failing else "good", "window": "open" if window.is_open(at) else "closed"}
    yield series("desmos_probe_rounds_total", **WORKER | {"job": "desmos-probe"}, **place), DETAIL_STEP_S / 60
    for name, labels, cores in (
        ("desmos_cpu_seconds_total", SERVICE, 0.02 + requests / 4000),
        ("process_cpu_seconds_total", WORKER, 0.03),
    ):
        yield series(name, **labels), DETAIL_STEP_S * cores * draw.uniform(0.8, 1.2)
    for model, outcome, share in CARDS:
        yield series("desmos_card_reads_total", **SERVICE, model=model, outcome=outcome), requests * share
    yield from _answers(requests * 0.006)
    yield from _histogram("desmos_card_read_duration_seconds", SERVICE, requests * 0.007, 0.9)
    for job in (SERVICE, WORKER):
        for (name, *told), share in FLOW[job["instance"]].items():
            yield series(name, **job, **dict([told] if told else [])), requests * share
    for recipient, share in RECIPIENTS.items():
        place = WORKER | {"recipient": recipient}
        away = recipient == AWAY and _is_away(at)
        sent = requests * 0.002 * share
        yield series("desmos_files_sent_total", **place), 0 if away else sent
        yield series("desmos_sendings_failed_total", **place), 4 * sent if away else 0.01 * sent
        yield series("desmos_files_put_off_total", **place, reason="broken" if away else "closed"), 6 * sent if away else 0.2 * sent
        yield series("desmos_files_dead_total", **place), 0
        yield from _histogram("desmos_sending_duration_seconds", place, sent, 4.0 if away else 0.35)


def _histogram(name: str, labels: Mapping[str, str], count: float, typical: float) -> Iterator[tuple[str, float]]:
    """Give how the buckets grow when `count` durations fall around a typical one, spread as durations are."""
    for bound in (*SECONDS, math.inf):
        below = 1.0 if math.isinf(bound) else 0.5 * (1 + math.erf(math.log(bound / typical) / (0.8 * math.sqrt(2))))
        yield series(f"{name}_bucket", **labels, le="+Inf" if math.isinf(bound) else str(bound)), count * below
    yield series(f"{name}_count", **labels), count
    yield series(f"{name}_sum", **labels), count * typical * 1.3


def _answers(count: float) -> Iterator[tuple[str, float]]:
    """Give how the buckets of answers to lots grow: most come within two hours."""
    for bound in (*ANSWERED_S, math.inf):
        below = 1.0 if math.isinf(bound) else 0.5 * (1 + math.erf(math.log(bound / 5400) / (1.1 * math.sqrt(2))))
        yield series("desmos_ack_delay_seconds_bucket", **SERVICE, le="+Inf" if math.isinf(bound) else str(bound)), count * below


def _is_away(at: datetime) -> bool:
    return 12 <= at.hour < 14 and at.date() == END.date()


def _held(at: datetime, requests: float, slow: float, draw: random.Random) -> Iterator[tuple[str, float]]:
    used = min(8, round(requests / DETAIL_STEP_S * 0.12 * slow * draw.uniform(0.7, 1.3)))
    service: dict[str, Callable[[], float]] = {
        "desmos_ready": lambda: 1, "desmos_processes": lambda: 2, "desmos_http_requests_running": lambda: used,
        "desmos_event_loop_lag_seconds": lambda: 0.002 * slow * draw.uniform(0.5, 2.5),
        "desmos_agents_connected": lambda: 14 if 8 <= at.hour < 19 else 2, "desmos_memory_bytes": lambda: (340 + 8 * used) * 2**20,
    }  # fmt: skip
    for name, value in service.items():
        yield series(name, **SERVICE), round(value(), 5)
    for state, count in (("used", used), ("idle", 8 - used)):
        yield series("desmos_database_connections", **SERVICE, state=state), count
    for invariant in ("signed_shares", "files_sent"):
        yield series("desmos_invariant_difference", **SERVICE, invariant=invariant), 0
    waits = max(0.0, (at - END + timedelta(hours=9)).total_seconds())
    for kind, age in (("ack_missing", waits), ("send_late", 0.0), ("return_dead", waits / 3)):
        yield series("desmos_anomalies_open", **SERVICE, kind=kind), 0 if age == 0 else 2 if kind == "ack_missing" else 1
        yield series("desmos_anomalies_oldest_seconds", **SERVICE, kind=kind), age
    for recipient in RECIPIENTS:
        yield series("desmos_recipient_broken", **WORKER, recipient=recipient), int(recipient == AWAY and _is_away(at))
    probe = WORKER | {"job": "desmos-probe"}
    yield series("desmos_probe_failing", **probe, transaction="invoice"), int(within(at, FAILING))
    for step, typical in (("try", 0.02), ("sign", 0.03), ("preview", 0.06)):
        yield series("desmos_probe_step_seconds", **probe, step=step), round(typical * slow * draw.uniform(0.8, 1.4), 4)
    yield series("desmos_worker_leads", **WORKER), 1
    for state in ("down", "degraded", "maintenance"):
        yield series("desmos_incidents_running", **WORKER, state=state), 0
    for clock in ("gti", "gtr"):
        yield series("desmos_incident_clock_seconds", **WORKER, clock=clock), 0
    yield from _due(at)
    yield from _saved(at)
    yield from _working(at, draw)


def _saved(at: datetime) -> Iterator[tuple[str, float]]:
    taken = at.replace(hour=2, minute=0, second=0) - timedelta(days=1 if at.hour < 2 else 0)
    tried = END.replace(day=5, hour=3)
    house = {
        "desmos_backup_timestamp_seconds": taken.timestamp(), "desmos_backup_bytes": (41 + taken.day / 10) * 2**30,
        "desmos_rpo_seconds": at.minute % 5 * 60 + at.second + 20.0, "desmos_restore_test_timestamp_seconds": tried.timestamp(),
        "desmos_restore_test_failed": 0.0,
    }  # fmt: skip
    for name, value in house.items():
        yield series(name, **WORKER), round(value)
    for phase, took in (("verify", 214), ("copy", 640), ("start", 55), ("prove", 305)):
        yield series("desmos_restore_test_duration_seconds", **WORKER, phase=phase), took
    for kind, recipient, days in (("server", "*", 61), ("agents", "*", 3201), ("client", "cpam-75", 18), ("signing", "mutuelles", 240)):
        end = END + timedelta(days=days)
        yield series("desmos_certificate_end_timestamp_seconds", **WORKER, certificate=kind, recipient=recipient), end.timestamp()


def _working(at: datetime, draw: random.Random) -> Iterator[tuple[str, float]]:
    built = at.replace(hour=12 if at.hour >= 12 else 0, minute=0, second=0)
    worker = {
        "desmos_schedule_overdue_seconds": 0, "desmos_scheduled_build_timestamp_seconds": built.timestamp() + 2.4,
        "desmos_scheduled_build_delay_seconds": 2.4, "desmos_webhook_overdue_seconds": round(draw.expovariate(0.5), 2),
    }  # fmt: skip
    for name, number in worker.items():
        yield series(name, **WORKER), number
    yield series("process_resident_memory_bytes", **WORKER), 120 * 2**20
    for queue, waiting, held in (("send_file", 14 if _is_away(at) else 1, 0), ("build_on_schedule", 12, 0), ("deliver_webhook", 2, 1)):
        for state, count in (("waiting", waiting), ("running", draw.randrange(2)), ("held", held)):
            yield series("desmos_jobs", **WORKER, queue=queue, state=state), count
    # Each process shows what the other one sets, as it began.
    yield from ((series(name, **SERVICE), 0) for name in worker)
    yield from ((series(name, **WORKER), 0) for name in ("desmos_ready", "desmos_event_loop_lag_seconds", "desmos_http_requests_running"))


def _due(at: datetime) -> Iterator[tuple[str, float]]:
    grown = 1 + 0.03 * math.sin(at.timestamp() / 20000)
    for kind, cents in (("amo", 84_312_55), ("amc", 21_907_10), ("patient", 3_118_40)):
        for age, share in (("0-7", 0.55), ("8-30", 0.3), ("31-60", 0.1), ("61-90", 0.04), (">90", 0.01)):
            yield series("desmos_outstanding_cents", **SERVICE, kind=kind, age=age), round(cents * share * grown)
    states = (
        ("open", 0.02),
        ("lotted", 0.01),
        ("sent", 0.05),
        ("received", 0.06),
        ("announced", 0.04),
        ("settled", 0.8),
        ("rejected", 0.015),
    )
    for kind, cents in (("amo", 1_204_312_55), ("amc", 391_207_10)):
        for state, share in (*states, ("recycled", 0.004), ("written_off", 0.001)):
            yield series("desmos_billed_cents", **SERVICE, kind=kind, state=state), round(cents * share * grown)
    for state, cents in (("due", 3_118_40), ("paid", 88_420_00), ("to_patient", 210_00)):
        yield series("desmos_billed_cents", **SERVICE, kind="patient", state=state), cents
    for state, count in (("signed", 48_211), ("void", 312), ("priced", 14), ("draft", 3)):
        yield series("desmos_invoices", **SERVICE, state=state), count
    for of, cents in (("credit", 1_834_20), ("line", 962_75)):
        yield series("desmos_unmatched_cents", **SERVICE, of=of), cents
    for stage, cents in (("18", 1_204_00), ("21", 310_50), ("24", 58_20), ("barred", 0)):
        yield series("desmos_forclusion_cents", **SERVICE, stage=stage), cents
    for rule, count in (("amo", 3), ("amc", 5), ("patient", 12), ("reject", 1)):
        yield series("desmos_reminders_open", **SERVICE, rule=rule), count


def _instants(start: datetime, end: datetime, step_s: int) -> Iterator[datetime]:
    for second in range(round(start.timestamp()), round(end.timestamp()) + 1, step_s):
        yield datetime.fromtimestamp(second, PARIS)
