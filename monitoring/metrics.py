# SPDX-License-Identifier: Apache-2.0
"""Every metric of the program, each defined once; no identifier is ever a label.

Label children are looked up in dictionaries of ours: `labels()` hashes and locks on every call, and the
set of children is small and known (routes, codes, states). What every request counts is counted by a kernel.
"""

import contextlib
import mmap
import os
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, start_http_server
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.gc_collector import GCCollector
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from ext import tally
from monitoring import shared, text
from monitoring.kinds import Own, Since, Told

REGISTRY: Final = CollectorRegistry()
# What each process tells of itself even where several count together: it is the same in all of them.
TOLD: Final = CollectorRegistry()
BOTH: Final = (REGISTRY, TOLD)
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A payer answers a lot within minutes or weeks.
ANSWERED_S: Final = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, *(86400.0 * days for days in (0.5, 1, 2, 3, 5, 7, 14)))
METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
SLOW_S: Final = 2.0
SHED: Final = 429
PART: Final = shared.take_part()
_memory: Final = mmap.mmap(-1, tally.SIZE) if PART is None else shared.memory(PART.folder, PART.number, tally.SIZE)
_tally: Final = tally.Tally(_memory, SECONDS, METHODS, SLOW_S, SHED)
# `route` is the pattern of a route, never the path.
observe_request: Final = _tally.observe
# Bad if it failed, was shed or took over 2 s; one that was wrong itself does not count.
count_availability: Final = _tally.outcome
http_requests_running: Final = SimpleNamespace(inc=_tally.begin, dec=_tally.end)

# Of several processes the one that set it last says what it is, unless it is said otherwise.
Gauge: Final = partial(prometheus_client.Gauge, multiprocess_mode="mostrecent")

http_requests: Final = Own("desmos_http_requests_total", "counter", "Answered requests.", ("method", "route", "status"))
http_request_seconds: Final = Own("desmos_http_request_duration_seconds", "histogram", "Time from headers to answer.", ("method", "route"))
http_requests_under_way: Final = Own("desmos_http_requests_running", "gauge", "Requests being answered.")
sli_requests: Final = Own(
    "desmos_sli_requests_total",
    "counter",
    "Requests that availability counts: by whether the window was open (open, closed) and outcome (good, bad).",
    ("window", "outcome"),
)

if PART is None:
    ProcessCollector(registry=REGISTRY)
    PlatformCollector(registry=REGISTRY)
    GCCollector(registry=REGISTRY)

http_problems: Final = Counter("desmos_http_problems_total", "Problems answered, by stable code.", ("code",), registry=REGISTRY)
idempotent_replays: Final = Counter(
    "desmos_idempotent_replays_total", "Writes answered from the stored answer.", ("route",), registry=REGISTRY
)
database_unavailable: Final = Counter(
    "desmos_database_unavailable_total", "Requests refused because the database was away.", registry=REGISTRY
)
database_connections: Final = Gauge(
    "desmos_database_connections", "Connections of the pools, by state.", ("state",), registry=REGISTRY, multiprocess_mode="livesum"
)
ready: Final = Gauge("desmos_ready", "1 when the last readiness check passed.", registry=REGISTRY)
event_loop_lag_seconds: Final = Gauge(
    "desmos_event_loop_lag_seconds", "How late a loop woke up last, at worst.", registry=REGISTRY, multiprocess_mode="livemax"
)
processes: Final = Gauge("desmos_processes", "Processes that serve.", registry=REGISTRY, multiprocess_mode="livesum")
cpu_seconds: Final = Counter("desmos_cpu_seconds_total", "Seconds of processors that serving took.", registry=REGISTRY)
memory_bytes: Final = Gauge(
    "desmos_memory_bytes", "Resident memory of the processes that serve.", registry=REGISTRY, multiprocess_mode="livesum"
)
process_restarts: Final = Counter("desmos_process_restarts_total", "Processes started because the one before them died.", registry=REGISTRY)
connections_cut: Final = Counter(
    "desmos_connections_cut_total",
    "Connections cut before they asked for anything whole, by reason.",
    ("reason",),
    registry=REGISTRY,
)
invoices_signed: Final = Counter("desmos_invoices_signed_total", "Invoices signed.", ("kind",), registry=REGISTRY)
invoices_refused: Final = Counter("desmos_invoices_refused_total", "Invoices refused, single or in a batch.", ("kind",), registry=REGISTRY)
lots_sealed: Final = Counter("desmos_lots_sealed_total", "Lots sealed.", registry=REGISTRY)
files_queued: Final = Counter("desmos_files_queued_total", "Claim files laid out and queued for sending.", registry=REGISTRY)
files_sent: Final = Counter("desmos_files_sent_total", "Claim files handed over.", ("recipient",), registry=REGISTRY)
files_dead: Final = Counter("desmos_files_dead_total", "Claim files given up, their job held.", ("recipient",), registry=REGISTRY)
files_put_off: Final = Counter(
    "desmos_files_put_off_total", "Times that a file waited for its recipient, by reason.", ("recipient", "reason"), registry=REGISTRY
)
sendings_failed: Final = Counter(
    "desmos_sendings_failed_total", "Tries to hand a file over that failed.", ("recipient",), registry=REGISTRY
)
sending_seconds: Final = Histogram(
    "desmos_sending_duration_seconds", "Time that a transport took, well or not.", ("recipient",), buckets=SECONDS, registry=REGISTRY
)
recipient_broken: Final = Gauge(
    "desmos_recipient_broken", "1 while a recipient failed so often that it is left alone.", ("recipient",), registry=REGISTRY
)
returns_imported: Final = Counter("desmos_returns_imported_total", "Acknowledgement and return files imported.", registry=REGISTRY)
returns_dead: Final = Counter("desmos_returns_dead_total", "Returns that were refused and kept, by reason.", ("code",), registry=REGISTRY)
ack_delay_seconds: Final = Histogram(
    "desmos_ack_delay_seconds", "Time from the sending of a lot to its answer, lots that were answered.", buckets=ANSWERED_S,
    registry=REGISTRY,
)  # fmt: skip
files_resent: Final = Counter("desmos_files_resent_total", "Claim files queued again for want of an answer.", registry=REGISTRY)
acks_missing: Final = Counter("desmos_acks_missing_total", "Lots whose answer did not come in time.", registry=REGISTRY)
anomalies_noticed: Final = Counter("desmos_anomalies_noticed_total", "Anomalies noticed, by kind.", ("kind",), registry=REGISTRY)
anomalies_open: Final = Told("desmos_anomalies_open", "Anomalies that nobody resolved yet, by kind.", ("kind",), registries=BOTH)
anomalies_oldest_seconds: Final = Told(
    "desmos_anomalies_oldest_seconds", "Age of the oldest open anomaly, by kind.", ("kind",), registries=BOTH
)
notices: Final = Counter(
    "desmos_notices_total", "Mails to people of centres about anomalies, by outcome (mailed, failed).", ("outcome",), registry=REGISTRY
)
invariant_difference: Final = Told(
    "desmos_invariant_difference", "What two ways of counting differ by, over all centres; 0 holds.", ("invariant",), registries=BOTH
)
bank_lines_imported: Final = Counter("desmos_bank_lines_imported_total", "Lines of bank statements imported.", registry=REGISTRY)
reminders_made: Final = Counter("desmos_reminders_made_total", "Reminders made, by what they are about.", ("rule",), registry=REGISTRY)
reminders_open: Final = Told("desmos_reminders_open", "Reminders that nobody sent or cancelled yet.", ("rule",), registries=BOTH)
outstanding_cents: Final = Told(
    "desmos_outstanding_cents", "Cents that are due, by kind of payer and days since the signature.", ("kind", "age"), registries=BOTH
)
billed_cents: Final = Told(
    "desmos_billed_cents", "Cents of signed invoices, by kind of payer and state of the part.", ("kind", "state"), registries=BOTH
)
invoices_kept: Final = Told("desmos_invoices", "Invoices that are kept, over all centres, by state.", ("state",), registries=BOTH)
unmatched_cents: Final = Told(
    "desmos_unmatched_cents", "Cents that no match explains: credits of the bank, lines of payment orders.", ("of",), registries=BOTH
)
forclusion_cents: Final = Told(
    "desmos_forclusion_cents", "Cents that can soon be asked for no more, by months since the care.", ("stage",), registries=BOTH
)
accounting_exports: Final = Counter(
    "desmos_accounting_periods_closed_total", "Periods of the books closed by an export.", registry=REGISTRY
)
reconciliations: Final = Counter("desmos_reconciliations_total", "Reconciliations run.", registry=REGISTRY)
decisions: Final = Counter("desmos_decisions_total", "Decisions of people, by kind.", ("kind",), registry=REGISTRY)
scheduled_builds: Final = Counter("desmos_scheduled_builds_total", "Builds at due times, by result.", ("result",), registry=REGISTRY)
scheduled_build_time: Final = Gauge(
    "desmos_scheduled_build_timestamp_seconds",
    "When a scheduled build ran last, in seconds since 1970; time() less it is its age.",
    registry=REGISTRY,
)
scheduled_build_delay: Final = Gauge(
    "desmos_scheduled_build_delay_seconds", "How long after its due time the last scheduled build ran.", registry=REGISTRY
)
worker_leads: Final = Gauge(
    "desmos_worker_leads", "1 while this worker does what the clock asks for; over all workers the sum is 1.", registry=REGISTRY
)
schedule_overdue: Final = Gauge(
    "desmos_schedule_overdue_seconds",
    "For how long the oldest due time that nobody dealt with is past; 0 when there is none.",
    registry=REGISTRY,
)
webhook_tries: Final = Counter("desmos_webhook_tries_total", "Deliveries tried, by outcome.", ("outcome",), registry=REGISTRY)
webhook_overdue: Final = Gauge(
    "desmos_webhook_overdue_seconds",
    "For how long the oldest delivery that nobody looked at is due; 0 when there is none.",
    registry=REGISTRY,
)

jobs: Final = Told(
    "desmos_jobs", "Jobs of the queue, by what they do and whether they wait, are being done or were given up.", ("queue", "state"),
    registries=(REGISTRY,),
)  # fmt: skip
# What nobody looked at has no value: it is absent, and never 0.
backup_time: Final = Told(
    "desmos_backup_timestamp_seconds", "Up to when the last backup holds everything, in seconds since 1970.", registries=(REGISTRY,)
)
backup_bytes: Final = Told("desmos_backup_bytes", "Size of the last backup.", registries=(REGISTRY,))
rpo_seconds: Final = Told(
    "desmos_rpo_seconds", "Seconds of commits that would be lost with the database now: neither in a backup nor in the archive of WAL.",
    registries=(REGISTRY,),
)  # fmt: skip
restore_test_time: Final = Told(
    "desmos_restore_test_timestamp_seconds", "When a backup was last restored for trial and served, in seconds since 1970.",
    registries=(REGISTRY,),
)  # fmt: skip
restore_test_failed: Final = Told(
    "desmos_restore_test_failed", "1 when the last backup that was restored for trial did not serve, else 0.", registries=(REGISTRY,)
)
restore_test_seconds: Final = Told(
    "desmos_restore_test_duration_seconds", "How long the last trial that served took, by phase; the sum is the RTO that was measured.",
    ("phase",), registries=(REGISTRY,),
)  # fmt: skip
certificate_end: Final = Told(
    "desmos_certificate_end_timestamp_seconds", "When a certificate that settings name ends, in seconds since 1970.",
    ("certificate", "recipient"), registries=(REGISTRY,),
)  # fmt: skip
incidents: Final = Gauge(
    "desmos_incidents_running", "Incidents and maintenance that run, over all centres, by state.", ("state",), registry=REGISTRY
)
incident_clock: Final = Gauge(
    "desmos_incident_clock_seconds",
    "What the oldest running clock shows: gti until somebody attends, gtr until the service runs again; 0 where none runs.",
    ("clock",),
    registry=REGISTRY,
)
agents_connected: Final = Gauge(
    "desmos_agents_connected", "Agents of workstations that are connected.", registry=REGISTRY, multiprocess_mode="livesum"
)
agent_channels_ended: Final = Counter(
    "desmos_agent_channels_ended_total", "Channels of agents that ended, by reason.", ("reason",), registry=REGISTRY
)
agent_events: Final = Counter("desmos_agent_events_total", "Events of readers that agents told, by kind.", ("kind",), registry=REGISTRY)
card_reads: Final = Counter(
    "desmos_card_reads_total", "Cards that were asked for, by model of reader and outcome.", ("model", "outcome"), registry=REGISTRY
)
card_read_seconds: Final = Histogram(
    "desmos_card_read_duration_seconds", "Time from the question to the card's answer, cards that were read.", buckets=SECONDS,
    registry=REGISTRY,
)  # fmt: skip
# Those of the probe are told by no other process: their labels have no value before it sets one.
probe_rounds: Final = Counter(
    "desmos_probe_rounds_total", "Rounds of the synthetic probe, by outcome and whether the window was open.", ("outcome", "window"),
    registry=REGISTRY,
)  # fmt: skip
probe_failing: Final = Gauge(
    "desmos_probe_failing", "1 while two of the last three rounds of the probe were bad, else 0.", ("transaction",), registry=REGISTRY
)
probe_step_seconds: Final = Gauge(
    "desmos_probe_step_seconds", "How long each step of the last round of the probe took.", ("step",), registry=REGISTRY
)
service_window: Final = Told("desmos_service_window", "1 while the service window of the contract is open, else 0.", registries=BOTH)
service_window_seconds: Final = Since(
    "desmos_service_window_seconds_total", "Seconds that the window was open since 2024.", registries=BOTH
)
service_window_edge: Final = Told(
    "desmos_service_window_edge_timestamp_seconds",
    "When it opens and closes the next few times (ahead), in seconds since 1970: so that it is known while nobody tells it.",
    ("edge", "ahead"),
    registries=BOTH,
)
service_period_seconds: Final = Told(
    "desmos_service_period_seconds",
    "Seconds of the present calendar month or year that availability is counted on, by basis (window, 24x7).",
    ("basis", "period"),
    registries=BOTH,
)
_cpu_s = 0.0
# An alert on what grows needs the zero.
for _outcome in ("delivered", "failed", "dead"):
    webhook_tries.labels(_outcome)
notices.labels("failed")

_problems: dict[str, Counter] = {}
# What one process counts now and then for all.
_FIGURES: Final = (
    anomalies_open, anomalies_oldest_seconds, invariant_difference, reminders_open, outstanding_cents, forclusion_cents, billed_cents,
    unmatched_cents, invoices_kept,
)  # fmt: skip


def set_window(*, is_open: bool, edges: Iterable[tuple[str, float]], open_s: float, periods: Mapping[tuple[str, str], float]) -> None:
    """Set what the service window is now: its next edges in order, `open_s` since 2024, `periods` by basis and period."""
    service_window.set(is_open)
    ahead = {"opens": 0, "closes": 0}
    for edge, at_s in edges:
        ahead[edge] += 1
        service_window_edge.set(at_s, edge, str(ahead[edge]))
    service_window_seconds.value = open_s
    for (basis, period), seconds in periods.items():
        service_period_seconds.set(seconds, basis, period)


def observe_card_read(model: str, outcome: str, seconds: float) -> None:
    """Count one card that was asked for, and how long it took when it was read (`done`)."""
    card_reads.labels(model, outcome).inc()
    if outcome == "done":
        card_read_seconds.observe(seconds)


def count_problem(code: str) -> None:
    """Count one problem by its stable code."""
    counter = _problems.get(code)
    if counter is None:
        counter = _problems[code] = http_problems.labels(code)
    counter.inc()


def tell_usage() -> None:
    """Tell what this process took of processors since it was told last, and its memory where the system says it."""
    global _cpu_s
    taken = time.process_time()
    cpu_seconds.inc(taken - _cpu_s)
    _cpu_s = taken
    with contextlib.suppress(FileNotFoundError):
        memory_bytes.set(int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE"))


def set_connections(*, idle: int, used: int) -> None:
    """Set how many connections of the pool are idle and in use."""
    database_connections.labels("idle").set(idle)
    database_connections.labels("used").set(used)


def watch_recipient(recipient: str) -> None:
    """Show what is counted of a recipient, by its name in the settings, before the first time: an alert needs the zero."""
    for metric in (files_sent, files_dead, sendings_failed, recipient_broken):
        metric.labels(recipient)


def observe_sending(recipient: str, seconds: float, *, broken: bool) -> None:
    """Count one try to hand a file over, and say how its recipient stands after it."""
    sending_seconds.labels(recipient).observe(seconds)
    recipient_broken.labels(recipient).set(broken)


def observe_scheduled_build(result: str, at_s: float, delay_s: float) -> None:
    """Count one scheduled build, and say when it ran and how late."""
    scheduled_builds.labels(result).inc()
    scheduled_build_time.set(at_s)
    scheduled_build_delay.set(delay_s)


def serve(port: int) -> None:
    """Show every metric at /metrics on a port of this machine, from a thread, until the program ends. Raises OSError."""
    start_http_server(port, "127.0.0.1", REGISTRY)


def count_probe(good: bool, steps: Mapping[str, float], *, is_open: bool, failing: bool) -> None:
    """Count one round of the probe, and show how long its steps took and whether it makes an outage."""
    probe_rounds.labels("good" if good else "bad", "open" if is_open else "closed").inc()
    probe_failing.labels("invoice").set(failing)
    for step, seconds in steps.items():
        probe_step_seconds.labels(step).set(seconds)


def set_figures(counts: Mapping[str, int], oldest: Mapping[str, float], differences: Mapping[str, int]) -> None:
    """Set what is open, by kind of anomaly, and what counts differ by; a kind of which nothing is open any more goes to 0."""
    anomalies_open.replace({(kind,): count for kind, count in counts.items()})
    anomalies_oldest_seconds.replace({(kind,): oldest.get(kind, 0.0) for kind in counts})
    invariant_difference.replace({(invariant,): difference for invariant, difference in differences.items()})


def set_follow_up(cents: Mapping[tuple[str, str, str], int]) -> None:
    """Set what is kept, billed, due, near forclusion, unmatched and reminded of, over all centres; what is not among it goes to 0."""
    billed_cents.replace({(kind, state): value for (figure, kind, state), value in cents.items() if figure == "billed"})
    invoices_kept.replace({(state,): count for (figure, _, state), count in cents.items() if figure == "invoices"})
    unmatched_cents.replace({(of,): value for (figure, of, _), value in cents.items() if figure == "unmatched"})
    outstanding_cents.replace({(kind, age): value for (figure, kind, age), value in cents.items() if figure == "outstanding"})
    forclusion_cents.replace({(stage,): value for (figure, _, stage), value in cents.items() if figure == "forclusion"})
    reminders_open.replace({(rule,): value for (figure, rule, _), value in cents.items() if figure == "reminders"})


def tell_figures(money_age_s: float) -> None:
    """Tell the other processes what this one counted, and how long ago it counted what is due."""
    if PART is not None:
        values = {told.name: [[*labels, value] for labels, value in told.values.items()] for told in _FIGURES}
        PART.tell({"money_age_s": money_age_s, "values": values})


def take_figures() -> float | None:
    """Take what another process told anew; return how long before it told it had counted what is due."""
    found: dict[str, Any] | None = None if PART is None else PART.told()
    if found is None:
        return None
    for told in _FIGURES:
        told.values = {tuple(labels): value for *labels, value in found["values"][told.name]}
    return float(found["money_age_s"])


def _requests() -> Iterable[str]:
    memories = [_memory] if PART is None else PART.memories(tally.SIZE)
    counted, running, outcomes = tally.read(memories, len(SECONDS))
    yield http_requests.head()
    yield from text.requests(http_requests.name, counted)
    yield http_request_seconds.head()
    yield from text.durations(http_request_seconds.name, SECONDS, counted)
    yield f"{http_requests_under_way.head()}{http_requests_under_way.name} {running}.0\n"
    yield sli_requests.head()
    yield from text.outcomes(sli_requests.name, outcomes)


def exposition() -> bytes:
    """Return every metric in the text format of Prometheus, of all processes that serve together."""
    told = b""
    registry = REGISTRY
    if PART is not None:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(PART.folder))  # type: ignore[no-untyped-call]
        told = generate_latest(TOLD)
    return b"".join((generate_latest(registry), told, "".join(_requests()).encode()))
