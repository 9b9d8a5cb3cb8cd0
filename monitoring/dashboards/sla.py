# SPDX-License-Identifier: Apache-2.0
"""The dashboard of the promised availability: one row for each promise of the contract, with its minutes and how fast they burn."""

from typing import Final

from monitoring.dashboards.panels import BAD, GOOD, NEUTRAL, RANGE, RATE, THIS_MONTH, TOLD, WARNS, Query, Row, bars, figure, lines, made
from monitoring.slo.model import BASES, Contract, Objective, seconds
from monitoring.slo.operating import BACKUP_S, END_NOW_S, END_SOON_S, TRIAL_S
from monitoring.slo.rules import STEP_S, objectives

ON: Final = {"window": "while the service window is open", "24x7": "at any hour"}
# In the words of the contract: the unit of Grafana would make hours of them.
MINUTES: Final = "suffix: min"
UP_DOWN: Final = {0: ("up", GOOD), 1: ("down", BAD)}
OPEN_CLOSED: Final = {0: ("closed", NEUTRAL), 1: ("open", GOOD)}
EDGES: Final = "last_over_time(desmos_service_window_edge_timestamp_seconds[6d])"
# What of a budget is left when a figure turns orange.
LITTLE: Final = 0.25
# What of a clock has run when its alert speaks.
SOON: Final = 0.75


def sla(contract: Contract) -> str:
    """Return the dashboard as JSON."""
    promised = [_promise(contract, one, tiers) for one, tiers in objectives(contract).items()]
    return made(
        "desmos-sla", "desmos-fast: promised availability",
        "Whether what the contract promises holds, how many minutes are left, and how fast they go. Causes and declared maintenance are"
        " not known here: the report of the month leaves them out.",
        [_now(contract), *promised, _went(), _saving(contract), _probe()], span="now-7d",
    )  # fmt: skip


def _now(contract: Contract) -> Row:
    attended = min(seconds(tier.gti) for tier in contract.tiers if tier.gti is not None)
    restored = min(contract.recovery(tier) for tier in contract.tiers)
    firing = 'count(ALERTS{{alertname=~"Desmos.*",alertstate="firing",severity="{}"}}) or vector(0)'
    return Row("Now", [
        figure("Service", "Down: no service answers, one request in twenty fails, or the probe does.", "none",
               Query("max(desmos:down)"), words=UP_DOWN, span=3),
        figure("Service window", "Monday to Saturday, 8 to 20 h in Paris, without holidays; known while the service is away too.", "none",
               Query('max(desmos:open{basis="window"})'), words=OPEN_CLOSED, span=3),
        figure("Opens or closes in", "Time until the next edge of the service window.", "s",
               Query(f"min(({EDGES} > time()) - time())"), span=3),
        figure("Pages", "Alerts that want somebody now.", "none", Query(firing.format("page")), steps=((1, BAD),), span=3),
        figure("Tickets", "Alerts that want somebody today.", "none", Query(firing.format("ticket")), steps=((1, WARNS),), span=3),
        figure("Incidents", "Incidents that run, and maintenance, over all centres.", "none",
               Query("sum(max by (state) (desmos_incidents_running))"), steps=((1, WARNS),), span=3),
        figure("GTI clock", f"Since the oldest incident that nobody attends to began; {attended / 3600:g} h are promised.", "s",
               Query('max(desmos_incident_clock_seconds{clock="gti"})'), steps=((attended * SOON, WARNS), (attended, BAD)), span=3),
        figure("GTR clock", f"Since the oldest incident that still runs began; {restored / 3600:g} h are promised.", "s",
               Query('max(desmos_incident_clock_seconds{clock="gtr"})'), steps=((restored * SOON, WARNS), (restored, BAD)), span=3),
    ])  # fmt: skip


def _promise(contract: Contract, one: Objective, tiers: list[str]) -> Row:
    basis, percent = f'basis="{one.basis}"', f"{one.percent:g}"
    whole = contract.settings.period_hours(one.basis) * 60 * one.budget
    went = f"sum(sum_over_time(desmos:outage{{{basis}}}[{RANGE}]))"
    month = f'max(desmos:budget_minutes{{percent="{percent}",{basis},period="month"}})'
    left = f'max(desmos:budget_left_minutes:30d{{percent="{percent}",{basis}}})'
    steps = ((None, BAD), (0, WARNS), (whole * LITTLE, GOOD))
    # Where a page and a ticket speak from the same factor, the page is what is seen.
    burning = ((round(contract.settings.factor(burn, one.basis), 2), burn.severity) for burn in contract.settings.burn)
    factors = dict(sorted(burning, reverse=True))
    speak = ", ".join(f"{factor:g} ({severity})" for factor, severity in factors.items())
    limits = tuple((factor, BAD if severity == "page" else WARNS) for factor, severity in sorted(factors.items()))
    burns = list({burn.long: burn for burn in contract.settings.burn})
    return Row(f"{percent} % {ON[one.basis]}: {' and '.join(tiers)} (§ {one.clause})", [
        figure("Left of 30 days", f"Minutes that may still be bad in any 30 days, of {whole:.1f}.", MINUTES,
               Query(left), steps=steps, decimals=1),
        figure("Left this month", "Minutes that may still be bad in this calendar month.", MINUTES,
               Query(f"{month} - {went} * {STEP_S} / 60"), steps=steps, since=THIS_MONTH, decimals=1),
        figure("Bad this month", "Minutes that were bad since the first of the month.", MINUTES, Query(f"{went} * {STEP_S} / 60"),
               steps=((whole * LITTLE, WARNS), (whole, BAD)), since=THIS_MONTH, decimals=1),
        figure("This month so far", "Availability since the first of the month, of the time that has gone: what counts is what is left.",
               "percentunit",
               Query(f"1 - {went} / sum(sum_over_time(desmos:open{{{basis}}}[{RANGE}])) {TOLD}"),
               since=THIS_MONTH, decimals=3),
        lines("Minutes left of 30 days", "It falls with each bad minute, and rises when one is 30 days old.", MINUTES,
              Query(left, "left"), span=8, height=4),
        lines("Budget burnt, in times of what is allowed",
              f"The share of time or requests that was bad over each span, by the share that may be. Alerts speak from {speak}.", "none",
              *(Query(f"max by (sli) (desmos:burnt:ratio_{long}{{{basis}}}) / {one.budget:g}", f"{long}, {{{{sli}}}}") for long in burns),
              span=24, height=7, steps=limits, cut=2 * max(factors)),
    ])  # fmt: skip


def _went() -> Row:
    return Row("What went", [
        lines("Outage", "1 while the service was down and should have been up.", "none",
              *(Query(f'max(max_over_time(desmos:outage{{basis="{basis}"}}[{RATE}]))', basis) for basis in BASES), stepped=True, high=1),
        lines("Requests that count", "Good and bad ones a second: bad are 429, 5xx and what took over 2 s.", "reqps",
              Query(f"sum by (outcome) (rate(desmos_sli_requests_total[{RATE}]))", "{{outcome}}"), stacked=True),
        figure("Good requests, 30 days", "Share of good requests, by whether the window was open.", "percentunit",
               Query('sum by (window) (increase(desmos_sli_requests_total{outcome="good"}[30d])) / sum by (window)'
                     f" (increase(desmos_sli_requests_total[30d])) {TOLD}", "{{window}}"), span=8, decimals=3),
        figure("Budget of this month", "Minutes that may be bad in this calendar month.", MINUTES,
               Query('max by (percent, basis) (desmos:budget_minutes{period="month"})', "{{percent}} %, {{basis}}"), span=8, decimals=1),
        figure("Budget of this year", "Minutes that may be bad in this calendar year.", MINUTES,
               Query('max by (percent, basis) (desmos:budget_minutes{period="year"})', "{{percent}} %, {{basis}}"), span=8, decimals=1),
    ])  # fmt: skip


def _saving(contract: Contract) -> Row:
    lost, restored = (min(limits) for limits in zip(*map(contract.limits, contract.tiers), strict=True))
    took = "max(sum by (instance) (desmos_restore_test_duration_seconds))"
    ends = "min by (certificate, recipient) (desmos_certificate_end_timestamp_seconds) - time()"
    failed = {0: ("served", GOOD), 1: ("failed", BAD)}
    return Row("Saving and restoring", [
        figure("Last backup", "How long ago it began.", "s", Query("time() - max(desmos_backup_timestamp_seconds)"),
               steps=((BACKUP_S, BAD),)),
        figure("Would be lost", f"Commits of so many seconds, with the database now; {lost / 60:g} min are promised at best (RPO).", "s",
               Query("max(desmos_rpo_seconds)"), steps=((lost, BAD),)),
        figure("Last trial that served", "How long ago a backup was restored and proved.", "s",
               Query("time() - max(desmos_restore_test_timestamp_seconds)"), steps=((TRIAL_S, BAD),)),
        figure("Last trial", "Whether the backup that was restored last serves.", "none", Query("max(desmos_restore_test_failed)"),
               words=failed),
        figure("Restored in", f"What the last trial took; {restored / 3600:g} h are promised at best (RTO).", "s", Query(took),
               steps=((restored, BAD),)),
        figure("Next certificate ends in", "Of those that settings name.", "s", Query(f"min({ends})"),
               steps=((None, BAD), (END_NOW_S, WARNS), (END_SOON_S, GOOD))),
        bars("Trial, by phase", "Where the time of the last trial went.", "s",
             Query("max by (phase) (desmos_restore_test_duration_seconds)", "{{phase}}"), span=8, height=6),
        lines("Size of a backup", "Of the last one.", "bytes", Query("max(desmos_backup_bytes)", "size"), span=8, height=6),
        bars("Certificates end in", "By what each is for, and its recipient; `*` is the house.", "s",
             Query(ends, "{{certificate}}, {{recipient}}"), span=8, height=6),
    ])  # fmt: skip


def _probe() -> Row:
    return Row("Probe", [
        figure("Probe", "Failing: two of its last three transactions were bad, which is an outage.", "none",
               Query("max(desmos_probe_failing)"), words={0: ("good", GOOD), 1: ("failing", BAD)}, height=6),
        lines("Transactions a minute", "Of the synthetic probe, by outcome.", "none",
              Query(f"sum by (outcome) (rate(desmos_probe_rounds_total[{RATE}])) * 60", "{{outcome}}"), span=10, height=6),
        lines("Steps of a transaction", "How long each took the last time.", "s",
              Query("max by (step) (desmos_probe_step_seconds)", "{{step}}"), span=10, height=6),
    ])  # fmt: skip
