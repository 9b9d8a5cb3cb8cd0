# SPDX-License-Identifier: Apache-2.0
"""Dashboards of the way from invoice to euro: what flows, to whom, what is due, what was matched and what does not add up."""

from typing import Final

from monitoring.dashboards.panels import BAD, GOOD, NEUTRAL, RANGE, RATE, WARNS, Query, Row, bars, figure, lines, made

DAY_S: Final = 86400
EUROS: Final = "currencyEUR"
KINDS: Final = {"amo": "compulsory insurers", "amc": "complementary insurers", "patient": "patients"}
# From the invoice to the euro, each state of a part in one place.
STATES: Final = {
    "to send": "open|lotted", "sent": "sent", "acknowledged": "received|pending", "announced": "announced|announced_part",
    "paid": "settled|settled_part|paid|part_paid", "due at the desk": "due|not_due|refund_due", "refused": "rejected|file_refused|indu",
    "closed otherwise": "recycled|to_patient|written_off|time_barred|void",
}  # fmt: skip
AGES: Final = ("0-7", "8-30", "31-60", "61-90", ">90")


def _count(metric: str, by: str = "") -> str:
    counted = f"sum by ({by}) (increase({metric}[{RANGE}]))"
    # What never happened has no series where it has a label, and is none.
    return counted if by else f"sum(increase({metric}[{RANGE}])) or vector(0)"


def _due_of(label: str, value: str) -> str:
    return f'sum(max by (kind, age) (desmos_outstanding_cents{{{label}="{value}"}})) / 100'


def claims() -> str:
    """Return the dashboard of the claims flow as JSON."""
    return made(
        "desmos-claims", "desmos-fast: from invoice to euro",
        "What passes each stage, to whom, and what is due at its end; over all centres.",
        [_funnel(), _euros(), _flow(), _recipients(), _due()], span="now-24h",
    )  # fmt: skip


def _funnel() -> Row:
    stages = {
        "invoices signed": "desmos_invoices_signed_total", "lots sealed": "desmos_lots_sealed_total",
        "files queued": "desmos_files_queued_total", "files sent": "desmos_files_sent_total",
        "returns imported": "desmos_returns_imported_total", "bank lines imported": "desmos_bank_lines_imported_total",
        "reconciliations": "desmos_reconciliations_total",
    }  # fmt: skip
    lost = {
        "invoices refused": "desmos_invoices_refused_total", "files given up": "desmos_files_dead_total",
        "files sent again": "desmos_files_resent_total", "lots without an answer": "desmos_acks_missing_total",
        "returns that cannot be read": "desmos_returns_dead_total",
    }  # fmt: skip
    return Row("The way of a claim", [
        figure("From invoice to euro", "What passed each stage in the time shown. A lot holds many invoices, a file many lots: look for a"
               " stage at which nothing passes.", "none", *(Query(_count(metric), name) for name, metric in stages.items()), span=24,
               decimals=0),
        figure("Lost on the way", "What did not go on in the time shown.", "none",
               *(Query(_count(metric), name) for name, metric in lost.items()), span=24, steps=((0.5, WARNS),), decimals=0),
    ])  # fmt: skip


def _euros() -> Row:
    return Row("Euros billed, by payer and state", [
        bars(name.capitalize(), "Euros of signed invoices by what became of them, of all time.", EUROS,
             *(Query(_billed(kind, states), stage) for stage, states in STATES.items()), span=8)
        for kind, name in KINDS.items()
    ])  # fmt: skip


def _billed(kind: str, states: str) -> str:
    return f'sum(max by (kind, state) (desmos_billed_cents{{kind="{kind}",state=~"{states}"}})) / 100'


def _flow() -> Row:
    hourly = 3600
    return Row("Flow", [
        lines("Invoices an hour", "Signed and refused, with keys of both kinds.", "none",
              Query(f"sum by (kind) (rate(desmos_invoices_signed_total[{RATE}])) * {hourly}", "signed, {{kind}}"),
              Query(f"sum by (kind) (rate(desmos_invoices_refused_total[{RATE}])) * {hourly}", "refused, {{kind}}")),
        lines("Lots and files an hour", "Sealed, laid out, handed over.", "none",
              Query(f"sum(rate(desmos_lots_sealed_total[{RATE}])) * {hourly}", "lots sealed"),
              Query(f"sum(rate(desmos_files_queued_total[{RATE}])) * {hourly}", "files queued"),
              Query(f"sum(rate(desmos_files_sent_total[{RATE}])) * {hourly}", "files sent")),
        lines("Returns and bank lines an hour", "What came back.", "none",
              Query(f"sum(rate(desmos_returns_imported_total[{RATE}])) * {hourly}", "returns"),
              Query(f"sum(rate(desmos_bank_lines_imported_total[{RATE}])) * {hourly}", "bank lines")),
        lines("Time to an answer", "From the sending of a lot to its acknowledgement, of those that came: half, and 95 of 100, are faster.",
              "s", *(Query(_answered(share), f"p{share * 100:g}") for share in (0.5, 0.95))),
        bars("Invoices", "That are kept, of all time, by state.", "none",
             Query("sum by (state) (max by (state) (desmos_invoices))", "{{state}}")),
        lines("Silent payers", "Age of the oldest open anomaly: a file that was not sent in time, a lot without an answer.", "s",
              Query('max by (kind) (desmos_anomalies_oldest_seconds{kind=~"ack_missing|send_late"})', "{{kind}}"), steps=((DAY_S, BAD),)),
    ])  # fmt: skip


def _answered(share: float) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate(desmos_ack_delay_seconds_bucket[{RANGE}]))) >= 0"


def _recipients() -> Row:
    slow = f"histogram_quantile(0.95, sum by (le, recipient) (rate(desmos_sending_duration_seconds_bucket[{RATE}])))"
    return Row("By recipient", [
        bars("Files sent", "In the time shown.", "none",
             Query(_count("desmos_files_sent_total", "recipient"), "{{recipient}}"), span=6, height=6),
        bars("Tries that failed", "In the time shown; each is tried again.", "none",
             Query(_count("desmos_sendings_failed_total", "recipient"), "{{recipient}}"), span=6, height=6, steps=((None, WARNS),)),
        bars("Waited", "Times that a file was put off in the time shown, by reason.", "none",
             Query(_count("desmos_files_put_off_total", "recipient, reason"), "{{recipient}}, {{reason}}"), span=6, height=6),
        figure("Left alone", "A recipient that failed so often that only one file at a time is tried.", "none",
               Query("max by (recipient) (desmos_recipient_broken)", "{{recipient}}"), words={0: ("taken", GOOD), 1: ("left alone", BAD)},
               span=6, height=6),
        lines("Time to hand a file over, p95", "95 of 100 tries are faster, well or not.", "s", Query(slow, "{{recipient}}"), span=24,
              height=6),
    ])  # fmt: skip


def _due() -> Row:
    owed = [
        figure(f"Due from {name}", "Not paid yet, whatever its age.", EUROS, Query(_due_of("kind", kind)), span=4)
        for kind, name in KINDS.items()
    ]
    stages = {"18": "18 months", "21": "21 months", "24": "24 months", "barred": "barred"}
    lost = [Query(f'max(desmos_forclusion_cents{{stage="{stage}"}}) / 100', name) for stage, name in stages.items()]
    return Row("Due", [
        *owed,
        figure("Near forclusion", "Can soon be asked for no more: by months since the care.", EUROS, *lost, span=12),
        lines("Due by age", "By days since the signature, all payers.", EUROS,
              *(Query(_due_of("age", age), f"{age} days") for age in AGES), stacked=True),
        lines("Due by kind of payer", "All ages.", EUROS,
              *(Query(_due_of("kind", kind), name) for kind, name in KINDS.items()), stacked=True),
    ])  # fmt: skip


def reconciliation() -> str:
    """Return the dashboard of the reconciliation as JSON."""
    holds = {0: ("holds", GOOD)}
    at_once = 'kind=~"content_changed|stage_differs"'
    return made(
        "desmos-reconciliation", "desmos-fast: reconciliation",
        "What must always hold, what is open, and what people decide; over all centres.",
        [
            Row("What must always hold", [
                figure("Invariants", "What two ways of counting differ by; anything but 0 is somebody's work at once.", "none",
                       Query("max by (invariant) (abs(desmos_invariant_difference))", "{{invariant}}"), steps=((1, BAD),), words=holds,
                       span=8),
                figure("Content changed", "A stored file is not what was signed, or a stage holds something else: stop billing.", "none",
                       Query(f"sum(max by (kind) (desmos_anomalies_open{{{at_once}}})) or vector(0)"), steps=((1, BAD),), span=5),
                figure("Open anomalies", "That nobody resolved yet.", "none",
                       Query("sum(max by (kind) (desmos_anomalies_open)) or vector(0)"), steps=((1, WARNS),), span=5),
                figure("Oldest anomaly", "Age of the oldest that is open.", "s", Query("max(desmos_anomalies_oldest_seconds) or vector(0)"),
                       steps=((3600, WARNS), (DAY_S, BAD)), span=6),
            ]),
            Row("Anomalies", [
                lines("Open, by kind", "That nobody resolved yet.", "none",
                      Query("max by (kind) (desmos_anomalies_open)", "{{kind}}"), stacked=True, stepped=True),
                bars("Noticed", "In the time shown, by kind.", "none",
                     Query(f"{_count('desmos_anomalies_noticed_total', 'kind')} > 0", "{{kind}}")),
            ]),
            Row("Matching", [
                figure("Credits without a match", "Of the bank, in all, that nothing explains yet.", EUROS,
                       Query('max(desmos_unmatched_cents{of="credit"}) / 100'), span=12),
                figure("Lines without a match", "Of payment orders, in all, that no part explains yet.", EUROS,
                       Query('max(desmos_unmatched_cents{of="line"}) / 100'), span=12),
                lines("Imported an hour", "Returns and lines of bank statements.", "none",
                      Query(f"sum(rate(desmos_returns_imported_total[{RATE}])) * 3600", "returns"),
                      Query(f"sum(rate(desmos_bank_lines_imported_total[{RATE}])) * 3600", "bank lines"), span=8),
                lines("Reconciliations an hour", "Runs over all centres.", "none",
                      Query(f"sum(rate(desmos_reconciliations_total[{RATE}])) * 3600", "runs"), span=8),
                bars("Returns that cannot be read", "Kept, by reason, in the time shown.", "none",
                     Query(f"{_count('desmos_returns_dead_total', 'code')} > 0", "{{code}}"), span=8, steps=((None, WARNS),)),
            ]),
            Row("People", [
                bars("Decisions", "Of people, by kind, in the time shown.", "none",
                     Query(f"{_count('desmos_decisions_total', 'kind')} > 0", "{{kind}}"), span=8, height=6),
                bars("Reminders that wait", "That nobody sent or cancelled yet, by what they are about.", "none",
                     Query("max by (rule) (desmos_reminders_open)", "{{rule}}"), span=8, height=6, steps=((None, NEUTRAL), (1, WARNS))),
                figure("Reminders made", "In the time shown.", "none", Query(_count("desmos_reminders_made_total")), span=4, height=6,
                       decimals=0),
                figure("Periods closed", "Of the books, by an export, in the time shown.", "none",
                       Query(_count("desmos_accounting_periods_closed_total")), span=4, height=6, decimals=0),
            ]),
        ],
        span="now-24h",
    )  # fmt: skip
