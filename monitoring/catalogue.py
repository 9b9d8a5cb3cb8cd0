# SPDX-License-Identifier: Apache-2.0
"""What may stand in the labels of every metric, and how many series that makes at most."""

import math
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client import Metric as Family
from prometheus_client.metrics import MetricWrapperBase

from monitoring import metrics
from monitoring.kinds import Own


class Label(NamedTuple):
    """The values of a label: the regular expression that each of them matches whole, how many at most, what they are."""

    shape: str
    most: int
    says: str


class Metric(NamedTuple):
    """One metric; `name` is what is asked for, `series` are those of one process at most, a histogram's own included."""

    name: str
    type: str
    unit: str
    help: str
    labels: Mapping[str, Label]
    series: int

    def samples(self) -> dict[str, frozenset[str]]:
        """Return the names that a scrape shows, each with the labels that it has."""
        own = frozenset(self.labels)
        if self.type == "histogram":
            family = {f"{self.name}_count": own, f"{self.name}_sum": own, f"{self.name}_bucket": own | {"le"}}
        else:
            family = {self.name: own}
        made = {} if self.type == "gauge" else {f"{self.name.removesuffix('_total')}_created": own}
        return family | made


def _one_of(*values: str, says: str) -> Label:
    return Label("|".join(values), len(values), says)


def _word(most: int, says: str) -> Label:
    return Label("[a-z]+(_[a-z]+)*", most, says)


METHOD: Final = Label("[A-Z]+", 8, "method of HTTP, or `OTHER`")
# No digit but that of the version: a path with a number or an id in it has not this shape.
ROUTE: Final = Label(r"unmatched|/|(/(v1|[a-z]+([_.:-][a-z]+)*|\{[a-z_]+\}(:[a-z_]+)?))+", 150, "pattern of the route, or `unmatched`")
STATUS: Final = Label("[1-5][0-9]{2}", 25, "status of the answer")
RECIPIENT: Final = Label(r"\*|(?!.*[0-9]{6})[a-z][a-z0-9-]{0,39}", 201, "name in the file of recipients")
KEY_KIND: Final = _one_of("test", "live", says="kind of key")
ANOMALY: Final = _word(20, "kind of anomaly")
RULE: Final = _one_of("amo", "amc", "patient", "reject", "order", "credit", "forclusion", says="what is reminded of")
OUTCOME: Final = "what became of it"
CODE: Final = _word(250, "stable code")
PAYER: Final = _one_of("amo", "amc", "patient", says="kind of payer")
AGES: Final = Label("0-7|8-30|31-60|61-90|>90", 5, "days since the signature")
LABELS: Final[Mapping[str, Mapping[str, Label]]] = {
    "desmos_http_requests_total": {"method": METHOD, "route": ROUTE, "status": STATUS},
    "desmos_http_request_duration_seconds": {"method": METHOD, "route": ROUTE},
    "desmos_http_problems_total": {"code": CODE},
    "desmos_idempotent_replays_total": {"route": ROUTE},
    "desmos_database_connections": {"state": _one_of("idle", "used", says="whether somebody has it")},
    "desmos_connections_cut_total": {"reason": _one_of("slow_head", "too_many", says="why it was cut")},
    "desmos_invoices_signed_total": {"kind": KEY_KIND},
    "desmos_invoices_refused_total": {"kind": KEY_KIND},
    "desmos_files_sent_total": {"recipient": RECIPIENT},
    "desmos_files_dead_total": {"recipient": RECIPIENT},
    "desmos_files_put_off_total": {
        "recipient": RECIPIENT, "reason": _one_of("closed", "broken", "pace", "busy", says="why it waits"),
    },
    "desmos_sendings_failed_total": {"recipient": RECIPIENT},
    "desmos_sending_duration_seconds": {"recipient": RECIPIENT},
    "desmos_recipient_broken": {"recipient": RECIPIENT},
    "desmos_returns_dead_total": {"code": CODE},
    "desmos_anomalies_noticed_total": {"kind": ANOMALY},
    "desmos_anomalies_open": {"kind": ANOMALY},
    "desmos_anomalies_oldest_seconds": {"kind": ANOMALY},
    "desmos_notices_total": {"outcome": _one_of("mailed", "failed", says=OUTCOME)},
    "desmos_invariant_difference": {"invariant": _one_of("signed_shares", "files_sent", says="what must hold")},
    "desmos_reminders_made_total": {"rule": RULE},
    "desmos_reminders_open": {"rule": RULE},
    "desmos_outstanding_cents": {"kind": PAYER, "age": AGES},
    "desmos_billed_cents": {"kind": PAYER, "state": _word(30, "state of the part")},
    "desmos_invoices": {"state": _one_of("draft", "priced", "signed", "void", says="state of the invoice")},
    "desmos_unmatched_cents": {"of": _one_of("credit", "line", says="credits of the bank, or lines of payment orders")},
    "desmos_forclusion_cents": {"stage": _one_of("18", "21", "24", "barred", says="months since the care")},
    "desmos_decisions_total": {"kind": _word(30, "kind of decision")},
    "desmos_scheduled_builds_total": {"result": _one_of("built", "nothing", "failed", says=OUTCOME)},
    "desmos_jobs": {
        "queue": _one_of("send_file", "build_on_schedule", "deliver_webhook", says="what a job does"),
        "state": _one_of("waiting", "running", "held", says="what becomes of it"),
    },
    "desmos_restore_test_duration_seconds": {"phase": _one_of("verify", "copy", "start", "prove", says="part of a trial")},
    "desmos_certificate_end_timestamp_seconds": {
        "certificate": _one_of(
            "agents", "server", "keys", "keys_authority", "client", "authority", "signing", "encryption", says="what it is for"
        ),
        "recipient": RECIPIENT,
    },
    "desmos_webhook_tries_total": {"outcome": _one_of("delivered", "failed", "dead", says=OUTCOME)},
    "desmos_agent_channels_ended_total": {
        "reason": _one_of(
            "left", "restart", "try_later", "malformed", "unproven", "blocked", "slow", "replaced", "gap", "too_old", says="why it ended"
        ),
    },
    "desmos_agent_events_total": {
        "kind": _one_of(
            "agent_started", "service_up", "service_down", "reader_added", "reader_removed", "card_inserted", "card_removed", "card_mute",
            says="what happened",
        ),
    },
    "desmos_card_reads_total": {
        "model": Label("(?!.*[0-9]{5})[a-z0-9]+(_[a-z0-9]+)*", 51, "what the reader is called, without its numbers"),
        "outcome": _word(16, OUTCOME),
    },
    "desmos_incidents_running": {"state": _word(10, "how far it is")},
    "desmos_incident_clock_seconds": {"clock": _one_of("gti", "gtr", says="which time is promised")},
    "desmos_probe_rounds_total": {
        "outcome": _one_of("good", "bad", says=OUTCOME), "window": _one_of("open", "closed", says="what the window was"),
    },
    "desmos_probe_failing": {"transaction": _one_of("invoice", says="what is asked for")},
    "desmos_probe_step_seconds": {"step": _one_of("try", "preview", "sign", says="step of a round")},
    "desmos_service_window_edge_timestamp_seconds": {
        "edge": _one_of("opens", "closes", says="which edge of the window"), "ahead": Label("[1-9]", 5, "the next one is 1"),
    },
    "desmos_service_period_seconds": {
        "basis": _one_of("window", "24x7", says="what is counted on"), "period": _one_of("month", "year", says="which calendar period"),
    },
    "desmos_sli_requests_total": {
        "window": _one_of("open", "closed", says="whether the service window was open"), "outcome": _one_of("good", "bad", says=OUTCOME),
    },
}  # fmt: skip
# A route has one method or two, and HEAD beside GET: the pairs are fewer than what methods times routes would be.
PLACES: Final = 300
GENERATION: Final = {"generation": Label("[0-9]", 3, "of the collector of garbage")}
VERSION: Final = {
    name: Label("[A-Za-z0-9.+]*", 1, "of the interpreter") for name in ("implementation", "major", "minor", "patchlevel", "version")
}
INTERPRETER: Final[Mapping[str, Mapping[str, Label]]] = {
    "python_gc_objects_collected_total": GENERATION,
    "python_gc_objects_uncollectable_total": GENERATION,
    "python_gc_collections_total": GENERATION,
    "python_info": VERSION,
}
UNITS: Final = (
    ("_timestamp_seconds", "seconds since 1970"), ("_seconds", "seconds"), ("_seconds_total", "seconds"), ("_cents", "cents"),
    ("_bytes", "bytes"),
)  # fmt: skip


def catalogue() -> dict[str, Metric]:
    """Return every metric of the program by its name, then those of its process and interpreter."""
    found = {}
    for family in _families():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = LABELS.get(name) or INTERPRETER.get(name, {})
        found[name] = Metric(name, family.type, _unit(name), family.documentation, labels, _series(family, labels))
    return dict(sorted(found.items(), key=lambda item: (not item[0].startswith("desmos_"), item[0])))


def known_samples() -> dict[str, frozenset[str]]:
    """Return every name that a scrape may show, with its labels."""
    return {name: labels for metric in catalogue().values() for name, labels in metric.samples().items()}


def _families() -> Iterator[Family]:
    for one in vars(metrics).values():
        if isinstance(one, MetricWrapperBase | Own):
            yield from one.describe()
    apart = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=apart)
    yield from apart.collect()


def _unit(name: str) -> str:
    return next((unit for suffix, unit in UNITS if name.endswith(suffix)), "")


def _series(family: Family, labels: Mapping[str, Label]) -> int:
    """Return how many series a family has at most, without those that say when it began."""
    most = {name: label.most for name, label in labels.items()}
    if {"method", "route"} <= most.keys():
        most["method"], most["route"] = 1, PLACES
    return math.prod(most.values()) * (len(metrics.SECONDS) + 3 if family.type == "histogram" else 1)
