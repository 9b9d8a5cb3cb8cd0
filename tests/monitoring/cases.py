# SPDX-License-Identifier: Apache-2.0
"""Cases of the rules for promtool: `python -m tests.monitoring.cases` writes them beside the rules.

promtool begins at 0 and knows no date: a case begins at an instant of the calendar, and its instants are told from there.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from desmos_fast.base.clock import PARIS
from desmos_fast.base.window import edges, is_open
from monitoring.slo.yaml import dump

STEP_S: Final = 15
RULES: Final = Path(__file__).parents[2] / "monitoring" / "rules"
FOLDER: Final = RULES / "tests"
FIRING: Final = 'count by (alertname, percent, basis) (ALERTS{alertstate="firing",alertname=~"DesmosBudget.*"})'
Values = list[str]
Changed = tuple[str, dict[str, str], str | None, str, int]
# percent and basis of the two promises, as an alert says them.
WINDOW: Final = ("99.5", "window")
AROUND: Final = ("99.9", "24x7")
PAGE: Final = "DesmosBudgetBurnsFast"
TICKET: Final = "DesmosBudgetBurnsSlowly"


@dataclass
class Case:
    """One story: from when, for how many minutes, when the service is down or the probe red, what share of a thousand requests is bad.

    `says` names what fires, with its promise, at a time of day of Paris; `gone` how many seconds of the window were down by then.
    """

    name: str
    start: str
    minutes: int
    down: Sequence[tuple[str, str]] = ()
    red: Sequence[tuple[str, str]] = ()
    bad: int | None = None
    says: Sequence[tuple[str, Iterable[tuple[str, tuple[str, str]]]]] = ()
    gone: Sequence[tuple[str, int]] = ()
    step_s: int = STEP_S

    def instant(self, told: str) -> datetime:
        """Return an instant of the story, told as `HH:MM[:SS]` of its first day, or whole."""
        day = self.start.partition("T")[0]
        return datetime.fromisoformat(told if "T" in told else f"{day}T{told}").replace(tzinfo=PARIS)

    def offset(self, instant: datetime) -> int:
        """Return the seconds from the start of the story."""
        return round(instant.timestamp() - self.instant(self.start).timestamp())


CASES: Final = (
    Case(
        "outage_inside", "2026-11-23T13:00", 130, [("14:00", "14:30")],
        # 52 s burn 2 % of 99.9 on 24x7, 108 s of 99.5 on the window.
        says=[
            ("13:59", []), ("14:00:30", []), ("14:01", [(PAGE, AROUND)]), ("14:01:30", [(PAGE, AROUND)]),
            ("14:02", [(PAGE, AROUND), (PAGE, WINDOW)]),
            ("14:29:30", [(PAGE, AROUND), (PAGE, WINDOW), (TICKET, AROUND), (TICKET, WINDOW)]),
        ],
        gone=[("14:30", 1800), ("14:50", 1800)],
    ),
    Case(
        "outage_outside", "2026-11-22T11:30", 90, [("12:00", "12:20")],
        says=[("11:59", []), ("12:10", [(PAGE, AROUND), (TICKET, AROUND)])], gone=[("12:20", 0)],
    ),
    Case(
        "holiday", "2026-07-14T11:30", 60, [("12:00", "12:20")],
        says=[("12:10", [(PAGE, AROUND), (TICKET, AROUND)])], gone=[("12:20", 0)],
    ),
    # The service cannot say any more that the window closes or opens: it said so before.
    Case(
        "across_closing", "2026-11-23T19:30", 70, [("19:55", "20:30")],
        says=[("19:57:30", [(PAGE, AROUND), (PAGE, WINDOW)]), ("20:20", [(PAGE, AROUND), (TICKET, AROUND)])], gone=[("20:20", 300)],
    ),
    Case(
        "across_opening", "2026-11-23T07:30", 60, [("07:50", "08:10")],
        says=[
            ("07:59", [(PAGE, AROUND), (TICKET, AROUND)]), ("08:01:30", [(PAGE, AROUND), (TICKET, AROUND)]),
            ("08:02", [(PAGE, AROUND), (PAGE, WINDOW), (TICKET, AROUND)]),
        ],
        gone=[("07:59:45", 0), ("08:10", 600)],
    ),
    # A service that goes away on Saturday and is away on Monday; the clock changes between.
    Case(
        "summer_time_night", "2026-03-28T19:50", 2185, [("19:55", "2026-03-30T08:10")],
        gone=[("20:30", 300), ("2026-03-30T07:59", 300), ("2026-03-30T08:05", 600), ("2026-03-30T08:10", 900)], step_s=60,
    ),
    Case(
        "winter_time_night", "2026-10-24T19:50", 2305, [("19:55", "2026-10-26T08:10")],
        gone=[("20:30", 300), ("2026-10-26T07:59", 300), ("2026-10-26T08:05", 600), ("2026-10-26T08:10", 900)], step_s=60,
    ),
    Case(
        "summer_time_monday", "2026-03-30T07:30", 60, [("07:50", "08:10")],
        says=[("07:59", [(PAGE, AROUND), (TICKET, AROUND)]), ("08:02", [(PAGE, AROUND), (PAGE, WINDOW), (TICKET, AROUND)])],
        gone=[("07:59:45", 0), ("08:10", 600)],
    ),
    Case(
        "winter_time_monday", "2026-10-26T07:30", 60, [("07:50", "08:10")],
        says=[("07:59", [(PAGE, AROUND), (TICKET, AROUND)]), ("08:02", [(PAGE, AROUND), (PAGE, WINDOW), (TICKET, AROUND)])],
        gone=[("07:59:45", 0), ("08:10", 600)],
    ),
    # A service that is there and cannot bill is down: the probe says so.
    Case(
        "probe_red", "2026-11-23T13:00", 130, red=[("14:00", "14:30")],
        says=[("13:59", []), ("14:01", [(PAGE, AROUND)]), ("14:02", [(PAGE, AROUND), (PAGE, WINDOW)])],
        gone=[("14:30", 1800), ("14:50", 1800)],
    ),
    Case(
        "probe_red_outside", "2026-11-22T11:30", 90, red=[("12:00", "12:20")],
        says=[("12:10", [(PAGE, AROUND), (TICKET, AROUND)])], gone=[("12:20", 0)],
    ),
    # Five bad of a thousand are no outage, and burn 99.9 five times too fast, 99.5 just as fast as allowed: more than 0.83 times.
    Case("slow_burn", "2026-11-23T09:00", 120, bad=5, says=[("10:59", [(TICKET, AROUND), (TICKET, WINDOW)])], gone=[("10:59", 0)]),
    Case("slow_enough", "2026-11-23T09:00", 45, bad=0, says=[("09:44", [])], gone=[("09:44", 0)]),
    # Forty of a thousand are no outage either; requests alone say it.
    Case(
        "fast_burn", "2026-11-23T09:00", 60, bad=40,
        says=[("09:30", [(PAGE, AROUND), (PAGE, WINDOW), (TICKET, AROUND), (TICKET, WINDOW)])], gone=[("09:30", 0)],
    ),
    # One in ten is: each step counts but the first, before which nothing was counted.
    Case(
        "failing_minutes", "2026-11-23T09:00", 60, bad=100,
        says=[("09:30", [(PAGE, AROUND), (PAGE, WINDOW), (TICKET, AROUND), (TICKET, WINDOW)])], gone=[("09:30", 1785)],
    ),
    Case("outside_failing", "2026-11-22T09:00", 60, bad=100, says=[("09:30", [(PAGE, AROUND), (TICKET, AROUND)])], gone=[("09:30", 0)]),
)  # fmt: skip


def files() -> dict[str, str]:
    """Return each file of cases by its name."""
    head = "# SPDX-License-Identifier: Apache-2.0\n# Written by `python -m tests.monitoring.cases`.\n"
    made = {f"{case.name}.test.yaml": _suite(["sli.yaml", "slo.yaml"], _story(case), step_s=case.step_s) for case in CASES}
    made["budgets.test.yaml"] = _suite(["budget.yaml", "slo.yaml"], *_budgets(), _left())
    made["operating.test.yaml"] = _suite(["operating.yaml"], *_operating(CHANGED, 60), step_s=60)
    made["saving.test.yaml"] = _suite(["saving.yaml"], *_operating(SAVING, 60), step_s=60)
    made["reminders.test.yaml"] = _suite(["operating.yaml"], *_operating(WAITING, 300), step_s=300)
    return {name: head + dump(told) for name, told in made.items()}


def _suite(rules: Iterable[str], *tests: Mapping[str, Any], step_s: int = STEP_S) -> Mapping[str, Any]:
    return {"rule_files": [f"../{name}" for name in rules], "evaluation_interval": f"{step_s}s", "tests": list(tests)}


def _story(case: Case) -> Mapping[str, Any]:
    checks = []
    for told, firing in case.says:
        samples = [{"labels": f'{{alertname="{name}", basis="{basis}", percent="{percent}"}}'} for name, (percent, basis) in firing]
        checks.append(
            {
                "expr": f"{FIRING} > bool 0",
                "eval_time": _after(case.offset(case.instant(told))),
                "exp_samples": [one | {"value": 1} for one in samples],
            }
        )
    for told, seconds in case.gone:
        expr = f'sum_over_time(desmos:outage{{basis="window"}}[3d]) * {case.step_s}'
        eval_time = f"{case.offset(case.instant(told)) - case.step_s}s"
        checks.append({"expr": expr, "eval_time": eval_time, "exp_samples": [{"labels": '{basis="window"}', "value": seconds}]})
    return {"name": case.name, "interval": f"{case.step_s}s", "input_series": list(_series(case)), "promql_expr_test": checks}


def _series(case: Case) -> Iterator[Mapping[str, str]]:
    start = case.instant(case.start).timestamp()
    instants = [datetime.fromtimestamp(start + case.step_s * step, PARIS) for step in range(case.minutes * 60 // case.step_s + 1)]
    spans = [(case.instant(since).timestamp(), case.instant(until).timestamp()) for since, until in case.down]
    alive = [not any(since <= now.timestamp() < until for since, until in spans) for now in instants]

    def told(series: str, value: Callable[[datetime], float]) -> Mapping[str, str]:
        values = [f"{value(now):g}" if up else "_" for now, up in zip(instants, alive, strict=True)]
        return {"series": series, "values": _short(_stale(values))}

    yield {"series": 'up{job="desmos-fast", instance="a"}', "values": _short(["1" if up else "0" for up in alive])}
    yield told("desmos_service_window", is_open)
    for number, edge in itertools.product(range(3), ("opens", "closes")):
        series = f'desmos_service_window_edge_timestamp_seconds{{edge="{edge}", ahead="{number + 1}"}}'
        yield told(series, functools.partial(_coming, edge, number, start))
    if case.red:
        red = [(case.instant(since), case.instant(until)) for since, until in case.red]
        values = ["1" if any(since <= now < until for since, until in red) else "0" for now in instants]
        yield {"series": 'desmos_probe_failing{transaction="invoice"}', "values": _short(values)}
    if case.bad is not None:
        for window, outcome in itertools.product(("open", "closed"), ("good", "bad")):
            each = case.bad if outcome == "bad" else 1000 - case.bad
            counts = list(itertools.accumulate(each * (is_open(now) == (window == "open")) for now in instants))
            yield {"series": f'desmos_sli_requests_total{{window="{window}", outcome="{outcome}"}}', "values": " ".join(map(str, counts))}


def _coming(edge: str, number: int, start: float, now: datetime) -> float:
    found = (at.timestamp() for what, at in edges(now) if what == edge)
    return next(itertools.islice(found, number, None)) - start


def _stale(values: Values) -> Values:
    """Say stale where a series ends, as a scrape that fails does."""
    return [value if value != "_" or before == "_" else "stale" for before, value in zip(["_", *values], values, strict=False)]


def _short(values: Values) -> str:
    runs = ((value, len(list(run))) for value, run in itertools.groupby(values))
    return " ".join(value if count == 1 else f"_x{count}" if value == "_" else f"{value}x{count - 1}" for value, count in runs)


def _after(seconds: int) -> str:
    return f"{seconds}s"


# Seconds of the shortest and longest month and of the year 2026, and the minutes that 99.5 and 99.9 leave of them.
BUDGETS: Final = (
    ("window", "month", 264 * 3600, 79.2, 15.84), ("window", "month", 324 * 3600, 97.2, 19.44),
    ("window", "year", 3636 * 3600, 1090.8, 218.16),
    ("24x7", "month", 720 * 3600, 216, 43.2), ("24x7", "year", 8760 * 3600, 2628, 525.6),
)  # fmt: skip


def _budgets() -> Iterator[Mapping[str, Any]]:
    for basis, period, seconds, less, more in BUDGETS:
        expr = f'round(desmos:budget_minutes{{basis="{basis}"}}, 0.001)'
        samples = [
            {"labels": f'{{basis="{basis}", percent="{percent}", period="{period}"}}', "value": minutes}
            for percent, minutes in (("99.5", less), ("99.9", more))
        ]
        series = {"series": f'desmos_service_period_seconds{{basis="{basis}", period="{period}"}}', "values": f"{seconds}x4"}
        yield {
            "name": f"{basis} {period} {seconds}", "interval": "15s", "input_series": [series],
            "promql_expr_test": [{"expr": expr, "eval_time": "1m", "exp_samples": samples}],
        }  # fmt: skip


def _left() -> Mapping[str, Any]:
    """Two minutes down leave 87.76 of the 89.76 of 99.5 on the window; of 99.9 on 24x7, 44 minutes are more than all."""
    left = 'round(desmos:budget_left_minutes:30d{basis="window", percent="99.5"}, 0.01)'
    window = {"labels": '{basis="window", percent="99.5"}', "value": 87.76}
    spent = {"labels": '{alertname="DesmosBudgetSpent", basis="24x7", percent="99.9"}', "value": 1}
    outages = (("window", "1x7 0x200"), ("24x7", "1x175 0x40"))
    return {
        "name": "left", "interval": "15s",
        "input_series": [{"series": f'desmos:outage{{basis="{basis}"}}', "values": values} for basis, values in outages],
        "promql_expr_test": [
            {"expr": left, "eval_time": "50m", "exp_samples": [window]},
            {"expr": FIRING, "eval_time": "42m", "exp_samples": []},
            {"expr": FIRING, "eval_time": "50m", "exp_samples": [spent]},
        ],
    }  # fmt: skip


# What is there while all is well; each row then says what changes, and which alert speaks, with its labels, at the minute.
WELL: Final = {
    'up{job="desmos-fast"}': "1", 'up{job="desmos-worker"}': "1", "desmos_service_window": "1",
    'desmos_sli_requests_total{window="open", outcome="good"}': "0", 'desmos_invariant_difference{invariant="files_sent"}': "0",
    "desmos_backup_timestamp_seconds": "1000000", "desmos_restore_test_timestamp_seconds": "1000000", "desmos_rpo_seconds": "0",
    "desmos_webhook_overdue_seconds": "0", "desmos_schedule_overdue_seconds": "0", 'desmos_probe_failing{transaction="invoice"}': "0",
    'desmos_worker_leads{instance="a"}': "1", 'desmos_worker_leads{instance="b"}': "0", "desmos_process_restarts_total": "0",
}  # fmt: skip
CERTIFICATE_LABELS: Final = 'certificate="server", recipient="*"'
CERTIFICATE: Final = f"desmos_certificate_end_timestamp_seconds{{{CERTIFICATE_LABELS}}}"
CHANGED: Final[tuple[Changed, ...]] = (
    ("all well", {}, None, "", 30), ("no service", {'up{job="desmos-fast"}': "_"}, "DesmosMetricsAbsent", 'job="desmos-fast"', 6),
    ("no window", {"desmos_service_window": "_"}, "DesmosWindowAbsent", "", 6),
    ("no requests", {'desmos_sli_requests_total{window="open", outcome="good"}': "_"}, "DesmosRequestsAbsent", "", 6),
    ("no requests yet", {'desmos_sli_requests_total{window="open", outcome="good"}': "_"}, None, "", 4),
    ("no invariants", {'desmos_invariant_difference{invariant="files_sent"}': "_"}, "DesmosInvariantsAbsent", "", 16),
    ("no worker", {'up{job="desmos-worker"}': "0"}, "DesmosWorkerAbsent", "", 6),
    ("no worker metrics", {"desmos_webhook_overdue_seconds": "_"}, "DesmosWorkerMetricsAbsent", "", 16),
    ("window flaps", {"desmos_service_window": "0 1 0 1 0 1"}, "DesmosWindowFlaps", "", 6),
    ("an invariant", {'desmos_invariant_difference{invariant="files_sent"}': "-1"}, "DesmosInvariantBroken", 'invariant="files_sent"', 1),
    ("content", {'desmos_anomalies_open{kind="content_changed"}': "1"}, "DesmosContentChanged", 'kind="content_changed"', 1),
    ("a dead return", {'desmos_anomalies_open{kind="return_dead"}': "1"}, "DesmosDeadLetter", 'kind="return_dead"', 6),
    ("a silent payer", {'desmos_anomalies_oldest_seconds{kind="ack_missing"}': "86401"}, "DesmosAckMissing", "", 1),
    ("a payer in time", {'desmos_anomalies_oldest_seconds{kind="ack_missing"}': "86400"}, None, "", 1),
    ("something open", {'desmos_anomalies_open{kind="send_late"}': "1"}, "DesmosAnomalyOpen", 'kind="send_late"', 61),
    ("a recipient", {'desmos_recipient_broken{recipient="cpam"}': "1"}, "DesmosRecipientBroken", 'recipient="cpam"', 16),
    ("a dead delivery", {'desmos_webhook_tries_total{outcome="dead"}': "0 0 0 1"}, "DesmosWebhookDead", "", 3),
    ("late deliveries", {"desmos_webhook_overdue_seconds": "301"}, "DesmosWebhooksLate", "", 6),
    ("late lots", {"desmos_schedule_overdue_seconds": "901"}, "DesmosScheduleLate", "", 6),
    ("no mail", {'desmos_notices_total{outcome="failed"}': "0 0 0 1"}, "DesmosNoticesFail", "", 3),
    ("no probe", {'desmos_probe_failing{transaction="invoice"}': "_"}, "DesmosProbeAbsent", "", 16),
    ("a red probe", {'desmos_probe_failing{transaction="invoice"}': "1"}, "DesmosProbeFails", "", 1),
    ("a red probe at night", {'desmos_probe_failing{transaction="invoice"}': "1", "desmos_service_window": "0"}, None, "", 1),
    ("nobody attends", {'desmos_incident_clock_seconds{clock="gti"}': "2701"}, "DesmosInterventionLate", "", 1),
    ("somebody may yet attend", {'desmos_incident_clock_seconds{clock="gti"}': "2700"}, None, "", 1),
    ("a long incident", {'desmos_incident_clock_seconds{clock="gtr"}': "10801"}, "DesmosRecoveryLate", "", 1),
    ("an incident in time", {'desmos_incident_clock_seconds{clock="gtr"}': "10800"}, None, "", 1),
    ("no backup", {"desmos_backup_timestamp_seconds": "_"}, "DesmosBackupAbsent", "", 61),
    ("an old backup", {"desmos_backup_timestamp_seconds": "-93541"}, "DesmosBackupLate", "", 1),
    ("a backup of the day", {"desmos_backup_timestamp_seconds": "-93540"}, None, "", 1),
    ("no trial", {"desmos_restore_test_timestamp_seconds": "_"}, "DesmosRestoreTestAbsent", "", 61),
    ("an old trial", {"desmos_restore_test_timestamp_seconds": f"{60 - 184 * 86400 - 1}"}, "DesmosRestoreTestLate", "", 1),
    ("a trial of half a year", {"desmos_restore_test_timestamp_seconds": f"{60 - 184 * 86400}"}, None, "", 1),
    ("a failed trial", {"desmos_restore_test_failed": "1"}, "DesmosRestoreTestFailed", "", 1),
    ("a good trial", {"desmos_restore_test_failed": "0"}, None, "", 1),
    ("a certificate", {CERTIFICATE: f"{60 + 21 * 86400 - 1}"}, "DesmosCertificateEnds", CERTIFICATE_LABELS, 1),
    ("a certificate that lasts", {CERTIFICATE: f"{60 + 21 * 86400}"}, None, "", 1),
    ("a certificate of two days", {CERTIFICATE: f"{60 + 2 * 86400}"}, "DesmosCertificateEnds", CERTIFICATE_LABELS, 1),
    ("a certificate of a day", {CERTIFICATE: f"{60 + 2 * 86400 - 1}"}, "DesmosCertificateEndsNow", CERTIFICATE_LABELS, 1),
    ("an unreadable certificate", {CERTIFICATE: "0"}, "DesmosCertificateEndsNow", CERTIFICATE_LABELS, 1),
    ("nobody leads", {'desmos_worker_leads{instance="a"}': "1 0"}, "DesmosNobodyLeads", "", 5),
    ("another leads", {f'desmos_worker_leads{{instance="{one}"}}': f"{first} {then}" for one, first, then in ("a10", "b01")}, None, "", 10),
    ("nobody leads for a moment", {'desmos_worker_leads{instance="a"}': "1 0 0 1"}, None, "", 5),
    ("a loop of restarts", {"desmos_process_restarts_total": "0 0 2 4 6"}, "DesmosProcessesRestart", "", 4),
    ("some restarts", {"desmos_process_restarts_total": "0 0 1 2"}, None, "", 5),
    ("no database", {"desmos_database_unavailable_total": "0 0 0 1"}, "DesmosDatabaseAway", "", 3),
)  # fmt: skip


# The limits of the two tiers: 15 min and 4 h that may be lost, 4 h and 24 h to restore.
SAVING: Final[tuple[Changed, ...]] = (
    ("little is lost", {"desmos_rpo_seconds": "900"}, None, "", 6),
    ("more than premium allows", {"desmos_rpo_seconds": "901"}, "DesmosLossOver", 'tiers="premium", limit="900"', 6),
    ("more for a moment", {"desmos_rpo_seconds": "901 901 900"}, None, "", 6),
    ("less than standard allows", {"desmos_rpo_seconds": "14400"}, "DesmosLossOver", 'tiers="premium", limit="900"', 6),
    ("restored in time", {'desmos_restore_test_duration_seconds{phase="copy"}': "14400"}, None, "", 6),
    (
        "restored late",
        {
            f'desmos_restore_test_duration_seconds{{instance="{worker}", phase="{phase}"}}': "7201"
            for worker in "ab" for phase in ("copy", "start")
        },
        "DesmosRestoreOver", 'tiers="premium", limit="14400"', 6,
    ),
)  # fmt: skip
WAITING: Final[tuple[Changed, ...]] = (
    ("reminders", {'desmos_reminders_open{rule="amc"}': "1"}, "DesmosRemindersWait", 'rule="amc"', 7 * 1440 + 5),
    ("reminders of six days", {'desmos_reminders_open{rule="amc"}': "1"}, None, "", 6 * 1440),
)


def _operating(rows: Iterable[Changed], step_s: int) -> Iterator[Mapping[str, Any]]:
    for name, change, alert, labels, minute in rows:
        series = [{"series": one, "values": _held(values, minute)} for one, values in (WELL | change).items() if values != "_"]
        firing = f"{{{', '.join(filter(None, [f'alertname={alert!r}', labels]))}}}".replace("'", '"')
        yield {
            "name": name, "interval": f"{step_s}s", "input_series": series,
            "promql_expr_test": [{
                "expr": 'count without (alertstate, severity) (ALERTS{alertstate="firing"})',
                "eval_time": f"{minute}m",
                "exp_samples": [] if alert is None else [{"labels": firing, "value": 1}],
            }],
        }  # fmt: skip


def _held(values: str, minutes: int) -> str:
    *first, last = values.split()
    return " ".join([*first, f"{last}x{minutes}"])


def write() -> None:
    """Write the files, and take away what is none of them."""
    FOLDER.mkdir(exist_ok=True)
    made = files()
    for path in FOLDER.glob("*.yaml"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
